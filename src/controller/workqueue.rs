//! The workqueue, with client-go's names: which resource is due when. A resource is in it once, and
//! at most one reconcile of it runs at a time. The delay after failures is in `backoff`.

use super::resource_ref::Uid;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
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

#[derive(Default)]
pub(super) struct WorkQueue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    due: BTreeSet<(Instant, Uid)>,
    slots: HashMap<Uid, Slot>,
}

#[derive(Default)]
struct Slot {
    due: Option<Instant>,
    running: bool,
    /// The resource was removed during its reconcile; [`WorkQueue::done`] removes the slot.
    gone: bool,
    started: Option<Instant>,
    /// When the last [`BURST`] requests of a person were due.
    requested: VecDeque<Instant>,
}

impl WorkQueue {
    /// Enqueues a resource after `delay`, unless it is due sooner.
    pub(super) fn add_after(&self, uid: &Uid, delay: Duration) {
        self.lock().schedule(uid, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// Enqueues a resource now, or [`COALESCE`] after the start of its last reconcile.
    pub(super) fn add(&self, uid: &Uid) {
        let mut inner = self.lock();
        let started = inner.slots.get(uid).and_then(|slot| slot.started);
        let when = started.map_or_else(Instant::now, |started| Instant::now().max(started + COALESCE));
        inner.schedule(uid, when);
        drop(inner);
        self.changed.notify_one();
    }

    /// Enqueues a resource for which a person requested a reconcile.
    pub(super) fn add_requested(&self, uid: &Uid) {
        let mut inner = self.lock();
        let slot = inner.slots.entry(uid.clone()).or_default();
        let now = Instant::now();
        // all requests until a granted one is due are served by it, even if an event causes a reconcile meanwhile
        let granted = slot.requested.back().copied().filter(|granted| *granted > now);
        let mut when = granted.unwrap_or(now);
        if granted.is_none() {
            if slot.requested.len() >= BURST
                && let Some(first) = slot.requested.pop_front()
            {
                when = now.max(first + REQUEST_EVERY.saturating_mul(BURST.try_into().unwrap_or(u32::MAX)));
            }
            slot.requested.push_back(when);
        }
        if let Some(started) = slot.started {
            when = when.max(started + COALESCE);
        }
        inner.schedule(uid, when);
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next resource that is due and has no reconcile running. The caller must call
    /// [`WorkQueue::done`] after it.
    pub(super) async fn get(&self) -> Uid {
        loop {
            let changed = self.changed.notified();
            let wait = match self.lock().take(Instant::now()) {
                Ok(uid) => return uid,
                Err(wait) => wait,
            };
            match wait {
                Some(at) => tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} },
                None => changed.await,
            }
        }
    }

    /// Ends the reconcile of a resource. The next one is due after `delay`, unless an event enqueued it
    /// sooner.
    pub(super) fn done(&self, uid: &Uid, delay: Option<Duration>) {
        let when = delay.map(|delay| Instant::now() + delay);
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(uid) else { return };
        slot.running = false;
        if slot.gone {
            inner.slots.remove(uid);
            return;
        }
        match (slot.due, when) {
            (Some(due), _) => {
                inner.due.insert((due, uid.clone()));
                if let Some(when) = when {
                    inner.schedule(uid, when);
                }
            }
            (None, Some(when)) => inner.schedule(uid, when),
            (None, None) => {}
        }
        drop(inner);
        self.changed.notify_one();
    }
    pub(super) fn forget(&self, uid: &Uid) {
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(uid) else { return };
        slot.gone = true;
        let (due, running) = (slot.due.take(), slot.running);
        if let Some(due) = due {
            inner.due.remove(&(due, uid.clone()));
        }
        if !running {
            inner.slots.remove(uid);
        }
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
    fn schedule(&mut self, uid: &Uid, when: Instant) {
        let slot = self.slots.entry(uid.clone()).or_default();
        slot.gone = false;
        if slot.due.is_some_and(|due| due <= when) {
            return;
        }
        if let Some(due) = slot.due.replace(when) {
            self.due.remove(&(due, uid.clone()));
        }
        if !slot.running {
            self.due.insert((when, uid.clone()));
        }
    }

    /// The first resource that is due, or else when the first one will be.
    fn take(&mut self, now: Instant) -> Result<Uid, Option<Instant>> {
        match self.due.first() {
            Some((at, _)) if *at > now => return Err(Some(*at)),
            None => return Err(None),
            Some(_) => {}
        }
        let Some((_, uid)) = self.due.pop_first() else { return Err(None) };
        let slot = self.slots.entry(uid.clone()).or_default();
        slot.due = None;
        slot.running = true;
        slot.started = Some(now);
        Ok(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(name: &str) -> Uid {
        name.into()
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_comes_first_and_the_sooner_of_two_delays_counts() {
        let queue = WorkQueue::default();
        let now = Instant::now();
        queue.add_after(&uid("late"), Duration::from_secs(60));
        queue.add_after(&uid("early"), Duration::from_secs(30));
        queue.add_after(&uid("late"), Duration::from_secs(10));
        queue.add_after(&uid("late"), Duration::from_secs(90));
        assert_eq!(queue.get().await, uid("late"));
        assert_eq!(Instant::now() - now, Duration::from_secs(10));
        assert_eq!(queue.get().await, uid("early"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_has_one_reconcile_at_a_time_and_no_event_is_lost() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        let a = queue.get().await;
        queue.add(&a); // while it runs
        let waiting = tokio::time::timeout(Duration::from_secs(5), queue.get());
        assert!(waiting.await.is_err(), "it runs already");
        queue.done(&a, Some(Duration::from_secs(600)));
        let before = Instant::now();
        assert_eq!(queue.get().await, a);
        assert_eq!(Instant::now(), before, "the event comes before what was due");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_edits_in_a_second_cost_two_reconciles() {
        let queue = WorkQueue::default();
        let mut reconciles = 0;
        let start = Instant::now();
        queue.add(&uid("a"));
        while let Ok(a) = tokio::time::timeout(Duration::from_secs(5), queue.get()).await {
            reconciles += 1;
            if start.elapsed() < Duration::from_secs(1) {
                for _ in 0..100 {
                    queue.add(&a);
                }
            }
            queue.done(&a, None);
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
            if let Ok(a) = tokio::time::timeout(Duration::from_secs(2), queue.get()).await {
                reconciles += 1;
                queue.done(&a, None);
            }
        }
        assert!((10..=13).contains(&reconciles), "{reconciles}");
        queue.add(&uid("a"));
        assert!(tokio::time::timeout(Duration::from_secs(2), queue.get()).await.is_ok(), "an edit does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn row_103_a_request_that_must_wait_is_not_lost_when_an_edit_comes_first() {
        let queue = WorkQueue::default();
        for _ in 0..=BURST {
            queue.add_requested(&uid("a")); // the last one is granted later
        }
        queue.add(&uid("a"));
        let a = queue.get().await;
        queue.done(&a, None);
        queue.add_requested(&a); // and nothing else is due
        let next = tokio::time::timeout(REQUEST_EVERY * 4, queue.get()).await;
        assert_eq!(next, Ok(a));
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_and_comes_while_its_reconcile_runs_is_reconciled_after_it_and_not_beside_it() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        let a = queue.get().await;
        queue.forget(&a);
        queue.add(&a); // listed again
        assert!(tokio::time::timeout(COALESCE * 5, queue.get()).await.is_err(), "it runs already");
        queue.done(&a, None);
        assert_eq!(tokio::time::timeout(COALESCE * 5, queue.get()).await, Ok(a.clone()));
        queue.forget(&a);
        queue.done(&a, Some(Duration::ZERO));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_does_not_come_back() {
        let queue = WorkQueue::default();
        queue.add(&uid("a"));
        queue.forget(&uid("a"));
        queue.done(&uid("a"), Some(Duration::ZERO));
        assert!(tokio::time::timeout(Duration::from_secs(5), queue.get()).await.is_err());
    }
}
