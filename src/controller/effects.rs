//! Carries out the requests of one reconcile at Kubernetes and Scalekit, and holds what they need: the
//! object as last read, the client, the lock of the organization.

#[cfg(test)]
mod tests;

use super::{
    cache::Source,
    context::Context,
    credentials::Connection,
    entry::{Entry, own_claimant, version},
    kube_api::KubeError,
    object::Object,
    resource_ref::{ResourceRef, Uid},
    status,
};
use crate::{
    policy::OrganizationRef,
    reconcile::{
        Access, Audit, Cached, ClaimKey, ClusterWrite, ErrorKind, Found, Lane, Reason, RemoteError, RemoteRequest,
        RemoteResponse, Request, Response, State, StatusUpdate, WROTE,
    },
    scalekit::{Admission, Caller, Client, within},
};
use jiff::Timestamp;
use kube::ResourceExt;
use std::{pin::pin, time::Duration};
use tokio::{
    sync::{OwnedMutexGuard, SemaphorePermit},
    time::Instant,
};

/// How long the operator asks nothing of the API server while all is at rest.
const UNASKED: Duration = Duration::from_secs(30);

pub(super) struct Effects<'a> {
    pub(super) context: &'a Context,
    pub(super) resource: &'a ResourceRef,
    /// The resource as last read or written.
    object: Option<Object>,
    client: Option<Client>,
    /// Permission to send the next request to Scalekit.
    admission: Option<Admission>,
    /// When Scalekit first answered with a 429 in this reconcile.
    limited_since: Option<Instant>,
    /// Held while it works, not while it waits for Scalekit.
    worker: Option<SemaphorePermit<'a>>,
    /// It has read the resource again because of an edit.
    took_edit: bool,
    /// Held from the read of the claimants to the end of the reconcile, so
    /// that no other reconcile decides about the organization meanwhile.
    lock: Option<OwnedMutexGuard<()>>,
}

impl<'a> Effects<'a> {
    /// Waits for a worker.
    pub(super) async fn new(context: &'a Context, resource: &'a ResourceRef) -> Self {
        let worker = context.workers.acquire().await.ok();
        let (object, client, admission, limited_since, lock) = (None, None, None, None, None);
        Self { context, resource, object, client, admission, limited_since, worker, took_edit: false, lock }
    }

    /// Waits until `request` may be sent to Scalekit. What was seen before may be
    /// too old then. `Err` is the response: why it may not, or that the resource was edited meanwhile.
    ///
    /// In which lane it waits may change meanwhile: when somebody waits for the end of this reconcile it goes on in the
    /// first one. Only the first edit is taken in here, so that edits in a loop keep no reconcile from its end.
    pub(super) async fn admit(&mut self, state: &State, request: &RemoteRequest) -> Result<(), Response> {
        let refused = |error| Response::Remote(Err(error));
        let Some(client) = self.client.clone() else { return Err(refused(RemoteError::new(ErrorKind::BadResponse))) };
        let context = self.context;
        // for all who need the token: not given up, whatever happens to this resource
        let authenticated = client.on_behalf_of(self.caller(state, request));
        self.without_worker(context.parking.wait(authenticated.authenticate())).await.map_err(refused)?;
        loop {
            if context.queue.is_edited(&self.resource.uid) && !std::mem::replace(&mut self.took_edit, true) {
                return Err(Response::Cluster(ClusterWrite::Outdated));
            }
            let caller = self.caller(state, request);
            let may_hurry = caller.lane != Lane::Awaited;
            let client = client.on_behalf_of(caller);
            if let Some(admission) = self.unless_urgent(may_hurry, client.acquire(request)).await {
                self.admission = Some(admission.map_err(refused)?);
                return Ok(());
            }
        }
    }

    /// Waits for its `turn`, or until somebody waits for the end of this reconcile.
    async fn unless_urgent<T>(&mut self, may_hurry: bool, turn: impl Future<Output = T>) -> Option<T> {
        let (context, uid) = (self.context, &self.resource.uid);
        let turn = async {
            tokio::select! {
                turn = turn => Some(turn),
                () = context.queue.urgent(uid), if may_hurry => None,
            }
        };
        self.without_worker(context.parking.wait(turn)).await
    }

