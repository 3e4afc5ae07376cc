//! The bearer token of one set of credentials: one caller fetches it for all,
//! it is renewed before it expires, and after a refusal it is not requested
//! again and again (`scalekit-api.md` §1.3–1.5, `docs/failures.md` rows 1–4).

use super::pace::pause;
use crate::reconcile::{ErrorKind, RemoteError};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// How long a client whose credentials or tokens were refused sends nothing.
const LOCKOUT: Duration = Duration::from_secs(5 * 60);
/// When to try again after the renewal of a token that is still good failed, or
/// after an answer without a token.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Grant {
    pub(super) value: SecretString,
    /// Clamped to what is plausible.
    pub(super) lifetime: Duration,
}

/// A token to send. Each one that a client fetches has the next number.
#[derive(Clone)]
pub(super) struct Token {
    value: SecretString,
    number: u64,
}

impl Token {
    pub(super) fn value(&self) -> &str {
        self.value.expose_secret()
    }
}

pub(super) struct Tokens {
    /// Which client, among those of this process.
    pub(super) number: u64,
    state: Mutex<State>,
    /// Fetches that have ended, successful or not.
    ended: AtomicU64,
    /// Since a lockout no token has been accepted, so the next 401 locks out again
    /// without a second try.
    probation: AtomicBool,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The last fetch that was no outage brought a token.
    proven: bool,
    failure: Option<RemoteError>,
    /// Until then nothing is sent, and every request fails with this error.
    lockout: Option<(Instant, RemoteError)>,
    issued: u64,
    /// Fetches in a row that were answered with a 429.
    limited: i32,
}

struct Held {
    token: Token,
    renew_at: Instant,
    ends_at: Instant,
}

impl Tokens {
    pub(super) fn new(number: u64) -> Self {
        Self { number, state: Mutex::default(), ended: AtomicU64::new(0), probation: AtomicBool::new(false) }
    }

    /// The token to use now. Of all callers that find none, one runs its
    /// `fetch`; the others get its result, even if that is an error. The argument of
    /// `fetch` says whether the credentials are proven: the token endpoint has
    /// accepted them, and has not refused them since.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce(bool) -> F) -> Result<Token, RemoteError>
    where
        F: Future<Output = Result<Grant, RemoteError>>,
    {
        let ended = self.ended.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some((until, error)) = &state.lockout {
            if now < *until {
                return Err(match error.kind {
                    ErrorKind::RateLimited { .. } => {
                        RemoteError::not_sent(ErrorKind::RateLimited { retry_after: *until - now })
                    }
                    _ => RemoteError { probe_after: Some(*until - now), ..error.clone() },
                });
            }
            state.lockout = None;
        }
        if let Some(held) = &state.held
            && now < held.renew_at
        {
            return Ok(held.token.clone());
        }
        if let Some(error) = &state.failure
            && self.ended.load(Ordering::Acquire) != ended
        {
            return Err(error.clone()); // from a fetch that ended while we waited
        }
        let grant = fetch(state.proven).await;
        self.ended.fetch_add(1, Ordering::AcqRel);
        state.keep(grant, Instant::now())
    }

    /// A request with `token` was answered with a 401. Drops this token, not one
    /// that was fetched since. `Err`: it was the `last` try, and the client is
    /// locked out.
    pub(super) async fn refused(&self, token: &Token, last: bool, error: RemoteError) -> Result<(), RemoteError> {
        let mut state = self.state.lock().await;
        if state.held.as_ref().is_some_and(|held| held.token.number == token.number) {
            state.held = None;
        }
        if !last && !self.probation.load(Ordering::Acquire) {
            return Ok(());
        }
        self.probation.store(true, Ordering::Release);
        state.lock_out(LOCKOUT, error.clone());
        Err(error)
    }

    /// Whether something has to be waited out before the next request.
    pub(super) fn must_wait(&self) -> bool {
        let Ok(state) = self.state.try_lock() else { return true };
        state.lockout.as_ref().is_some_and(|(until, _)| Instant::now() < *until)
    }

    /// A request with a token was answered with something else than a 401.
    pub(super) fn accepted(&self) {
        self.probation.store(false, Ordering::Release);
    }
}

