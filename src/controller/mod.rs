//! The shell around the decision: watches resources, keeps the queue of those
//! that are due, carries out the requests that `crate::reconcile` names, and
//! writes statuses. Start reading in `reconcile`.

mod application_policies;
mod backoff;
mod cache;
mod context;
mod credentials;
mod effects;
mod events;
mod kube_api;
mod locks;
mod reconcile;
mod resource_ref;
mod secret;
mod status;
mod uninstall;
mod watch;
mod worker;
mod workqueue;

use crate::scalekit::{self, Rules, SetupError};
use context::Context;
pub use credentials::DefaultCredentials;
pub use kube_api::{KubeError, connect};
use std::{sync::Arc, time::Duration};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
pub use uninstall::{Policies, Uninstalled, uninstall};

/// How the operator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespaces to look after; all, when empty.
    pub namespaces: Vec<String>,
    /// Time between two reconciles where a resource does not say.
    pub resync_interval: Duration,
    /// The credentials of resources that name no Secret.
    pub default_credentials: DefaultCredentials,
    /// How long a deletion waits for a person before the resource goes and its
    /// policy stays.
    pub grace: Duration,
    /// The same in a namespace that is being deleted.
    pub namespace_grace: Duration,
    /// How long what stands before Scalekit may hold a request before it gets
    /// through or is dropped.
    pub gateway_timeout: Duration,
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

/// Runs until `shutdown`, then finishes the reconciles under way. `listed` is
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
        worker::work(Arc::clone(&context), shutdown.clone(), deadline).await;
    };
    let following = context.follow_credentials(changed);
    tokio::select! { () = watching => {}, () = working => {}, () = following => {} }
    Ok(())
}
