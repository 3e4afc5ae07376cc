//! One environment's rate: a token bucket of our own, and the pause that a 429
//! imposes on everybody (`scalekit-api.md` §4.3, `docs/failures.md` rows 10–12).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The longest wait for a turn; nobody parks here for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The shortest and the longest pause a server can impose.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The ceiling of the pause after a 429 that names no delay.
const LONGEST_BACKOFF: f64 = 300.0;
/// After a bare 429 the rate climbs back by this part of the configured one
/// with each answer.
const RECOVERY: f64 = 0.05;
/// A bare 429 never brings the rate below this part of the configured one.
const LOWEST: f64 = 0.05;

/// Shared by all clients of one environment.
pub(super) struct Throttle {
    state: Mutex<State>,
    configured: f64,
    longest_wait: Duration,
}

struct State {
    /// Turns in stock; below zero when some have been promised ahead.
    turns: f64,
    /// When `turns` was true.
    at: Instant,
    /// Turns per second, at present.
    rate: f64,
    paused_until: Option<Instant>,
    /// Bare 429s since the last good answer.
    bare: i32,
}

impl Throttle {
    /// `rate` requests per second, bursts of as many. A call may spend no more
    /// than a quarter of its `deadline` on waiting for its turn.
    pub(super) fn new(rate: f64, deadline: Duration) -> Self {
        let state = State { turns: rate.max(1.0), at: Instant::now(), rate, paused_until: None, bare: 0 };
        Self { state: Mutex::new(state), configured: rate, longest_wait: LONGEST_WAIT.min(deadline / 4) }
    }

    /// Waits for its turn, first come first served. `Err`: not now, but in so
    /// long; no place was taken.
    pub(super) async fn turn(&self) -> Result<(), Duration> {
        let due = self.reserve()?;
        if let Some(due) = due {
            sleep_until(due).await;
            // A 429 may have come for somebody who was ahead.
            if let Some(left) = self.paused() {
                return Err(left);
            }
        }
        Ok(())
    }

    fn reserve(&self) -> Result<Option<Instant>, Duration> {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(left) = state.pause(now) {
            return Err(left);
        }
        state.refill(now);
        let wait = Duration::from_secs_f64(((1.0 - state.turns) / state.rate).max(0.0));
        if wait > self.longest_wait {
            return Err(wait);
        }
        state.turns -= 1.0;
        Ok((!wait.is_zero()).then(|| now + wait))
    }

    /// How much is left of a pause.
    pub(super) fn paused(&self) -> Option<Duration> {
        self.lock().pause(Instant::now())
    }

