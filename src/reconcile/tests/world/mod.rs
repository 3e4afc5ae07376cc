//! A cluster, a Scalekit and a clock in memory. It carries out one step at a
//! time, goes wrong where a script says so, and keeps a journal.

mod cluster;
mod explored;
mod reconcile;
mod scalekit;
mod shell;
mod trouble;
mod watch;

pub(crate) use cluster::{Object, Uid};
pub(crate) use explored::Process;
pub(crate) use reconcile::{Crash, Effort, Interrupted, Reconciled, word, writes};
pub(crate) use scalekit::{Habits, Omits, Tenant, set_flag};
pub(crate) use trouble::{On, Trouble};

use super::samples;
use crate::policy::{Live, OrganizationId, ValidatedSpec, Violation};
use crate::reconcile::{
    Access, ConditionType, CredentialsError, CredentialsSource, ErrorKind, History, HistoryEvent, Organization,
    Outages, Predecessor, RemoteRequest, Request, Response, SESSION_POLICY, Settings, State, Step, Term,
};
use cluster::Cluster;
use jiff::{SignedDuration, Timestamp};
use scalekit::Scalekit;
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use trouble::Script;
use watch::Watch;

/// Something that others do.
pub(crate) type Happening = Rc<dyn Fn(&mut World)>;

/// Everything outside the decision.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) term: Term,
    pub(crate) now: Timestamp,
    pub(crate) cluster: Cluster,
    pub(crate) scalekit: Scalekit,
    /// Where the credentials lead of resources that name no Secret.
    pub(crate) credentials: Result<Access, CredentialsError>,
    /// The namespaces that those credentials are not for.
    pub(crate) unserved: Vec<&'static str>,
    /// Where each Secret leads, by its namespace and name.
    pub(crate) secrets: BTreeMap<(&'static str, String), Result<Access, CredentialsError>>,
    /// What the process still knows of a Secret that is gone.
    pub(crate) kept: Option<Access>,
    pub(crate) namespace_terminating: bool,
    /// The operator is being uninstalled.
    pub(crate) uninstalling: bool,
    pub(crate) falls_behind: bool,
    pub(crate) script: Script,
    /// What others do just before the given step of the next reconcile.
    happenings: Vec<(usize, Happening)>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) reconciles: usize,
    /// The reconciles that came to their end.
    pub(crate) ended: Vec<Reconciled>,
    /// When the process started.
    started: Timestamp,
    histories: BTreeMap<Uid, History>,
    outages: Outages<Uid>,
    /// The environments that were seen to merge features.
    merging: Vec<String>,
    /// How long each step of a reconcile takes. With a second no reconcile is quick.
    pub(crate) step: Duration,
    /// The operator reads the list of organizations wherever that may answer.
    pub(crate) sweeps: bool,
    /// What each client has read of it last, and when.
    pub(crate) lists: BTreeMap<Option<String>, (Timestamp, BTreeMap<OrganizationId, Organization>)>,
    /// What the operator knows of the resources without asking.
    pub(crate) watch: Watch,
    /// What the shell holds in the reconcile under way.
    held: Held,
}

/// When every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// Where resources are declared unless a test says so.
const NAMESPACE: &str = "customers";

/// The Secret that most tests name instead of the default credentials.
pub(crate) const SECRET: &str = "second";

/// What the shell holds to carry out the requests of one reconcile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    /// The namespace of the resource.
    namespace: &'static str,
    /// The version of the resource last read or written; none of it where the cache served.
    version: u64,
    /// The client: which credentials it was made of, and where it leads.
    client: Option<(Option<String>, Access)>,
}

impl Held {
    /// At the start of a reconcile of `object`.
    fn of(object: &Object) -> Self {
        Self { namespace: object.namespace, ..Self::default() }
    }
}

