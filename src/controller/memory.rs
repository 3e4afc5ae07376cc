//! What is remembered of a resource between passes. Losing it (a restart) only
//! makes the next decision more careful.

use super::resource_ref::Uid;
use crate::reconcile::{Corrections, HOUR, History, Outcome, RemoteOutcome, Requeue};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The memory of all resources.
pub(super) struct Memory {
    start: Instant,
    traces: Mutex<HashMap<Uid, Trace>>,
}

#[derive(Default)]
struct Trace {
    /// Since when Scalekit is not seen; `None`: the last pass got through.
    unseen: Option<Instant>,
    unknown_write: Option<Instant>,
    failures: u32,
    /// The last [`CORRECTIONS`] of them.
    corrections: VecDeque<Instant>,
    contended: bool,
}

/// So many corrections are remembered; the decision asks for no more.
const CORRECTIONS: usize = 8;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl Memory {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), traces: Mutex::default() }
    }

    /// What a pass over it may know. `predecessor`: the resource is older than
    /// this process, so a write of an earlier one may be on its way.
    pub(super) fn history(&self, uid: &Uid, predecessor: bool) -> History {
        let start = self.start;
        let mut traces = self.lock();
        let trace = trace(&mut traces, uid);
        let age = |at: Instant| at.elapsed();
        let inherited = predecessor.then_some(start);
        History {
            unseen_for: trace.unseen.map(age).unwrap_or_default(),
            unknown_write_age: trace.unknown_write.or(inherited).map(age),
            corrections: Corrections {
                lately: trace.corrections.iter().filter(|at| age(**at) < HOUR).count().try_into().unwrap_or(u32::MAX),
                last: trace.corrections.back().copied().or(inherited).map(age),
                contended: trace.contended,
            },
        }
    }

    /// A write that undoes what somebody did to an earlier one is on its way.
    pub(super) fn corrected(&self, uid: &Uid) {
        let mut traces = self.lock();
        let corrections = &mut trace(&mut traces, uid).corrections;
        corrections.push_back(Instant::now());
        if corrections.len() > CORRECTIONS {
            corrections.pop_front();
        }
    }

    /// Whether others keep undoing our writes, after a pass that ended so.
    pub(super) fn ended(&self, uid: &Uid, outcome: &Outcome) {
        let mut traces = self.lock();
        let trace = trace(&mut traces, uid);
        let held = trace.corrections.back().is_none_or(|last| last.elapsed() >= HOUR);
        match outcome {
            Outcome::Contended => trace.contended = true,
            Outcome::Reconciled(RemoteOutcome::InSync | RemoteOutcome::StricterKept) if held => trace.contended = false,
            _ => {}
        }
    }

    /// Scalekit answered and was understood.
    pub(super) fn observed(&self, uid: &Uid) {
        trace(&mut self.lock(), uid).unseen = None;
    }

    /// A pass did not get through to Scalekit. An outage begins with the first
    /// of them, not with the last success: that one is an interval ago even
    /// when a single look fails.
    pub(super) fn unseen(&self, uid: &Uid) {
        trace(&mut self.lock(), uid).unseen.get_or_insert_with(Instant::now);
    }

    /// A write is on its way; until [`Memory::write_answered`] its outcome is
    /// unknown, also when the pass is cut off.
    pub(super) fn write_sent(&self, uid: &Uid) -> Option<Instant> {
        let mut traces = self.lock();
        trace(&mut traces, uid).unknown_write.replace(Instant::now())
    }

    /// The write got an answer; what was unknown `before` it still is.
    pub(super) fn write_answered(&self, uid: &Uid, before: Option<Instant>) {
        let mut traces = self.lock();
        trace(&mut traces, uid).unknown_write = before;
    }

    /// When to look again, with growing pauses after failures in a row: full
    /// jitter, so that many resources don't come back together.
    pub(super) fn appointment(&self, uid: &Uid, requeue: Requeue) -> Option<Instant> {
        let mut traces = self.lock();
        let trace = trace(&mut traces, uid);
        let (cap, tries) = match requeue {
            Requeue::Backoff { cap } => (cap, 1),
            Requeue::NoTry { cap } => (cap, 0),
            requeue => {
                trace.failures = 0;
                drop(traces);
                return after(uid, requeue).map(|pause| Instant::now() + pause);
            }
        };
        let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(trace.failures)).min(cap);
        trace.failures = trace.failures.saturating_add(tries);
        drop(traces);
        Some(Instant::now() + FIRST_PAUSE / 10 + longest.mul_f64(fastrand::f64()))
    }

    /// It is gone.
    pub(super) fn forget(&self, uid: &Uid) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uid, Trace>> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn trace<'a>(traces: &'a mut HashMap<Uid, Trace>, uid: &Uid) -> &'a mut Trace {
    traces.entry(uid.clone()).or_default()
}

