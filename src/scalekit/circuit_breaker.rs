//! The circuit breaker of one host and port: while it is down, ten thousand
//! resources must not keep sending requests, or it stays down
//! (`docs/development/failures.md` row 15). A client that never had a token has one of its own.
//!
//! - Closed: every request is sent. Failures in a row, of whatever requests,
//!   open it.
//! - Open: no request is sent until a pause is over.
//! - Half-open: one request is sent, as a probe. If it fails, the breaker opens
//!   again for twice the pause.
//!
//! The first response of any kind closes it. A refusal (4xx) is a response; a
//! 429 has a pause of its own in `rate_limiter`.

use crate::reconcile::ErrorKind;
use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// So many failures in a row open the breaker.
const FAILURE_THRESHOLD: u32 = 5;
/// The shortest and the longest pause between probes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct CircuitBreaker {
    state: Mutex<State>,
    deadline: Duration,
}

/// `cause` is the last failure, and the error of requests that are not sent.
enum State {
    Closed {
        /// Failures since the last response.
        failures: u32,
    },
    Open {
        cause: ErrorKind,
        pause: Duration,
        until: Instant,
    },
    HalfOpen {
        cause: ErrorKind,
        pause: Duration,
        /// When the probe counts as lost, and another one may be sent.
        until: Instant,
        probe: Permit,
    },
}

/// What a breaker does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

/// Permission to send one request, identified by its time: no other request is permitted at the same
/// instant as a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permit(Instant);

impl CircuitBreaker {
    /// `deadline`: the longest time that a request takes. After it a probe counts as lost if its outcome
    /// was not reported, since its reconcile was cancelled.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { state: Mutex::new(State::CLOSED), deadline }
    }

    /// Whether [`Self::try_acquire`] would succeed now. Starts no probe, so it may be called before
    /// waiting for the rate limiter.
    pub(super) fn check_permitted(&self) -> Result<(), ErrorKind> {
        self.lock().check_permitted(Instant::now())
    }

    /// Returns permission to send one request, or the failure that opened the breaker.
    pub(super) fn try_acquire(&self) -> Result<Permit, ErrorKind> {
        let now = Instant::now();
        let permit = Permit(now);
        let mut state = self.lock();
        state.check_permitted(now)?;
        if let State::Open { cause, pause, .. } | State::HalfOpen { cause, pause, .. } = *state {
            *state = State::HalfOpen { cause, pause, until: now + self.deadline + pause, probe: permit };
        }
        Ok(permit)
    }

    /// Records a response; returns whether it closed the breaker.
    pub(super) fn on_response(&self) -> bool {
        !matches!(mem::replace(&mut *self.lock(), State::CLOSED), State::Closed { .. })
    }

    /// Records a failure of the request that `permit` allowed; returns whether it opened the breaker.
    pub(super) fn on_failure(&self, permit: Permit, cause: ErrorKind) -> bool {
        let mut state = self.lock();
        match &mut *state {
            State::Closed { failures } if *failures + 1 < FAILURE_THRESHOLD => *failures += 1,
            State::Closed { .. } => {
                *state = State::open(cause, FIRST_PAUSE);
                return true;
            }
            State::HalfOpen { pause, probe, .. } if *probe == permit => {
                *state = State::open(cause, (*pause * 2).min(LONGEST_PAUSE));
            }
            // A request that was sent before the breaker opened does not make the pause longer.
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
        false
    }

    pub(super) fn state(&self) -> BreakerState {
        match *self.lock() {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// While the breaker is open, the time until the next probe.
    pub(super) fn probe_after(&self) -> Option<Duration> {
        match *self.lock() {
            State::Open { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const CLOSED: Self = Self::Closed { failures: 0 };

    fn open(cause: ErrorKind, pause: Duration) -> Self {
        // jitter, so that several operators do not probe at the same time
        Self::Open { cause, pause, until: Instant::now() + pause.mul_f64(0.5 + 0.5 * fastrand::f64()) }
    }

    fn check_permitted(&self, now: Instant) -> Result<(), ErrorKind> {
        match *self {
            Self::Open { cause, until, .. } | Self::HalfOpen { cause, until, .. } if now < until => Err(cause),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DEADLINE: Duration = Duration::from_secs(10);
    const DOWN: ErrorKind = ErrorKind::Unavailable;

    fn fail(breaker: &CircuitBreaker) -> bool {
        breaker.on_failure(breaker.try_acquire().unwrap(), DOWN)
    }

    /// A breaker in an outage that just began.
    fn broken() -> CircuitBreaker {
        let breaker = CircuitBreaker::new(DEADLINE);
        assert_eq!((0..FAILURE_THRESHOLD).map(|_| fail(&breaker)).filter(|opened| *opened).count(), 1);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_after_four_failures_in_a_row_every_request_is_sent() {
        let breaker = CircuitBreaker::new(DEADLINE);
        for _ in 0..100 {
            (1..FAILURE_THRESHOLD).for_each(|_| assert!(!fail(&breaker)));
            assert!(breaker.try_acquire().is_ok());
            assert!(!breaker.on_response());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_an_outage_lets_one_probe_through_at_a_time() {
        let breaker = broken();
        assert_eq!((breaker.check_permitted(), breaker.try_acquire()), (Err(DOWN), Err(DOWN)));
        tokio::time::advance(SECOND).await;
        assert_eq!(breaker.check_permitted(), Ok(()));
        let probe = breaker.try_acquire().unwrap();
        assert_eq!((breaker.check_permitted(), breaker.try_acquire()), (Err(DOWN), Err(DOWN)), "it is under way");
        breaker.on_failure(probe, ErrorKind::TimedOut);
        assert_eq!(breaker.try_acquire(), Err(ErrorKind::TimedOut), "the latest failure is the one to tell");
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_the_pauses_between_probes_grow_to_half_a_minute() {
        let breaker = broken();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            while breaker.check_permitted().is_err() {
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
    async fn row_015_the_first_response_closes_the_breaker() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        breaker.try_acquire().unwrap();
        assert!(breaker.on_response());
        assert!((0..100).all(|_| breaker.try_acquire().is_ok()));
        (1..FAILURE_THRESHOLD).for_each(|_| assert!(!fail(&breaker), "counting starts over"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_requests_from_before_an_outage_do_not_make_it_longer() {
        let breaker = CircuitBreaker::new(DEADLINE);
        let under_way: Vec<Permit> = (0..100).map(|_| breaker.try_acquire().unwrap()).collect();
        let opened = under_way.into_iter().filter(|permit| breaker.on_failure(*permit, DOWN)).count();
        assert_eq!(opened, 1);
        tokio::time::advance(SECOND).await;
        assert!(breaker.try_acquire().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_a_probe_that_is_cut_off_makes_room_for_the_next() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        breaker.try_acquire().unwrap();
        tokio::time::advance(DEADLINE).await;
        assert_eq!(breaker.try_acquire(), Err(DOWN));
        tokio::time::advance(SECOND).await;
        assert!(breaker.try_acquire().is_ok());
    }
}
