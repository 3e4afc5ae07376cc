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
/// So many of one namespace may be begun however many others are: what those wait for may be slow, or never come.
const KEPT: usize = 4;
const KEPT_RESYNC: usize = 2;
/// As long as not more than so many times as many as usual are begun in all: each takes memory.
const AT_MOST: usize = 4;

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
    namespaces: HashMap<Arc<str>, usize>,
    flows: HashMap<Flow, usize>,
}

impl Running {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        [&self.resync, &self.others].iter().all(|counts| counts.all == 0 && counts.flows.is_empty())
    }

    pub(super) fn has_room(&self, lane: Lane, flow: &Flow) -> bool {
        let (counts, [all, environment, own], kept) = match lane {
            Lane::Resync => (&self.resync, MOST_RESYNC, KEPT_RESYNC),
            Lane::Awaited | Lane::Correction => (&self.others, MOST, KEPT),
        };
        let count = |of: &HashMap<Arc<str>, usize>, key| of.get(key).copied().unwrap_or_default();
        let shared = counts.all < all && count(&counts.environments, &flow.environment) < environment;
        let of_flow = counts.flows.get(flow).copied().unwrap_or_default();
        let keeps = counts.all < all * AT_MOST && count(&counts.namespaces, &flow.namespace) < kept;
        of_flow < own && (shared || keeps)
    }

    pub(super) fn began(&mut self, flow: &Flow, lane: Lane) {
        let counts = self.of(lane);
        counts.all += 1;
        *counts.environments.entry(Arc::clone(&flow.environment)).or_default() += 1;
        *counts.namespaces.entry(Arc::clone(&flow.namespace)).or_default() += 1;
        *counts.flows.entry(flow.clone()).or_default() += 1;
    }

    pub(super) fn ended(&mut self, flow: &Flow, lane: Lane) {
        let counts = self.of(lane);
        counts.all = counts.all.saturating_sub(1);
        take_one(&mut counts.environments, &flow.environment);
        take_one(&mut counts.namespaces, &flow.namespace);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(environment: usize, namespace: usize) -> Flow {
        Flow { environment: environment.to_string().into(), namespace: namespace.to_string().into() }
    }

    /// Begins what has room, and tells how much that was.
    fn begin(running: &mut Running, lane: Lane, flow: &Flow) -> usize {
        (0..1000).take_while(|_| running.has_room(lane, flow).then(|| running.began(flow, lane)).is_some()).count()
    }

    #[test]
    fn however_many_environments_and_namespaces_never_get_on_the_next_namespace_begins() {
        for environments in [1, 3, 40] {
            let mut running = Running::default();
            for nth in 0..100 {
                for lane in [Lane::Resync, Lane::Correction] {
                    assert!(begin(&mut running, lane, &flow(nth % environments, nth)) > 0, "namespace {nth}");
                }
            }
        }
    }

    #[test]
    fn however_many_namespaces_there_are_not_all_of_them_begin_at_once() {
        let mut running = Running::default();
        for nth in 0..10_000 {
            for lane in [Lane::Resync, Lane::Awaited] {
                begin(&mut running, lane, &flow(nth, nth));
            }
        }
        assert_eq!([running.resync.all, running.others.all], [MOST_RESYNC[0] * AT_MOST, MOST[0] * AT_MOST]);
    }

    #[test]
    fn a_namespace_has_no_more_places_for_more_environments() {
        let mut running = Running::default();
        let begun: usize = (0..100).map(|nth| begin(&mut running, Lane::Awaited, &flow(nth, 1))).sum();
        assert_eq!(begun, MOST[0]);
        assert_eq!(begin(&mut running, Lane::Awaited, &flow(1, 2)), KEPT, "and another one has its own");
    }
}
