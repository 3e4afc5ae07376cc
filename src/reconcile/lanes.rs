//! Who comes first where many wait: what somebody waits for before corrections,
//! these before the regular reconciles of what is at rest. The last two lanes keep a
//! fifth each, so that nobody's edits hold up corrections, and no observation gets
//! old for ever; within a lane the flows (one for each namespace) take turns, so that
//! ten thousand resources of one namespace cost the others nothing.

use super::{ConditionType, Reason, Requeue, State};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};
use strum::IntoStaticStr;

/// Of so many that get through, one is of the last lane and one a correction, while any waits there.
const SHARE: u32 = 5;

/// How soon something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Lane {
    /// Somebody waits for it: an edit, a deletion, a request to reconcile now,
    /// corrected credentials, a claim that another resource has met.
    Awaited,
    /// Something is not as it should be.
    Correction,
    /// A refresh of what is at rest.
    Resync,
}

impl Lane {
    /// The lane in which a resource waits for the reconcile that `requeue` asks
    /// for.
    pub const fn of(requeue: Requeue) -> Self {
        match requeue {
            Requeue::Never | Requeue::Interval(_) => Self::Resync,
            Requeue::After(_) | Requeue::Backoff { .. } => Self::Correction,
        }
    }
}

impl State {
    /// The lane of the next request to Scalekit, which may be a write.
    pub fn lane(&self, writes: bool) -> Lane {
        let Some(resource) = self.here() else { return Lane::Correction };
        let credentials = |reason: Reason| {
            matches!(
                reason,
                Reason::CredentialsMissing
                    | Reason::CredentialsIncomplete
                    | Reason::CredentialsRejected
                    | Reason::AuthFailed
            )
        };
        let corrected = resource.condition(ConditionType::Ready).is_some_and(|ready| credentials(ready.reason));
        let contested = self.history.is_contested(); // the claim lapses that is not confirmed in time
        if self.deleting() || resource.is_awaited() || corrected || contested || self.history.is_awaited() {
            Lane::Awaited
        } else if writes || !(resource.at_rest() || resource.is_late()) {
            Lane::Correction
        } else {
            Lane::Resync
        }
    }
}

/// What waits, by lane and flow.
#[derive(Debug)]
pub struct Lanes<K, T> {
    first: VecDeque<(K, T)>,
    awaited: Flows<K, T>,
    corrections: Flows<K, T>,
    resync: Flows<K, T>,
    /// How many got through since one of the last lane did, while any waited, and since a correction did.
    passed: u32,
    passed_corrections: u32,
}

#[derive(Debug)]
struct Flows<K, T> {
    /// The flows that have something waiting, the next one first.
    order: VecDeque<K>,
    waiting: HashMap<K, VecDeque<T>>,
}

impl<K, T> Default for Flows<K, T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), waiting: HashMap::new() }
    }
}

impl<K, T> Default for Lanes<K, T> {
    fn default() -> Self {
        let (awaited, corrections, resync) = Default::default();
        Self { first: VecDeque::new(), awaited, corrections, resync, passed: 0, passed_corrections: 0 }
    }
}

impl<K: Clone + Eq + Hash, T> Flows<K, T> {
    /// The first flow that is `open`, and what waits first in it.
    fn pop(&mut self, lane: Lane, open: &impl Fn(Lane, &K) -> bool) -> Option<(K, T)> {
        let at = self.order.iter().position(|flow| open(lane, flow))?;
        let flow = self.order.remove(at)?;
        let waiting = self.waiting.get_mut(&flow)?;
        let first = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&flow);
        } else {
            self.order.push_back(flow.clone());
        }
        first.map(|first| (flow, first))
    }
}

impl<K: Clone + Eq + Hash, T> Lanes<K, T> {
    /// Waits behind all others of the same `flow` and lane.
    pub fn push(&mut self, lane: Lane, flow: K, item: T) {
        self.push_before(lane, flow, item, |_| false);
    }

    /// Waits in the same `flow` and lane right before those at the end that come `after` it.
    pub fn push_before(&mut self, lane: Lane, flow: K, item: T, after: impl Fn(&T) -> bool) {
        let flows = match lane {
            Lane::Awaited => &mut self.awaited,
            Lane::Correction => &mut self.corrections,
            Lane::Resync => &mut self.resync,
        };
        let waiting = flows.waiting.entry(flow.clone()).or_default();
        if waiting.is_empty() {
            flows.order.push_back(flow);
        }
        let at = waiting.iter().rposition(|other| !after(other)).map_or(0, |last| last + 1);
        waiting.insert(at, item);
    }

