//! The shell around the decision: watches resources, keeps their appointments,
//! carries out the steps that `crate::reconcile` names, writes statuses. Start
//! reading in `reconcile`.

mod claims;
mod cluster;
mod credentials;
mod events;
mod execute;
mod index;
mod memory;
mod outages;
mod queue;
mod reconcile;
mod release;
mod resource_ref;
mod shared;
mod status;
mod watch;
mod work;

use crate::{
    reconcile::Settings,
    scalekit::{self, Rules, SetupError, Transport},
};
pub use cluster::{ClusterError, connect};
pub use credentials::DefaultCredentials;
use jiff::Timestamp;
pub use release::{Fate, Policies, Released, release};
use std::{sync::Arc, time::Duration};
use thiserror::Error;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// How the operator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespaces to look after; all, when empty.
    pub namespaces: Vec<String>,
    /// Time between two looks where a resource does not say.
    pub resync_interval: Duration,
    /// The credentials of resources that name no Secret.
    pub default_credentials: DefaultCredentials,
    /// How long a deletion waits for a person before the resource goes and its
    /// policy stays.
    pub grace: Duration,
    /// The same in a namespace that is going.
    pub namespace_grace: Duration,
    /// Which environment URLs are acceptable.
    pub rules: Rules,
    /// How requests to Scalekit are made.
    pub scalekit: scalekit::Settings,
}

/// Why the operator can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No HTTPS client.
    #[error("no client for Scalekit: {0}")]
    Transport(#[from] SetupError),
}

/// The longest an answer about the application's policy is used for all
/// organizations of its environment.
const APPLICATION_FRESH: Duration = Duration::from_secs(60);

/// What all passes share.
struct Context {
    started: Timestamp,
    settings: Settings,
    cluster: cluster::Cluster,
    credentials: credentials::CredentialStore,
    applications: shared::ApplicationPolicies,
    turns: shared::Turns,
    events: events::Events,
    index: index::Index,
    memory: memory::Memory,
    outages: outages::Outages,
    queue: queue::Queue,
    /// Every resource is let go as if it were being deleted.
    uninstalling: bool,
}

impl Context {
    /// The context of one process, and where it hears of credentials that
    /// changed.
    fn new(
        client: kube::Client,
        options: Options,
        uninstalling: bool,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<credentials::CredentialsRef>), StartError> {
        let settings = Settings {
            interval: options.resync_interval,
            settle: options.scalekit.deadline.saturating_mul(2),
            grace: options.grace,
            namespace_grace: options.namespace_grace,
        };
        let transport = Transport::new(options.scalekit)?;
        let cluster = cluster::Cluster::new(client.clone());
        let times =
            credentials::Times { fresh: credentials::FRESH.min(settings.interval), kept: settings.namespace_grace };
        let (changes, changed) = mpsc::unbounded_channel();
        let credentials = credentials::CredentialStore::new(
            cluster.clone(),
            transport,
            options.rules,
            options.default_credentials,
            times,
            changes,
        );
        let context = Self {
            started: Timestamp::now(),
            applications: shared::ApplicationPolicies::new(APPLICATION_FRESH.min(settings.interval)),
            settings,
            credentials,
            cluster,
            turns: shared::Turns::default(),
            events: events::Events::new(client),
            index: index::Index::default(),
            memory: memory::Memory::new(),
            outages: outages::Outages::default(),
            queue: queue::Queue::default(),
            uninstalling,
        };
        Ok((Arc::new(context), changed))
    }

    /// The application's policy of `environment` changed, so what applies to
    /// its organizations may have too. One after the other, not in a herd.
    fn look_at_all_of(&self, environment: &str) {
        let there = self.index.uids(|entry| entry.claim.environment.as_deref() == Some(environment));
        tracing::info!(environment, resources = there.len(), "the application's policy changed");
        self.look_at(&there);
    }

    /// An outage that is over costs nobody the rest of a long pause.
    fn got_through(&self, environment: &str, uid: &resource_ref::Uid) {
        self.look_at(&self.outages.over(environment, uid));
    }

    fn look_at(&self, all: &[resource_ref::Uid]) {
        let now = Instant::now();
        for (uid, nth) in all.iter().zip(0_u32..) {
            self.queue.at(uid, now + APART.saturating_mul(nth));
        }
    }

    /// Has those looked at whose credentials changed, and reads credentials
    /// again that no pass has read lately.
    async fn follow_credentials(&self, mut changed: mpsc::UnboundedReceiver<credentials::CredentialsRef>) {
        let of = |entry: &index::Entry| {
            credentials::CredentialsRef::of(&entry.reference.namespace, entry.claim.secret.as_deref())
        };
        let mut tick = tokio::time::interval(credentials::REFRESH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(source) = changed.recv() => {
                    self.index.uids(|entry| of(entry) == source).iter().for_each(|uid| self.queue.soon(uid));
                }
                _ = tick.tick() => self.credentials.refresh(&self.index.each(of)).await,
            }
        }
    }
}

/// Between two resources that are looked at for the same cause.
const APART: Duration = Duration::from_millis(200);

/// Runs until `shutdown`, then finishes the passes under way. `listed` is
/// called when all resources are known and work begins.
pub async fn run(
    client: kube::Client,
    options: Options,
    shutdown: CancellationToken,
    listed: impl FnOnce(),
) -> Result<(), StartError> {
    let deadline = options.scalekit.deadline;
    let namespaces = options.namespaces.clone();
    let (context, changed) = Context::new(client, options, false)?;
    // claims can be judged only when all resources are known
    let complete = CancellationToken::new();
    let known = {
        let complete = complete.clone();
        move || {
            listed();
            complete.cancel();
        }
    };
    let watching = watch::watch(&context, &namespaces, known);
    let working = async {
        tokio::select! { () = complete.cancelled() => {}, () = shutdown.cancelled() => {} }
        work::work(Arc::clone(&context), shutdown.clone(), deadline).await;
    };
    let following = context.follow_credentials(changed);
    tokio::select! { () = watching => {}, () = working => {}, () = following => {} }
    Ok(())
}
