//! The client of one set of credentials. All its requests go through [`Client::send`].

use super::{
    Credentials, Environment, Transport,
    address::Address,
    caller::Caller,
    circuit_breaker::{Permit as Probe, Subject},
    classify::{as_token_error, bad_response, classify, error, outage_kind},
    deadline::within,
    http::{self, Body, HttpResponse, TransportError},
    neighbours::Hints,
    rate_limiter::Permit,
    requests::{HttpRequest, about, subject},
    token::{Grant, Token, Tokens},
    transport::Limits,
    wire,
};
use crate::reconcile::{ErrorKind, Lane, Note, RemoteError, RemoteRequest};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// Sends requests to one environment with one client id. Cheap to clone. Clients of one transport
/// with the same credentials share their token, and are equal.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
    pub(super) caller: Caller,
}

/// Permission to send one API request, and the token for it.
pub struct Admission {
    permit: Permit,
    token: Token,
}

pub(super) struct Inner {
    pub(super) transport: Transport,
    pub(super) credentials: Credentials,
    pub(super) tokens: Arc<Tokens>,
    pub(super) limits: Arc<Limits>,
}

const JSON: &str = "application/json";
const TOKEN: &str = "/oauth/token";

/// What a request is for, as far as limits go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A request to the API.
    Api { writes: bool },
    /// A token. Credentials that have never brought one are not `proven`: they have
    /// limits of their own, and their outages say nothing of the host. Else whoever may
    /// write a Secret could hold up all clients of the host.
    Token { proven: bool },
}

impl Purpose {
    const fn method(self) -> &'static str {
        match self {
            Self::Api { writes: false } => "GET",
            Self::Api { writes: true } => "PATCH",
            Self::Token { .. } => "POST",
        }
    }

    /// The token of credentials that are not proven.
    pub(super) const fn is_newcomers(self) -> bool {
        matches!(self, Self::Token { proven: false })
    }
}

impl Client {
    /// A client with `credentials`; sends no request.
    pub fn new(transport: &Transport, credentials: Credentials) -> Self {
        let limits = transport.limits(&credentials.address.server);
        let tokens = transport.clients().tokens(&credentials, transport.settings());
        let inner = Arc::new(Inner { transport: transport.clone(), credentials, tokens, limits });
        Self { inner, caller: Caller::default() }
    }

    /// The same client, for requests on behalf of `caller`.
    pub fn on_behalf_of(&self, caller: Caller) -> Self {
        Self { inner: Arc::clone(&self.inner), caller }
    }

    /// It comes in the place of `before`, whose credentials may have been refused:
    /// new values alone don't make it one that never was.
    pub fn follow(&self, before: &Self) {
        self.inner.tokens.refusals.follow(&before.inner.tokens.refusals);
    }

    /// Identifies the client within the process; equal clients have the same number.
    pub fn number(&self) -> u64 {
        self.inner.tokens.number
    }

    /// The host of the environment.
    pub fn host(&self) -> &str {
        self.inner.credentials.host()
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        self.inner.credentials.environment()
    }

    /// Whether errors must not show anything of a response.
    pub(super) fn is_concealed(&self) -> bool {
        self.inner.credentials.address.concealed
    }

    /// Waits until there is a token.
    pub async fn authenticate(&self) -> Result<(), RemoteError> {
        self.shown(self.token().await.map(drop))
    }

    /// Waits until `request` may be sent: until there is a token, and the
    /// host may be asked again. Fails at once in an outage, and where the host
    /// pauses for long.
    pub async fn acquire(&self, request: &RemoteRequest) -> Result<Admission, RemoteError> {
        self.shown(self.admit(about(request)).await)
    }

    pub(super) async fn admit(&self, about: Subject) -> Result<Admission, RemoteError> {
        let token = self.token().await?;
        let permit = self.permit(Purpose::Api { writes: false }, about).await?;
        Ok(Admission { permit, token })
    }

