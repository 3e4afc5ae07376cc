//! The state that all reconciles of the process share.

use super::{
    application_policies::ApplicationPolicies,
    cache::{Cache, Source},
    credentials::{self, CredentialStore, CredentialsRef},
    entry::{Entry, version},
    flow::Flow,
    kube_api::KubeApi,
    leadership::Leadership,
    locks::Locks,
    merging::Merging,
    object::Object,
    options::{Options, StartError},
    parking::Parking,
    records::Record,
    resource_ref::{ResourceRef, Uid},
    sweeps::Sweeps,
    workqueue::WorkQueue,
};
use crate::{
    reconcile::{
        Backlogs, Claimant, Contest, Event, HistoryEvent, Lane, Outages, Outcome, Predecessor, Requeue, Settings,
        State, Term, Trigger,
    },
    scalekit::Transport,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, Semaphore, mpsc};

#[cfg(test)]
pub(super) use tests::context as sample;

/// The longest time that a response about the application's policy is cached.
const APPLICATION_POLICY_TTL: Duration = Duration::from_secs(60);

/// More side by side gain nothing on one API server.
pub(super) const WORKERS: usize = 16;

pub(super) struct Context {
    /// This is `uninstall`: every resource is handled as if it were being deleted.
    pub(super) uninstalling: bool,
    pub(super) settings: Settings,
    /// The namespaces to watch; all if empty.
    pub(super) namespaces: Vec<String>,
    pub(super) kube: KubeApi,
    pub(super) leadership: Leadership,
    pub(super) credentials: CredentialStore,
    pub(super) application_policies: ApplicationPolicies,
    pub(super) sweeps: Sweeps,
    pub(super) locks: Locks,
    pub(super) cache: Cache,
    pub(super) queue: WorkQueue,
    /// How many reconciles work side by side; those that wait for Scalekit don't
    /// count.
    pub(super) workers: Semaphore,
    pub(super) parking: Parking,
    /// Whoever sees that the watch is out of step wakes it here, to list again.
    pub(super) relist: Notify,
    pub(super) records: Mutex<HashMap<Uid, Box<Record>>>,
    outages: Mutex<Outages<Uid>>,
    pub(super) backlogs: Mutex<Backlogs>,
    /// The environments that were seen to merge features.
    pub(super) merging: Merging,
}

impl Context {
    /// The context, and a channel that receives the credentials that changed.
    pub(super) fn new(
        kube: KubeApi,
        options: Options,
        uninstalling: bool,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<CredentialsRef>), StartError> {
        let deadline = options.scalekit.deadline;
        let settings = Settings {
            interval: options.resync_interval,
            deadline,
            // a write is sent within the request's deadline, and applied within the server's or the gateway's
            settle: deadline + deadline.max(options.gateway_timeout),
            revert_delay: options.revert_delay,
            disable_feature: options.disable_feature,
            grace: options.grace,
            namespace_grace: options.namespace_grace,
        };
        let times =
            credentials::Times { fresh: credentials::FRESH.min(settings.interval), kept: settings.namespace_grace };
        let (changes, changed) = mpsc::unbounded_channel();
        let context = Self {
            uninstalling,
            namespaces: options.namespaces,
            credentials: CredentialStore {
                kube: kube.clone(),
                transport: Transport::measured(options.scalekit, kube.health.metrics().requests.clone())?,
                rules: options.rules,
                default_credentials: options.default_credentials,
                times,
                changes,
                entries: Mutex::default(),
            },
            application_policies: ApplicationPolicies::new(APPLICATION_POLICY_TTL.min(settings.interval)),
            sweeps: Sweeps::new(),
            settings,
            queue: WorkQueue::new(kube.health.metrics().queue.clone()),
            kube,
            leadership: Leadership::default(),
            locks: Locks::default(),
            cache: Cache::default(),
            workers: Semaphore::new(WORKERS),
            parking: Parking::default(),
            relist: Notify::new(),
            records: Mutex::default(),
            outages: Mutex::default(),
            backlogs: Mutex::default(),
            merging: Merging::default(),
        };
        Ok((Arc::new(context), changed))
    }

