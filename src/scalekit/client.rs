//! The client of one set of credentials, and the one path on which it sends.

use super::{
    Credentials, Environment, Transport,
    circuit_breaker::Permit,
    classify::{as_token_error, bad_response, classify, error, outage_kind},
    http::{self, Body, HttpResponse, TransportError},
    requests::HttpRequest,
    token::{Grant, Token, Tokens},
    transport::Limits,
    wire,
};
use crate::reconcile::{ErrorKind, RemoteError};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, timeout_at};

/// Talks to one environment as one client id. Cheap to clone; clones share
/// their token. A client made from changed credentials fetches its own.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    credentials: Credentials,
    tokens: Tokens,
    limits: Arc<Limits>,
}

impl Client {
    /// A client with `credentials`. Sends nothing yet.
    pub fn new(transport: &Transport, credentials: Credentials) -> Self {
        let limits = transport.limits(credentials.environment());
        Self(Arc::new(Inner { transport: transport.clone(), credentials, tokens: Tokens::default(), limits }))
    }

    /// The client id that it authenticates with.
    pub fn id(&self) -> &str {
        self.0.credentials.id()
    }

    /// Which environment it talks to.
    pub fn environment(&self) -> &Environment {
        self.0.credentials.environment()
    }

    /// Sends one API request, and once more with a new token after a 401. Returns
    /// the body of a successful response.
    pub(super) async fn send(&self, request: &HttpRequest) -> Result<Vec<u8>, RemoteError> {
        let deadline = Instant::now() + self.0.transport.settings().deadline;
        let mut retried = false;
        loop {
            let token = self.0.tokens.get(deadline, self.fetch_token(deadline)).await?;
            let response =
                self.attempt(request.template, self.authorized(request, &token)?, request.writes(), deadline);
            let (response, paused) = response.await?;
            let status = response.status;
            let result = classify(response, request.writes(), paused, &[self.0.credentials.secret(), token.value()]);
            match result {
                Err(error) if status == 401 => {
                    // Even if its body did not arrive in time.
                    let error = RemoteError { kind: ErrorKind::AuthFailed, ..error };
                    self.0.tokens.refused(&token, retried, error).await?;
                    retried = true;
                }
                result => {
                    // A 5xx may come from a proxy that never checked the token, so it is no proof
                    // that the token is good.
                    if status < 500 {
                        self.0.tokens.accepted();
                    }
                    return result;
                }
            }
        }
    }

    async fn fetch_token(&self, deadline: Instant) -> Result<Grant, RemoteError> {
        let credentials = &self.0.credentials;
        // In the form body, as documented; never beside an old token (`scalekit-api.md` §1.3).
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", credentials.id()),
            ("client_secret", credentials.secret()),
        ];
        let request = self.0.transport.http().post(credentials.address.join("/oauth/token")).form(&form);
        let result = self.attempt("/oauth/token", request, false, deadline).await;
        let body = result.and_then(|(response, paused)| classify(response, false, paused, &[credentials.secret()]));
        let read = |body: Vec<u8>| wire::grant(&body).map_err(|note| bad_response(note, false));
        body.and_then(read).map_err(as_token_error)
    }

    fn authorized(&self, request: &HttpRequest, token: &Token) -> Result<RequestBuilder, RemoteError> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.value()));
        let mut bearer = bearer.map_err(|_| RemoteError::new(ErrorKind::BadAuthResponse))?;
        bearer.set_sensitive(true);
        let url = self.0.credentials.address.join(&format!("/api/v1{}", request.path));
        let mut builder = self.0.transport.http().request(request.method.clone(), url).header(AUTHORIZATION, bearer);
        if let Some(version) = &self.0.transport.settings().api_version {
            builder = builder.header("x-api-version", version);
        }
        Ok(match &request.body {
            Some(body) => builder.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => builder,
        })
    }

    /// Sends one HTTP request when the circuit breaker and the rate limiter let
    /// it, and tells both what became of it. The duration is how long the
    /// environment pauses now: after a 429, or until the next probe of an outage.
    async fn attempt(
        &self,
        template: &'static str,
        request: RequestBuilder,
        writes: bool,
        deadline: Instant,
    ) -> Result<(HttpResponse, Option<Duration>), RemoteError> {
        let Limits { rate_limiter, breaker } = &*self.0.limits;
        breaker.check_permitted().map_err(not_sent)?;
        match timeout_at(deadline, rate_limiter.acquire()).await {
            Ok(Ok(())) => {}
            Ok(Err(retry_after)) => return Err(not_sent(ErrorKind::RateLimited { retry_after })),
            Err(_) => return Err(RemoteError::new(ErrorKind::TimedOut)),
        }
        // The breaker may have opened while this request waited.
        let permit = breaker.try_acquire().map_err(not_sent)?;
        let start = Instant::now();
        let result = http::send(request.header(ACCEPT, "application/json"), deadline).await;
        let status = result.as_ref().map_or(0, |response| response.status);
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(environment = %self.environment(), path = template, writes, status, ms, "request");
        let probe_after = self.record_outcome(permit, &result);
        let failed =
            |e: TransportError| RemoteError { outcome_unknown: writes && e.sent, probe_after, ..error(e.kind, e.note) };
        let response = result.map_err(failed)?;
        let paused = self.record_rate(&response).or(probe_after);
        Ok((response, paused))
    }

    /// Tells the circuit breaker, and logs when it opens and closes. Returns the
    /// time until the next probe where the environment is down.
    fn record_outcome(&self, permit: Permit, result: &Result<HttpResponse, TransportError>) -> Option<Duration> {
        let breaker = &self.0.limits.breaker;
        let Some(kind) = outage_kind(result) else {
            if breaker.on_response() {
                tracing::info!(environment = %self.environment(), "outage is over");
            }
            return None;
        };
        if breaker.on_failure(permit, kind) {
            let reason = kind.reason();
            tracing::warn!(environment = %self.environment(), %reason, "outage: requests are held back");
        }
        breaker.probe_after()
    }

    /// Tells the rate limiter; for a 429, returns how long the environment pauses.
    fn record_rate(&self, response: &HttpResponse) -> Option<Duration> {
        match response.status {
            429 => {
                let mut hint = response.retry_hint.clone();
                if let Body::Whole(body) = &response.body {
                    hint.detail = wire::error_info(body).retry_after;
                }
                return Some(self.0.limits.rate_limiter.on_rate_limited(hint.delay(SystemTime::now())));
            }
            // A server error is no sign that the rate is fine.
            ..500 => self.0.limits.rate_limiter.on_response(),
            _ => {}
        }
        None
    }
}

/// The error of a request that the breaker or the rate limiter did not let pass.
fn not_sent(kind: ErrorKind) -> RemoteError {
    RemoteError { not_sent: true, ..error(kind, "held back here, nothing was sent") }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.environment())
    }
}
