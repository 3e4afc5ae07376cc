//! For which limits a request of a client waits, and which of them learn from the response: those of the
//! host, and its own where each client has one ([`Scope`]).

use super::{
    circuit_breaker::Subject,
    client::{Client, Purpose},
    http::{Body, HttpResponse},
    rate_limiter::Permit,
    retry_after::Allowance,
    scope::Scope,
    wire,
};
use crate::reconcile::{ErrorKind, RemoteError};
use std::{
    sync::{MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, timeout};

/// How long a client that never had a token waits for a permit for the token
/// endpoint; whoever may write a Secret can invent such clients.
const NEWCOMERS_WAIT: Duration = Duration::from_secs(2);

impl Client {
    /// Waits until the limits let a request through, unless the circuit breaker
    /// doesn't.
    pub(super) async fn permit(&self, purpose: Purpose, about: Subject) -> Result<Permit, RemoteError> {
        let permitted = self.inner.tokens.breaker.check_permitted(about, self.hints(purpose));
        permitted.map_err(RemoteError::not_sent)?;
        let permit = match purpose {
            Purpose::Token { proven: false } => self.permit_of_newcomer().await,
            Purpose::Token { proven: true } if self.scope().may_try(self.number(), Instant::now()) => {
                Ok(self.inner.limits.rate_limiter.acquire_now(&self.caller)) // for the request that is tried
            }
            Purpose::Api { .. } if self.scope().tries(self.number(), Instant::now()) => {
                Ok(self.inner.limits.rate_limiter.acquire_now(&self.caller))
            }
            _ => self.permit_of_limits().await,
        };
        permit.map_err(|retry_after| RemoteError::not_sent(ErrorKind::RateLimited { retry_after }))
    }

    async fn permit_of_newcomer(&self) -> Result<Permit, Duration> {
        let limits = &self.inner.limits;
        let may_try = self.scope().may_try(self.number(), Instant::now());
        if let Some(left) = limits.rate_limiter.remaining_pause().filter(|_| !may_try) {
            return Err(left);
        }
        let newcomers = limits.newcomers(self.inner.tokens.refusals.any());
        timeout(NEWCOMERS_WAIT, newcomers.acquire(&self.caller)).await.unwrap_or(Err(NEWCOMERS_WAIT))
    }

    async fn permit_of_limits(&self) -> Result<Permit, Duration> {
        let host = &self.inner.limits.rate_limiter;
        if !self.scope().is_clients() {
            return host.acquire(&self.caller).await;
        }
        let own = self.inner.tokens.rate_limiter.acquire(&self.caller).await?;
        Ok(host.acquire(&self.caller).await?.beside(own))
    }

    /// Records the response to a request that was `sent` then; returns how long to wait after a 429. A 429
    /// of the API pauses the environment, or this client. After one of the token endpoint
    /// [`Tokens`](super::token::Tokens) decides; zero means that it had no hint.
    pub(super) fn record_rate(&self, response: &HttpResponse, purpose: Purpose, sent: Instant) -> Option<Duration> {
        let (host, own) = (&self.inner.limits.rate_limiter, &self.inner.tokens.rate_limiter);
        // A server error does not show that the rate is low enough.
        let is_answer = response.status < 500 && response.status != 429 && matches!(purpose, Purpose::Api { .. });
        if is_answer && response.status < 300 {
            self.record_scope(sent); // who refuses may have looked at the rights before the limit
        }
        if let Some(allowance) = response.allowance.filter(|_| response.status != 429) {
            self.record_allowance(allowance);
        }
        if is_answer {
            host.on_response();
            if self.scope().is_clients() {
                own.on_response();
            }
        }
        (response.status == 429).then(|| {
            let mut hint = response.retry_hint.clone();
            if let Body::Whole(body) = &response.body {
                hint.detail = wire::error_info(body).retry_after;
            }
            let hint = hint.delay(SystemTime::now());
            match purpose {
                Purpose::Api { .. } => self.pause(hint, sent),
                Purpose::Token { .. } => hint.unwrap_or_default(),
            }
        })
    }

    /// An answer may show that the pause of another client is that client's alone.
    fn record_scope(&self, sent: Instant) {
        let shown = self.scope().on_response(self.number(), sent);
        if let Some(limited) = shown {
            let learned = self.inner.limits.rate_limiter.begin_anew();
            if let Some(tokens) = self.inner.transport.clients().get(limited) {
                tokens.rate_limiter.learn(learned);
            }
            tracing::info!(environment = %self.environment(), "each client has a rate limit of its own");
        }
    }

    fn record_allowance(&self, allowance: Allowance) {
        let (host, own) = (&self.inner.limits.rate_limiter, &self.inner.tokens.rate_limiter);
        let mut scope = self.scope();
        if scope.is_clients() {
            own.on_allowance(allowance);
        } else if let Some(until) = host.on_allowance(allowance) {
            scope.hold(self.number(), Instant::now(), until);
        }
    }

    /// Pauses the host or this client after a 429, and logs it unless that was done in the last minute.
    fn pause(&self, hint: Option<Duration>, sent: Instant) -> Duration {
        let (limits, now) = (&self.inner.limits, Instant::now());
        let mut scope = self.scope();
        let is_hosts = scope.on_rate_limited(self.number(), sent, now);
        let limiter = if is_hosts { &limits.rate_limiter } else { &self.inner.tokens.rate_limiter };
        let pause = limiter.on_rate_limited(hint);
        scope.hold(self.number(), now, now + pause);
        drop(scope);
        if limits.limited.is_news() {
            let (environment, seconds) = (self.environment(), pause.as_secs());
            let whose = if is_hosts { "environment" } else { "client" };
            tracing::info!(%environment, seconds, whose, "too many requests (429): nothing is sent for a while");
        }
        pause
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.inner.limits.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
