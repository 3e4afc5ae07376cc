//! The circuit breaker of one client: while its environment is down, ten thousand resources must not
//! keep sending requests, or it stays down (`docs/development/failures.md` row 15). Each client has its own, so that
//! the trouble of one holds nobody else back.
//!
//! Five failures in a row open it. From then on one request at a time is sent, as a probe, with growing
//! pauses; the first response of any kind closes it. There are two rows of probes: one for the
//! organizations that have failed since the last response, and one for the others, which goes on only
//! where five of them have. So an organization for which Scalekit always fails holds back itself and no
//! other: the next request for another one is sent, and its response closes the breaker.
//!
//! Of the other clients of the host ([`super::neighbours`]) it takes two hints. While two of them are down and
//! nobody is answered, one failure is enough. And when one that was down is answered, the next probe is
//! due at once.
//!
//! A refusal (4xx) is a response; a 429 has a pause of its own in `rate_limiter`.

use super::neighbours::Hints;
use crate::reconcile::ErrorKind;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// So many failures in a row open the breaker.
const FAILURE_THRESHOLD: usize = 5;
/// Of so many organizations it is known that they have failed.
const MOST_FAILED: usize = 64;
/// The shortest and the longest pause between probes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a request is about: an organization, the list or the token, as a hash.
pub(super) type Subject = u64;

pub(super) struct CircuitBreaker {
    state: Mutex<State>,
    deadline: Duration,
}

/// What is known since the last response.
#[derive(Default)]
struct State {
    /// Failures in a row.
    failures: usize,
    /// What they were about, each once.
    failed: VecDeque<Subject>,
    /// The last failure, and the error of requests that are not sent.
    last: Option<(ErrorKind, Instant)>,
    /// So many are an outage; `None`: it is closed.
    opened_at: Option<usize>,
    /// Probes of what has failed, and of what has not.
    known: Probes,
    fresh: Probes,
}

#[derive(Default)]
struct Probes {
    pause: Duration,
    /// When the next probe is due; while one is under way, when that counts as lost.
    due: Option<Instant>,
    under_way: Option<Permit>,
}

/// Permission to send one request, identified by its time: no other request is permitted at the same
/// instant as a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permit(Instant);