impl State {
    fn keep(&mut self, grant: Result<Grant, RemoteError>, now: Instant) -> Result<Token, RemoteError> {
        match grant {
            Ok(Grant { value, lifetime }) => {
                self.issued += 1;
                let token = Token { value, number: self.issued };
                let (renew_at, ends_at) = (now + lifetime.mul_f64(0.8), now + lifetime);
                self.held = Some(Held { token: token.clone(), renew_at, ends_at });
                (self.failure, self.proven, self.limited) = (None, true, 0);
                Ok(token)
            }
            Err(error) if error.kind == ErrorKind::CredentialsRejected => {
                (self.held, self.proven) = (None, false);
                self.lock_out(LOCKOUT, error.clone());
                Err(error)
            }
            Err(mut error) => {
                let mut wait = RENEWAL_PAUSE;
                let answered = match &mut error.kind {
                    ErrorKind::RateLimited { retry_after } if !error.not_sent => {
                        self.limited = self.limited.saturating_add(1);
                        *retry_after = pause(Some(*retry_after).filter(|hint| !hint.is_zero()), self.limited);
                        wait = *retry_after;
                        true
                    }
                    // so may credentials be refused, and each resource would try them again
                    kind => *kind == ErrorKind::BadAuthResponse,
                };
                if answered {
                    error.probe_after = Some(wait); // when a retry makes sense, not when a backoff has grown
                }
                self.failure = Some(error.clone());
                // The token endpoint fails; the old token may still be good.
                match &mut self.held {
                    Some(held) if now < held.ends_at => {
                        held.renew_at = held.ends_at.min(now + wait);
                        return Ok(held.token.clone());
                    }
                    _ if answered => self.lock_out(wait, error.clone()),
                    _ => {}
                }
                Err(error)
            }
        }
    }

