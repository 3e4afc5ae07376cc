//! The imperative shell: watches resources, keeps the workqueue, carries out the requests that
//! `crate::reconcile` decides on, and writes statuses. Start reading in `reconcile`.

mod application_policies;
mod backoff;
mod cache;
mod context;
mod credentials;
mod effects;
mod entry;
mod events;
mod flow;
mod kube_api;
mod locks;
mod object;
mod options;
mod overdue;
mod parking;
mod reconcile;
mod records;
mod resource_ref;
#[cfg(test)]
mod scale;
mod secret;
mod status;
mod sweeps;
mod texts;
mod uninstall;
mod watch;
mod worker;
mod workqueue;

use crate::telemetry::Health;
use context::Context;
pub use credentials::DefaultCredentials;
use kube_api::KubeApi;
pub use kube_api::{KubeError, connect};
pub use options::{Options, StartError};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
pub use uninstall::{Policies, Uninstalled, uninstall};

/// Runs the operator until `shutdown`, then finishes the reconciles in progress. Sets `health` ready
/// when all resources are listed and work begins.
pub async fn run(
    client: kube::Client,
    options: Options,
    shutdown: CancellationToken,
    health: Health,
) -> Result<(), StartError> {
    let deadline = options.scalekit.deadline;
    let (namespaces, relist) = (options.namespaces.clone(), options.relist_interval);
    let (context, changed) = Context::new(KubeApi { client, health: health.clone() }, options, false)?;
    // who owns an organization can be decided only when all resources are listed
    let complete = CancellationToken::new();
    let known = {
        let complete = complete.clone();
        move || {
            health.set_ready();
            complete.cancel();
        }
    };
    let watching = watch::watch(&context, &namespaces, relist, known);
    let working = async {
        tokio::select! { () = complete.cancelled() => {}, () = shutdown.cancelled() => {} }
        worker::work(Arc::clone(&context), shutdown.clone(), deadline).await;
    };
    let following = context.follow_credentials(changed);
    let telling = overdue::tell(&context);
    tokio::select! { () = watching => {}, () = working => {}, () = following => {}, () = telling => {} }
    Ok(())
}