    /// The response to `request` where the list of organizations shows what it asks for.
    pub(super) async fn listed(&mut self, state: &State, request: &RemoteRequest) -> Option<Response> {
        let (id, longest) = state.listable(request).filter(|_| !self.context.queue.is_urgent(&self.resource.uid))?;
        let (client, caller, context) = (self.client.clone()?, self.caller(state, request), self.context);
        let environment = client.environment().to_string();
        let is_named = |names: &[OrganizationRef]| !context.cache.uids_named(names.iter().cloned()).is_empty();
        let urgent = context.queue.urgent(&self.resource.uid);
        let listing = context.sweeps.get(&client, caller, (&id, longest), is_named, urgent);
        let listing = self.without_worker(context.parking.wait(listing)).await;
        context.organizations_changed(&environment, listing.changed);
        if let Some(error) = listing.failure {
            return Some(Response::Remote(Err(error))); // whoever probes an outage sends the next probe
        }
        let (organization, age) = listing.found?;
        state.is_answered_by(request, &organization).then_some(Response::Listed { organization, age })
    }

    /// Waits for what is not work of this process, and leaves the worker to others
    /// meanwhile.
    async fn without_worker<T>(&mut self, wait: impl Future<Output = T>) -> T {
        self.worker = None;
        let result = wait.await;
        self.worker = self.context.workers.acquire().await.ok();
        result
    }

    /// Whether `request` may be sent now. The application's policy is most often
    /// in the cache.
    pub(super) const fn is_admitted(&self, request: &RemoteRequest) -> bool {
        self.admission.is_some() || matches!(request, RemoteRequest::ReadApplicationPolicy(_))
    }

    fn caller(&self, state: &State, request: &RemoteRequest) -> Caller {
        let writes = request.writes();
        let until = self.context.leadership.instant(state.term.valid_until).filter(|_| writes);
        // whoever reads it reads it for all
        let shared = matches!(request, RemoteRequest::ReadApplicationPolicy(_));
        let awaited = shared || self.context.queue.is_urgent(&self.resource.uid);
        let lane = if awaited { Lane::Awaited } else { state.lane(writes) };
        let flow = self.resource.namespace.clone();
        let began = state.began.saturating_sub(state.history.awaited_for(state.began));
        Caller { lane, flow, first: writes, began, until, request: fastrand::u64(..) }
    }

    /// Whether to wait out the 429 that a request was answered with, and go on
    /// with what was seen.
    pub(super) fn waits_out(&mut self, response: &Response) -> bool {
        let Response::Remote(Err(error)) = response else { return false };
        if !matches!(error.kind, ErrorKind::RateLimited { .. }) {
            return false;
        }
        error.is_waited_out(self.limited_since.get_or_insert_with(Instant::now).elapsed())
    }

