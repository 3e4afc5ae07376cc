//! The workqueue: which resource is to be reconciled when. A resource is in it
//! once, and at most one reconcile of it runs at a time. Of those that are due,
//! [`Lanes`] says which comes first, and only so many of one environment and one
//! namespace are begun: what is begun is finished, however long it has to wait for
//! Scalekit. (Client-go's names; a delay that grows with failures is `backoff`.)

use super::{
    flow::{Flow, Running},
    resource_ref::Uid,
};
use crate::reconcile::{Lane, Lanes};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The least time between the starts of two reconciles that events cause, so that a burst of edits
/// causes few reconciles.
const COALESCE: Duration = Duration::from_secs(1);

/// A person may request [`BURST`] reconciles in a row, and then one in this time
/// (`docs/failures.md` row 103).
const REQUEST_EVERY: Duration = Duration::from_secs(30);
const BURST: usize = 3;

/// The resources that are due, now or later.
#[derive(Default)]
pub(super) struct WorkQueue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    due: BTreeMap<(Instant, Uid), Lane>,
    /// Those that are due now.
    ready: Lanes<Flow, (Lane, Uid)>,
    slots: HashMap<Uid, Slot>,
    running: Running,
}

#[derive(Default)]
struct Slot {
    due: Option<(Instant, Lane)>,
    /// It waits among those that are ready, in this lane.
    ready: Option<Lane>,
    /// Its reconcile runs.
    running: Option<Box<(Flow, Lane)>>,
    /// It went while its reconcile runs, and the slot goes when that ends.
    gone: bool,
    started: Option<Instant>,
    /// Since when it is due, until its reconcile has ended.
    since: Option<Instant>,
    /// When the last [`BURST`] requests of a person were due.
    #[allow(clippy::box_collection, reason = "few resources have any, and without is a quarter of the size")]
    requested: Option<Box<VecDeque<Instant>>>,
}

impl WorkQueue {
    /// Reconcile it after `delay`, or sooner if that was asked for before.
    pub(super) fn add_after(&self, uid: &Uid, delay: Duration, lane: Lane) {
        self.lock().schedule(uid, Instant::now() + delay, lane);
        self.changed.notify_one();
    }

    /// Enqueues a resource now, or [`COALESCE`] after the start of its last reconcile.
    pub(super) fn add(&self, uid: &Uid) {
        let mut inner = self.lock();
        let started = inner.slots.get(uid).and_then(|slot| slot.started);
        let when = started.map_or_else(Instant::now, |started| Instant::now().max(started + COALESCE));
        inner.schedule(uid, when, Lane::Awaited);
        drop(inner);
        self.changed.notify_one();
    }

