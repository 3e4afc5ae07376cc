//! A cluster, a Scalekit and a clock in memory. It carries out one step at a
//! time, goes wrong where a script says so, and keeps a journal.

mod cluster;
mod pass;
mod scalekit;
mod trouble;

pub(crate) use cluster::{Object, Uid};
pub(crate) use pass::{Cut, Fate, Pass};
pub(crate) use scalekit::{Habits, Omits, Tenant, set_flag};
pub(crate) use trouble::{On, Trouble};

use super::samples;
use crate::policy::{Live, ValidatedSpec};
use crate::reconcile::{
    Access, ConditionType, Corrections, CredentialsError, CredentialsSource, ErrorKind, HOUR, History, RemoteRequest,
    Request, Response, SESSION_POLICY, Settings, State, Step,
};
use cluster::Cluster;
use jiff::{SignedDuration, Timestamp};
use scalekit::Scalekit;
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use trouble::Script;

/// Something that others do.
pub(crate) type Happening = Rc<dyn Fn(&mut World)>;

/// Everything outside the decision.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) cluster: Cluster,
    pub(crate) scalekit: Scalekit,
    /// Where the Secret leads.
    pub(crate) credentials: Result<Access, CredentialsError>,
    /// What the process still knows of a Secret that is gone.
    pub(crate) kept: Option<Access>,
    pub(crate) namespace_terminating: bool,
    /// The operator is being uninstalled.
    pub(crate) uninstalling: bool,
    pub(crate) script: Script,
    /// What others do just before the given step of the next pass.
    happenings: Vec<(usize, Happening)>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) passes: usize,
    memory: BTreeMap<Uid, Memory>,
}

/// One step that was carried out, or tried.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) pass: usize,
    pub(crate) uid: Uid,
    pub(crate) step: Step,
    /// `None`: the process died before it heard.
    pub(crate) response: Option<Response>,
    /// What the pass had seen when it decided.
    pub(crate) state: State,
    /// The API server's copy when the step was sent.
    pub(crate) object: Option<Object>,
    pub(crate) at: Timestamp,
    /// A policy write for this resource was given up on and may still land.
    pub(crate) in_flight: bool,
}

/// What the shell remembers of a resource.
#[derive(Debug, Clone)]
struct Memory {
    through: Timestamp,
    unknown_write: Option<Timestamp>,
    corrections: Vec<Timestamp>,
    contended: bool,
}

impl Memory {
    fn new(now: Timestamp) -> Self {
        Self { through: now, unknown_write: None, corrections: Vec::new(), contended: false }
    }
}

