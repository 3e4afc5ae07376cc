//! The client of one set of credentials, and the one path on which it sends.

use super::{
    Credentials, Environment, Transport,
    breaker::Leave,
    exchange::{Body, HttpResponse, Lost, exchange},
    requests::HttpRequest,
    token::{Grant, Token, Tokens},
    transport::Limits,
    verdict::{outage, unanswered, unreadable, verdict, without_token},
    wire,
};
use crate::reconcile::{Detail, ErrorKind, RemoteError};
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
/// their token. A client made from changed credentials starts afresh.
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

    /// Which environment it talks to.
    pub fn environment(&self) -> &Environment {
        self.0.credentials.environment()
    }

    /// Sends one API request: token, turn, request, and once more with a new
    /// token after a 401. The body of a good answer.
    pub(super) async fn send(&self, request: &HttpRequest) -> Result<Vec<u8>, RemoteError> {
        let deadline = Instant::now() + self.0.transport.settings().deadline;
        let mut last = false;
        loop {
            let token = self.0.tokens.get(deadline, self.fetch_token(deadline)).await?;
            let response =
                self.attempt(request.template, self.authorized(request, &token)?, request.writes(), deadline);
            let (response, paused) = response.await?;
            let status = response.status;
            let result = verdict(response, request.writes(), paused, &[self.0.credentials.secret(), token.value()]);
            match result {
                Err(error) if status == 401 => {
                    // Even if the explanation came too late to be read.
                    let error = RemoteError { kind: ErrorKind::AuthFailed, ..error };
                    self.0.tokens.refused(&token, last, error).await?;
                    last = true;
                }
                result => {
                    // What is out of order need not have looked at the token.
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
        let request = self.0.transport.http().post(credentials.address().join("/oauth/token")).form(&form);
        let result = self.attempt("/oauth/token", request, false, deadline).await;
        let body = result.and_then(|(response, paused)| verdict(response, false, paused, &[credentials.secret()]));
        let read = |body: Vec<u8>| wire::grant(&body).map_err(|note| unreadable(note, false));
        body.and_then(read).map_err(without_token)
    }

    fn authorized(&self, request: &HttpRequest, token: &Token) -> Result<RequestBuilder, RemoteError> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.value()));
        let mut bearer = bearer.map_err(|_| RemoteError::new(ErrorKind::BadAuthResponse))?;
        bearer.set_sensitive(true);
        let url = self.0.credentials.address().join(&format!("/api/v1{}", request.path));
        let mut builder = self.0.transport.http().request(request.method.clone(), url).header(AUTHORIZATION, bearer);
        if let Some(version) = &self.0.transport.settings().api_version {
            builder = builder.header("x-api-version", version);
        }
        Ok(match &request.body {
            Some(body) => builder.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => builder,
        })
    }

    /// Waits for a turn and exchanges one request for an answer; throttle and
    /// breaker learn from it. The duration is the pause that a 429 led to.
    async fn attempt(
        &self,
        template: &'static str,
        request: RequestBuilder,
        writes: bool,
        deadline: Instant,
    ) -> Result<(HttpResponse, Option<Duration>), RemoteError> {
        let Limits { throttle, breaker } = &*self.0.limits;
        breaker.open_for_now().map_err(not_sent)?;
        match timeout_at(deadline, throttle.turn()).await {
            Ok(Ok(())) => {}
            Ok(Err(retry_after)) => return Err(not_sent(ErrorKind::RateLimited { retry_after })),
            Err(_) => return Err(RemoteError::new(ErrorKind::TimedOut)),
        }
        // An outage may have begun for somebody who was ahead.
        let leave = breaker.leave().map_err(not_sent)?;
        let start = Instant::now();
        let result = exchange(request.header(ACCEPT, "application/json"), deadline).await;
        let status = result.as_ref().map_or(0, |response| response.status);
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(environment = %self.environment(), path = template, writes, status, ms, "request");
        self.notice(leave, &result);
        let response = result.map_err(|lost| unanswered(&lost, writes))?;
        let paused = self.learn(&response);
        Ok((response, paused))
    }

    /// Tells the breaker, and tells people when an outage begins and ends.
    fn notice(&self, leave: Leave, result: &Result<HttpResponse, Lost>) {
        let breaker = &self.0.limits.breaker;
        match outage(result) {
            Some(kind) if breaker.failed(leave, kind) => {
                tracing::warn!(environment = %self.environment(), ?kind, "an outage: requests are held back");
            }
            None if breaker.answered() => {
                tracing::info!(environment = %self.environment(), "the outage is over");
            }
            _ => {}
        }
    }

    fn learn(&self, response: &HttpResponse) -> Option<Duration> {
        match response.status {
            429 => {
                let mut told = response.told.clone();
                if let Body::Whole(body) = &response.body {
                    told.detail = wire::told(body).retry_after;
                }
                return Some(self.0.limits.throttle.pushed_back(told.delay(SystemTime::now())));
            }
            // Out of order is no sign that the rate is fine.
            ..500 => self.0.limits.throttle.answered(),
            _ => {}
        }
        None
    }
}

/// The fault of a request that was not even sent.
fn not_sent(kind: ErrorKind) -> RemoteError {
    let detail = Detail { note: Some("held back here, nothing was sent"), ..Detail::default() };
    RemoteError { detail, not_sent: true, ..RemoteError::new(kind) }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.environment())
    }
}
