//! Takes part in the election of the leader: reads and writes the Lease as `crate::reconcile` decides.

use super::{
    context::Context,
    kube_api::{KubeError, MANAGER, code},
    lease_error::LeaseError,
    options::LeaseName,
};
use crate::{
    crd::{LEASE_LABEL, OperatorFacts},
    reconcile::{Candidacy, CandidacyStep, Lease, LeaseRequest, LeaseResponse, OldestObservation, OtherLease},
};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as Object, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};

/// The deadline of one request about the lease: two of them fit into the time in which it must be renewed.
const DEADLINE: Duration = Duration::from_secs(5);
/// Tries to give the lease back, since a renewal on its way may come first.
const RELEASES: usize = 3;

/// `true` where all writes of the one that gave it back are applied, or never will be.
const SETTLED: &str = "scalekit.com/settled";
/// When the last uninstall was asked for, in seconds since 1970.
const UNINSTALL_ASKED_AT: &str = "scalekit.com/uninstall-asked-at";

/// This process, as one that wants to lead.
pub(super) struct Candidate {
    context: Arc<Context>,
    name: LeaseName,
    candidacy: Candidacy,
    /// The Lease as last seen: what others have added to it stays.
    object: Object,
    /// The oldest observation of the one that led before.
    inherited: Option<Timestamp>,
    /// Who was said to lead, and what went wrong last.
    holder: Option<String>,
    error: Option<String>,
    /// When the uninstall was asked for that this process is, in seconds since 1970.
    uninstall_asked_at: Option<u64>,
    /// The other Lease that was waited for last.
    told: Option<String>,
}