impl World {
    /// Usable credentials, `org_1` (external id tenant-1) with the flag off and
    /// nothing custom, no resources.
    pub(crate) fn new() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            settings: Settings {
                interval: minutes(10),
                settle: Duration::from_secs(20),
                grace: minutes(60),
                namespace_grace: minutes(10),
            },
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            cluster: Cluster::default(),
            scalekit: Scalekit::new(),
            credentials: Ok(access(samples::HOST)),
            kept: None,
            namespace_terminating: false,
            uninstalling: false,
            script: Script::default(),
            happenings: Vec::new(),
            journal: Vec::new(),
            passes: 0,
            memory: BTreeMap::new(),
        }
    }

    /// A world with one resource that has been brought to rest.
    pub(crate) fn at_rest(spec: ValidatedSpec) -> (Self, Uid) {
        let mut world = Self::new();
        let uid = world.declare(spec);
        world.pass(uid);
        (world, uid)
    }

    pub(crate) fn declare(&mut self, spec: ValidatedSpec) -> Uid {
        self.declare_in("customers", Ok(spec))
    }

    pub(crate) fn declare_in(&mut self, namespace: &'static str, spec: Result<ValidatedSpec, Vec<String>>) -> Uid {
        let uid = 1 + self.memory.keys().max().unwrap_or(&0);
        self.memory.insert(uid, Memory::new(self.now));
        self.cluster.objects.push(Object {
            uid,
            namespace,
            generation: 1,
            spec,
            finalizer: false,
            deleting_since: None,
            status: None,
            requested_at: Some("asked once".into()),
        });
        uid
    }

    /// Changes a spec, if the resource is still there.
    pub(crate) fn edit(&mut self, uid: Uid, change: impl FnOnce(&mut ValidatedSpec)) {
        if let Some(object) = self.cluster.get_mut(uid)
            && let Ok(spec) = &mut object.spec
        {
            change(spec);
            object.generation += 1;
        }
    }

    pub(crate) fn delete(&mut self, uid: Uid) {
        let now = self.now;
        if let Some(object) = self.cluster.get_mut(uid) {
            object.deleting_since.get_or_insert(now);
            object.generation += 1;
        }
        self.cluster.sweep();
    }

    /// Others do this just before the given step of the next pass.
    pub(crate) fn meanwhile(&mut self, before: usize, happens: impl Fn(&mut World) + 'static) {
        self.happenings.push((before, Rc::new(happens)));
    }

    pub(crate) fn object(&self, uid: Uid) -> &Object {
        self.cluster.get(uid).unwrap()
    }

    pub(crate) fn is_gone(&self, uid: Uid) -> bool {
        self.cluster.get(uid).is_none()
    }

    pub(crate) fn tenant(&mut self) -> &mut Tenant {
        self.scalekit.organizations.get_mut(&samples::org("org_1")).unwrap()
    }

    pub(crate) fn each_tenant(&mut self, change: impl Fn(&mut Tenant)) {
        self.scalekit.organizations.values_mut().for_each(change);
    }

    pub(crate) fn live(&self) -> Live {
        self.scalekit.organizations[&samples::org("org_1")].live
    }

    /// Whether such a resource was ever declared.
    pub(crate) fn knows(&self, uid: Uid) -> bool {
        self.memory.contains_key(&uid)
    }

    pub(crate) fn switch_flag(&mut self, on: bool) {
        self.each_tenant(|tenant| set_flag(&mut tenant.features, SESSION_POLICY, on));
    }

    /// `Ready` as status and reason, say `"True InSync"`.
    pub(crate) fn says(&self, uid: Uid, kind: ConditionType) -> String {
        match self.object(uid).condition(kind) {
            Some(c) => format!("{} {}", c.status.name(), c.reason),
            None => "absent".into(),
        }
    }

    pub(crate) fn credentials_missing(&mut self) {
        self.credentials = Err(CredentialsError::Missing(CredentialsSource::Secret("scalekit".into())));
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now = self.now.checked_add(SignedDuration::try_from(by).unwrap()).unwrap();
        self.scalekit.land(self.now);
    }

    /// The process starts anew and knows nothing of the one before.
    pub(crate) fn restart(&mut self) {
        let now = self.now;
        let fresh = || Memory { unknown_write: Some(now), ..Memory::new(now) };
        self.memory.values_mut().for_each(|memory| *memory = fresh());
    }

    fn history(&self, uid: Uid) -> History {
        let age = |since: Timestamp| Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        let memory = &self.memory[&uid];
        let corrections = Corrections {
            lately: memory.corrections.iter().filter(|at| age(**at) < HOUR).count().try_into().unwrap(),
            last: memory.corrections.last().copied().or(memory.unknown_write).map(age),
            contended: memory.contended,
        };
        History { unseen_for: age(memory.through), unknown_write_age: memory.unknown_write.map(age), corrections }
    }

    fn carry_out(&mut self, uid: Uid, state: &State, request: &Request) -> Response {
        match request {
            Request::ReadResource => Response::Resource(self.cluster.found(uid)),
            Request::ReadNamespace => Response::Namespace { terminating: self.namespace_terminating },
            Request::ReadCredentials => Response::Credentials(self.credentials.clone()),
            Request::RecallCredentials => {
                Response::Credentials(self.kept.clone().map_or_else(|| self.credentials.clone(), Ok))
            }
            Request::ReadClaimants => {
                let organization = state.observation.organization.as_ref().expect("claims are about an organization");
                Response::Claimants(self.cluster.ownership(uid, &organization.id, &self.scalekit))
            }
            Request::ReportProgress(update) => Response::Cluster(self.cluster.store(uid, (**update).clone())),
            Request::AddFinalizer => Response::Cluster(self.cluster.set_finalizer(uid, true)),
            Request::RemoveFinalizer(_) => Response::Cluster(self.cluster.set_finalizer(uid, false)),
            Request::Remote(request) => {
                if request.writes() && state.corrects() {
                    let now = self.now;
                    self.memory.get_mut(&uid).unwrap().corrections.push(now);
                }
                let to = state.access().expect("no call without credentials").environment.clone();
                Response::Remote(self.request(uid, &to, request))
            }
        }
    }

    /// An environment other than the one we simulate is empty.
    fn serve(
        &mut self,
        environment: &str,
        request: &RemoteRequest,
    ) -> Result<crate::reconcile::RemoteResponse, crate::reconcile::RemoteError> {
        if environment == self.scalekit.environment {
            self.scalekit.serve(request)
        } else {
            Err(crate::reconcile::RemoteError::new(ErrorKind::NotFound))
        }
    }
}

pub(crate) fn access(environment: &str) -> Access {
    Access { environment: environment.into(), source: CredentialsSource::Secret("scalekit".into()) }
}

impl Entry {
    /// The policy that this step writes.
    pub(crate) fn policy(&self) -> Option<crate::policy::Policy> {
        match &self.step {
            Step::Request(Request::Remote(RemoteRequest::WritePolicy { policy, .. })) => Some(*policy),
            _ => None,
        }
    }
}
