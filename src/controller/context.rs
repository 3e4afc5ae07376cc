//! What all reconciles of the process share.

use super::{
    application_policies::ApplicationPolicies,
    backoff::{Backoff, spread},
    cache::{Cache, Entry, Source},
    credentials::{self, CredentialStore, CredentialsRef},
    events::Events,
    kube_api::{KubeApi, Object},
    locks::Locks,
    options::{Options, StartError},
    resource_ref::ResourceRef,
    resource_ref::Uid,
    workqueue::WorkQueue,
};
use crate::{
    reconcile::{History, HistoryEvent, Outages, Outcome, Settings, State, Trigger},
    scalekit::Transport,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// The longest time that a response about the application's policy is used for
/// all organizations that a client reaches.
const APPLICATION_POLICY_TTL: Duration = Duration::from_secs(60);

/// Between two resources that are reconciled for the same cause.
const APART: Duration = Duration::from_millis(200);

/// What all reconciles share.
pub(super) struct Context {
    /// Every resource is released as if it were being deleted.
    pub(super) uninstalling: bool,
    pub(super) settings: Settings,
    pub(super) kube: KubeApi,
    pub(super) credentials: CredentialStore,
    pub(super) application_policies: ApplicationPolicies,
    pub(super) locks: Locks,
    pub(super) events: Events,
    pub(super) cache: Cache,
    pub(super) queue: WorkQueue,
    pub(super) backoff: Backoff,
    started: Instant,
    histories: Mutex<HashMap<Uid, History>>,
    outages: Mutex<Outages<Uid>>,
}

impl Context {
    /// The context of one process, and where it hears of credentials that
    /// changed.
    pub(super) fn new(
        client: kube::Client,
        options: Options,
        uninstalling: bool,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<CredentialsRef>), StartError> {
        let settings = Settings {
            interval: options.resync_interval,
            settle: options.scalekit.deadline.saturating_mul(2),
            revert_delay: options.revert_delay,
            grace: options.grace,
            namespace_grace: options.namespace_grace,
        };
        let transport = Transport::new(options.scalekit)?;
        let kube = KubeApi::new(client.clone());
        let times =
            credentials::Times { fresh: credentials::FRESH.min(settings.interval), kept: settings.namespace_grace };
        let (changes, changed) = mpsc::unbounded_channel();
        let context = Self {
            uninstalling,
            credentials: CredentialStore::new(
                kube.clone(),
                transport,
                options.rules,
                options.default_credentials,
                times,
                changes,
            ),
            application_policies: ApplicationPolicies::new(APPLICATION_POLICY_TTL.min(settings.interval)),
            settings,
            kube,
            locks: Locks::default(),
            events: Events::new(client),
            cache: Cache::default(),
            queue: WorkQueue::default(),
            backoff: Backoff::default(),
            started: Instant::now(),
            histories: Mutex::default(),
            outages: Mutex::default(),
        };
        Ok((Arc::new(context), changed))
    }

    /// Time since the process started, on its monotonic clock.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The state at the start of a reconcile of `resource`.
    pub(super) fn state(&self, resource: &ResourceRef) -> State {
        let history = self.with_history(&resource.uid, |history| history.clone());
        let fresh = State::new(self.settings.clone(), history, self.uptime());
        State { uninstalling: self.uninstalling, ..fresh }
    }

    /// Writes into the history of a resource what happened to it.
    pub(super) fn record(&self, uid: &Uid, events: impl IntoIterator<Item = HistoryEvent>) {
        let now = self.uptime();
        self.with_history(uid, |history| events.into_iter().for_each(|event| history.record(event, now)));
    }

    fn with_history<T>(&self, uid: &Uid, with: impl FnOnce(&mut History) -> T) -> T {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = histories.get_mut(uid) {
            return with(history);
        }
        match self.cache.get(uid) {
            Some(entry) => {
                let new = History::new(entry.predecessor, self.uptime());
                with(histories.entry(uid.clone()).or_insert(new))
            }
            // it is gone, and what is forgotten does not come back
            None => with(&mut History::new(true, self.uptime())),
        }
    }

    /// Takes in how a reconcile ended. An outage that is over costs nobody the
    /// rest of a long backoff.
    pub(super) fn reconciled(&self, uid: &Uid, state: &State, outcome: &Outcome) {
        let waiting = self.outages.lock().unwrap_or_else(PoisonError::into_inner).record(uid, state, outcome);
        self.enqueue_apart(&waiting);
    }

    /// The application's policy of `environment` changed, so what applies to
    /// its organizations may have too.
    pub(super) fn application_policy_changed(&self, environment: &str) {
        let there = self.cache.uids(|entry| entry.environment.as_deref() == Some(environment));
        tracing::info!(environment, resources = there.len(), "the application's policy changed");
        self.enqueue_apart(&there);
    }

    /// One after the other, not in a herd.
    fn enqueue_apart(&self, uids: &[Uid]) {
        for (uid, nth) in uids.iter().zip(0_u32..) {
            self.queue.add_after(uid, APART.saturating_mul(nth));
        }
    }

    /// Takes in a resource as the API server shows it, and reconciles what its
    /// change asks for.
    pub(super) fn seen(&self, object: &Object, source: Source) -> Option<Uid> {
        let entry = Entry::of(object)?;
        let uid = entry.resource.uid.clone();
        let rested = source == Source::List && entry.at_rest && self.cache.get(&uid).is_none();
        let interval = entry.interval.unwrap_or(self.settings.interval);
        let effect = self.cache.apply(entry, source);
        match effect.trigger {
            // it was in order before we started: no herd after a restart
            Trigger::Changed if rested => self.queue.add_after(&uid, interval.mul_f64(spread(&uid))),
            Trigger::Changed => self.queue.add(&uid),
            Trigger::Requested => self.queue.add_requested(&uid),
            Trigger::None => {}
        }
        effect.concerned.iter().for_each(|other| self.queue.add(other));
        Some(uid)
    }

    /// A resource is gone: nothing of it is kept.
    pub(super) fn forget(&self, uid: &Uid) {
        self.cache.remove(uid).iter().for_each(|other| self.queue.add(other));
        self.queue.forget(uid);
        self.backoff.forget(uid);
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).forget(uid);
    }

    /// Reconciles the resources whose credentials changed, and reads
    /// credentials again that no reconcile has read lately.
    pub(super) async fn follow_credentials(&self, mut changed: mpsc::UnboundedReceiver<CredentialsRef>) {
        let mut tick = tokio::time::interval(credentials::REFRESH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(reference) = changed.recv() => {
                    self.cache.uids(|entry| entry.credentials() == reference).iter().for_each(|uid| self.queue.add(uid));
                }
                _ = tick.tick() => self.credentials.refresh(&self.cache.each(|entry| entry.credentials())).await,
            }
        }
    }
}