    /// Waits before all others, except where it is the turn of the last lane.
    pub fn push_first(&mut self, flow: K, item: T) {
        self.first.push_back((flow, item));
    }

    /// The next one of those whose flow is `open` in their lane, and its flow.
    pub fn pop(&mut self, open: impl Fn(Lane, &K) -> bool) -> Option<(K, T)> {
        let Self { first, awaited, corrections, resync, .. } = self;
        if resync.order.is_empty() {
            self.passed = 0;
        } else if self.passed + 1 >= SHARE
            && let Some(next) = resync.pop(Lane::Resync, &open)
        {
            (self.passed, self.passed_corrections) = (0, self.passed_corrections.saturating_add(1));
            return Some(next);
        }
        if corrections.order.is_empty() {
            self.passed_corrections = 0;
        } else if self.passed_corrections + 1 >= SHARE
            && let Some(next) = corrections.pop(Lane::Correction, &open)
        {
            (self.passed, self.passed_corrections) = (self.passed.saturating_add(1), 0);
            return Some(next);
        }
        let at = first.iter().position(|(flow, _)| open(Lane::Awaited, flow));
        let urgent = at.and_then(|at| first.remove(at)).or_else(|| awaited.pop(Lane::Awaited, &open));
        let urgent = urgent.or_else(|| corrections.pop(Lane::Correction, &open));
        if urgent.is_some() {
            self.passed = self.passed.saturating_add(1);
            self.passed_corrections = self.passed_corrections.saturating_add(1);
            return urgent;
        }
        (self.passed, self.passed_corrections) = (0, 0);
        resync.pop(Lane::Resync, &open)
    }

    /// Whether the next one whose flow is `open` may take what is kept for what somebody waits for: one of these waits, or
    /// it is the turn of another lane.
    pub fn is_urgent(&self, open: impl Fn(Lane, &K) -> bool) -> bool {
        let mut awaited = self.first.iter().map(|(flow, _)| flow).chain(&self.awaited.order);
        (self.passed + 1 >= SHARE && !self.resync.order.is_empty())
            || (self.passed_corrections + 1 >= SHARE && !self.corrections.order.is_empty())
            || awaited.any(|flow| open(Lane::Awaited, flow))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        let empty = |flows: &Flows<K, T>| flows.order.is_empty();
        self.first.is_empty() && [&self.awaited, &self.corrections, &self.resync].into_iter().all(empty)
    }