    /// Sends one API request, and once more with a new token after a 401. Returns
    /// the body of a successful response.
    pub(super) async fn send(&self, request: &HttpRequest, admission: Admission) -> Result<Vec<u8>, RemoteError> {
        let deadline = Instant::now() + self.inner.transport.settings().deadline;
        let deadline = self.caller.until.map_or(deadline, |until| deadline.min(until));
        let (mut admission, mut retried) = (admission, false);
        loop {
            let Admission { permit, token } = admission;
            let builder = self.authorized(&self.inner.credentials.address, request, &token)?;
            let writes = request.writes();
            let purpose = Purpose::Api { writes };
            let (response, paused) = self
                .attempt((request.template, request.path(), request.about), builder, purpose, permit, deadline)
                .await?;
            let status = response.status;
            let result = classify(response, writes, paused, &[self.inner.credentials.secret(), token.value()]);
            match result {
                Err(error) if status == 401 => {
                    // also if its body did not arrive in time
                    let error = RemoteError { kind: ErrorKind::AuthFailed, ..error };
                    self.inner.tokens.on_unauthorized(&token, retried, error).await?;
                    retried = true;
                    let admitted = within(Some(deadline), self.admit(request.about)).await;
                    admission = admitted.ok_or(RemoteError::new(ErrorKind::TimedOut))??;
                }
                result => {
                    // A 5xx may come from a proxy that never checked the token, so it is no proof
                    // that the token is good.
                    if status < 500 {
                        self.inner.tokens.on_accepted();
                    }
                    return result;
                }
            }
        }
    }

    /// Sends a read once, and returns the response whatever it is.
    pub(super) async fn look(&self, request: &HttpRequest) -> Result<HttpResponse, RemoteError> {
        let Admission { permit, token } = self.shown(self.admit(request.about).await)?;
        let deadline = Instant::now() + self.inner.transport.settings().deadline;
        let builder = self.authorized(&self.inner.credentials.address, request, &token)?;
        let purpose = Purpose::Api { writes: false };
        let (response, _) =
            self.attempt((request.template, request.path(), request.about), builder, purpose, permit, deadline).await?;
        Ok(response)
    }

    pub(super) async fn token(&self) -> Result<Token, RemoteError> {
        self.inner.tokens.get(|proven| self.fetch_token(proven)).await
    }

