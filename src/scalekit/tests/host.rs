//! A host as a client meets it, without HTTP: its rate limiter and its circuit breaker, in the client's order.

use super::super::{caller::Caller, circuit_breaker::CircuitBreaker, neighbours::Hints, rate_limiter::RateLimiter};
use crate::reconcile::{ErrorKind, RemoteError};
use std::{sync::Arc, time::Duration};

/// What a server says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    CarriedOut,
    /// 429, and perhaps how long to wait.
    TooMany(Option<Duration>),
    /// 503.
    Unavailable,
}

pub(crate) struct Host {
    limiter: Arc<RateLimiter>,
    breaker: CircuitBreaker,
}

impl Host {
    /// With so many requests per second at most, each of which takes no longer than `deadline`.
    pub(crate) fn new(rate: f64, deadline: Duration) -> Self {
        Self { limiter: RateLimiter::new(rate), breaker: CircuitBreaker::new(deadline) }
    }

    /// One request about this organization, as `Client::acquire` and `Client::send` have it sent.
    pub(crate) async fn request(
        &self,
        caller: &Caller,
        about: u64,
        sent: impl Future<Output = Answer>,
    ) -> Result<(), RemoteError> {
        let hints = Hints::default();
        self.breaker.check_permitted(about, hints).map_err(RemoteError::not_sent)?;
        let permit = self.limiter.acquire(caller).await;
        let mut permit = permit.map_err(|retry_after| RemoteError::not_sent(ErrorKind::RateLimited { retry_after }))?;
        let probe = self.breaker.try_acquire(about, hints).map_err(RemoteError::not_sent)?;
        permit.sent();
        let answer = sent.await;
        if answer == Answer::Unavailable {
            self.breaker.on_failure(probe, about, ErrorKind::Unavailable, hints);
            let probe_after = self.breaker.probe_after();
            return Err(RemoteError { probe_after, ..RemoteError::new(ErrorKind::Unavailable) });
        }
        self.breaker.on_response();
        if let Answer::TooMany(hint) = answer {
            let retry_after = self.limiter.on_rate_limited(hint);
            return Err(RemoteError::new(ErrorKind::RateLimited { retry_after }));
        }
        self.limiter.on_response();
        Ok(())
    }
}
