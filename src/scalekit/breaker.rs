//! One environment's breaker: while it is down, ten thousand resources must
//! not keep knocking, or it stays down (`docs/failures.md` row 15).
//!
//! Some failures in a row, of whatever requests, and further ones are held
//! back, except for one probe at a time with growing pauses between them. The
//! first answer of any kind ends that at once. A refusal (4xx) is an answer; a
//! 429 has a pause of its own in `throttle`.

use crate::reconcile::ErrorKind;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// So many failures in a row are an outage; fewer are bad luck, and delay
/// nobody.
const OUTAGE: u32 = 5;
/// The pauses between probes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Shared by all clients of one environment.
pub(super) struct Breaker {
    state: Mutex<State>,
    /// How long a probe may take.
    deadline: Duration,
}

#[derive(Default)]
struct State {
    /// Failures since the last answer.
    failures: u32,
    outage: Option<Outage>,
    probes: u64,
}

struct Outage {
    /// What the last failure was.
    kind: ErrorKind,
    pause: Duration,
    next_probe: Instant,
    /// The probe whose outcome counts; requests from before the outage don't
    /// make the pause longer.
    probe: u64,
}

/// Leave to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    probe: Option<u64>,
}

impl Breaker {
    /// `deadline`: the longest a request can take. A probe that is never heard
    /// of again (its pass was cut off) makes room for the next one after it.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { state: Mutex::default(), deadline }
    }

    /// Whether a request would get leave. Takes nothing, so it can be asked
    /// before waiting for a turn.
    pub(super) fn open_for_now(&self) -> Result<(), ErrorKind> {
        self.lock().not_sent(Instant::now()).map_or(Ok(()), Err)
    }

    /// Leave to send one request. `Err`: not now, for the outage of this kind.
    pub(super) fn leave(&self) -> Result<Leave, ErrorKind> {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(kind) = state.not_sent(now) {
            return Err(kind);
        }
        state.probes += 1;
        let probe = state.probes;
        let Some(outage) = &mut state.outage else { return Ok(Leave { probe: None }) };
        outage.probe = probe;
        outage.next_probe = now + self.deadline + outage.pause;
        Ok(Leave { probe: Some(probe) })
    }

    /// A request was answered. True: that ended an outage.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.lock();
        state.failures = 0;
        state.outage.take().is_some()
    }

    /// A request with `leave` failed. True: that is an outage from now on.
    pub(super) fn failed(&self, leave: Leave, kind: ErrorKind) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        let failures = state.failures;
        match &mut state.outage {
            Some(outage) => {
                if leave.probe == Some(outage.probe) {
                    outage.kind = kind;
                    outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
                    outage.next_probe = now + jittered(outage.pause);
                }
                false
            }
            None if failures >= OUTAGE => {
                let next_probe = now + jittered(FIRST_PAUSE);
                state.outage = Some(Outage { kind, pause: FIRST_PAUSE, next_probe, probe: 0 });
                true
            }
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn not_sent(&self, now: Instant) -> Option<ErrorKind> {
        self.outage.as_ref().filter(|outage| now < outage.next_probe).map(|outage| outage.kind)
    }
}

/// Half of it to all of it, so that several operators don't probe together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DEADLINE: Duration = Duration::from_secs(10);
    const DOWN: ErrorKind = ErrorKind::Unavailable;

    fn fail(breaker: &Breaker) -> bool {
        breaker.failed(breaker.leave().unwrap(), DOWN)
    }

    /// A breaker in an outage that just began.
    fn broken() -> Breaker {
        let breaker = Breaker::new(DEADLINE);
        assert_eq!((0..OUTAGE).map(|_| fail(&breaker)).filter(|opened| *opened).count(), 1);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_four_failures_in_a_row_hold_nobody_back() {
        let breaker = Breaker::new(DEADLINE);
        for _ in 0..100 {
            (1..OUTAGE).for_each(|_| assert!(!fail(&breaker)));
            assert!(breaker.leave().is_ok());
            assert!(!breaker.answered());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_an_outage_lets_one_probe_through_at_a_time() {
        let breaker = broken();
        assert_eq!((breaker.open_for_now(), breaker.leave()), (Err(DOWN), Err(DOWN)));
        tokio::time::advance(SECOND).await;
        assert_eq!(breaker.open_for_now(), Ok(()));
        let probe = breaker.leave().unwrap();
        assert_eq!((breaker.open_for_now(), breaker.leave()), (Err(DOWN), Err(DOWN)), "it is under way");
        breaker.failed(probe, ErrorKind::TimedOut);
        assert_eq!(breaker.leave(), Err(ErrorKind::TimedOut), "the latest failure is the one to tell");
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_the_pauses_between_probes_grow_to_half_a_minute() {
        let breaker = broken();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            while breaker.open_for_now().is_err() {
                tokio::time::advance(SECOND / 10).await;
            }
            pauses.push(start.elapsed());
            fail(&breaker);
        }
        for (pause, longest) in pauses.iter().zip([1, 2, 4, 8, 16, 30, 30, 30, 30, 30]) {
            let longest = SECOND * longest;
            assert!(*pause >= longest / 2 && *pause <= longest + SECOND / 10, "{pause:?} of {longest:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_the_first_answer_lets_everybody_through() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        breaker.leave().unwrap();
        assert!(breaker.answered());
        assert!((0..100).all(|_| breaker.leave().is_ok()));
        (1..OUTAGE).for_each(|_| assert!(!fail(&breaker), "counting starts over"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_requests_from_before_an_outage_do_not_make_it_longer() {
        let breaker = Breaker::new(DEADLINE);
        let under_way: Vec<Leave> = (0..100).map(|_| breaker.leave().unwrap()).collect();
        let opened = under_way.into_iter().filter(|leave| breaker.failed(*leave, DOWN)).count();
        assert_eq!(opened, 1);
        tokio::time::advance(SECOND).await;
        assert!(breaker.leave().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_a_probe_that_is_cut_off_makes_room_for_the_next() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        breaker.leave().unwrap();
        tokio::time::advance(DEADLINE).await;
        assert_eq!(breaker.leave(), Err(DOWN));
        tokio::time::advance(SECOND).await;
        assert!(breaker.leave().is_ok());
    }
}
