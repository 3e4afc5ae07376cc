//! The workqueue: which resource is to be reconciled when. A resource is in it
//! once, and at most one reconcile of it runs at a time. Of those that are due,
//! [`Lanes`] says which comes first, and only so many of one environment and one
//! namespace are begun: what is begun is finished, however long it has to wait for
//! Scalekit. (Client-go's names; a delay that grows with failures is `backoff`.)

mod slot;
#[cfg(test)]
mod tests;

use self::slot::{COALESCE, Paced, Run, Slot};
use super::{
    flow::{Flow, Running},
    resource_ref::Uid,
};
use crate::{
    reconcile::{Lane, Lanes},
    telemetry::{CONTROLLER, Gauge, Gauges, QueueMetrics},
};
use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// A person may request [`BURST`] reconciles in a row, and then one in this time
/// (`docs/development/failures.md` row 103).
const REQUEST_EVERY: Duration = Duration::from_secs(30);
const BURST: usize = 3;

/// The resources that are due, now or later.
#[derive(Default)]
pub(super) struct WorkQueue {
    inner: Mutex<Inner>,
    changed: Notify,
    metrics: QueueMetrics,
}

#[derive(Default)]
struct Inner {
    due: BTreeMap<(Instant, Uid), Lane>,
    /// Those that are due now.
    ready: Lanes<Flow, (Lane, Uid)>,
    slots: HashMap<Uid, Slot>,
    running: Running,
}

impl WorkQueue {
    pub(super) fn new(metrics: QueueMetrics) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// Reconcile it after `delay`, or sooner if that was asked for before.
    pub(super) fn add_after(&self, uid: &Uid, delay: Duration, lane: Lane) {
        self.lock().schedule(uid, Instant::now() + delay, lane);
        self.changed.notify_one();
    }

    /// Enqueues a resource that what others do affects: now, or [`COALESCE`] after the start of its last reconcile.
    pub(super) fn add(&self, uid: &Uid) {
        self.lock().schedule_soon(uid, |slot| &mut slot.affected);
        self.changed.notify_one();
    }