fn after(uid: &Uid, requeue: Requeue) -> Option<Duration> {
    match requeue {
        Requeue::Never | Requeue::Backoff { .. } | Requeue::NoTry { .. } => None,
        Requeue::Interval(interval) => Some(interval.mul_f64(0.9 + 0.2 * spread(uid))),
        Requeue::After(pause) => Some(pause + pause.mul_f64(0.1 * fastrand::f64())),
    }
}

/// The same number from 0 to 1 for the same uid (FNV-1a), so that a restart
/// spreads resources over an interval as they were before.
pub(super) fn spread(uid: &str) -> f64 {
    let hash = uid.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    f64::from(hash) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid() -> Uid {
        "a".into()
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_pause_longer_up_to_the_cap() {
        let memory = Memory::new();
        let cap = Duration::from_secs(300);
        for failure in 0..40_u32 {
            let at = memory.appointment(&uid(), Requeue::Backoff { cap }).unwrap();
            let longest = Duration::from_secs(2_u64.saturating_pow(failure)).min(cap);
            assert!(at - Instant::now() <= longest + FIRST_PAUSE / 10);
        }
        memory.appointment(&uid(), Requeue::Never);
        let at = memory.appointment(&uid(), Requeue::Backoff { cap }).unwrap();
        assert!(at - Instant::now() <= FIRST_PAUSE + FIRST_PAUSE / 10, "a success starts over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_was_held_back_is_no_failure() {
        let memory = Memory::new();
        let cap = Duration::from_secs(300);
        for _ in 0..40 {
            let at = memory.appointment(&uid(), Requeue::NoTry { cap }).unwrap();
            assert!(at - Instant::now() <= FIRST_PAUSE + FIRST_PAUSE / 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_interval_is_spread_by_a_tenth_and_the_same_for_a_uid() {
        let memory = Memory::new();
        let minute = Duration::from_secs(60);
        let appoint = || memory.appointment(&uid(), Requeue::Interval(minute)).unwrap() - Instant::now();
        assert!(appoint() >= minute.mul_f64(0.9) && appoint() <= minute.mul_f64(1.1));
        assert_eq!(appoint(), appoint());
    }

    #[tokio::test(start_paused = true)]
    async fn row_014_an_outage_begins_with_the_first_look_that_fails() {
        let memory = Memory::new();
        let unseen_for = || memory.history(&uid(), false).unseen_for;
        memory.observed(&uid());
        tokio::time::advance(Duration::from_secs(600)).await;
        assert_eq!(unseen_for(), Duration::ZERO, "nobody looked, so nothing failed");
        memory.unseen(&uid());
        tokio::time::advance(Duration::from_secs(60)).await;
        memory.unseen(&uid());
        assert_eq!(unseen_for(), Duration::from_secs(60));
        memory.observed(&uid());
        assert_eq!(unseen_for(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_without_an_answer_is_remembered() {
        let memory = Memory::new();
        assert_eq!(memory.history(&uid(), false).unknown_write_age, None);
        let before = memory.write_sent(&uid());
        memory.write_answered(&uid(), before);
        assert_eq!(memory.history(&uid(), false).unknown_write_age, None);
        memory.write_sent(&uid());
        assert_eq!(memory.history(&uid(), false).unknown_write_age, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_older_than_the_process_may_have_a_write_on_its_way() {
        assert_eq!(Memory::new().history(&uid(), true).unknown_write_age, Some(Duration::ZERO));
    }
}
