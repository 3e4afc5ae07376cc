//! What all reconciles of the process share.

use super::{
    Options, StartError,
    application_policies::ApplicationPolicies,
    backoff::Backoff,
    cache::Cache,
    credentials::{self, CredentialStore, CredentialsRef},
    events::Events,
    kube_api::KubeApi,
    locks::Locks,
    resource_ref::ResourceRef,
    resource_ref::Uid,
    workqueue::WorkQueue,
};
use crate::{
    reconcile::{History, HistoryEvent, Outages, Outcome, Settings, State, reached},
    scalekit::Transport,
};
use jiff::Timestamp;
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
    /// Start of the process, on both clocks.
    started: (Instant, Timestamp),
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
        let deadline = options.scalekit.deadline;
        let settings = Settings {
            interval: options.resync_interval,
            // it is sent within its deadline, and applied within that of the gateway or of the server
            settle: deadline + deadline.max(options.gateway_timeout),
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
            started: (Instant::now(), Timestamp::now()),
            histories: Mutex::default(),
            outages: Mutex::default(),
        };
        Ok((Arc::new(context), changed))
    }

    /// Time since the process started, on its monotonic clock.
    pub(super) fn uptime(&self) -> Duration {
        self.started.0.elapsed()
    }

    /// The state at the start of a reconcile of `resource`.
    pub(super) fn state(&self, resource: &ResourceRef) -> State {
        let history = self.with_history(&resource.uid, |history| history.clone());
        let fresh = State::new(self.settings.clone(), history, self.uptime());
        State { uninstalling: self.uninstalling, ..fresh }
    }

    /// Writes into the history of a resource what happened to it.
    pub(super) fn record(&self, uid: &Uid, event: HistoryEvent) {
        let now = self.uptime();
        self.with_history(uid, |history| history.record(event, now));
    }

    fn with_history<T>(&self, uid: &Uid, with: impl FnOnce(&mut History) -> T) -> T {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = histories.get_mut(uid) {
            return with(history);
        }
        match self.cache.get(uid) {
            Some(entry) => {
                let new = History::new(entry.created <= self.started.1);
                with(histories.entry(uid.clone()).or_insert(new))
            }
            // it is gone, and what is forgotten does not come back
            None => with(&mut History::new(true)),
        }
    }

    /// Takes in how a reconcile ended. An outage that is over costs nobody the
    /// rest of a long backoff.
    pub(super) fn reconciled(&self, uid: &Uid, state: &State, outcome: &Outcome) {
        if let Some(reached) = reached(state, outcome) {
            self.record(uid, HistoryEvent::Reached(reached));
        }
        let waiting = self.outages.lock().unwrap_or_else(PoisonError::into_inner).record(uid, state, outcome);
        self.enqueue_apart(&waiting);
    }

    /// The application's policy of `environment` changed, so what applies to
    /// its organizations may have too.
    pub(super) fn application_policy_changed(&self, environment: &str) {
        let there = self.cache.uids(|entry| entry.claim.environment.as_deref() == Some(environment));
        tracing::info!(environment, resources = there.len(), "the application's policy changed");
        self.enqueue_apart(&there);
    }

    /// One after the other, not in a herd.
    fn enqueue_apart(&self, uids: &[Uid]) {
        for (uid, nth) in uids.iter().zip(0_u32..) {
            self.queue.add_after(uid, APART.saturating_mul(nth));
        }
    }

    /// A resource is gone: nothing of it is kept.
    pub(super) fn forget(&self, uid: &Uid) {
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
        let refreshing = async {
            loop {
                tick.tick().await;
                self.credentials.refresh(&self.cache.each(|entry| entry.credentials())).await;
            }
        };
        let following = async {
            while let Some(reference) = changed.recv().await {
                self.cache.uids(|entry| entry.credentials() == reference).iter().for_each(|uid| self.queue.add(uid));
            }
        };
        tokio::select! { () = refreshing => {}, () = following => {} }
    }
}
