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
mod queue;
mod reconcile;
mod shared;
mod status;
mod subject;
mod watch;
mod work;

use crate::{
    reconcile::Settings,
    scalekit::{self, Rules, Transport, TransportError},
};
pub use cluster::{ClusterError, connect};
use jiff::Timestamp;
use std::{path::PathBuf, sync::Arc, time::Duration};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// How the operator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespaces to look after; all, when empty.
    pub namespaces: Vec<String>,
    /// Time between two looks where a resource does not say.
    pub resync_interval: Duration,
    /// Where the operator's own credentials are; environment variables when
    /// `None`.
    pub credentials_folder: Option<PathBuf>,
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
    Transport(#[from] TransportError),
}

/// How long a deletion waits for credentials, and in a namespace that is going
/// (design §3).
const GRACE: Duration = Duration::from_secs(60 * 60);
const NAMESPACE_GRACE: Duration = Duration::from_secs(10 * 60);

/// What all passes share.
struct Context {
    started: Timestamp,
    settings: Settings,
    cluster: cluster::Cluster,
    sources: credentials::Sources,
    applications: shared::ApplicationPolicies,
    turns: shared::Turns,
    events: events::Events,
    index: index::Index,
    memory: memory::Memory,
    queue: queue::Queue,
}

/// Runs until `shutdown`, then finishes the passes under way. `listed` is
/// called when all resources are known and work begins.
pub async fn run(
    client: kube::Client,
    options: Options,
    shutdown: CancellationToken,
    listed: impl FnOnce(),
) -> Result<(), StartError> {
    let deadline = options.scalekit.deadline;
    let transport = Transport::new(options.scalekit)?;
    let cluster = cluster::Cluster::new(client.clone());
    let context = Arc::new(Context {
        started: Timestamp::now(),
        settings: Settings {
            interval: options.resync_interval,
            settle: deadline.saturating_mul(2),
            grace: GRACE,
            namespace_grace: NAMESPACE_GRACE,
        },
        sources: credentials::Sources::new(cluster.clone(), transport, options.rules, options.credentials_folder),
        cluster,
        applications: shared::ApplicationPolicies::default(),
        turns: shared::Turns::default(),
        events: events::Events::new(client),
        index: index::Index::default(),
        memory: memory::Memory::new(),
        queue: queue::Queue::default(),
    });
    // claims can be judged only when all resources are known
    let complete = CancellationToken::new();
    let known = {
        let complete = complete.clone();
        move || {
            listed();
            complete.cancel();
        }
    };
    let watching = watch::watch(&context, &options.namespaces, known);
    let working = async {
        tokio::select! { () = complete.cancelled() => {}, () = shutdown.cancelled() => {} }
        work::work(Arc::clone(&context), shutdown.clone(), deadline).await;
    };
    tokio::select! { () = watching => {}, () = working => {} }
    Ok(())
}