    /// All that wait, in no order; none is left.
    pub fn drain(&mut self) -> Vec<T> {
        let Self { first, awaited, corrections, resync, .. } = std::mem::take(self);
        let lanes = [awaited, corrections, resync].into_iter().flat_map(|flows| flows.waiting.into_values().flatten());
        first.into_iter().map(|(_, item)| item).chain(lanes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(_: Lane, _: &&str) -> bool {
        true
    }

    fn order(lanes: &mut Lanes<&str, &'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| lanes.pop(open)).map(|(_, item)| item).collect()
    }

    #[test]
    fn what_somebody_waits_for_goes_before_corrections_and_these_before_what_is_at_rest() {
        let (mut lanes, a) = (Lanes::default(), "a");
        lanes.push(Lane::Resync, a, "resync");
        lanes.push(Lane::Correction, a, "correction");
        lanes.push(Lane::Awaited, a, "first");
        lanes.push(Lane::Awaited, a, "second");
        assert_eq!(order(&mut lanes), ["first", "second", "correction", "resync"]);
        assert!(lanes.is_empty());
    }

    #[test]
    fn somebody_waits_for_what_goes_first_or_is_awaited_and_for_nothing_else() {
        let waits = |push: fn(&mut Lanes<&str, &'static str>)| {
            let mut lanes = Lanes::default();
            push(&mut lanes);
            lanes.is_urgent(open)
        };
        assert!(waits(|lanes| lanes.push(Lane::Awaited, "a", "edit")) && waits(|lanes| lanes.push_first("a", "edit")));
        assert!(!waits(|_| {}) && !waits(|lanes| lanes.push(Lane::Correction, "a", "correction")));
        assert!(!waits(|lanes| lanes.push(Lane::Resync, "a", "resync")));
    }

    #[test]
    fn nothing_is_urgent_whose_flow_is_closed() {
        let mut lanes = Lanes::default();
        lanes.push(Lane::Awaited, "a", "edit");
        lanes.push_first("b", "edit");
        lanes.push(Lane::Resync, "c", "resync");
        assert!(lanes.is_urgent(|_, flow| *flow != "a") && lanes.is_urgent(|_, flow| *flow != "b"));
        assert!(!lanes.is_urgent(|_, flow| *flow == "c"), "what is kept is not for the resync");
    }

    #[test]
    fn what_is_at_rest_is_urgent_when_its_turn_has_come() {
        let (mut lanes, a) = (Lanes::default(), "a");
        (0..4).for_each(|_| lanes.push(Lane::Awaited, a, "edit"));
        lanes.push(Lane::Resync, a, "resync");
        lanes.push(Lane::Resync, a, "resync");
        (0..4).for_each(|_| assert_eq!(lanes.pop(open), Some((a, "edit"))));
        assert!(lanes.is_urgent(open), "edits that are just not too many do not take all of the rate");
        assert_eq!(lanes.pop(open), Some((a, "resync")));
        assert!(!lanes.is_urgent(open));
    }

    #[test]
    fn what_is_at_rest_keeps_a_fifth_however_much_is_urgent() {
        let (mut lanes, a) = (Lanes::default(), "a");
        for _ in 0..100 {
            lanes.push(Lane::Awaited, a, "urgent");
            lanes.push(Lane::Resync, a, "resync");
        }
        let first: Vec<_> = (0..50).filter_map(|_| lanes.pop(open)).map(|(_, item)| item).collect();
        assert_eq!(first.iter().filter(|item| **item == "resync").count(), 10);
        assert_eq!(first[..5], ["urgent", "urgent", "urgent", "urgent", "resync"]);
    }

    #[test]
    fn corrections_keep_a_fifth_beside_what_is_at_rest_however_many_edits_there_are() {
        let (mut lanes, a, b) = (Lanes::default(), "a", "b");
        for _ in 0..100 {
            lanes.push(Lane::Awaited, a, "edit");
            lanes.push(Lane::Correction, b, "correction");
            lanes.push(Lane::Resync, b, "resync");
        }
        let first: Vec<_> = (0..50).filter_map(|_| lanes.pop(open)).map(|(_, item)| item).collect();
        let count = |what| first.iter().filter(|item| **item == what).count();
        assert_eq!([count("edit"), count("correction"), count("resync")], [31, 9, 10], "the first was an edit");
    }

    #[test]
    fn what_is_at_rest_keeps_a_fifth_also_where_others_go_before_all_lanes() {
        let (mut lanes, a) = (Lanes::default(), "a");
        for _ in 0..100 {
            lanes.push_first(a, "first");
            lanes.push(Lane::Resync, a, "resync");
        }
        let first: Vec<_> = (0..10).filter_map(|_| lanes.pop(open)).map(|(_, item)| item).collect();
        assert_eq!(first[..6], ["first", "first", "first", "first", "resync", "first"]);
        assert_eq!((first[9], lanes.drain().len(), lanes.is_empty()), ("resync", 190, true));
    }

    #[test]
    fn the_namespaces_of_a_lane_take_turns() {
        let (mut lanes, big, small) = (Lanes::default(), "big", "small");
        (0..1000).for_each(|_| lanes.push(Lane::Awaited, big, "big"));
        (0..2).for_each(|_| lanes.push(Lane::Awaited, small, "small"));
        assert!(!lanes.is_empty());
        let first: Vec<_> = (0..5).filter_map(|_| lanes.pop(open)).map(|(_, item)| item).collect();
        assert_eq!(first, ["big", "small", "big", "small", "big"]);
        assert_eq!(lanes.drain().len(), 997);
        assert!(lanes.is_empty());
    }

    #[test]
    fn who_began_earlier_goes_before_those_of_its_flow_that_began_later() {
        let (mut lanes, a) = (Lanes::default(), "a");
        for began in [3, 1, 2, 1] {
            lanes.push_before(Lane::Awaited, a, began, |other| *other > began);
        }
        let order = std::iter::from_fn(|| lanes.pop(open)).map(|(_, began)| began);
        assert_eq!(order.collect::<Vec<_>>(), [1, 1, 2, 3]);
    }

    #[test]
    fn a_flow_that_is_closed_holds_nobody_else_up_and_loses_nothing() {
        let (mut lanes, a, b) = (Lanes::default(), "a", "b");
        lanes.push(Lane::Awaited, a, "a");
        lanes.push(Lane::Resync, b, "b");
        assert_eq!(lanes.pop(|_, flow| *flow != "a"), Some((b, "b")));
        assert_eq!(lanes.pop(|_, flow| *flow != "a"), None);
        assert_eq!(lanes.pop(open), Some((a, "a")));
    }
}