    async fn fetch_token(&self, proven: bool) -> Result<Grant, RemoteError> {
        let credentials = &self.inner.credentials;
        // In the form body, as documented; never beside an old token (`scalekit-api.md` §1.3).
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", credentials.id()),
            ("client_secret", credentials.secret()),
        ];
        let request =
            self.http(&credentials.address).post(credentials.address.join(TOKEN)).form(&form).header(ACCEPT, JSON);
        let purpose = Purpose::Token { proven };
        let about = subject(TOKEN);
        // whoever fetches it fetches it for all
        let shared = self.on_behalf_of(Caller { lane: Lane::Awaited, ..self.caller.clone() });
        let permit = shared.permit(purpose, about).await?;
        let deadline = Instant::now() + self.inner.transport.settings().deadline;
        let result = self.attempt((TOKEN, TOKEN, about), request, purpose, permit, deadline).await;
        let mut foreign = false;
        let body = result.and_then(|(response, paused)| {
            foreign = is_foreign(&response, purpose);
            classify(response, false, paused, &[credentials.secret()])
        });
        let read = |body: Vec<u8>| wire::grant(&body).map_err(|note| bad_response(note, false));
        body.and_then(read).map_err(|error| as_token_error(error, foreign))
    }

    /// `request` to the environment at `address`.
    pub(super) fn authorized(
        &self,
        address: &Address,
        request: &HttpRequest,
        token: &Token,
    ) -> Result<RequestBuilder, RemoteError> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.value()));
        let mut bearer = bearer.map_err(|_| RemoteError::new(ErrorKind::BadAuthResponse))?;
        bearer.set_sensitive(true);
        let url = address.join(&format!("/api/v1{}", request.target));
        let mut builder =
            self.http(address).request(request.method.clone(), url).header(AUTHORIZATION, bearer).header(ACCEPT, JSON);
        if let Some(version) = &self.inner.transport.settings().api_version {
            builder = builder.header("x-api-version", version);
        }
        Ok(match &request.body {
            Some(body) => builder.header(CONTENT_TYPE, JSON).body(body.clone()),
            None => builder,
        })
    }

    fn http(&self, address: &Address) -> &reqwest::Client {
        self.inner.transport.http(address.private)
    }

    /// Sends one HTTP request when the circuit breaker lets it, and records its
    /// outcome with the limits. Returns the response and how long to wait now:
    /// after a 429, or until the next probe of an outage.
    async fn attempt(
        &self,
        (template, path, about): (&'static str, &str, Subject),
        request: RequestBuilder,
        purpose: Purpose,
        mut permit: Permit,
        deadline: Instant,
    ) -> Result<(HttpResponse, Option<Duration>), RemoteError> {
        // The breaker may have opened while this request waited.
        let probe = self.inner.tokens.breaker.try_acquire(about, self.hints(purpose)).map_err(RemoteError::not_sent)?;
        permit.sent();
        let start = Instant::now();
        // osp makes no reconciles that a request could belong to
        let id = (self.caller.request != 0).then(|| format!("{:016x}", self.caller.request));
        let span = tracing::error_span!("request", id, route = template, status = tracing::field::Empty);
        let result = http::send(request, deadline).instrument(span.clone()).await;
        let writes = purpose == Purpose::Api { writes: true };
        let status = result.as_ref().map_or(0, |response| response.status);
        let took = start.elapsed();
        self.inner.transport.metrics().ended(template, purpose.method(), status, took);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        span.record("status", status);
        span.in_scope(|| {
            let (environment, method) = (self.environment(), purpose.method());
            tracing::debug!(%environment, method, path, writes, status, ms, "request");
        });
        let probe_after = self.record_outcome(purpose, about, probe, &result);
        // of a host that has given a token a 429 is one whatever its body: a gateway may have answered
        let limited = |response: &HttpResponse| response.status == 429 && !purpose.is_newcomers();
        let of_another = |response: &HttpResponse| !limited(response) && is_foreign(response, purpose);
        let foreign = self.is_concealed() && result.as_ref().is_ok_and(of_another);
        let failed =
            |e: TransportError| RemoteError { outcome_unknown: writes && e.sent, probe_after, ..error(e.kind, e.note) };
        let response = result.map_err(failed)?;
        if foreign {
            return Err(RemoteError { probe_after, ..bad_response(Note::NotScalekit, writes) });
        }
        let paused = self.record_rate(&response, purpose, start).or(probe_after);
        Ok((response, paused))
    }

    /// What the circuit breaker has to know of the other clients of the host. One that never had a token
    /// neither learns of them nor tells them anything.
    pub(super) fn hints(&self, purpose: Purpose) -> Hints {
        if purpose.is_newcomers() { Hints::default() } else { self.inner.limits.neighbours.hints(self.number()) }
    }

    /// Records the outcome with the circuit breaker, and logs when it opens and
    /// closes. Returns the time until the next probe where the environment is
    /// down.
    fn record_outcome(
        &self,
        purpose: Purpose,
        about: Subject,
        probe: Probe,
        result: &Result<HttpResponse, TransportError>,
    ) -> Option<Duration> {
        let (breaker, neighbours) = (&self.inner.tokens.breaker, &self.inner.limits.neighbours);
        let counts = !purpose.is_newcomers();
        let Some(kind) = outage_kind(result) else {
            let was_down = breaker.on_response();
            if was_down {
                tracing::info!(environment = %self.environment(), "outage is over");
            }
            if counts {
                neighbours.is_answered(was_down);
            }
            return None;
        };
        if breaker.on_failure(probe, about, kind, self.hints(purpose)) {
            let reason = kind.reason();
            tracing::warn!(environment = %self.environment(), %reason, "outage: no requests are sent");
        }
        if counts && breaker.is_open() {
            neighbours.is_down(self.number());
        }
        breaker.probe_after()
    }
}

/// Whether an error response does not come from Scalekit. A 401 of the API may have no body, and
/// always counts as Scalekit's.
fn is_foreign(response: &HttpResponse, purpose: Purpose) -> bool {
    let scalekits = matches!(&response.body, Body::Whole(body) if wire::error_info(body).is_scalekits);
    !scalekits && !matches!((response.status, purpose), (200..300, _) | (401, Purpose::Api { .. }))
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.environment())
    }
}
