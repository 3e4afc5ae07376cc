//! Carries out the requests of one reconcile at Kubernetes and Scalekit, and holds what they need: the
//! object as last read, the client, the lock of the organization.

use super::{
    cache::{Source, own_claimant},
    context::Context,
    credentials::Connection,
    kube_api::{KubeError, Object},
    resource_ref::ResourceRef,
    status,
};
use crate::{
    reconcile::{
        ClusterWrite, ErrorKind, Found, RemoteError, RemoteRequest, RemoteResponse, Request, Response, State,
        StatusUpdate,
    },
    scalekit::Client,
};
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::OwnedMutexGuard;

pub(super) struct Effects<'a> {
    pub(super) context: &'a Context,
    pub(super) resource: &'a ResourceRef,
    /// The resource as last read or written.
    object: Option<Object>,
    client: Option<Client>,
    /// The organization's lock, from the read of the claimants to the end of the reconcile, so that no
    /// other reconcile decides about the organization meanwhile.
    lock: Option<OwnedMutexGuard<()>>,
}

impl<'a> Effects<'a> {
    pub(super) const fn new(context: &'a Context, resource: &'a ResourceRef) -> Self {
        Self { context, resource, object: None, client: None, lock: None }
    }

    /// Carries out `request`, which was decided in this state.
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
            Request::ReadCredentials { fresh } => {
                self.keep_client(self.context.credentials.get(&self.resource.namespace, secret(state), *fresh).await)
            }
            Request::ReadLastKnownCredentials => {
                self.keep_client(self.context.credentials.last_known(&self.resource.namespace, secret(state)).await)
            }
            Request::ReadClaimants => self.claimants(state).await,
            Request::ReportProgress => Response::Cluster(self.write_status(&StatusUpdate::progress(state)).await?),
            Request::AddFinalizer => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = kube.add_finalizer(self.resource, object).await?;
                Response::Cluster(self.keep_written(written))
            }
            Request::RemoveFinalizer(_) => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = kube.remove_finalizer(self.resource, object).await?;
                Response::Cluster(self.keep_written(written))
            }
            Request::Remote(request) => Response::Remote(self.send(state, request).await),
        })
    }

    pub(super) async fn read(&mut self) -> Result<(), KubeError> {
        let known = self.context.cache.get(&self.resource.uid).and_then(|entry| entry.version);
        self.object = self.context.kube.read(self.resource).await?;
        self.object.iter().for_each(|object| self.context.check_version(object, known));
        Ok(())
    }

    /// Writes `update` into the status, unless only times would change.
    pub(super) async fn write_status(&mut self, update: &StatusUpdate) -> Result<ClusterWrite, KubeError> {
        let Some(object) = self.object.as_ref().filter(|object| !is_finalized(object)) else {
            return Ok(ClusterWrite::Gone);
        };
        let Some(status) = status::changed(update, object, Timestamp::now()) else { return Ok(ClusterWrite::Done) };
        let value = serde_json::to_value(&status).map_err(kube::Error::SerdeError)?;
        let written = self.context.kube.write_status(self.resource, object, &value).await?;
        Ok(self.keep_written(written))
    }

    /// Keeps the object after a write, and updates the cache, so that what it claims counts at once.
    fn keep_written(&mut self, written: Result<Object, ClusterWrite>) -> ClusterWrite {
        match written {
            Ok(object) => {
                self.context.observe(&object, Source::Write);
                self.object = Some(object);
                ClusterWrite::Done
            }
            Err(write) => write,
        }
    }
    fn keep_client(&mut self, connection: Connection) -> Response {
        Response::Credentials(connection.map(|(client, access)| {
            self.client = Some(client);
            access
        }))
    }

    async fn send(&self, state: &State, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let Some(client) = &self.client else { return Err(RemoteError::new(ErrorKind::BadResponse)) };
        self.context.record(&self.resource.uid, state.before_request(request));
        let response = match request {
            RemoteRequest::ReadApplicationPolicy(_) => {
                let (response, changed) = self.context.application_policies.get(client, request).await;
                if changed {
                    self.context.application_policy_changed(client.environment().as_str());
                }
                response
            }
            _ => client.request(request).await,
        };
        self.context.record(&self.resource.uid, state.after_request(request, &response));
        response
    }

    async fn claimants(&mut self, state: &State) -> Response {
        let (Some(object), Some(resource), Some(organization), Some(access)) =
            (&self.object, state.here(), &state.observation.organization, state.access())
        else {
            return Response::Cluster(ClusterWrite::Outdated);
        };
        let own = own_claimant(self.resource, object, resource);
        // a reconcile that starts over releases the organization that it read first
        self.lock = None;
        self.lock = Some(self.context.locks.lock(&access.environment, organization.id.as_str()).await);
        let keys = state.claim_keys(&self.resource.namespace);
        let mut others = self.context.cache.claimants_at(&self.resource.uid, &keys);
        for other in &mut others {
            other.reconciled = self.context.was_reconciled(&other.uid);
            other.served = self.context.credentials.serves(&other.namespace);
        }
        Response::Claimants { own, others }
    }
}

/// Whether the object is being deleted and has no finalizer left, so that it is about to be gone.
fn is_finalized(object: &Object) -> bool {
    kube::Resource::meta(object).deletion_timestamp.is_some() && object.finalizers().is_empty()
}

fn secret(state: &State) -> Option<&str> {
    state.spec()?.secret.as_deref()
}
