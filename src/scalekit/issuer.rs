//! What an environment calls itself: the issuer of its access tokens, which is
//! the same under all its host names (`scalekit-api.md` §1.3, `docs/development/failures.md`
//! row 123).
//!
//! A host that no tenant can run is taken at its word. Any other one may hand out
//! tokens with whatever issuer it likes, so its token has to be good there: the
//! issuer must show the organization to whoever brings it.

use super::{
    Client, Credentials, Environment,
    address::{Address, Rules},
    classify::outage_kind,
    http::{self, Body, HttpResponse},
    proof::{Proof, ProofResult},
    requests::HttpRequest,
    token::Token,
    wire,
};
use crate::{policy::OrganizationId, reconcile::RemoteRequest};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest name that is used, in bytes; that of `status.issuer`.
const LONGEST: usize = 128;
/// How long a reconcile waits for the issuer at most.
const DEADLINE: Duration = Duration::from_secs(2);

impl Credentials {
    /// The name of an issuer, in the form of [`Environment`]; `None` where it is
    /// the environment's host anyway, or no name for one.
    pub(super) fn issuer(&self, text: &str) -> Option<Environment> {
        // as a name only: nothing is sent there
        let rules = Rules { allow_http: self.rules.allow_http, ..Rules::default() };
        let name = Address::parse(text, &rules).ok()?.environment;
        (name != *self.environment() && name.as_str().len() <= LONGEST).then_some(name)
    }
}

impl Client {
    /// What the environment calls itself, where that is not its host and can be
    /// believed. For a host that a tenant may run, the issuer of a new token is
    /// asked for `organization` once. What was `recorded` when it was asked
    /// earlier stays while it is silent, but not when it refuses.
    ///
    /// The second one is what the environment says that it is while that can't be
    /// verified, and was not before. Sends nothing else, never waits longer than two
    /// seconds, and can't fail.
    pub async fn issuer(
        &self,
        organization: &OrganizationId,
        recorded: Option<&str>,
    ) -> (Option<String>, Option<String>) {
        match self.issuer_of(organization, recorded).await {
            Some((name, true)) => (Some(name), None),
            Some((name, false)) => (None, Some(name)),
            None => (None, None),
        }
    }

    /// The issuer, and whether it is believed; `None`: there is none, or it is a lie.
    async fn issuer_of(&self, organization: &OrganizationId, recorded: Option<&str>) -> Option<(String, bool)> {
        let token = match self.inner.tokens.latest() {
            Some(token) => token,
            None => self.token().await.ok()?,
        };
        let name = self.inner.credentials.issuer(token.issuer()?)?;
        if !self.is_concealed() {
            self.inner.transport.issuers().learn(&name, &self.inner.credentials.address);
            return Some((name.to_string(), true));
        }
        let known = recorded == Some(name.as_str());
        match self.verdict(&name, &token, organization, known).await {
            ProofResult::Good => Some((name.to_string(), true)),
            ProofResult::Refused => None,
            ProofResult::Silent => Some((name.to_string(), known)),
        }
    }

    /// Of all that ask about a token, one sends the request.
    async fn verdict(
        &self,
        name: &Environment,
        token: &Token,
        organization: &OrganizationId,
        known: bool,
    ) -> ProofResult {
        let allowed = || Address::parse(token.issuer()?, &self.inner.credentials.rules).ok();
        let Some(address) = self.inner.transport.issuers().address(name).or_else(allowed) else {
            return ProofResult::Refused;
        };
        let mut proof = self.inner.tokens.proof.lock().await;
        if let Some(verdict) = proof.as_ref().and_then(|proof| proof.still(token.number, &address)) {
            return verdict;
        }
        let deadline = Instant::now() + DEADLINE.min(self.inner.transport.settings().deadline);
        let asked = timeout_at(deadline, self.show(&address, token, organization, known, deadline)).await;
        let verdict = asked.ok().flatten().unwrap_or(ProofResult::Silent);
        *proof = Some(Proof::new(token.number, address, verdict));
        verdict
    }

    /// Shows the token to its issuer at `address`. Of a client that was not `known`
    /// there, this counts among the token requests of such clients.
    async fn show(
        &self,
        address: &Address,
        token: &Token,
        organization: &OrganizationId,
        known: bool,
        deadline: Instant,
    ) -> Option<ProofResult> {
        let request = HttpRequest::of(&RemoteRequest::ReadOrganization(organization.clone()));
        let builder = self.authorized(address, &request, token).ok()?;
        let limits = self.inner.transport.limits(&address.server);
        if limits.neighbours.hints(self.number()).others_down {
            return None;
        }
        let own = known || limits.rate_limiter.remaining_pause().is_some();
        let limiter = if own { &limits.rate_limiter } else { limits.newcomers(self.inner.tokens.refusals.any()) };
        let mut permit = limiter.acquire(&self.caller).await.ok()?;
        permit.sent();
        let start = Instant::now();
        let result = http::send(builder, deadline).await;
        let status = result.as_ref().map_or(0, |response| response.status);
        self.inner.transport.metrics().ended(request.template, "GET", status, start.elapsed());
        tracing::debug!(environment = %self.environment(), issuer = %address.environment, status, "issuer");
        match &result {
            Ok(HttpResponse { status: 200..300, body: Body::Whole(body), .. }) => {
                let shown = wire::organization(body).is_ok_and(|found| found.id == *organization);
                Some(if shown { ProofResult::Good } else { ProofResult::Refused })
            }
            Ok(HttpResponse { status: 429, .. }) => None,
            _ => outage_kind(&result).is_none().then_some(ProofResult::Refused),
        }
    }
}
