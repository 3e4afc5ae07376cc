//! How many reconciles may be begun, in all and of one environment and namespace:
//! one that is slow, or has very many resources, leaves room for the others.

use crate::reconcile::Lane;
use std::{collections::HashMap, hash::Hash, sync::Arc};

/// How many reconciles are begun at most, waiting ones included, of what somebody
/// waits for and of corrections: in all, of one environment, and of one namespace
/// of it.
const MOST: [usize; 3] = [128, 48, 16];
/// Besides, for what is at rest.
const MOST_RESYNC: [usize; 3] = [128, 16, 8];

/// With which others a resource shares its places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    /// The environment, as far as it is known.
    pub(super) environment: Arc<str>,
    /// The namespace.
    pub(super) namespace: Arc<str>,
}

impl Default for Flow {
    fn default() -> Self {
        Self { environment: "".into(), namespace: "".into() }
    }
}

/// How many reconciles have begun and not ended.
#[derive(Default)]
pub(super) struct Running {
    resync: Counts,
    others: Counts,
}

#[derive(Default)]
struct Counts {
    all: usize,
    environments: HashMap<Arc<str>, usize>,
    flows: HashMap<Flow, usize>,
}

impl Running {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        [&self.resync, &self.others].iter().all(|counts| counts.all == 0 && counts.flows.is_empty())
    }

    pub(super) fn has_room(&self, lane: Lane, flow: &Flow) -> bool {
        let (counts, most) = if lane == Lane::Resync { (&self.resync, MOST_RESYNC) } else { (&self.others, MOST) };
        let environment = counts.environments.get(&flow.environment).copied().unwrap_or_default();
        let own = counts.flows.get(flow).copied().unwrap_or_default();
        [counts.all, environment, own].iter().zip(most).all(|(count, most)| *count < most)
    }

    pub(super) fn began(&mut self, flow: &Flow, lane: Lane) {
        let counts = self.of(lane);
        counts.all += 1;
        *counts.environments.entry(Arc::clone(&flow.environment)).or_default() += 1;
        *counts.flows.entry(flow.clone()).or_default() += 1;
    }

    pub(super) fn ended(&mut self, flow: &Flow, lane: Lane) {
        let counts = self.of(lane);
        counts.all = counts.all.saturating_sub(1);
        take_one(&mut counts.environments, &flow.environment);
        take_one(&mut counts.flows, flow);
    }

    fn of(&mut self, lane: Lane) -> &mut Counts {
        if lane == Lane::Resync { &mut self.resync } else { &mut self.others }
    }
}

fn take_one<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