    /// Enqueues a resource that was edited; where its reconcile runs, that one may take the edit in
    /// ([`WorkQueue::take_edit`]), and else another one follows.
    pub(super) fn add_edited(&self, uid: &Uid) {
        let mut inner = self.lock();
        let slot = inner.slots.get_mut(uid).filter(|slot| !slot.gone);
        match slot.and_then(|slot| slot.running.as_mut()) {
            Some(run) => {
                run.edited = true;
                run.hurry();
            }
            None => inner.schedule_soon(uid, |slot| &mut slot.edits),
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits until somebody waits for the end of a resource's reconcile: the resource was edited since it began, or
    /// something else happened for which it is to be reconciled soon.
    pub(super) async fn urgent(&self, uid: &Uid) {
        loop {
            let watched = |slot: &Slot| slot.running.as_ref().map(|run| (Arc::clone(&run.changed), slot.urgent_at()));
            let Some((changed, at)) = self.lock().slots.get(uid).and_then(watched) else { return pending().await };
            match at {
                Some(at) => {
                    tokio::select! { () = tokio::time::sleep_until(at) => return, () = changed.notified() => {} }
                }
                None => changed.notified().await,
            }
        }
    }

    pub(super) fn is_urgent(&self, uid: &Uid) -> bool {
        let at = self.lock().slots.get(uid).and_then(Slot::urgent_at);
        at.is_some_and(|at| at <= Instant::now())
    }

    /// Somebody waits for the end of a resource's reconcile, if it runs.
    pub(super) fn hurry(&self, uid: &Uid) {
        self.run(uid, Run::hurry);
    }

    /// Whether a resource was edited since its reconcile began, or last asked this. The reconcile takes the
    /// edit in: it reads the resource after this.
    pub(super) fn take_edit(&self, uid: &Uid) -> bool {
        self.run(uid, |run| std::mem::take(&mut run.edited)).unwrap_or_default()
    }

    /// The same without taking it.
    pub(super) fn is_edited(&self, uid: &Uid) -> bool {
        self.run(uid, |run| run.edited).unwrap_or_default()
    }

    fn run<T>(&self, uid: &Uid, of: impl FnOnce(&mut Run) -> T) -> Option<T> {
        self.lock().slots.get_mut(uid).and_then(|slot| slot.running.as_mut()).map(|run| of(run))
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
            let wait = match self.lock().take(Instant::now(), &flow, &self.metrics) {
                Ok(uid) => return uid,
                Err(wait) => wait,
            };
            match wait {
                Some(at) => tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} },
                None => changed.await,
            }
        }
    }

    /// Counts that a resource comes back since its reconcile failed.
    pub(super) fn retried(&self) {
        self.metrics.retried();
    }

    /// Its reconcile has ended; the next one is due after `delay`, unless an
    /// event asked for an earlier one.
    pub(super) fn done(&self, uid: &Uid, delay: Option<Duration>, lane: Lane) {
        let when = delay.map(|delay| Instant::now() + delay);
        let mut inner = self.lock();
        let Inner { slots, running, due, .. } = &mut *inner;
        let Some(slot) = slots.get_mut(uid) else { return };
        let run = slot.running.take();
        if let Some(run) = &run {
            running.ended(&run.flow, run.lane);
        }
        slot.since = None;
        self.metrics.ended(slot.started.map_or(Duration::ZERO, |started| started.elapsed()));
        if slot.gone {
            slots.remove(uid);
        } else {
            if let Some((at, lane)) = slot.due {
                due.insert((at, uid.clone()), lane);
            }
            if let Some(when) = when {
                inner.schedule(uid, when, lane);
            }
            if run.is_some_and(|run| run.edited) {
                inner.schedule_soon(uid, |slot| &mut slot.edits);
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
        slot.running.iter_mut().for_each(|run| run.hurry()); // another one may wait for its organization
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
        let resync = |slot: &Slot| slot.ready.or(slot.running.as_ref().map(|run| run.lane)) == Some(Lane::Resync);
        let inner = self.lock();
        let due = inner.slots.iter().filter(|(_, slot)| resync(slot));
        due.filter_map(|(uid, slot)| Some((uid.clone(), slot.since?.elapsed()))).collect()
    }

    /// Adds what waits and runs at present, and calls `with` with each resource that is in it, the lane of its next
    /// reconcile, and for how long it is due, if it is: until its reconcile has ended.
    pub(super) fn gauges(&self, gauges: &mut Gauges, mut with: impl FnMut(&Uid, Lane, Option<Duration>)) {
        let now = Instant::now();
        let (mut depth, mut unfinished, mut longest) = (0.0, 0.0, 0.0_f64);
        for (uid, slot) in &self.lock().slots {
            depth += if slot.ready.is_some() { 1.0 } else { 0.0 };
            let age = slot.running.as_ref().and(slot.started).map_or(0.0, |started| started.elapsed().as_secs_f64());
            (unfinished, longest) = (unfinished + age, longest.max(age));
            let next = slot.ready.or(slot.due.map(|(_, lane)| lane));
            if let Some(lane) = next.or(slot.running.as_ref().map(|run| run.lane)) {
                let due = slot.since.or(slot.due.map(|(at, _)| at).filter(|at| *at <= now));
                with(uid, lane, due.map(|since| now.duration_since(since)));
            }
        }
        let values =
            [(Gauge::QueueDepth, depth), (Gauge::UnfinishedWork, unfinished), (Gauge::LongestRunning, longest)];
        for (gauge, value) in values {
            *gauges.of(gauge, &[CONTROLLER, CONTROLLER]) = value;
        }
    }

    /// For how long it is due; zero: it is not.
    pub(super) fn waited(&self, uid: &Uid) -> Duration {
        self.lock().slots.get(uid).and_then(|slot| slot.since).map_or(Duration::ZERO, |since| since.elapsed())
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
    /// Now, or [`COALESCE`] after the start of the last reconcile, or when `pace` allows.
    fn schedule_soon(&mut self, uid: &Uid, pace: impl Fn(&mut Slot) -> &mut Paced) {
        let (now, slot) = (Instant::now(), self.slots.entry(uid.clone()).or_default());
        let soon = slot.started.map_or(now, |started| now.max(started + COALESCE));
        let is_soon =
            slot.ready == Some(Lane::Awaited) || slot.due.is_some_and(|(at, lane)| at <= soon && lane == Lane::Awaited);
        if !is_soon || slot.gone {
            let when = soon.max(pace(slot).next(now));
            self.schedule(uid, when, Lane::Awaited);
        }
    }

    fn schedule(&mut self, uid: &Uid, when: Instant, lane: Lane) {
        let slot = self.slots.entry(uid.clone()).or_default();
        slot.gone = false;
        let before = slot.due;
        let after = before.map_or((when, lane), |(at, before)| (at.min(when), before.min(lane)));
        if before == Some(after) || slot.ready.is_some_and(|ready| ready <= lane) {
            return;
        }
        slot.due = Some(after);
        slot.running.iter().for_each(|run| run.changed.notify_one());
        let running = slot.running.is_some();
        if let Some((at, _)) = before {
            self.due.remove(&(at, uid.clone()));
        }
        if !running {
            self.due.insert((after.0, uid.clone()), after.1);
        }
    }

    /// The next one that may begin, or when the next one will be due.
    fn take(
        &mut self,
        now: Instant,
        flow: &impl Fn(&Uid) -> Flow,
        metrics: &QueueMetrics,
    ) -> Result<Uid, Option<Instant>> {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, uid), lane) = entry.remove_entry();
            let Some(slot) = self.slots.get_mut(&uid) else { continue };
            (slot.due, slot.ready) = (None, Some(lane));
            slot.since.get_or_insert(at);
            metrics.added();
            self.ready.push(lane, flow(&uid), (lane, uid));
        }
        let running = &self.running;
        while let Some((flow, (lane, uid))) = self.ready.pop(|lane, flow| running.has_room(lane, flow)) {
            let Some(slot) = self.slots.get_mut(&uid).filter(|slot| slot.ready == Some(lane)) else { continue };
            self.running.began(&flow, lane);
            slot.ready = None;
            slot.running = Some(Box::new(Run::new(flow, lane)));
            slot.started = Some(now);
            metrics.began(slot.since.map_or(Duration::ZERO, |since| now.duration_since(since)));
            if let Some((at, _)) = slot.due {
                self.due.remove(&(at, uid.clone())); // it is put back when this one is done
            }
            return Ok(uid);
        }
        Err(self.due.first_key_value().map(|((at, _), _)| *at))
    }
}
