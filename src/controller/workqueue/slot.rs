//! What the workqueue has of one resource: when it is due, and the reconcile of it that runs.

use crate::{controller::flow::Flow, reconcile::Lane};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// The least time between the starts of two reconciles that events cause, so that a burst of edits
/// causes few reconciles.
pub(super) const COALESCE: Duration = Duration::from_secs(1);

/// A resource that is edited in a loop gets [`EDITS`] reconciles, and then one in this time, so that the loop
/// takes little of what its environment allows. So does one that others' edits in a loop affect.
const EDIT_EVERY: Duration = Duration::from_secs(10);
const EDITS: u32 = 6;

#[derive(Default)]
pub(super) struct Slot {
    pub(super) due: Option<(Instant, Lane)>,
    /// It waits among those that are ready, in this lane.
    pub(super) ready: Option<Lane>,
    /// Its reconcile runs.
    pub(super) running: Option<Box<Run>>,
    /// It went while its reconcile runs, and the slot goes when that ends.
    pub(super) gone: bool,
    pub(super) started: Option<Instant>,
    /// Since when it is due, until its reconcile has ended.
    pub(super) since: Option<Instant>,
    /// When the last `BURST` requests of a person were due.
    #[allow(clippy::box_collection, reason = "few resources have any, and without is a quarter of the size")]
    pub(super) requested: Option<Box<VecDeque<Instant>>>,
    pub(super) edits: Paced,
    pub(super) affected: Paced,
}

/// When as many reconciles as were begun would be due at one in [`EDIT_EVERY`].
#[derive(Default)]
pub(super) struct Paced(Option<Instant>);

impl Paced {
    /// When the next one may begin. It is counted, unless it is the one that waits for that already.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let due = self.0.unwrap_or(now);
        let before = |reconciles: u32| due.checked_sub(EDIT_EVERY * reconciles);
        if let Some(granted) = before(EDITS).filter(|granted| *granted > now) {
            return granted;
        }
        let next = before(EDITS - 1).map_or(now, |earliest| earliest.max(now));
        self.0 = Some(due.max(next) + EDIT_EVERY);
        next
    }
}

/// A reconcile that runs.
pub(super) struct Run {
    pub(super) flow: Flow,
    pub(super) lane: Lane,
    /// The resource was edited, and it has not read that yet.
    pub(super) edited: bool,
    /// Since when somebody waits for it to end.
    pub(super) hurried: Option<Instant>,
    /// It became urgent, or when it will.
    pub(super) changed: Arc<Notify>,
}

impl Run {
    pub(super) fn new(flow: Flow, lane: Lane) -> Self {
        Self { flow, lane, edited: false, hurried: None, changed: Arc::default() }
    }

    pub(super) fn hurry(&mut self) {
        self.hurried.get_or_insert_with(Instant::now);
        self.changed.notify_one();
    }
}

impl Slot {
    /// Since when, or from when on, somebody waits for the end of the reconcile that runs: also if it is the next one that
    /// they wait for.
    pub(super) fn urgent_at(&self) -> Option<Instant> {
        let hurried = self.running.as_ref()?.hurried;
        let awaited = self.due.filter(|(_, lane)| *lane == Lane::Awaited).and_then(|(at, _)| at.checked_sub(COALESCE));
        hurried.into_iter().chain(awaited).min()
    }
}
