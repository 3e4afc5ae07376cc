//! A token bucket, and the pause that a 429 imposes on all clients that share it
//! (`scalekit-api.md` §4.3, `docs/failures.md` rows 10–12).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The shortest and the longest pause that a hint can impose.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest pause after a 429 without a hint, in seconds.
const LONGEST_BACKOFF: f64 = 300.0;
/// How much of the configured rate each response restores after a 429 without a hint.
const RECOVERY: f64 = 0.05;
/// The least part of the configured rate that a 429 without a hint leaves.
const LOWEST: f64 = 0.05;

/// Shared by all clients of one host and port, or by those that have never got a token.
pub(super) struct RateLimiter {
    state: Mutex<State>,
    configured: f64,
    longest_wait: Duration,
}

struct State {
    /// The tokens at `refilled_at`; below zero while requests wait for tokens.
    tokens: f64,
    refilled_at: Instant,
    /// The current number of tokens per second.
    rate: f64,
    paused_until: Option<Instant>,
    /// The number of 429s without a hint since the last other response.
    without_hint: i32,
}

impl RateLimiter {
    /// A limiter of `rate` requests per second, with a burst of as many. A request waits for its token for at
    /// most a quarter of its `deadline`.
    pub(super) fn new(rate: f64, deadline: Duration) -> Self {
        let tokens = rate.max(1.0);
        let state = State { tokens, refilled_at: Instant::now(), rate, paused_until: None, without_hint: 0 };
        Self { state: Mutex::new(state), configured: rate, longest_wait: LONGEST_WAIT.min(deadline / 4) }
    }

    /// Waits for a token, first come, first served. `Err`: the wait would be too long, or there is a pause;
    /// no token was taken, and this is the time to wait before the next try.
    pub(super) async fn acquire(&self) -> Result<(), Duration> {
        if let Some(due) = self.reserve()? {
            sleep_until(due).await;
            // A 429 to another request may have come in the meantime.
            if let Some(left) = self.remaining_pause() {
                return Err(left);
            }
        }
        Ok(())
    }

    fn reserve(&self) -> Result<Option<Instant>, Duration> {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(left) = state.remaining_pause(now) {
            return Err(left);
        }
        state.refill(now);
        let wait = Duration::from_secs_f64(((1.0 - state.tokens) / state.rate).max(0.0));
        if wait > self.longest_wait {
            return Err(wait);
        }
        state.tokens -= 1.0;
        Ok((!wait.is_zero()).then(|| now + wait))
    }

    /// The rest of the pause after a 429.
    pub(super) fn remaining_pause(&self) -> Option<Duration> {
        self.lock().remaining_pause(Instant::now())
    }

    /// Records a response that is neither a 429 nor a server error.
    pub(super) fn on_response(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        // During a pause this is the response to a request that was sent before it.
        if state.remaining_pause(now).is_none() {
            state.refill(now);
            state.without_hint = 0;
            state.rate = (state.rate + self.configured * RECOVERY).min(self.configured);
        }
    }

    /// Records a 429 with this hint. Pauses the environment; returns for how long.
    pub(super) fn on_rate_limited(&self, hint: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        state.refill(now);
        let delay = match (hint, state.remaining_pause(now)) {
            (Some(_), _) => pause(hint, 0),
            // all 429s of one burst count as one
            (None, Some(left)) => left,
            (None, None) => {
                state.rate = (state.rate / 2.0).max(self.configured * LOWEST);
                state.without_hint = state.without_hint.saturating_add(1);
                pause(None, state.without_hint)
            }
        };
        // no burst after the pause
        state.tokens = state.tokens.min(0.0);
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
        let gained = now.duration_since(self.refilled_at).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min(self.rate.max(1.0));
        self.refilled_at = now;
    }

    fn remaining_pause(&self, now: Instant) -> Option<Duration> {
        self.paused_until.map(|until| until.duration_since(now)).filter(|left| !left.is_zero())
    }
}

