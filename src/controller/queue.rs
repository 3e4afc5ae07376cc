//! Appointments: which resource is to be looked at when. One appointment and
//! at most one running pass per resource.

use super::resource_ref::Uid;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The least time between the starts of two passes that events ask for, so
/// that a burst of edits costs a few passes and the last one wins.
const COALESCE: Duration = Duration::from_secs(1);

/// A person may ask for a pass now [`BURST`] times in a row, and then once in
/// this time; a loop that keeps asking gets no more (`docs/failures.md` row 103).
const ASKED: Duration = Duration::from_secs(30);
const BURST: usize = 3;

/// The appointments of all resources.
#[derive(Default)]
pub(super) struct Queue {
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
    started: Option<Instant>,
    /// The last [`BURST`] times that a person asked for, as granted.
    asked: VecDeque<Instant>,
}

impl Queue {
    /// Look at it at `when`, or sooner if that was asked for before.
    pub(super) fn at(&self, uid: &Uid, when: Instant) {
        self.lock().appoint(uid, when);
        self.changed.notify_one();
    }

    /// Look at it as soon as may be.
    pub(super) fn soon(&self, uid: &Uid) {
        let mut inner = self.lock();
        let started = inner.slots.get(uid).and_then(|slot| slot.started);
        let when = started.map_or_else(Instant::now, |started| Instant::now().max(started + COALESCE));
        inner.appoint(uid, when);
        drop(inner);
        self.changed.notify_one();
    }

    /// A person asked to look at it now.
    pub(super) fn asked(&self, uid: &Uid) {
        let mut inner = self.lock();
        let slot = inner.slots.entry(uid.clone()).or_default();
        let mut when = Instant::now();
        if slot.asked.back().is_some_and(|granted| *granted > when) {
            return; // the pass to come sees what was asked last
        }
        if slot.asked.len() >= BURST
            && let Some(first) = slot.asked.pop_front()
        {
            when = when.max(first + ASKED.saturating_mul(BURST.try_into().unwrap_or(u32::MAX)));
        }
        slot.asked.push_back(when);
        if let Some(started) = slot.started {
            when = when.max(started + COALESCE);
        }
        inner.appoint(uid, when);
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next appointment that is due and whose resource has no
    /// pass running; the caller must call [`Queue::done`] for it.
    pub(super) async fn next(&self) -> Uid {
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

    /// The pass over it has ended; the next one at `when`, unless an event
    /// asked for an earlier one.
    pub(super) fn done(&self, uid: &Uid, when: Option<Instant>) {
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(uid) else { return };
        slot.running = false;
        match (slot.due, when) {
            (Some(due), _) => {
                inner.due.insert((due, uid.clone()));
                if let Some(when) = when {
                    inner.appoint(uid, when);
                }
            }
            (None, Some(when)) => inner.appoint(uid, when),
            (None, None) => {}
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// It is gone.
    pub(super) fn forget(&self, uid: &Uid) {
        let mut inner = self.lock();
        if let Some(Slot { due: Some(due), .. }) = inner.slots.remove(uid) {
            inner.due.remove(&(due, uid.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn appoint(&mut self, uid: &Uid, when: Instant) {
        let slot = self.slots.entry(uid.clone()).or_default();
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

    /// The first one due, or when the first one will be.
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
    async fn the_earliest_appointment_comes_first_and_the_sooner_of_two_counts() {
        let queue = Queue::default();
        let now = Instant::now();
        queue.at(&uid("late"), now + Duration::from_secs(60));
        queue.at(&uid("early"), now + Duration::from_secs(30));
        queue.at(&uid("late"), now + Duration::from_secs(10));
        queue.at(&uid("late"), now + Duration::from_secs(90));
        assert_eq!(queue.next().await, uid("late"));
        assert_eq!(Instant::now() - now, Duration::from_secs(10));
        assert_eq!(queue.next().await, uid("early"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_has_one_pass_at_a_time_and_no_event_is_lost() {
        let queue = Queue::default();
        queue.soon(&uid("a"));
        let a = queue.next().await;
        queue.soon(&a); // while it runs
        let waiting = tokio::time::timeout(Duration::from_secs(5), queue.next());
        assert!(waiting.await.is_err(), "it runs already");
        queue.done(&a, Some(Instant::now() + Duration::from_secs(600)));
        let before = Instant::now();
        assert_eq!(queue.next().await, a);
        assert_eq!(Instant::now(), before, "the event comes before the appointment");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_edits_in_a_second_cost_two_passes() {
        let queue = Queue::default();
        let mut passes = 0;
        let start = Instant::now();
        queue.soon(&uid("a"));
        while let Ok(a) = tokio::time::timeout(Duration::from_secs(5), queue.next()).await {
            passes += 1;
            if start.elapsed() < Duration::from_secs(1) {
                for _ in 0..100 {
                    queue.soon(&a);
                }
            }
            queue.done(&a, None);
        }
        assert_eq!(passes, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn row_103_a_loop_that_asks_for_passes_gets_a_burst_and_then_one_in_thirty_seconds() {
        let queue = Queue::default();
        let start = Instant::now();
        let mut passes = 0;
        while start.elapsed() < Duration::from_secs(300) {
            queue.asked(&uid("a"));
            if let Ok(a) = tokio::time::timeout(Duration::from_secs(2), queue.next()).await {
                passes += 1;
                queue.done(&a, None);
            }
        }
        assert!((10..=13).contains(&passes), "{passes}");
        queue.soon(&uid("a"));
        assert!(tokio::time::timeout(Duration::from_secs(2), queue.next()).await.is_ok(), "an edit does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_does_not_come_back() {
        let queue = Queue::default();
        queue.soon(&uid("a"));
        queue.forget(&uid("a"));
        queue.done(&uid("a"), Some(Instant::now()));
        assert!(tokio::time::timeout(Duration::from_secs(5), queue.next()).await.is_err());
    }
}