    fn lock_out(&mut self, wait: Duration, error: RemoteError) {
        self.failure = Some(error.clone());
        self.lockout = Some((Instant::now() + wait, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    /// Tokens, and how often the endpoint was asked.
    #[derive(Clone)]
    struct Bench {
        tokens: Arc<Tokens>,
        asked: Arc<AtomicU64>,
    }

    impl Default for Bench {
        fn default() -> Self {
            Self { tokens: Arc::new(Tokens::new(0)), asked: Arc::default() }
        }
    }

    impl Bench {
        async fn get(&self, response: Result<u64, ErrorKind>) -> Result<String, ErrorKind> {
            self.token(response).await.map(|token| token.value().to_owned())
        }

        async fn token(&self, response: Result<u64, ErrorKind>) -> Result<Token, ErrorKind> {
            let fetch = async {
                let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                let grant = |s| Grant { value: SecretString::from(format!("t{n}")), lifetime: Duration::from_secs(s) };
                response.map(grant).map_err(RemoteError::new)
            };
            self.tokens.get(|_| fetch).await.map_err(|error| error.kind)
        }

        async fn refuse(&self, token: &Token, last: bool) -> bool {
            self.tokens.refused(token, last, RemoteError::new(ErrorKind::AuthFailed)).await.is_err()
        }

        fn asked(&self) -> u64 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_001_a_hundred_callers_fetch_one_token() {
        let bench = Bench::default();
        let all = futures::future::join_all((0..100).map(|_| bench.get(Ok(1000)))).await;
        assert!(all.iter().all(|token| token.as_deref() == Ok("t1")));
        assert_eq!(bench.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_callers_share_one_failure_and_the_next_one_tries_again() {
        let bench = Bench::default();
        let all = futures::future::join_all((0..100).map(|_| bench.get(Err(ErrorKind::Unavailable)))).await;
        assert!(all.iter().all(|token| *token == Err(ErrorKind::Unavailable)));
        assert_eq!(bench.asked(), 1);
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_leaves_the_fetch_to_the_next() {
        let bench = Bench::default();
        let first = tokio::time::timeout(Duration::from_millis(10), bench.get(Ok(1000)));
        let (first, second) = tokio::join!(first, bench.get(Ok(1000)));
        assert!(first.is_err());
        assert_eq!(second.as_deref(), Ok("t2"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_004_a_token_is_renewed_at_four_fifths_of_its_life() {
        let bench = Bench::default();
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
        tokio::time::advance(799 * SECOND).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
        tokio::time::advance(SECOND).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_token_endpoint_does_not_cost_a_token_that_is_still_good() {
        let bench = Bench::default();
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
        tokio::time::advance(800 * SECOND).await;
        assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await.as_deref(), Ok("t1"));
        assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await.as_deref(), Ok("t1"));
        assert_eq!(bench.asked(), 2);
        tokio::time::advance(200 * SECOND).await;
        assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await, Err(ErrorKind::Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn row_003_rejected_credentials_are_tried_once_in_five_minutes() {
        let bench = Bench::default();
        for _ in 0..3 {
            assert_eq!(bench.get(Err(ErrorKind::CredentialsRejected)).await, Err(ErrorKind::CredentialsRejected));
        }
        assert_eq!(bench.asked(), 1);
        tokio::time::advance(LOCKOUT).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_001_only_the_refused_token_is_forgotten() {
        let bench = Bench::default();
        let old = bench.token(Ok(1000)).await.ok().unwrap();
        assert!(!bench.refuse(&old, false).await);
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
        assert!(!bench.refuse(&old, false).await);
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
        assert_eq!(bench.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn row_002_a_second_refusal_silences_the_client_and_then_allows_one_try_at_a_time() {
        let bench = Bench::default();
        let token = bench.token(Ok(1000)).await.ok().unwrap();
        assert!(bench.refuse(&token, true).await);
        assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::AuthFailed));
        tokio::time::advance(LOCKOUT).await;
        let token = bench.token(Ok(1000)).await.ok().unwrap();
        assert!(bench.refuse(&token, false).await);
        assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::AuthFailed));
        assert_eq!(bench.asked(), 2);
        tokio::time::advance(LOCKOUT).await;
        let token = bench.token(Ok(1000)).await.ok().unwrap();
        bench.tokens.accepted();
        assert!(!bench.refuse(&token, false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn row_012_a_429_without_a_hint_silences_the_client_for_longer_and_longer() {
        let bench = Bench::default();
        let bare = Err(ErrorKind::RateLimited { retry_after: Duration::ZERO });
        for nth in 1..20 {
            let Err(ErrorKind::RateLimited { retry_after }) = bench.get(bare).await else { panic!("{nth}") };
            assert!(retry_after >= SECOND && retry_after <= 2u32.saturating_pow(nth).min(300) * SECOND);
            assert!(matches!(bench.get(Ok(1000)).await, Err(ErrorKind::RateLimited { .. })));
            assert_eq!(bench.asked(), u64::from(nth));
            tokio::time::advance(retry_after).await;
        }
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t20"));
    }

    #[tokio::test(start_paused = true)]
    async fn row_004_after_an_answer_without_a_token_these_credentials_are_not_tried_for_half_a_minute() {
        let bench = Bench::default();
        for nth in 1..5 {
            assert_eq!(bench.get(Err(ErrorKind::BadAuthResponse)).await, Err(ErrorKind::BadAuthResponse));
            assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::BadAuthResponse));
            let again = bench.tokens.get(|_| std::future::pending()).await.map(drop).unwrap_err();
            assert_eq!(again.probe_after, Some(RENEWAL_PAUSE), "and tried right after it");
            assert_eq!(bench.asked(), nth);
            tokio::time::advance(RENEWAL_PAUSE).await;
        }
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t5"));
        tokio::time::advance(800 * SECOND).await;
        assert_eq!(bench.get(Err(ErrorKind::BadAuthResponse)).await.as_deref(), Ok("t5"), "it is still good");
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t5"));
        tokio::time::advance(RENEWAL_PAUSE).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t7"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_costs_no_token_that_is_still_good() {
        let bench = Bench::default();
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
        tokio::time::advance(800 * SECOND).await;
        let limited = Err(ErrorKind::RateLimited { retry_after: 60 * SECOND });
        assert_eq!(bench.get(limited).await.as_deref(), Ok("t1"));
        tokio::time::advance(59 * SECOND).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
        tokio::time::advance(SECOND).await;
        assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t3"));
    }
}