impl Candidate {
    pub(super) fn new(context: &Arc<Context>, name: LeaseName) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // two of one name would both believe to lead
        let identity = format!("{host}_{:016x}", fastrand::u64(..));
        let candidacy = Candidacy::new(name.name.clone(), identity, context.settings.deadline);
        let (object, inherited, holder, error, uninstall_asked_at, told) = Default::default();
        let context = Arc::clone(context);
        Self { context, name, candidacy, object, inherited, holder, error, uninstall_asked_at, told }
    }

    /// The same, for an uninstall that was asked for then and is to run once.
    pub(super) fn of_uninstall(context: &Arc<Context>, name: LeaseName, asked_at: Option<u64>) -> Self {
        Self { uninstall_asked_at: asked_at, ..Self::new(context, name) }
    }

    fn has_run_already(&self) -> bool {
        let last = self.object.annotations().get(UNINSTALL_ASKED_AT).and_then(|last| last.parse().ok());
        self.uninstall_asked_at.is_some_and(|asked| last.is_some_and(|last: u64| asked <= last))
    }

    /// Looks until the lease could be taken; writes nothing. `Err`: another process is there that holds it, it can't be
    /// read, or it says that this uninstall has run already.
    pub(super) async fn look(&mut self) -> Result<(), LeaseError> {
        loop {
            match self.candidacy.next(self.context.uptime(), Timestamp::now()) {
                CandidacyStep::Look | CandidacyStep::Request(LeaseRequest::Write(..)) if self.has_run_already() => {
                    return Err(LeaseError::Repeated(self.name.name.clone()));
                }
                CandidacyStep::Request(LeaseRequest::Write(..)) => return Ok(()),
                CandidacyStep::Request(request) => self.send(request).await,
                CandidacyStep::Look => self.look_at_others().await,
                CandidacyStep::Wait(until) => {
                    let at = self.context.leadership.instant(until);
                    sleep_until(at.unwrap_or_else(Instant::now)).await;
                }
            }
            if let Some(error) = &self.error {
                return Err(LeaseError::Unreadable(error.clone()));
            }
            if let Some((holder, name)) = self.somebody_is_there() {
                let lease = LeaseName { name, namespace: self.name.namespace.clone() };
                return Err(LeaseError::Held { holder, lease });
            }
        }
    }

    /// Another process that was seen to renew a lease, and the name of that.
    fn somebody_is_there(&self) -> Option<(String, String)> {
        let own = self.candidacy.holder().filter(|_| self.candidacy.is_held_by_other());
        let other = self.candidacy.waits_for().filter(|other| self.candidacy.is_renewed(other));
        let own = own.map(|holder| (holder.to_owned(), self.name.name.clone()));
        own.or_else(|| other.map(|other| (other.holder.clone(), other.name.clone())))
    }

    /// Takes part until `stop`, which says whether nothing that this process sent may still be applied;
    /// then gives the lease back.
    pub(super) async fn campaign(mut self, mut stop: oneshot::Receiver<bool>) {
        let settled = loop {
            match self.candidacy.next(self.context.uptime(), Timestamp::now()) {
                CandidacyStep::Request(request) => self.send(request).await,
                CandidacyStep::Look => self.look_at_others().await,
                CandidacyStep::Wait(until) => {
                    let Some(at) = self.context.leadership.instant(until) else { continue };
                    tokio::select! { settled = &mut stop => break settled.unwrap_or(false), () = sleep_until(at) => {} }
                }
            }
        };
        if timeout(DEADLINE, self.release(settled)).await.is_err() {
            tracing::warn!(lease = self.name.name, "the lease could not be given back, others wait until it is over");
        }
    }

    async fn release(&mut self, settled: bool) {
        for _ in 0..RELEASES {
            let Some(request) = self.candidacy.release(self.context.uptime(), Timestamp::now(), settled) else {
                return;
            };
            match self.carry_out(&request).await {
                Ok(LeaseResponse::Written(_)) => return tracing::info!(lease = self.name.name, "gave the lease back"),
                _ => self.send(LeaseRequest::Read).await,
            }
        }
    }

    async fn send(&mut self, request: LeaseRequest) {
        if matches!(&request, LeaseRequest::Write(lease, _) if lease.holder.is_empty()) {
            tracing::info!(lease = self.name.name, "gives the lease back: another operator took one at the same time");
        }
        let sent = self.context.uptime();
        let response = self.respond(&request).await;
        let now = self.context.uptime();
        self.candidacy.handle(request, response, sent, now, fastrand::f64());
        self.context.leadership.set(self.candidacy.term(now));
        let holder = self.candidacy.holder().map(str::to_owned);
        if holder.is_some() && holder != self.holder && self.candidacy.term(now).is_none() {
            tracing::info!(lease = self.name.name, holder, "another operator leads, and this one waits");
        }
        self.holder = holder;
    }

    /// Looks for somebody who leads by another Lease for the same resources.
    async fn look_at_others(&mut self) {
        let listed = timeout(DEADLINE, self.others()).await;
        let all = match listed {
            Ok(Ok(all)) => Some(all),
            Ok(Err(error)) if code(&error) == Some(403) => Some(Vec::new()), // the Role lets it see none
            Ok(Err(error)) => {
                self.failed(&KubeError::from(error).to_string(), None);
                None
            }
            Err(_) => {
                self.failed("the API server: no response in time", None);
                None
            }
        };
        let now = self.context.uptime();
        self.candidacy.handle_look(all, now, fastrand::f64());
        self.context.leadership.set(self.candidacy.term(now));
        let other = self.candidacy.waits_for();
        let lease = other.map(|other| other.name.clone());
        if let Some(other) = other.filter(|_| self.told != lease) {
            tracing::warn!(
                lease = self.name.name,
                "{} leads for the same resources by the Lease {}, and this one waits",
                other.holder,
                other.name
            );
        }
        self.told = lease;
    }

    async fn others(&self) -> kube::Result<Vec<OtherLease>> {
        let (key, value) = LEASE_LABEL;
        let api: Api<Object> = Api::namespaced(self.context.kube.client.clone(), &self.name.namespace);
        let all = api.list(&ListParams::default().labels(&format!("{key}={value}"))).await?;
        let namespaces = Some(self.context.namespaces.clone()).filter(|all| !all.is_empty());
        let own = OperatorFacts { namespaces, ..OperatorFacts::default() };
        let beside = |lease: &&Object| lease.name_any() != self.name.name && own.shares(&OperatorFacts::read(lease));
        Ok(all.items.iter().filter(beside).map(other).collect())
    }

    async fn respond(&mut self, request: &LeaseRequest) -> LeaseResponse {
        match timeout(DEADLINE, self.carry_out(request)).await {
            Ok(Ok(response)) => {
                self.error = None;
                response
            }
            Ok(Err(error)) => {
                let role = "the Role in deploy/rbac.yaml has the right to it; --leader-elect=false does without";
                let hint = Some(role).filter(|_| code(&error) == Some(403));
                self.failed(&KubeError::from(error).to_string(), hint)
            }
            Err(_) => {
                self.context.kube.health.record_other(false);
                self.failed("the API server: no response in time", None)
            }
        }
    }

    fn failed(&mut self, error: &str, hint: Option<&str>) -> LeaseResponse {
        let (namespace, lease) = (&self.name.namespace, &self.name.name);
        if self.error.as_deref() == Some(error) {
            tracing::debug!(namespace, lease, error, "no lease");
        } else {
            tracing::warn!(namespace, lease, error, hint, "no lease");
            self.error = Some(error.to_owned());
        }
        LeaseResponse::Failed
    }

    async fn carry_out(&mut self, request: &LeaseRequest) -> kube::Result<LeaseResponse> {
        let api: Api<Object> = Api::namespaced(self.context.kube.client.clone(), &self.name.namespace);
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let result = match request {
            LeaseRequest::Read => api.get_opt(&self.name.name).await,
            LeaseRequest::Write(lease, None) => api.create(&params, &self.written(lease, None)).await.map(Some),
            LeaseRequest::Write(lease, version) => {
                api.replace(&self.name.name, &params, &self.written(lease, version.clone())).await.map(Some)
            }
        };
        let refused = result.as_ref().map_or_else(code, |_| Some(200)).map(|code| matches!(code, 401 | 403));
        self.context.kube.health.record_other(refused.is_some());
        if let Some(refused) = refused {
            self.context.kube.health.record_lease(refused);
        }
        let object = match (result, request) {
            (Ok(object), _) => object,
            (Err(error), LeaseRequest::Write(..)) if code(&error) == Some(409) => return Ok(LeaseResponse::Conflict),
            (Err(error), LeaseRequest::Write(_, Some(_))) if code(&error) == Some(404) => {
                return Ok(LeaseResponse::Conflict);
            }
            (Err(error), _) => return Err(error),
        };
        let Some(object) = object else { return Ok(LeaseResponse::Missing) };
        if matches!(request, LeaseRequest::Read) {
            self.inherited = OperatorFacts::read(&object).oldest;
        }
        let version = object.resource_version().unwrap_or_default();
        let response = match request {
            LeaseRequest::Read => LeaseResponse::Found(read(&object), version),
            LeaseRequest::Write(..) => LeaseResponse::Written(version),
        };
        self.object = object;
        Ok(response)
    }

    /// The Lease as it is to be.
    fn written(&self, lease: &Lease, version: Option<String>) -> Object {
        let mut object = if version.is_some() { self.object.clone() } else { Object::default() };
        object.metadata.name = Some(self.name.name.clone());
        object.metadata.managed_fields = None;
        object.metadata.resource_version = version;
        object.annotations_mut().insert(SETTLED.into(), lease.settled.to_string());
        if let Some(asked) = self.uninstall_asked_at {
            object.annotations_mut().insert(UNINSTALL_ASKED_AT.into(), asked.to_string());
        }
        facts(&self.context, self.inherited).write(&mut object);
        object.spec = Some(LeaseSpec {
            holder_identity: Some(lease.holder.clone()),
            lease_duration_seconds: Some(i32::try_from(lease.duration.as_secs()).unwrap_or(i32::MAX)),
            lease_transitions: Some(lease.transitions),
            acquire_time: lease.acquired.map(MicroTime),
            renew_time: lease.renewed.map(MicroTime),
            ..object.spec.unwrap_or_default()
        });
        object
    }
}

