//! The client of one set of credentials.

use super::{
    Credentials, Environment, Transport,
    exchange::{Answer, exchange},
    grant, lookup,
    requests::Request,
    throttle::Throttle,
    token::{Token, Tokens},
    verdict,
    wire::{self, Unreadable},
};
use crate::reconcile::{Call, Detail, Fault, FaultKind, Reply};
use std::{fmt, sync::Arc};
use tokio::time::Instant;

/// Calls Scalekit with one set of credentials; cheap to clone, and all clones
/// share one token.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    credentials: Credentials,
    throttle: Arc<Throttle>,
    tokens: Tokens,
}

impl Client {
    /// A client that has no token yet. Opens no connection.
    pub fn new(transport: &Transport, credentials: Credentials) -> Self {
        let throttle = transport.throttle(credentials.environment());
        Self(Arc::new(Inner { transport: transport.clone(), credentials, throttle, tokens: Tokens::default() }))
    }

    /// Where it leads.
    pub fn environment(&self) -> &Environment {
        self.0.credentials.environment()
    }

    /// Makes one call. Within the deadline of the transport there is an answer
    /// or a fault; looking up an external id may take several requests, each
    /// with a deadline of its own.
    pub async fn call(&self, call: &Call) -> Result<Reply, Fault> {
        if let Call::LookUp(external_id) = call {
            return lookup::look_up(self, external_id).await.map(Reply::Organization);
        }
        let body = self.send(&Request::of(call)).await?;
        let reply = match call {
            Call::ReadPolicy(_) | Call::WritePolicy { .. } => wire::policy(&body).map(Reply::Policy),
            Call::ReadApplicationPolicy(_) => wire::application_policy(&body).map(Reply::ApplicationPolicy),
            Call::ReadOrganization(id) | Call::WriteFeatures { organization: id, .. } => wire::organization(&body)
                .and_then(|found| if found.id == *id { Ok(Reply::Organization(found)) } else { Err(Unreadable) }),
            Call::LookUp(_) => Err(Unreadable),
        };
        reply.map_err(|Unreadable| unreadable(call.writes()))
    }

    /// The one way to Scalekit: a token, the request, and once more after a
    /// 401. Returns the body of a success.
    pub(super) async fn send(&self, request: &Request) -> Result<Vec<u8>, Fault> {
        let deadline = Instant::now() + self.0.transport.settings().deadline;
        let token = self.0.tokens.get(deadline, self.fetch(deadline)).await?;
        let answer = self.exchange(request, &token, deadline).await?;
        if answer.status != 401 {
            return self.judge(&answer, request, &token);
        }
        self.0.tokens.refused(&token, false, self.refusal(&answer, &token)).await?;
        let token = self.0.tokens.get(deadline, self.fetch(deadline)).await?;
        let answer = self.exchange(request, &token, deadline).await?;
        if answer.status != 401 {
            return self.judge(&answer, request, &token);
        }
        let refusal = self.refusal(&answer, &token);
        self.0.tokens.refused(&token, true, refusal.clone()).await?;
        Err(refusal)
    }

    async fn exchange(&self, request: &Request, token: &Token, deadline: Instant) -> Result<Answer, Fault> {
        let url = self.0.credentials.address().join(&request.path);
        let http = self.0.transport.http();
        let builder = match &request.body {
            Some(body) => http.patch(url).header("content-type", "application/json").body(body.to_string()),
            None => http.get(url),
        };
        let mut builder = builder.bearer_auth(token.value()).header("accept", "application/json");
        if let Some(version) = &self.0.transport.settings().api_version {
            builder = builder.header("x-api-version", version);
        }
        let began = Instant::now();
        let answer = exchange(builder, request.writes(), &self.0.throttle, deadline).await;
        let status = answer.as_ref().map_or(0, |a| a.status);
        let milliseconds = began.elapsed().as_millis();
        tracing::debug!(template = request.template, writes = request.writes(), status, milliseconds, "request");
        self.paced(answer)
    }

    /// Fetches a token.
    async fn fetch(&self, deadline: Instant) -> Result<super::token::Grant, Fault> {
        let credentials = &self.0.credentials;
        let url = credentials.address().join("/oauth/token");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", credentials.id()),
            ("client_secret", credentials.secret()),
        ];
        let builder = self.0.transport.http().post(url).form(&form).header("accept", "application/json");
        let answer = self.paced(exchange(builder, false, &self.0.throttle, deadline).await)?;
        grant::grant(&answer, &[credentials.secret()])
    }

    /// Lets the throttle learn from an answer; a 429 becomes the fault it is.
    fn paced(&self, answer: Result<Answer, Fault>) -> Result<Answer, Fault> {
        let mut answer = answer?;
        if answer.status != 429 {
            self.0.throttle.answered();
            return Ok(answer);
        }
        answer.told.detail = verdict::retry_after(&answer.body);
        let told = answer.told.delay(std::time::SystemTime::now());
        let retry_after = self.0.throttle.pushed_back(told);
        let detail = Detail { status: Some(429), ..Detail::default() };
        Err(Fault { detail, ..Fault::new(FaultKind::RateLimited { retry_after }) })
    }

    fn judge(&self, answer: &Answer, request: &Request, token: &Token) -> Result<Vec<u8>, Fault> {
        self.0.tokens.accepted();
        if (200..300).contains(&answer.status) {
            return Ok(answer.body.clone());
        }
        Err(verdict::fault(answer, request.writes(), &[self.0.credentials.secret(), token.value()]))
    }

    fn refusal(&self, answer: &Answer, token: &Token) -> Fault {
        let secrets = [self.0.credentials.secret(), token.value()];
        Fault { kind: FaultKind::AuthFailed, ..verdict::fault(answer, false, &secrets) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.environment())
    }
}

/// An unreadable success of a write leaves open what was applied.
pub(super) fn unreadable(writes: bool) -> Fault {
    let note = Some("the answer is not what the API promises");
    let detail = Detail { note, ..Detail::default() };
    Fault { may_have_landed: writes, detail, ..Fault::new(FaultKind::BadResponse) }
}