    /// Carries out `request`, which was decided in this state.
    pub(super) async fn perform(&mut self, state: &State, request: &Request) -> Result<Response, KubeError> {
        let kube = &self.context.kube;
        Ok(match request {
            Request::ReadResource { fresh } => match self.cached().filter(|_| !fresh) {
                Some(cached) => Response::Cached(cached),
                None => {
                    self.read().await?;
                    let at = |object| status::resource(object).at(Timestamp::now());
                    let found = self.object.as_ref().map(|object| Found::Here(Box::new(at(object))));
                    Response::Resource(found.unwrap_or(Found::Gone))
                }
            },
            Request::ReadNamespace => {
                Response::Namespace { terminating: kube.terminating(&self.resource.namespace).await? }
            }
            Request::ReadCredentials { fresh } => {
                self.keep_client(self.context.credentials.get(&self.resource.namespace, secret(state), *fresh).await)
            }
            Request::ReadLastKnownCredentials => {
                self.keep_client(self.context.credentials.last_known(&self.resource.namespace, secret(state)).await)
            }
            Request::ReadIssuer => self.issuer(state).await,
            Request::ReadClaimants => self.claimants(state).await,
            Request::ReportProgress => Response::Cluster(self.write_status(&StatusUpdate::progress(state)).await?),
            Request::AddFinalizer => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = kube.add_finalizer(self.resource, object).await?;
                Response::Cluster(self.keep_written(written))
            }
            Request::RemoveFinalizer(_) => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let until = self.context.leadership.instant(state.term.valid_until);
                let removal = kube.remove_finalizer(self.resource, object);
                let written = within(until, removal).await.ok_or(KubeError::TimedOut)??;
                Response::Cluster(self.keep_written(written))
            }
            Request::Remote(request) => Response::Remote(self.send(state, request).await),
        })
    }

    /// The resource as the cache has it, where it is at rest. Not if nothing was asked of the API server
    /// lately: an open watch does not show that the operator still has its rights, nor that etcd was not
    /// restored, so one of all resources is read then.
    fn cached(&self) -> Option<Cached> {
        if self.context.kube.health.since_answer() >= UNASKED {
            return None;
        }
        self.context.cache.with(&self.resource.uid, Entry::cached).flatten()
    }

    pub(super) async fn read(&mut self) -> Result<(), KubeError> {
        let known = self.known_version();
        self.object = self.context.kube.read(self.resource).await?;
        self.object.iter().for_each(|object| self.context.check_version(object, known));
        Ok(())
    }

    /// The version that the watch has shown.
    pub(super) fn known_version(&self) -> Option<u64> {
        self.context.cache.with(&self.resource.uid, |entry| entry.version).flatten()
    }

    /// The version that was read or written last.
    pub(super) fn version(&self) -> Option<u64> {
        self.object.as_ref().and_then(version)
    }

    /// Writes `update` into the status, unless only times would change.
    pub(super) async fn write_status(&mut self, update: &StatusUpdate) -> Result<ClusterWrite, KubeError> {
        let Some(object) = self.object.as_ref().filter(|object| !is_finalized(object)) else {
            return Ok(ClusterWrite::Gone);
        };
        if !self.context.leadership.leads() {
            return Ok(ClusterWrite::Gone); // the leader reports
        }
        let written = match status::changed(update, object, Timestamp::now()) {
            None => ClusterWrite::Done,
            Some(status) => {
                let value = serde_json::to_value(&status).map_err(kube::Error::SerdeError)?;
                let written = self.context.kube.write_status(self.resource, object, &value).await?;
                self.keep_written(written)
            }
        };
        if let Some(object) = self.object.as_ref().filter(|_| written == ClusterWrite::Done) {
            self.context.cache.record_reported(&self.resource.uid, version(object), update.digest());
        }
        Ok(written)
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

    /// Keeps the client for the requests to Scalekit.
    fn keep_client(&mut self, connection: Connection) -> Response {
        self.admission = None; // its token is of the client before
        Response::Credentials(connection.map(|(client, access)| {
            self.client = Some(client);
            Access { merges_features: self.context.merging.contains(&access.environment), ..access }
        }))
    }

    async fn send(&mut self, state: &State, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let Some(client) = &self.client else { return Err(RemoteError::new(ErrorKind::BadResponse)) };
        let caller = self.caller(state, request);
        let id = caller.request;
        let client = client.on_behalf_of(caller);
        self.context.record(&self.resource.uid, state.before_request(request));
        let (context, admission) = (self.context, self.admission.take());
        let sending = async {
            match (request, admission) {
                (RemoteRequest::ReadApplicationPolicy(_), admission) => {
                    drop(admission);
                    let policy = context.application_policies.get(&client, request);
                    let (response, changed) = context.parking.wait(policy).await;
                    if changed {
                        context.application_policy_changed(client.environment().as_str());
                    }
                    response
                }
                (_, Some(admission)) => client.request_with(admission, request).await,
                (_, None) => client.request(request).await,
            }
        };
        let response = self.without_worker(sending).await;
        if let Some(written) = request.outdates_list() {
            context.sweeps.forget(written);
        }
        self.context.record(&self.resource.uid, state.after_request(request, &response));
        if let Some(audit) = Audit::of(state, request, &response) {
            self.tell(&audit, id);
        }
        response
    }

    /// Logs and counts a write to Scalekit.
    fn tell(&self, audit: &Audit, id: u64) {
        let Audit { organization, what, before, after, direction, mode, reverts, result, reason } = audit;
        let (result, reason): (&str, _) = (result.into(), reason.map(Reason::name));
        let (request, mode): (_, &str) = (format!("{id:016x}"), mode.into());
        tracing::info!(
            resource = %self.resource, %organization, what, before, after, %direction, mode, reverts, result, reason,
            request,
            "{WROTE}"
        );
        self.context.kube.health.metrics().requests.wrote(audit.what, direction.name(), result);
    }

    async fn issuer(&mut self, state: &State) -> Response {
        let pinned = state.here().and_then(|resource| resource.pinned.as_ref());
        // what is being deleted may ask before it reads anything there
        let read = state.observation.organization.as_ref().map(|organization| &organization.id);
        let organization = read.or(pinned.map(|pinned| &pinned.organization));
        let Some((client, organization)) = self.client.clone().zip(organization) else {
            return Response::Issuer { known: None, alleged: None };
        };
        let recorded = state.pin_here().and_then(|pinned| pinned.issuer.as_deref());
        let issuer = self.context.parking.wait(client.issuer(organization, recorded));
        let (known, alleged) = self.without_worker(issuer).await;
        Response::Issuer { known, alleged }
    }

    async fn claimants(&mut self, state: &State) -> Response {
        let (Some(resource), Some((identity, organization))) = (state.here(), state.claimed()) else {
            return Response::Cluster(ClusterWrite::Outdated);
        };
        let own = match &self.object {
            Some(object) => Some(own_claimant(self.resource, object, resource)),
            None => self.context.cache.with(&self.resource.uid, Entry::claimant),
        };
        let Some(own) = own else { return Response::Cluster(ClusterWrite::Outdated) };
        // a reconcile that starts over releases the organization that it read first
        self.lock = None;
        self.admission = None; // whoever holds the lock may need it
        let (context, uid) = (self.context, &self.resource.uid);
        let mut keys = state.claim_keys(&self.resource.namespace);
        keys.extend(state.alleged_key());
        let awaited = state.lane(false) == Lane::Awaited || context.queue.is_urgent(uid);
        let lock = context.parking.wait(lock(context, uid, (&identity, organization.as_str()), &keys, awaited));
        let lock = self.without_worker(lock).await;
        self.lock = Some(lock);
        let mut others = context.cache.claimants_at(uid, &keys);
        for other in &mut others {
            context.complete(other);
            other.served = self.context.credentials.serves(&other.namespace);
        }
        Response::Claimants { own, others }
    }
}

/// Waits for the lock of the organization. Whoever has it may be at rest, and wait long for its turn: when somebody waits
/// for this resource, they wait for that one too.
async fn lock(
    context: &Context,
    uid: &Uid,
    (environment, organization): (&str, &str),
    keys: &[ClaimKey],
    awaited: bool,
) -> OwnedMutexGuard<()> {
    let mut lock = pin!(context.locks.lock(environment, organization));
    let becomes_awaited = async {
        if !awaited {
            context.queue.urgent(uid).await;
        }
    };
    tokio::select! {
        biased;
        lock = &mut lock => return lock,
        () = becomes_awaited => {}
    }
    context.cache.others(uid, keys).iter().for_each(|other| context.queue.hurry(other));
    lock.await
}

/// Whether the object is being deleted and has no finalizer left, so that it is about to be gone.
fn is_finalized(object: &Object) -> bool {
    kube::Resource::meta(object).deletion_timestamp.is_some() && object.finalizers().is_empty()
}

fn secret(state: &State) -> Option<&str> {
    state.spec()?.secret.as_deref()
}
