//! Carries out one request of a reconcile against Kubernetes or Scalekit, and
//! holds what that takes: the object as last read, the client, the lock.

use super::{
    cache::{Claim, Entry},
    context::Context,
    credentials::Connection,
    kube_api::{KubeError, Object},
    resource_ref::ResourceRef,
    status,
};
use crate::{
    policy::OrganizationRef,
    reconcile::{
        Access, Claimant, ClusterWrite, CredentialsError, ErrorKind, Found, HistoryEvent, Organization, RemoteError,
        RemoteRequest, RemoteResponse, Request, Response, State, StatusUpdate,
    },
    scalekit::Client,
};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

/// What one reconcile holds to carry out its requests.
pub(super) struct Effects<'a> {
    pub(super) context: &'a Context,
    pub(super) resource: &'a ResourceRef,
    /// The resource as last read or written.
    object: Option<Object>,
    client: Option<Client>,
    /// Held from the read of the claimants to the end of the reconcile, so
    /// that no other reconcile decides about the organization meanwhile.
    lock: Option<OwnedMutexGuard<()>>,
}

impl<'a> Effects<'a> {
    pub(super) const fn new(context: &'a Context, resource: &'a ResourceRef) -> Self {
        Self { context, resource, object: None, client: None, lock: None }
    }

    /// Carries out `request`, decided in this `state`.
    pub(super) async fn perform(&mut self, state: &State, request: &Request) -> Result<Response, KubeError> {
        let kube = &self.context.kube;
        Ok(match request {
            Request::ReadResource => {
                self.read().await?;
                let found = self.object.as_ref().map(|object| Found::Here(Box::new(status::resource(object))));
                Response::Resource(found.unwrap_or(Found::Gone))
            }
            Request::ReadNamespace => {
                Response::Namespace { terminating: kube.terminating(&self.resource.namespace).await? }
            }
            Request::ReadCredentials { fresh } => Response::Credentials(self.credentials(state, *fresh).await),
            Request::RecallCredentials => Response::Credentials(self.recall(state).await),
            Request::ReadClaimants => self.claimants(state).await?,
            Request::ReportProgress => Response::Cluster(self.write_status(&StatusUpdate::progress(state)).await?),
            Request::AddFinalizer => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = kube.add_finalizer(self.resource, object).await?;
                Response::Cluster(self.became(written))
            }
            Request::RemoveFinalizer(_) => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = kube.remove_finalizer(self.resource, object).await?;
                Response::Cluster(self.became(written))
            }
            Request::Remote(request) => Response::Remote(self.send(state, request).await),
        })
    }

    /// Reads the resource from the API server.
    pub(super) async fn read(&mut self) -> Result<(), KubeError> {
        self.object = self.context.kube.read(self.resource).await?;
        Ok(())
    }

    /// Writes the status that says `update`, if that differs in anything but
    /// time from the current one.
    pub(super) async fn write_status(&mut self, update: &StatusUpdate) -> Result<ClusterWrite, KubeError> {
        let Some(object) = &self.object else { return Ok(ClusterWrite::Gone) };
        let Some(status) = status::changed(update, object, Timestamp::now()) else { return Ok(ClusterWrite::Done) };
        let value = serde_json::to_value(&status).map_err(kube::Error::SerdeError)?;
        let written = self.context.kube.write_status(self.resource, object, &value).await?;
        Ok(self.became(written))
    }

    /// Keeps the object as it is after a write.
    fn became(&mut self, written: Result<Object, ClusterWrite>) -> ClusterWrite {
        match written {
            Ok(object) => {
                self.object = Some(object);
                ClusterWrite::Done
            }
            Err(write) => write,
        }
    }

    async fn credentials(&mut self, state: &State, fresh: bool) -> Result<Access, CredentialsError> {
        let found = self.context.credentials.get(&self.resource.namespace, secret(state), fresh).await;
        self.hold(found)
    }

    async fn recall(&mut self, state: &State) -> Result<Access, CredentialsError> {
        let found = self.context.credentials.last_known(&self.resource.namespace, secret(state)).await;
        self.hold(found)
    }

    fn hold(&mut self, found: Connection) -> Result<Access, CredentialsError> {
        found.map(|(client, access)| {
            self.client = Some(client);
            access
        })
    }

    async fn send(&self, state: &State, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let Some(client) = &self.client else { return Err(RemoteError::new(ErrorKind::BadResponse)) };
        let record = |event| self.context.record(&self.resource.uid, event);
        let response = match request {
            RemoteRequest::ReadApplicationPolicy(_) => {
                let (response, changed) = self.context.application_policies.get(client, request).await;
                if changed {
                    self.context.application_policy_changed(client.environment().as_str());
                }
                response
            }
            RemoteRequest::WritePolicy { .. } => {
                record(HistoryEvent::PolicyWriteSent);
                let response = client.request(request).await;
                let outcome_unknown = response.as_ref().is_err_and(|error| error.outcome_unknown);
                record(HistoryEvent::PolicyWriteAnswered { outcome_unknown });
                response
            }
            _ => client.request(request).await,
        };
        if state.counts_as_correction(request, &response) {
            record(HistoryEvent::CorrectionSent);
        }
        response
    }

    /// The resources that claim the organization just read.
    async fn claimants(&mut self, state: &State) -> Result<Response, KubeError> {
        let own = self.object.as_ref().and_then(Entry::of).map(|entry| entry.claimant());
        let (Some(own), Some(organization), Some(access)) = (own, &state.observation.organization, state.access())
        else {
            return Ok(Response::Cluster(ClusterWrite::Outdated));
        };
        // one that starts over holds it already, maybe of another organization
        self.lock = None;
        self.lock = Some(self.context.locks.lock(&access.environment, organization.id.as_str()).await);
        let mut others = Vec::new();
        for other in self.context.cache.claiming(&self.resource.uid, &claim(state, organization)) {
            let found =
                self.context.credentials.get(&other.resource.namespace, other.claim.secret.as_deref(), false).await;
            let takes_over = found.is_ok();
            // with neither credentials nor a status it has never written anything, and can't now
            let environment = found.ok().map(|(_, access)| access.environment).or(other.claim.environment.clone());
            if environment.as_ref() == Some(&access.environment) {
                let claimant = other.claimant();
                others.push(Claimant { takes_over: claimant.takes_over && takes_over, ..claimant });
            }
        }
        Ok(Response::Claimants { own, others })
    }
}

/// The claim of this reconcile's resource on the organization it has read.
fn claim(state: &State, organization: &Organization) -> Claim {
    let declared = state.spec().and_then(|spec| match &spec.organization {
        OrganizationRef::External(id) => Some(id.to_string()),
        OrganizationRef::Id(_) => None,
    });
    Claim {
        ids: vec![organization.id.to_string()],
        external_id: organization.external_id.clone().or(declared),
        ..Claim::default()
    }
}

fn secret(state: &State) -> Option<&str> {
    state.spec()?.secret.as_deref()
}