    /// Time since the process started, on its monotonic clock.
    pub(super) fn uptime(&self) -> Duration {
        self.leadership.uptime()
    }

    /// Begins to lead with what the watch has shown so far. Whatever was remembered of
    /// the resources is of another term, or of none.
    pub(super) fn begin(&self, term: &Term) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.outages.lock().unwrap_or_else(PoisonError::into_inner) = Outages::default();
        self.queue.clear();
        self.sweeps.clear();
        for (uid, trigger, interval) in self.cache.begin(term.predecessor == Predecessor::Settled) {
            self.enqueue(&uid, trigger, interval);
        }
    }

    /// Whether nothing that was sent may still be applied, neither by this process nor, as far as a Lease told
    /// of it, by the one before.
    pub(super) fn is_settled(&self) -> bool {
        let (now, term, settle) = (self.uptime(), self.leadership.term(), self.settings.settle);
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let is_settled = |age: Option<Duration>| age.is_none_or(|age| age >= settle);
        let inherited = Some(now.saturating_sub(term.since)).filter(|_| term.predecessor == Predecessor::Interrupted);
        is_settled(inherited) && records.values().all(|record| is_settled(record.history.unknown_write_age(now)))
    }

    fn enqueue(&self, uid: &Uid, trigger: Trigger, interval: Option<Duration>) {
        match trigger {
            Trigger::Changed => self.queue.add_edited(uid),
            Trigger::Requested => self.queue.add_requested(uid),
            // another time at each start, so that starts in a row put off none for ever
            Trigger::Scheduled => {
                let interval = interval.unwrap_or(self.settings.interval);
                self.queue.add_after(uid, interval.mul_f64(fastrand::f64()), Lane::Resync);
            }
            Trigger::None => {}
        }
    }

    /// The state at the start of a reconcile of `resource`.
    pub(super) fn state(&self, resource: &ResourceRef) -> State {
        let history = self.with_record(&resource.uid, |record| record.history.clone());
        let fresh = State::new(self.settings.clone(), history, self.uptime());
        State { uninstalling: self.uninstalling, term: self.leadership.term(), ..fresh }
    }

    /// Adds events to the history of a resource.
    pub(super) fn record(&self, uid: &Uid, events: impl IntoIterator<Item = HistoryEvent>) {
        let now = self.uptime();
        self.with_record(uid, |record| events.into_iter().for_each(|event| record.record(event, now)));
    }

    /// The flow in which the reconciles of a resource wait: that of its
    /// environment, and in it of its namespace.
    pub(super) fn flow(&self, uid: &Uid) -> Flow {
        let of = |entry: &Entry| Flow {
            environment: Arc::clone(entry.environment.as_ref().unwrap_or(&entry.resource.namespace)),
            namespace: entry.resource.namespace.clone(),
        };
        self.cache.with(uid, of).unwrap_or_default()
    }

    /// The delay that `requeue` asks for; `None`: only when the resource
    /// changes. And the lane in which the resource waits then.
    pub(super) fn next(&self, uid: &Uid, requeue: Requeue) -> (Option<Duration>, Lane) {
        self.with_record(uid, |record| {
            let lane = if record.history.is_awaited() { Lane::Awaited } else { Lane::of(requeue) };
            (record.backoff.delay(uid, requeue), lane)
        })
    }

    /// [`Logged::is_news`](super::records::Logged::is_news) of a resource.
    pub(super) fn is_news(&self, uid: &Uid, outcome: &'static str) -> bool {
        self.with_record(uid, |record| record.logged.is_news(outcome))
    }

    /// [`Record::publishes`] of a resource.
    pub(super) fn publishes(&self, uid: &Uid, event: &Event) -> bool {
        self.with_record(uid, |record| record.publishes(event))
    }

    /// Compares the version of an object that was read with the one that was cached before the read. If it
    /// is older, etcd was restored, and the watches list all resources again.
    pub(super) fn check_version(&self, object: &Object, known: Option<u64>) {
        if known.zip(version(object)).is_some_and(|(known, version)| version < known) {
            self.relist.notify_waiters();
        }
    }

    /// Calls `with` with the record of a resource. A resource that is gone gets a temporary one, so that
    /// nothing is kept of it.
    pub(super) fn with_record<T>(&self, uid: &Uid, with: impl FnOnce(&mut Record) -> T) -> T {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(uid) {
            return with(record);
        }
        match self.cache.with(uid, |entry| (entry.resource.uid.clone(), entry.predecessor)) {
            Some((uid, predecessor)) => {
                let new = Record::new(predecessor.then(|| self.leadership.term().since), self.uptime());
                with(records.entry(uid).or_insert(Box::new(new)))
            }
            None => with(&mut Record::new(Some(Duration::ZERO), self.uptime())),
        }
    }

    /// Completes a claimant with what this process knows of it.
    pub(super) fn complete(&self, claimant: &mut Claimant) {
        let (records, now) = (self.records.lock().unwrap_or_else(PoisonError::into_inner), self.uptime());
        if let Some(record) = records.get(claimant.uid.as_str()) {
            claimant.see(&record.history, now);
        }
    }

    /// Reconciles a resource whose claim another one has met, unless it was
    /// confirmed, or asked for that, a moment ago.
    pub(super) fn contest(&self, Contest { uid, elsewhere }: &Contest) {
        let (uid, now) = (Uid::from(uid.as_str()), self.uptime());
        if self.cache.contains(&uid) && !self.with_record(&uid, |record| record.history.was_just_confirmed(now)) {
            self.record(&uid, [HistoryEvent::Contested { elsewhere: *elsewhere }]);
            // not paced as other events are: a claim lapses that is not confirmed in time
            self.queue.add_after(&uid, Duration::ZERO, Lane::Awaited);
        }
    }

    /// Records the outcome of a reconcile; if it shows that an outage is over, enqueues the resources
    /// whose requests were not sent, so that they do not wait for their backoff.
    pub(super) fn record_outcome(&self, uid: &Uid, state: &State, outcome: &Outcome) {
        let due = {
            let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
            let due = outages.record(uid, state, outcome);
            if !self.cache.contains(uid) {
                outages.forget(uid); // it was removed during its reconcile
            }
            due
        };
        self.enqueue_now(due);
    }

    /// Updates the cache with an object from the API server, and enqueues what its change affects. Returns
    /// the uid, and whether the version went back.
    pub(super) fn observe(&self, object: &Object, source: Source) -> Option<(Uid, bool)> {
        let entry = Entry::of(object)?;
        let interval = entry.interval;
        let update = self.cache.apply(entry, source);
        let uid = update.uid;
        match update.trigger {
            Trigger::None if update.went_back => self.queue.add(&uid),
            trigger => self.enqueue(&uid, trigger, interval),
        }
        update.affected.iter().for_each(|other| self.queue.add(other));
        Some((uid, update.went_back))
    }

    /// Drops everything that is kept of a resource that is gone.
    pub(super) fn forget(&self, uid: &Uid) {
        self.cache.remove(uid).iter().for_each(|other| self.queue.add(other));
        self.queue.forget(uid);
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).forget(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controller::{DefaultCredentials, entry::Entry},
        reconcile::{Access, CredentialsSource, ErrorKind, RemoteError, RemoteOutcome},
        scalekit::{self, Rules},
        telemetry::Health,
    };
    use futures::FutureExt;
    use serde_json::json;

    /// A context that knows of one resource, and that one as it is in this
    /// version. Its API server is nowhere.
    pub(crate) fn context(version: &str) -> (Arc<Context>, Object, Uid) {
        drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
        let client = kube::Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
        let options = Options {
            namespaces: Vec::new(),
            resync_interval: Duration::from_secs(600),
            relist_interval: Duration::from_secs(900),
            revert_delay: Duration::ZERO,
            disable_feature: false,
            gateway_timeout: Duration::ZERO,
            lease: None,
            default_credentials: DefaultCredentials { folder: None, namespaces: None },
            grace: Duration::ZERO,
            namespace_grace: Duration::ZERO,
            rules: Rules::default(),
            scalekit: scalekit::Settings::default(),
        };
        let (context, _) = Context::new(KubeApi { client, health: Health::default() }, options, false).unwrap();
        let object = object(version);
        context.cache.apply(Entry::of(&object).unwrap(), Source::List);
        (context, object, "1".into())
    }

    fn object(version: &str) -> Object {
        serde_json::from_value(value(version)).unwrap()
    }

    fn value(version: &str) -> serde_json::Value {
        json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "1", "resourceVersion": version},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
        })
    }

    #[tokio::test(start_paused = true)]
    async fn row_110_nothing_is_kept_of_a_resource_that_went_while_it_was_reconciled() {
        let (context, _, uid) = context("1");
        context.queue.add(&uid);
        assert_eq!(context.queue.get(|uid| context.flow(uid)).await, uid);
        let mut state = context.state(&Entry::of(&object("1")).unwrap().resource);
        context.cache.remove(&uid);
        context.forget(&uid);
        let access = Access {
            environment: "here".into(),
            source: CredentialsSource::Environment,
            merges_features: false,
            client: 0,
        };
        state.credentials = Some(Ok(access));
        let not_sent = RemoteError { not_sent: true, ..RemoteError::new(ErrorKind::Unavailable) };
        context.record_outcome(&uid, &state, &Outcome::Reconciled(RemoteOutcome::Error(not_sent)));
        let (delay, lane) = context.next(&uid, Requeue::Backoff { cap: Duration::from_secs(1) });
        context.queue.done(&uid, delay, lane);
        assert!(context.records.lock().unwrap().is_empty());
        assert!(context.outages.lock().unwrap().is_empty());
        assert!(context.queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn starts_in_a_row_do_not_put_off_the_same_resources_each_time() {
        let at_rest = json!({"status": {"observedGeneration": 1, "claim": "Verified", "conditions": [
            {"type": "Ready", "status": "True", "reason": "InSync", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}, "metadata": {"uid": "2", "generation": 1}, "spec": {"organization": {"id": "org_2"}}});
        let mut early = 0;
        for _ in 0..40 {
            let (context, _, _) = context("1");
            let mut value = value("2");
            json_patch::merge(&mut value, &at_rest);
            context.observe(&serde_json::from_value(value).unwrap(), Source::Start).unwrap();
            let half = context.settings.interval / 2;
            early += usize::from(tokio::time::timeout(half, context.queue.get(|uid| context.flow(uid))).await.is_ok());
        }
        assert!((1..40).contains(&early), "{early}");
    }

    #[tokio::test]
    async fn row_119_a_read_of_an_earlier_version_than_the_watch_has_shown_asks_for_a_list() {
        let (context, _, uid) = context("120");
        let known = context.cache.with(&uid, |entry| entry.version).flatten();
        let asked = |read: &str| {
            let relist = context.relist.notified();
            context.check_version(&object(read), known);
            relist.now_or_never().is_some()
        };
        assert_eq!(["120", "121", "1000"].map(asked), [false; 3]);
        assert!(asked("119") && asked("13"), "as after a restore of etcd");
        assert!(!asked("no number"), "of which nothing is known");
        let went_back = |version| context.observe(&object(version), Source::List).unwrap().1;
        assert!(went_back("13"), "the list shows it too, once");
        assert!(!went_back("13"));
    }
}