impl CircuitBreaker {
    /// `deadline`: the longest time that a request takes. After it a probe counts as lost if its outcome
    /// was not reported, since its reconcile was cancelled.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { state: Mutex::default(), deadline }
    }

    /// Whether [`Self::try_acquire`] would succeed now. Starts no probe, so it may be called before
    /// waiting for the rate limiter.
    pub(super) fn check_permitted(&self, about: Subject, hints: Hints) -> Result<(), ErrorKind> {
        self.lock().check_permitted(about, hints, Instant::now())
    }

    /// Returns permission to send one request, or the failure that opened the breaker.
    pub(super) fn try_acquire(&self, about: Subject, hints: Hints) -> Result<Permit, ErrorKind> {
        let now = Instant::now();
        let mut state = self.lock();
        state.check_permitted(about, hints, now)?;
        if let Some(probes) = state.probes(about) {
            (probes.under_way, probes.due) = (Some(Permit(now)), Some(now + self.deadline + probes.pause));
        }
        Ok(Permit(now))
    }

    /// Records a response; returns whether it closed the breaker.
    pub(super) fn on_response(&self) -> bool {
        std::mem::take(&mut *self.lock()).opened_at.is_some()
    }

    /// Records a failure of the request that `permit` allowed; returns whether it opened the breaker.
    pub(super) fn on_failure(&self, permit: Permit, about: Subject, cause: ErrorKind, hints: Hints) -> bool {
        self.lock().on_failure(permit, about, cause, hints, Instant::now())
    }

    /// Whether a probe is under way.
    pub(super) fn is_probing(&self) -> bool {
        let state = self.lock();
        state.opened_at.is_some() && [&state.known, &state.fresh].iter().any(|probes| probes.under_way.is_some())
    }

    /// Whether it holds requests back.
    pub(super) fn is_open(&self) -> bool {
        self.lock().opened_at.is_some()
    }

    /// While the breaker is open, the time until the next probe of what has failed.
    pub(super) fn probe_after(&self) -> Option<Duration> {
        let state = self.lock();
        let due = state.known.due.filter(|_| state.known.under_way.is_none())?;
        state.opened_at.map(|_| due.saturating_duration_since(Instant::now()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_permitted(&mut self, about: Subject, hints: Hints, now: Instant) -> Result<(), ErrorKind> {
        let Some((cause, at)) = self.last else { return Ok(()) };
        let over = hints.answered.is_some_and(|answered| answered > at);
        match self.probes(about) {
            Some(probes) if (probes.under_way.is_some() || !over) && probes.due.is_some_and(|due| now < due) => {
                Err(cause)
            }
            _ => Ok(()),
        }
    }

    /// The probes among which a request about this is one; `None`: it is sent in any case.
    fn probes(&mut self, about: Subject) -> Option<&mut Probes> {
        let enough = self.opened_at?;
        if self.failed.contains(&about) {
            return Some(&mut self.known);
        }
        (self.failed.len() >= enough).then_some(&mut self.fresh)
    }

    fn on_failure(&mut self, permit: Permit, about: Subject, cause: ErrorKind, hints: Hints, now: Instant) -> bool {
        self.last = Some((cause, now));
        self.failures += 1;
        if !self.failed.contains(&about) {
            self.failed.push_back(about);
            self.failed.truncate(MOST_FAILED);
        }
        let enough = if hints.others_down { 1 } else { FAILURE_THRESHOLD };
        if self.opened_at.is_none() && self.failures >= enough {
            self.opened_at = Some(enough);
            self.known.fail(now);
            return true;
        }
        // A request that was sent before the breaker opened does not make the pause longer.
        for probes in [&mut self.known, &mut self.fresh] {
            if probes.under_way == Some(permit) {
                probes.fail(now);
            }
        }
        false
    }
}

impl Probes {
    fn fail(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        // jitter, so that several operators do not probe at the same time
        self.due = Some(now + self.pause.mul_f64(0.5 + 0.5 * fastrand::f64()));
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::neighbours::Neighbours, *};

    const SECOND: Duration = Duration::from_secs(1);
    const DEADLINE: Duration = Duration::from_secs(10);
    const DOWN: ErrorKind = ErrorKind::Unavailable;

    const ALONE: Hints = Hints { others_down: false, answered: None };

    fn check(breaker: &CircuitBreaker, about: Subject) -> Result<(), ErrorKind> {
        breaker.check_permitted(about, ALONE)
    }

    fn acquire(breaker: &CircuitBreaker, about: Subject) -> Result<Permit, ErrorKind> {
        breaker.try_acquire(about, ALONE)
    }

    fn fail_about(breaker: &CircuitBreaker, about: Subject) -> bool {
        breaker.on_failure(acquire(breaker, about).unwrap(), about, DOWN, ALONE)
    }

    fn fail(breaker: &CircuitBreaker) -> bool {
        fail_about(breaker, 1)
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
            assert!(acquire(&breaker, 1).is_ok());
            assert!(!breaker.on_response());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_an_outage_lets_one_probe_through_at_a_time() {
        let breaker = broken();
        assert_eq!((check(&breaker, 1), acquire(&breaker, 1)), (Err(DOWN), Err(DOWN)));
        tokio::time::advance(SECOND).await;
        assert_eq!(check(&breaker, 1), Ok(()));
        let probe = acquire(&breaker, 1).unwrap();
        assert_eq!((check(&breaker, 1), acquire(&breaker, 1)), (Err(DOWN), Err(DOWN)), "it is under way");
        breaker.on_failure(probe, 1, ErrorKind::TimedOut, ALONE);
        assert_eq!(acquire(&breaker, 1), Err(ErrorKind::TimedOut), "the latest failure is the one to tell");
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_the_pauses_between_probes_grow_to_ten_seconds() {
        let breaker = broken();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            while check(&breaker, 1).is_err() {
                tokio::time::advance(SECOND / 10).await;
            }
            pauses.push(start.elapsed());
            fail(&breaker);
        }
        for (pause, longest) in pauses.iter().zip([1, 2, 4, 8, 10, 10, 10, 10, 10, 10]) {
            let longest = SECOND * longest;
            assert!(*pause >= longest / 2 && *pause <= longest + SECOND / 10, "{pause:?} of {longest:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_the_first_response_closes_the_breaker() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        acquire(&breaker, 1).unwrap();
        assert!(breaker.on_response());
        assert!((0..100).all(|_| acquire(&breaker, 1).is_ok()));
        (1..FAILURE_THRESHOLD).for_each(|_| assert!(!fail(&breaker), "counting starts over"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_requests_from_before_an_outage_do_not_make_it_longer() {
        let breaker = CircuitBreaker::new(DEADLINE);
        let under_way: Vec<Permit> = (0..100).map(|_| acquire(&breaker, 1).unwrap()).collect();
        let opened = under_way.into_iter().filter(|permit| breaker.on_failure(*permit, 1, DOWN, ALONE)).count();
        assert_eq!(opened, 1);
        tokio::time::advance(SECOND).await;
        assert!(acquire(&breaker, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_a_probe_that_is_cut_off_makes_room_for_the_next() {
        let breaker = broken();
        tokio::time::advance(SECOND).await;
        acquire(&breaker, 1).unwrap();
        tokio::time::advance(DEADLINE).await;
        assert_eq!(acquire(&breaker, 1), Err(DOWN));
        tokio::time::advance(SECOND).await;
        assert!(acquire(&breaker, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_an_organization_that_always_fails_holds_back_itself_and_no_other() {
        let breaker = broken();
        assert_eq!(acquire(&breaker, 1), Err(DOWN));
        for other in 2..=FAILURE_THRESHOLD as u64 {
            fail_about(&breaker, other);
        }
        let five_more = (10..15).map(|other| acquire(&breaker, other).is_ok());
        assert_eq!(five_more.collect::<Vec<_>>(), [true, false, false, false, false], "five have failed: a probe");
        assert!(breaker.on_response(), "it is answered");
        assert!((10..15).chain([1]).all(|other| acquire(&breaker, other).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_an_outage_of_ten_thousand_organizations_costs_few_requests() {
        let breaker = CircuitBreaker::new(DEADLINE);
        let (start, mut sent, mut asked) = (Instant::now(), 0, 0);
        while start.elapsed() < SECOND * 600 {
            asked += 1;
            if let Ok(permit) = acquire(&breaker, asked % 10_000) {
                breaker.on_failure(permit, asked % 10_000, DOWN, ALONE);
                sent += 1;
            }
            tokio::time::advance(SECOND / 20).await;
        }
        assert!(sent < 200, "{sent} of {asked}");
    }

    #[tokio::test(start_paused = true)]
    async fn row_015_where_two_other_clients_are_down_one_failure_is_enough_until_one_is_answered() {
        let neighbours = Neighbours::default();
        let fails = |client: u64, breaker: &CircuitBreaker| {
            let hints = neighbours.hints(client);
            let permit = breaker.try_acquire(client, hints)?;
            breaker.on_failure(permit, client, DOWN, hints);
            if breaker.is_open() {
                neighbours.is_down(client);
            }
            Ok::<(), ErrorKind>(())
        };
        let breakers: Vec<_> = (0..4).map(|_| CircuitBreaker::new(DEADLINE)).collect();
        let sent: Vec<usize> = (0..4)
            .map(|client| (0..20).filter(|_| fails(client, &breakers[client as usize]).is_ok()).count())
            .collect();
        assert_eq!((sent, neighbours.are_down(4)), (vec![5, 5, 1, 1], true));
        tokio::time::advance(SECOND / 10).await;
        neighbours.is_answered(breakers[3].on_response());
        assert!(!neighbours.are_down(4));
        assert_eq!((0..20).filter(|_| fails(0, &breakers[0]).is_ok()).count(), 1, "its next probe is due at once");
        assert_eq!((0..20).filter(|_| fails(3, &breakers[3]).is_ok()).count(), 5);
    }
}