    /// A request was answered and not with a 429.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        // During a pause this is the answer to a request from before it.
        if state.pause(now).is_none() {
            state.refill(now);
            state.bare = 0;
            state.rate = (state.rate + self.configured * RECOVERY).min(self.configured);
        }
    }

    /// A request was answered with a 429 that told to wait `told`, if it told.
    /// Pauses the environment; returns for how long.
    pub(super) fn pushed_back(&self, told: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        state.refill(now);
        let delay = match (told, state.pause(now)) {
            (Some(told), _) => told.clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
            // One burst is one offence, however many of its requests come back.
            (None, Some(left)) => left,
            (None, None) => {
                state.rate = (state.rate / 2.0).max(self.configured * LOWEST);
                state.bare = state.bare.saturating_add(1);
                backoff(state.bare, fastrand::f64())
            }
        };
        // What was saved up must not go out in one burst afterwards.
        state.turns = state.turns.min(0.0);
        let until = state.paused_until.map_or(now + delay, |earlier| earlier.max(now + delay));
        state.paused_until = Some(until);
        until.duration_since(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refill(&mut self, now: Instant) {
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
        self.turns = (self.turns + gained).min(self.rate.max(1.0));
        self.at = now;
    }

    fn pause(&self, now: Instant) -> Option<Duration> {
        self.paused_until.map(|until| until.duration_since(now)).filter(|left| !left.is_zero())
    }
}

/// The pause after the `nth` bare 429: anything from one second to a ceiling
/// that doubles up to five minutes.
fn backoff(nth: i32, chance: f64) -> Duration {
    let ceiling = 2f64.powi(nth.clamp(1, 30)).min(LONGEST_BACKOFF);
    Duration::from_secs_f64(1.0 + chance * (ceiling - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    fn throttle(rate: f64) -> Throttle {
        Throttle::new(rate, 10 * SECOND)
    }

    /// How many turns are to be had at this instant.
    async fn burst(throttle: &Throttle) -> usize {
        let mut had = 0;
        while throttle.reserve() == Ok(None) {
            had += 1;
        }
        had
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_as_large_as_the_rate_and_at_least_one() {
        assert_eq!(burst(&throttle(10.0)).await, 10);
        assert_eq!(burst(&throttle(0.5)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_the_rate_and_in_order() {
        let throttle = Arc::new(throttle(10.0));
        let start = Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let (throttle, order) = (Arc::clone(&throttle), Arc::clone(&order));
                tokio::spawn(async move {
                    throttle.turn().await.unwrap();
                    order.lock().unwrap().push(n);
                })
            })
            .collect();
        futures::future::join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
        let took = start.elapsed();
        assert!(took >= 2 * SECOND && took < 2 * SECOND + SECOND / 10, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_too_long_is_told_so_and_takes_no_place() {
        let throttle = throttle(1.0);
        assert_eq!(throttle.turn().await, Ok(()));
        let places: Vec<_> = (0..4).map(|_| throttle.reserve().map(|due| due.is_some())).collect();
        assert_eq!(places[..2], [Ok(true), Ok(true)]);
        assert_eq!(places[2..], [Err(3 * SECOND), Err(3 * SECOND)]);
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_a_pause_stops_everybody_until_it_is_over() {
        let throttle = throttle(10.0);
        assert_eq!(throttle.pushed_back(Some(30 * SECOND)), 30 * SECOND);
        assert_eq!(throttle.turn().await, Err(30 * SECOND));
        tokio::time::advance(29 * SECOND).await;
        assert_eq!(throttle.turn().await, Err(SECOND));
        tokio::time::advance(SECOND).await;
        assert_eq!(throttle.turn().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_who_waits_for_a_turn_when_a_pause_begins_does_not_get_it() {
        let throttle = Arc::new(throttle(1.0));
        assert_eq!(throttle.turn().await, Ok(()));
        let waiting = tokio::spawn({
            let throttle = Arc::clone(&throttle);
            async move { throttle.turn().await }
        });
        tokio::task::yield_now().await;
        throttle.pushed_back(Some(30 * SECOND));
        assert!(waiting.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_a_told_pause_is_clamped_and_never_shortened() {
        let throttle = throttle(10.0);
        assert_eq!(throttle.pushed_back(Some(Duration::ZERO)), SECOND);
        assert_eq!(throttle.pushed_back(Some(Duration::from_secs(86_000))), LONGEST_PAUSE);
        assert_eq!(throttle.pushed_back(Some(SECOND)), LONGEST_PAUSE);
        assert_eq!(throttle.pushed_back(None), LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn row_012_a_bare_429_halves_the_rate_once_per_burst_and_answers_bring_it_back() {
        let throttle = throttle(10.0);
        let rate = || throttle.lock().rate;
        let pause = throttle.pushed_back(None);
        throttle.pushed_back(None);
        throttle.answered();
        assert_eq!((rate(), throttle.lock().bare), (5.0, 1));
        tokio::time::advance(pause).await;
        let pause = throttle.pushed_back(None);
        assert_eq!((rate(), throttle.lock().bare), (2.5, 2));
        tokio::time::advance(pause).await;
        throttle.answered();
        assert_eq!((rate(), throttle.lock().bare), (3.0, 0));
        for _ in 0..100 {
            throttle.answered();
        }
        assert_eq!(rate(), 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_with_a_delay_leaves_the_rate_alone() {
        let throttle = throttle(10.0);
        throttle.pushed_back(Some(SECOND));
        assert_eq!(throttle.lock().rate, 10.0);
    }

    proptest! {
        #[test]
        fn row_012_a_backoff_lasts_one_second_to_five_minutes(nth: i32, chance in 0.0f64..1.0) {
            let pause = backoff(nth, chance);
            prop_assert!(pause >= SECOND && pause <= Duration::from_secs(300));
        }
    }
}