/// The pause after a 429 that asks to wait for `hint`, or which is the `nth` in a row without one.
pub(super) fn pause(hint: Option<Duration>, nth: i32) -> Duration {
    hint.map_or_else(|| backoff(nth, fastrand::f64()), |hint| hint.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

/// Anything from one second to a ceiling that doubles up to five minutes.
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

    fn rate_limiter(rate: f64) -> RateLimiter {
        RateLimiter::new(rate, 10 * SECOND)
    }

    /// How many tokens are to be had at this instant.
    async fn burst(rate_limiter: &RateLimiter) -> usize {
        let mut had = 0;
        while rate_limiter.reserve() == Ok(None) {
            had += 1;
        }
        had
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_as_large_as_the_rate_and_at_least_one() {
        assert_eq!(burst(&rate_limiter(10.0)).await, 10);
        assert_eq!(burst(&rate_limiter(0.5)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_at_the_rate_and_in_order() {
        let rate_limiter = Arc::new(rate_limiter(10.0));
        let start = Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let (rate_limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
                tokio::spawn(async move {
                    rate_limiter.acquire().await.unwrap();
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
    async fn who_would_wait_too_long_is_refused_and_takes_no_token() {
        let rate_limiter = rate_limiter(1.0);
        assert_eq!(rate_limiter.acquire().await, Ok(()));
        let places: Vec<_> = (0..4).map(|_| rate_limiter.reserve().map(|due| due.is_some())).collect();
        assert_eq!(places[..2], [Ok(true), Ok(true)]);
        assert_eq!(places[2..], [Err(3 * SECOND), Err(3 * SECOND)]);
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_a_pause_stops_everybody_until_it_is_over() {
        let rate_limiter = rate_limiter(10.0);
        assert_eq!(rate_limiter.on_rate_limited(Some(30 * SECOND)), 30 * SECOND);
        assert_eq!(rate_limiter.acquire().await, Err(30 * SECOND));
        tokio::time::advance(29 * SECOND).await;
        assert_eq!(rate_limiter.acquire().await, Err(SECOND));
        tokio::time::advance(SECOND).await;
        assert_eq!(rate_limiter.acquire().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_who_waits_for_a_token_when_a_pause_begins_does_not_get_it() {
        let rate_limiter = Arc::new(rate_limiter(1.0));
        assert_eq!(rate_limiter.acquire().await, Ok(()));
        let waiting = tokio::spawn({
            let rate_limiter = Arc::clone(&rate_limiter);
            async move { rate_limiter.acquire().await }
        });
        tokio::task::yield_now().await;
        rate_limiter.on_rate_limited(Some(30 * SECOND));
        assert!(waiting.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_a_pause_from_a_hint_is_clamped_and_never_shortened() {
        let rate_limiter = rate_limiter(10.0);
        assert_eq!(rate_limiter.on_rate_limited(Some(Duration::ZERO)), SECOND);
        assert_eq!(rate_limiter.on_rate_limited(Some(Duration::from_secs(86_000))), LONGEST_PAUSE);
        assert_eq!(rate_limiter.on_rate_limited(Some(SECOND)), LONGEST_PAUSE);
        assert_eq!(rate_limiter.on_rate_limited(None), LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn row_012_a_429_without_a_hint_halves_the_rate_once_per_burst_and_responses_restore_it() {
        let rate_limiter = rate_limiter(10.0);
        let rate = || rate_limiter.lock().rate;
        let pause = rate_limiter.on_rate_limited(None);
        rate_limiter.on_rate_limited(None);
        rate_limiter.on_response();
        assert_eq!((rate(), rate_limiter.lock().without_hint), (5.0, 1));
        tokio::time::advance(pause).await;
        let pause = rate_limiter.on_rate_limited(None);
        assert_eq!((rate(), rate_limiter.lock().without_hint), (2.5, 2));
        tokio::time::advance(pause).await;
        rate_limiter.on_response();
        assert_eq!((rate(), rate_limiter.lock().without_hint), (3.0, 0));
        for _ in 0..100 {
            rate_limiter.on_response();
        }
        assert_eq!(rate(), 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_with_a_delay_leaves_the_rate_alone() {
        let rate_limiter = rate_limiter(10.0);
        rate_limiter.on_rate_limited(Some(SECOND));
        assert_eq!(rate_limiter.lock().rate, 10.0);
    }

    proptest! {
        #[test]
        fn row_012_a_backoff_lasts_one_second_to_five_minutes(nth: i32, chance in 0.0f64..1.0) {
            let pause = backoff(nth, chance);
            prop_assert!(pause >= SECOND && pause <= Duration::from_secs(300));
        }
    }
}