/// What the Lease says of this operator; `inherited`: the oldest observation of the leader before, which stands for all
/// that this one has not read yet.
fn facts(context: &Context, inherited: Option<Timestamp>) -> OperatorFacts {
    let (now, wall) = (context.uptime(), Timestamp::now());
    let mut oldest = OldestObservation::new(inherited);
    let records = context.records.lock().unwrap_or_else(PoisonError::into_inner);
    context.cache.for_each(|entry| {
        if entry.watched.at_rest() {
            let observed = records.get(&entry.resource.uid).and_then(|record| record.observed);
            oldest.add(observed.map(|at| now.saturating_sub(at)), wall);
        }
    });
    OperatorFacts {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        namespaces: Some(context.namespaces.clone()).filter(|all| !all.is_empty()),
        interval: Some(context.settings.interval),
        oldest: oldest.at(),
    }
}

fn other(object: &Object) -> OtherLease {
    let Lease { holder, duration, .. } = read(object);
    OtherLease { name: object.name_any(), holder, duration, version: object.resource_version().unwrap_or_default() }
}

fn read(object: &Object) -> Lease {
    let spec = object.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default();
    Lease {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        transitions: spec.lease_transitions.unwrap_or_default(),
        acquired: spec.acquire_time.map(|time| time.0),
        renewed: spec.renew_time.map(|time| time.0),
        settled: object.annotations().get(SETTLED).is_some_and(|settled| settled == "true"),
    }
}
