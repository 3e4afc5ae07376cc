//! One look at an environment with one set of credentials, for `osp check`: reads alone, each of them
//! harmless, and what the headers of the responses say.

use super::{Client, classify::bad_response, classify::classify, requests::HttpRequest, wire};
use crate::{
    policy::OrganizationId,
    reconcile::{Feature, RemoteError, RemoteRequest},
};
use secrecy::SecretString;
use std::time::{Duration, SystemTime};

/// What was seen. A read that was not sent, since one before it failed, is `None`.
#[derive(Debug, Default)]
pub struct Probe {
    /// Whether the token endpoint issued a token.
    pub token: Option<Result<(), RemoteError>>,
    /// The first page of the list, and how many organizations there are, where the server says so.
    pub organizations: Option<Result<Option<usize>, RemoteError>>,
    /// The session policy of the first organization.
    pub policy: Option<Result<(), RemoteError>>,
    /// What it inherits.
    pub application_policy: Option<Result<(), RemoteError>>,
    /// The features of the environment.
    pub features: Option<Result<Vec<Feature>, RemoteError>>,
    /// The server's clock, and this machine's when the response came.
    pub clocks: Option<(SystemTime, SystemTime)>,
    /// What is left of the rate limit and the limit itself, where the server reports it.
    pub allowance: Option<(f64, Option<f64>)>,
}

impl Probe {
    /// How far the clock of this machine is from the server's, which has whole seconds.
    pub fn skew(&self) -> Option<Duration> {
        let (server, own) = self.clocks?;
        Some(own.duration_since(server).unwrap_or_else(|error| error.duration()))
    }
}

impl Client {
    /// The token that was fetched last, so that it can be taken out of what is printed.
    pub fn latest_token(&self) -> Option<SecretString> {
        self.inner.tokens.latest().map(|token| SecretString::from(token.value()))
    }

    /// Looks at the environment.
    pub async fn probe(&self) -> Probe {
        let mut probe = Probe { token: Some(self.token().await.map(drop)), ..Probe::default() };
        if !matches!(probe.token, Some(Ok(()))) {
            return probe;
        }
        let read = |body: Vec<u8>| wire::organizations(&body);
        let organizations = self.read(&mut probe, &HttpRequest::list(None, None), read).await;
        probe.features = Some(self.read(&mut probe, &HttpRequest::features(), |body| wire::features(&body)).await);
        let first = organizations.as_ref().ok().and_then(|(all, ..)| all.first()).map(|first| first.id.clone());
        probe.organizations = Some(organizations.map(|(_, _, total)| total));
        if let Some(first) = first {
            self.probe_organization(&mut probe, first).await;
        }
        probe
    }

    async fn probe_organization(&self, probe: &mut Probe, id: OrganizationId) {
        let policy = HttpRequest::of(&RemoteRequest::ReadPolicy(id.clone()));
        probe.policy = Some(self.read(probe, &policy, |body| wire::live_policy(&body).map(drop)).await);
        let application = HttpRequest::of(&RemoteRequest::ReadApplicationPolicy(id));
        let read = |body: Vec<u8>| wire::application_policy(&body).map(drop);
        probe.application_policy = Some(self.read(probe, &application, read).await);
    }

    async fn read<T>(
        &self,
        probe: &mut Probe,
        request: &HttpRequest,
        read: impl FnOnce(Vec<u8>) -> Result<T, crate::reconcile::Note>,
    ) -> Result<T, RemoteError> {
        let response = self.look(request).await?;
        probe.clocks = probe.clocks.or(response.date.map(|date| (date, SystemTime::now())));
        probe.allowance = response.allowance.map(|allowance| (allowance.left, allowance.limit)).or(probe.allowance);
        let body = classify(response, false, None, &[self.inner.credentials.secret()])?;
        read(body).map_err(|note| bad_response(note, false))
    }
}