/// One step that was carried out, or tried.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) reconciled: usize,
    pub(crate) uid: Uid,
    pub(crate) step: Step,
    /// `None`: the process died before it heard.
    pub(crate) response: Option<Response>,
    /// What the reconcile had seen when it decided.
    pub(crate) state: State,
    /// The API server's copy when the step was sent.
    pub(crate) object: Option<Object>,
    pub(crate) at: Timestamp,
    /// Which credentials the client was made of that it is sent with.
    pub(crate) secret: Option<Option<String>>,
    /// A policy write for this resource was given up on and may still land.
    pub(crate) in_flight: bool,
}

impl World {
    /// Usable credentials, `org_1` (external id tenant-1) with the flag off and
    /// nothing custom, no resources.
    pub(crate) fn new() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            settings: Settings {
                interval: minutes(10),
                deadline: Duration::from_secs(10),
                settle: Duration::from_secs(20),
                revert_delay: Duration::ZERO,
                disable_feature: false,
                grace: minutes(60),
                namespace_grace: minutes(10),
            },
            term: Term::default(),
            now: BEGINNING,
            cluster: Cluster::default(),
            scalekit: Scalekit::new(),
            credentials: Ok(access(samples::HOST)),
            unserved: Vec::new(),
            secrets: [((NAMESPACE, SECRET.to_owned()), Ok(access("other.scalekit.com")))].into(),
            kept: None,
            namespace_terminating: false,
            uninstalling: false,
            falls_behind: false,
            script: Script::default(),
            happenings: Vec::new(),
            journal: Vec::new(),
            reconciles: 0,
            ended: Vec::new(),
            started: BEGINNING,
            histories: BTreeMap::new(),
            outages: Outages::default(),
            merging: Vec::new(),
            step: Duration::from_secs(1),
            sweeps: false,
            lists: BTreeMap::new(),
            watch: Watch::default(),
            held: Held::default(),
        }
    }

    /// A world with one resource that has been brought to rest.
    pub(crate) fn at_rest(spec: ValidatedSpec) -> (Self, Uid) {
        let mut world = Self::new();
        let uid = world.declare(spec);
        world.reconcile(uid);
        (world, uid)
    }

    /// The same, where the cache has what is at rest and reconciles are quick, so that no
    /// progress is written before a policy.
    pub(crate) fn at_rest_in_cache(spec: ValidatedSpec) -> (Self, Uid) {
        let mut world = Self::new();
        (world.watch.serves, world.step) = (true, samples::QUICK);
        let uid = world.declare(spec);
        world.reconcile(uid);
        (world, uid)
    }

    pub(crate) fn declare(&mut self, spec: ValidatedSpec) -> Uid {
        self.declare_in(NAMESPACE, Ok(spec))
    }

    pub(crate) fn declare_in(&mut self, namespace: &'static str, spec: Result<ValidatedSpec, Vec<Violation>>) -> Uid {
        let uid = 1 + self.histories.keys().max().unwrap_or(&0);
        self.histories.insert(uid, History::new(None, self.uptime()));
        self.cluster.objects.push(Object {
            uid,
            version: 0,
            created: self.now,
            namespace,
            generation: 1,
            spec,
            finalizer: false,
            deleting_since: None,
            status: None,
            requested_at: Some("asked once".into()),
            foreign: false,
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
            object.version += 1;
        }
    }

    /// Somebody annotates it with the end of a suspension, which is no new generation.
    pub(crate) fn suspend_until(&mut self, uid: Uid, until: Option<Timestamp>) {
        if let Some(object) = self.cluster.get_mut(uid)
            && let Ok(spec) = &mut object.spec
        {
            spec.suspended_until = until;
            object.version += 1;
        }
    }

    pub(crate) fn delete(&mut self, uid: Uid) {
        let now = self.now;
        if let Some(object) = self.cluster.get_mut(uid) {
            object.deleting_since.get_or_insert(now);
            object.generation += 1;
            object.version += 1;
        }
        self.cluster.sweep();
    }

    /// Others do this just before the given step of the next reconcile.
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
        self.histories.contains_key(&uid)
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

    /// Somebody sets the clock of the machine.
    pub(crate) fn set_clock_forward(&mut self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap();
        self.now = self.now.checked_add(by).unwrap();
        self.started = self.started.checked_add(by).unwrap();
    }

    /// Reconciles a resource whose client alone gets this error for each request.
    pub(crate) fn reconcile_while_down(&mut self, uid: Uid, kind: ErrorKind) -> Reconciled {
        self.scalekit.down = Some(kind);
        let reconciled = self.reconcile(uid);
        self.scalekit.down = None;
        reconciled
    }

    /// The process starts anew and knows nothing of the one before.
    pub(crate) fn restart(&mut self) {
        self.started = self.now;
        self.outages = Outages::default();
        self.lists.clear();
        self.forget_copies();
        for (uid, history) in &mut self.histories {
            let predecessor = self.cluster.get(*uid).is_some_and(|object| object.read().may_have_written());
            *history = History::new(predecessor.then_some(Duration::ZERO), Duration::ZERO);
        }
    }

    /// Another process, which has run as long, becomes the leader after one that ended so.
    pub(crate) fn take_over(&mut self, predecessor: Predecessor) {
        let (started, since) = (self.started, self.uptime());
        self.restart();
        self.started = started;
        self.term = Term { predecessor, since, ..Term::default() };
        for (uid, history) in &mut self.histories {
            let written = self.cluster.get(*uid).is_some_and(|object| object.read().may_have_written());
            let inherited = Some(since).filter(|_| written && predecessor != Predecessor::Settled);
            *history = History::new(inherited, since);
        }
    }

    /// Time since the process started.
    pub(crate) fn uptime(&self) -> Duration {
        Duration::try_from(self.now.duration_since(self.started)).unwrap_or_default()
    }

    fn record(&mut self, uid: Uid, events: impl IntoIterator<Item = HistoryEvent>) {
        let (now, history) = (self.uptime(), self.histories.get_mut(&uid).unwrap());
        events.into_iter().for_each(|event| history.record(event, now));
    }

    /// Another claimant waits for the claim of this resource to be confirmed.
    pub(crate) fn contest(&mut self, uid: Uid) {
        self.record(uid, [HistoryEvent::Contested { elsewhere: false }]);
    }

    /// The state at the start of a reconcile.
    fn state(&self, uid: Uid) -> State {
        let fresh = State::new(self.settings.clone(), self.histories[&uid].clone(), self.uptime());
        State { falls_behind: self.falls_behind, uninstalling: self.uninstalling, term: self.term, ..fresh }
    }

    /// The Secret of this name in the usual namespace leads to `host` now.
    pub(crate) fn secret_leads_to(&mut self, host: &str) {
        self.secret_of_leads_to(NAMESPACE, host);
    }

    /// The Secret of this name in `namespace` leads to `host` now.
    pub(crate) fn secret_of_leads_to(&mut self, namespace: &'static str, host: &str) {
        self.secrets.insert((namespace, SECRET.into()), Ok(access(host)));
    }

    /// What the credentials of this name lead to now, for the resource under way.
    fn credentials_of(&self, secret: Option<&str>) -> Result<Access, CredentialsError> {
        let Some(name) = secret else {
            let namespace = self.held.namespace;
            return match self.unserved.contains(&namespace) {
                true => Err(CredentialsError::NotAllowed { namespace: namespace.into() }),
                false => self.credentials.clone(),
            };
        };
        let missing = || Err(CredentialsError::Missing(CredentialsSource::Secret(name.into())));
        self.secrets.get(&(self.held.namespace, name.to_owned())).cloned().unwrap_or_else(missing)
    }
}

pub(crate) fn access(environment: &str) -> Access {
    Access {
        environment: environment.into(),
        source: CredentialsSource::Secret("scalekit".into()),
        merges_features: false,
        client: 0,
    }
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
