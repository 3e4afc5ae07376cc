//! The bearer token of one set of credentials: one caller fetches it for all, it is renewed before it
//! expires, and after a refusal the client is locked out for a while (`scalekit-api.md` §1.3–1.5,
//! `docs/development/failures.md` rows 1–4).

use super::{
    Settings,
    circuit_breaker::CircuitBreaker,
    pause::pause,
    proof::Proof,
    rate_limiter::RateLimiter,
    refusals::{LOCKOUT, Refusals},
};
use crate::reconcile::{ErrorKind, RemoteError};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// When to try again after the renewal of a token that is still good failed, or
/// after an answer without a token.
pub(super) const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Grant {
    pub(super) value: SecretString,
    /// Clamped to a plausible range.
    pub(super) lifetime: Duration,
    /// Who issued it, by its own words.
    pub(super) issuer: Option<String>,
}

/// A token; the tokens of a client are numbered.
#[derive(Clone)]
pub(super) struct Token {
    value: SecretString,
    pub(super) number: u64,
    issuer: Option<String>,
    pub(super) ends_at: Instant,
}

impl Token {
    pub(super) fn value(&self) -> &str {
        self.value.expose_secret()
    }

    /// Who issued it, by its own words.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

pub(super) struct Tokens {
    /// The number of the client within the process.
    pub(super) number: u64,
    state: Mutex<State>,
    /// The number of fetches that have ended, successful or not.
    ended: AtomicU64,
    /// Set by a lockout until a token is accepted: the next 401 locks the client out again without a
    /// second try.
    probation: AtomicBool,
    /// The token last fetched, though it may have been refused since.
    latest: std::sync::Mutex<Option<Token>>,
    /// What became of it at its issuer.
    pub(super) proof: Mutex<Option<Proof>>,
    /// The outages of its environment.
    pub(super) breaker: CircuitBreaker,
    /// Its own limit, where each client has one.
    pub(super) rate_limiter: Arc<RateLimiter>,
    pub(super) refusals: Refusals,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The last fetch, not counting outages, returned a token.
    proven: bool,
    failure: Option<RemoteError>,
    /// Until this time no request is sent, and all fail with this error.
    lockout: Option<(Instant, RemoteError)>,
    issued: u64,
    /// The number of fetches in a row that got a 429.
    limited: i32,
}

struct Held {
    token: Token,
    renew_at: Instant,
}

impl Tokens {
    pub(super) fn new(number: u64, settings: &Settings) -> Self {
        Self {
            number,
            state: Mutex::default(),
            ended: AtomicU64::new(0),
            probation: AtomicBool::new(false),
            latest: std::sync::Mutex::default(),
            proof: Mutex::default(),
            breaker: CircuitBreaker::new(settings.deadline),
            rate_limiter: RateLimiter::new(settings.rate),
            refusals: Refusals::default(),
        }
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
        if let Some(retry_after) = self.refusals.wait(now) {
            return Err(RemoteError::not_sent(ErrorKind::RateLimited { retry_after }));
        }
        let grant = fetch(state.proven).await;
        self.ended.fetch_add(1, Ordering::AcqRel);
        let now = Instant::now();
        let lockout = self.refusals.record(&grant, now);
        let token = state.keep(grant, lockout, now);
        if let Ok(token) = &token {
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        }
        token
    }

    /// The token last fetched, without a request.
    pub(super) fn latest(&self) -> Option<Token> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records a 401 for a request with `token`. Drops this token, but not one that was fetched since.
    /// `Err`: it was the `last` try, and the client is locked out.
    pub(super) async fn on_unauthorized(
        &self,
        token: &Token,
        last: bool,
        error: RemoteError,
    ) -> Result<(), RemoteError> {
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

    /// Whether the client is locked out, or perhaps, while its state is in use.
    pub(super) fn is_locked_out(&self) -> bool {
        let Ok(state) = self.state.try_lock() else { return true };
        state.lockout.as_ref().is_some_and(|(until, _)| Instant::now() < *until)
    }

    /// Records a response other than a 401 to a request with a token.
    pub(super) fn on_accepted(&self) {
        self.probation.store(false, Ordering::Release);
    }
}

impl State {
    fn keep(
        &mut self,
        grant: Result<Grant, RemoteError>,
        lockout: Duration,
        now: Instant,
    ) -> Result<Token, RemoteError> {
        match grant {
            Ok(Grant { value, lifetime, issuer }) => {
                self.issued += 1;
                let (renew_at, ends_at) = (now + lifetime.mul_f64(0.8), now + lifetime);
                let token = Token { value, number: self.issued, issuer, ends_at };
                self.held = Some(Held { token: token.clone(), renew_at });
                (self.failure, self.proven, self.limited) = (None, true, 0);
                Ok(token)
            }
            Err(error) if error.kind == ErrorKind::CredentialsRejected => {
                (self.held, self.proven) = (None, false);
                self.lock_out(lockout, error.clone());
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
                    // it may be a refusal of the credentials, and each resource would send them again
                    kind => *kind == ErrorKind::BadAuthResponse,
                };
                if answered {
                    error.probe_after = Some(wait); // when a retry makes sense, not when a backoff has grown
                }
                self.failure = Some(error.clone());
                // the token endpoint fails, but the old token may still be valid
                match &mut self.held {
                    Some(held) if now < held.token.ends_at => {
                        held.renew_at = held.token.ends_at.min(now + wait);
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