    /// Enqueues a resource for which a person requested a reconcile.
    pub(super) fn add_requested(&self, uid: &Uid) {
        let mut inner = self.lock();
        let slot = inner.slots.entry(uid.clone()).or_default();
        let now = Instant::now();
        // all requests until a granted one is due are served by it, even if an event causes a reconcile meanwhile
        let requested = slot.requested.get_or_insert_default();
        let granted = requested.back().copied().filter(|granted| *granted > now);
        let mut when = granted.unwrap_or(now);
        if granted.is_none() {
            if requested.len() >= BURST
                && let Some(first) = requested.pop_front()
            {
                when = now.max(first + REQUEST_EVERY.saturating_mul(BURST.try_into().unwrap_or(u32::MAX)));
            }
            requested.push_back(when);
        }
        if let Some(started) = slot.started {
            when = when.max(started + COALESCE);
        }
        inner.schedule(uid, when, Lane::Awaited);
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next resource that is due, has no reconcile running and may
    /// begin one; the caller must call [`WorkQueue::done`] for it. `flow` tells
    /// with which others a resource shares its places.
    pub(super) async fn get(&self, flow: impl Fn(&Uid) -> Flow) -> Uid {
        loop {
            let changed = self.changed.notified();
            let wait = match self.lock().take(Instant::now(), &flow) {
                Ok(uid) => return uid,
                Err(wait) => wait,
            };
            match wait {
                Some(at) => tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} },
                None => changed.await,
            }
        }
    }

    /// Its reconcile has ended; the next one is due after `delay`, unless an
    /// event asked for an earlier one.
    pub(super) fn done(&self, uid: &Uid, delay: Option<Duration>, lane: Lane) {
        let when = delay.map(|delay| Instant::now() + delay);
        let mut inner = self.lock();
        let Inner { slots, running, due, .. } = &mut *inner;
        let Some(slot) = slots.get_mut(uid) else { return };
        if let Some((flow, lane)) = slot.running.take().map(|running| *running) {
            running.ended(&flow, lane);
        }
        slot.since = None;
        if slot.gone {
            slots.remove(uid);
        } else {
            if let Some((at, lane)) = slot.due {
                due.insert((at, uid.clone()), lane);
            }
            if let Some(when) = when {
                inner.schedule(uid, when, lane);
            }
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Removes a resource that is gone.
    pub(super) fn forget(&self, uid: &Uid) {
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(uid) else { return };
        slot.gone = true;
        slot.ready = None;
        let (due, running) = (slot.due.take(), slot.running.is_some());
        if let Some((at, _)) = due {
            inner.due.remove(&(at, uid.clone()));
        }
        if !running {
            inner.slots.remove(uid);
        }
    }

    /// Removes all. No reconcile may be running.
    pub(super) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// The resources at rest that are due, and for how long.
    pub(super) fn overdue(&self) -> Vec<(Uid, Duration)> {
        let resync = |slot: &Slot| slot.ready.or(slot.running.as_ref().map(|running| running.1)) == Some(Lane::Resync);
        let inner = self.lock();
        let due = inner.slots.iter().filter(|(_, slot)| resync(slot));
        due.filter_map(|(uid, slot)| Some((uid.clone(), slot.since?.elapsed()))).collect()
    }

    /// Whether it is due and its reconcile has not begun.
    pub(super) fn is_waiting(&self, uid: &Uid) -> bool {
        self.lock().slots.get(uid).is_some_and(|slot| slot.ready.is_some())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let inner = self.lock();
        inner.slots.is_empty() && inner.due.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn schedule(&mut self, uid: &Uid, when: Instant, lane: Lane) {
        let slot = self.slots.entry(uid.clone()).or_default();
        slot.gone = false;
        let before = slot.due;
        let after = before.map_or((when, lane), |(at, before)| (at.min(when), before.min(lane)));
        if before == Some(after) || slot.ready.is_some_and(|ready| ready <= lane) {
            return;
        }
        slot.due = Some(after);
        let running = slot.running.is_some();
        if let Some((at, _)) = before {
            self.due.remove(&(at, uid.clone()));
        }
        if !running {
            self.due.insert((after.0, uid.clone()), after.1);
        }
    }

    /// The next one that may begin, or when the next one will be due.
    fn take(&mut self, now: Instant, flow: &impl Fn(&Uid) -> Flow) -> Result<Uid, Option<Instant>> {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, uid), lane) = entry.remove_entry();
            let Some(slot) = self.slots.get_mut(&uid) else { continue };
            (slot.due, slot.ready) = (None, Some(lane));
            slot.since.get_or_insert(at);
            self.ready.push(lane, flow(&uid), (lane, uid));
        }
        let running = &self.running;
        while let Some((flow, (lane, uid))) = self.ready.pop(|lane, flow| running.has_room(lane, flow)) {
            let Some(slot) = self.slots.get_mut(&uid).filter(|slot| slot.ready == Some(lane)) else { continue };
            self.running.began(&flow, lane);
            slot.ready = None;
            slot.running = Some(Box::new((flow, lane)));
            slot.started = Some(now);
            if let Some((at, _)) = slot.due {
                self.due.remove(&(at, uid.clone())); // it is put back when this one is done
            }
            return Ok(uid);
        }
        Err(self.due.first_key_value().map(|((at, _), _)| *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(name: &str) -> Uid {
        name.into()
    }

    /// The namespace of a resource is its name up to the dash.
    fn flow(uid: &Uid) -> Flow {
        let namespace = uid.split('-').next().unwrap_or_default();
        Flow { environment: "here".into(), namespace: namespace.into() }
    }

    async fn get(queue: &WorkQueue) -> Uid {
        queue.get(flow).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_comes_before_a_backlog_of_what_is_at_rest() {
        let queue = WorkQueue::default();
        (0..1000).for_each(|nth| queue.add_after(&uid(&format!("a-{nth}")), Duration::ZERO, Lane::Resync));
        let mut begun = Vec::new();
        while let Ok(uid) = tokio::time::timeout(COALESCE, get(&queue)).await {
            begun.push(uid);
        }
        assert_eq!(begun.len(), 8, "no more of one namespace are begun than go on");
        queue.add(&uid("a-999"));
        assert_eq!(tokio::time::timeout(COALESCE, get(&queue)).await, Ok(uid("a-999")));
        queue.done(&uid("a-999"), None, Lane::Resync);
        for uid in &begun {
            queue.done(uid, None, Lane::Resync);
        }
        let mut rest = begun.len() + 1;
        while let Ok(uid) = tokio::time::timeout(COALESCE, get(&queue)).await {
            rest += 1;
            queue.done(&uid, None, Lane::Resync);
        }
        assert_eq!(rest, 1000, "each once, the edited one too");
        assert!(queue.lock().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_place_and_is_asked_for_again_later_is_begun_once() {
        let queue = WorkQueue::default();
        (1..=9).for_each(|nth| queue.add_after(&uid(&format!("a-{nth}")), Duration::ZERO, Lane::Resync));
        let mut begun = Vec::new();
        for _ in 0..8 {
            begun.push(get(&queue).await);
        }
        let ninth = (1..=9).map(|nth| uid(&format!("a-{nth}"))).find(|uid| !begun.contains(uid)).unwrap();
        queue.add_after(&ninth, Duration::from_secs(5), Lane::Correction);
        queue.done(&begun.remove(0), None, Lane::Resync);
        assert_eq!(get(&queue).await, ninth);
        assert!(tokio::time::timeout(Duration::from_secs(10), get(&queue)).await.is_err(), "it runs already");
        queue.done(&ninth, None, Lane::Resync);
        assert_eq!(get(&queue).await, ninth, "and then what was asked for");
        queue.done(&ninth, None, Lane::Resync);
        begun.iter().for_each(|uid| queue.done(uid, None, Lane::Resync));
        assert!(queue.lock().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_resources_of_one_namespace_cost_another_nothing() {
        let queue = WorkQueue::default();
        (0..10_000).for_each(|nth| queue.add(&uid(&format!("big-{nth}"))));
        queue.add(&uid("small-1"));
        let first = [get(&queue).await, get(&queue).await];
        assert!(first.contains(&uid("small-1")), "{first:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_comes_first_and_the_sooner_of_two_delays_counts() {
        let queue = WorkQueue::default();
        let now = Instant::now();
        queue.add_after(&uid("late"), Duration::from_secs(60), Lane::Resync);
        queue.add_after(&uid("early"), Duration::from_secs(30), Lane::Resync);
        queue.add_after(&uid("late"), Duration::from_secs(10), Lane::Resync);
        queue.add_after(&uid("late"), Duration::from_secs(90), Lane::Resync);
        assert_eq!(get(&queue).await, uid("late"));
        assert_eq!(Instant::now() - now, Duration::from_secs(10));
        assert_eq!(get(&queue).await, uid("early"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_has_one_reconcile_at_a_time_and_no_event_is_lost() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        let a = get(&queue).await;
        queue.add(&a); // while it runs
        let waiting = tokio::time::timeout(Duration::from_secs(5), get(&queue));
        assert!(waiting.await.is_err(), "it runs already");
        queue.done(&a, Some(Duration::from_secs(600)), Lane::Resync);
        let before = Instant::now();
        assert_eq!(get(&queue).await, a);
        assert_eq!(Instant::now(), before, "the event comes before what was due");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_edits_in_a_second_cost_two_reconciles() {
        let queue = WorkQueue::default();
        let mut reconciles = 0;
        let start = Instant::now();
        queue.add(&uid("a"));
        while let Ok(a) = tokio::time::timeout(Duration::from_secs(5), get(&queue)).await {
            reconciles += 1;
            if start.elapsed() < Duration::from_secs(1) {
                for _ in 0..100 {
                    queue.add(&a);
                }
            }
            queue.done(&a, None, Lane::Resync);
        }
        assert_eq!(reconciles, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn row_103_a_loop_that_asks_for_reconciles_gets_a_burst_and_then_one_in_thirty_seconds() {
        let queue = WorkQueue::default();
        let start = Instant::now();
        let mut reconciles = 0;
        while start.elapsed() < Duration::from_secs(300) {
            queue.add_requested(&uid("a"));
            if let Ok(a) = tokio::time::timeout(Duration::from_secs(2), get(&queue)).await {
                reconciles += 1;
                queue.done(&a, None, Lane::Resync);
            }
        }
        assert!((10..=13).contains(&reconciles), "{reconciles}");
        queue.add(&uid("a"));
        assert!(tokio::time::timeout(Duration::from_secs(2), get(&queue)).await.is_ok(), "an edit does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn row_103_a_request_that_must_wait_is_not_lost_when_an_edit_comes_first() {
        let queue = WorkQueue::default();
        for _ in 0..=BURST {
            queue.add_requested(&uid("a")); // the last one is granted later
        }
        queue.add(&uid("a"));
        let a = get(&queue).await;
        queue.done(&a, None, Lane::Resync);
        queue.add_requested(&a); // and nothing else is due
        let next = tokio::time::timeout(REQUEST_EVERY * 4, get(&queue)).await;
        assert_eq!(next, Ok(a));
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_and_comes_while_its_reconcile_runs_is_reconciled_after_it_and_not_beside_it() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        let a = get(&queue).await;
        queue.forget(&a);
        queue.add(&a); // listed again
        assert!(tokio::time::timeout(COALESCE * 5, get(&queue)).await.is_err(), "it runs already");
        queue.done(&a, None, Lane::Resync);
        assert_eq!(tokio::time::timeout(COALESCE * 5, get(&queue)).await, Ok(a.clone()));
        queue.forget(&a);
        queue.done(&a, Some(Duration::ZERO), Lane::Resync);
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_does_not_come_back() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        queue.forget(&uid("a"));
        queue.done(&uid("a"), Some(Duration::ZERO), Lane::Resync);
        assert!(tokio::time::timeout(Duration::from_secs(5), get(&queue)).await.is_err());
    }
}
