//! Takes part in the election of the leader: reads and writes the Lease as `crate::reconcile` decides.

use super::{
    context::Context,
    kube_api::{KubeError, MANAGER, code},
    options::LeaseName,
};
use crate::{
    crd::OperatorFacts,
    reconcile::{Election, ElectionStep, Lease, LeaseRequest, LeaseResponse, OldestObservation},
};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as Object, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{Api, ResourceExt, api::PostParams};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use thiserror::Error;
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

/// Why a process that wants to be the only one can't be.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// Another one is there.
    #[error(
        "an operator is running: {holder} holds the lease {} in namespace {}. Stop it first, and wait until {}",
        .lease.name, .lease.namespace, gone(.holder, .lease)
    )]
    Held {
        /// Its name.
        holder: String,
        /// What it holds.
        lease: LeaseName,
    },
    /// The lease can't be read.
    #[error("whether an operator is running can't be found out: {0}; --leader-elect=false does not ask")]
    Unreadable(String),
    /// The uninstall has run already, as when Helm goes back to the revision that asked for it.
    #[error(
        "this uninstall has run already, or a later one has: the Lease {0} says so. It releases nothing a second time. To \
         have the operator back: helm upgrade with --set uninstall.enabled=false,uninstall.policies=keep"
    )]
    Repeated(String),
    /// Another process took it at the same time, or it can't be written.
    #[error("the lease {0} could not be taken: another operator has it, or it can't be written")]
    NotTaken(String),
}

/// What to wait for, and the command for it where the holder is a pod of a Deployment, as its name tells. A pod's Lease
/// is in its own namespace.
fn gone(holder: &str, lease: &LeaseName) -> String {
    let Some(name) = deployment(holder) else { return "that process has ended".into() };
    format!("its pods are gone: kubectl -n {} scale deployment/{name} --replicas=0", lease.namespace)
}

/// The Deployment of the pod that this holder is named after.
fn deployment(holder: &str) -> Option<&str> {
    // what Kubernetes appends to a Deployment's name for its pods has these letters alone
    let generated = |text: &str| text.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let (pod, _) = holder.rsplit_once('_')?;
    let (rest, suffix) = pod.rsplit_once('-')?;
    let (name, hash) = rest.rsplit_once('-')?;
    (suffix.len() == 5 && (8..=10).contains(&hash.len()) && generated(suffix) && generated(hash)).then_some(name)
}

/// This process, as one that wants to lead.
pub(super) struct Candidate {
    context: Arc<Context>,
    name: LeaseName,
    election: Election,
    /// The Lease as last seen: what others have added to it stays.
    object: Object,
    /// The oldest observation of the one that led before.
    inherited: Option<Timestamp>,
    /// Who was said to lead, and what went wrong last.
    holder: Option<String>,
    error: Option<String>,
    /// When the uninstall was asked for that this process is, in seconds since 1970.
    uninstall_asked_at: Option<u64>,
}

impl Candidate {
    pub(super) fn new(context: &Arc<Context>, name: LeaseName) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // two of one name would both believe to lead
        let identity = format!("{host}_{:016x}", fastrand::u64(..));
        let election = Election::new(identity, context.settings.deadline);
        let (object, inherited, holder, error, uninstall_asked_at) = Default::default();
        Self { context: Arc::clone(context), name, election, object, inherited, holder, error, uninstall_asked_at }
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
            match self.election.next(self.context.uptime(), Timestamp::now()) {
                ElectionStep::Request(LeaseRequest::Write(..)) if self.has_run_already() => {
                    return Err(LeaseError::Repeated(self.name.name.clone()));
                }
                ElectionStep::Request(LeaseRequest::Write(..)) => return Ok(()),
                ElectionStep::Request(request) => self.send(request).await,
                ElectionStep::Wait(until) => {
                    let at = self.context.leadership.instant(until);
                    sleep_until(at.unwrap_or_else(Instant::now)).await;
                }
            }
            if let Some(error) = &self.error {
                return Err(LeaseError::Unreadable(error.clone()));
            }
            if self.election.is_held_by_other() {
                let holder = self.election.holder().unwrap_or_default().to_owned();
                return Err(LeaseError::Held { holder, lease: self.name.clone() });
            }
        }
    }

    /// Takes part until `stop`, which says whether nothing that this process sent may still be applied;
    /// then gives the lease back.
    pub(super) async fn campaign(mut self, mut stop: oneshot::Receiver<bool>) {
        let settled = loop {
            match self.election.next(self.context.uptime(), Timestamp::now()) {
                ElectionStep::Request(request) => self.send(request).await,
                ElectionStep::Wait(until) => {
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
            let Some(request) = self.election.release(self.context.uptime(), Timestamp::now(), settled) else { return };
            match self.carry_out(&request).await {
                Ok(LeaseResponse::Written(_)) => return tracing::info!(lease = self.name.name, "gave the lease back"),
                _ => self.send(LeaseRequest::Read).await,
            }
        }
    }

    async fn send(&mut self, request: LeaseRequest) {
        let sent = self.context.uptime();
        let response = match timeout(DEADLINE, self.carry_out(&request)).await {
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
        };
        let now = self.context.uptime();
        self.election.handle(request, response, sent, now, fastrand::f64());
        self.context.leadership.set(self.election.term(now));
        let holder = self.election.holder().map(str::to_owned);
        if holder.is_some() && holder != self.holder && self.election.term(now).is_none() {
            tracing::info!(lease = self.name.name, holder, "another operator leads, and this one waits");
        }
        self.holder = holder;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_stops_the_holder_names_its_deployment_whatever_it_is_called() {
        let lease = || LeaseName { namespace: "system".into(), name: "a".into() };
        let said = |holder: &str| LeaseError::Held { holder: holder.into(), lease: lease() }.to_string();
        for name in ["session-policy-operator", "policies-osp", "osp"] {
            let said = said(&format!("{name}-6bd4f8c79d-x2v7z_0123456789abcdef"));
            assert!(said.ends_with(&format!("kubectl -n system scale deployment/{name} --replicas=0")), "{said}");
        }
        for other in ["laptop_0123456789abcdef", "osp-uninstall-x2v7z_0123456789abcdef", "gone"] {
            assert!(said(other).ends_with("wait until that process has ended"), "{}", said(other));
        }
    }
}
