//! How many reconciles may be begun, in all and of one environment and namespace:
//! one that is slow, or has very many resources, leaves room for the others.

use crate::reconcile::Lane;
use std::{collections::HashMap, sync::Arc};

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
    all: [usize; 2],
    flows: HashMap<(Arc<str>, bool), usize>,
}

impl Flow {
    /// As one name; neither has a space.
    pub(super) fn joined(&self) -> Arc<str> {
        format!("{} {}", self.environment, self.namespace).into()
    }

    pub(super) fn of(joined: &str) -> Self {
        let (environment, namespace) = joined.split_once(' ').unwrap_or_default();
        Self { environment: environment.into(), namespace: namespace.into() }
    }
}

impl Running {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    fn counts(&self, flow: &Flow, resync: bool) -> [usize; 3] {
        let count = |name: Arc<str>| self.flows.get(&(name, resync)).copied().unwrap_or_default();
        let [others, resyncs] = self.all;
        let all = if resync { resyncs } else { others };
        [all, count(Arc::clone(&flow.environment)), count(flow.joined())]
    }

    pub(super) fn has_room(&self, lane: Lane, flow: &Flow) -> bool {
        let resync = lane == Lane::Resync;
        let most = if resync { MOST_RESYNC } else { MOST };
        self.counts(flow, resync).iter().zip(most).all(|(count, most)| *count < most)
    }

    pub(super) fn began(&mut self, flow: &Flow, lane: Lane) {
        let resync = lane == Lane::Resync;
        let [others, resyncs] = &mut self.all;
        *(if resync { resyncs } else { others }) += 1;
        for name in [Arc::clone(&flow.environment), flow.joined()] {
            *self.flows.entry((name, resync)).or_default() += 1;
        }
    }

    pub(super) fn ended(&mut self, flow: &Flow, lane: Lane) {
        let resync = lane == Lane::Resync;
        let [others, resyncs] = &mut self.all;
        let all = if resync { resyncs } else { others };
        *all = all.saturating_sub(1);
        for name in [Arc::clone(&flow.environment), flow.joined()] {
            let key = (name, resync);
            if let Some(count) = self.flows.get_mut(&key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.flows.remove(&key);
                }
            }
        }
    }
}
