//! The imperative shell: watches resources, keeps the workqueue, carries out the requests that
//! `crate::reconcile` decides on, and writes statuses. Start reading in `reconcile`.

mod application_policies;
mod backoff;
mod cache;
mod changes;
mod context;
mod credentials;
mod effects;
mod entry;
mod events;
mod flow;
mod gauges;
mod kube_api;
mod leader;
mod leadership;
mod lease_error;
mod locks;
mod merging;
#[cfg(test)]
mod metastable;
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

use crate::{policy::Direction, reconcile::WriteResult, telemetry::Health};
use context::Context;
pub use credentials::DefaultCredentials;
use kube_api::KubeApi;
pub use kube_api::{KubeError, connect};
use leader::Candidate;
pub use lease_error::LeaseError;
pub use options::{LeaseName, Options, StartError};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
pub use uninstall::{Policies, Uninstall, UninstallError, Uninstalled};

/// Runs the operator until `shutdown`, then finishes the reconciles in progress. Sets `health` ready
/// when all resources are listed. Works while it is the leader; when it is not any more, it drops what it does
/// and goes on watching, until it leads again.
pub async fn run(
    client: kube::Client,
    options: Options,
    shutdown: CancellationToken,
    health: Health,
) -> Result<(), StartError> {
    let deadline = options.scalekit.deadline;
    let (namespaces, relist, lease) = (options.namespaces.clone(), options.relist_interval, options.lease.clone());
    let (context, changed) = Context::new(KubeApi { client, health: health.clone() }, options, false)?;
    if lease.is_some() {
        context.leadership.set(None);
    }
    for direction in [Direction::Tightening, Direction::Loosening, Direction::Mixed] {
        health.metrics().requests.expect("policy", direction.name(), WriteResult::Applied.into());
    }
    let seen = Arc::downgrade(&context);
    health.metrics().compute(move || seen.upgrade().map(|context| gauges::gauges(&context)).unwrap_or_default());
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
        // whoever can't see the resources does not keep others from leading
        tokio::select! { () = complete.cancelled() => {}, () = shutdown.cancelled() => return }
        let (stop, stopped) = oneshot::channel();
        let campaign = lease.map(|lease| tokio::spawn(Candidate::new(&context, lease).campaign(stopped)));
        let complete = lead(&context, &shutdown, deadline).await;
        let _: Result<(), bool> = stop.send(complete && context.is_settled());
        if let Some(campaign) = campaign {
            drop(campaign.await); // gives the lease back, last of all
        }
    };
    let following = context.follow_credentials(changed);
    tokio::select! { () = watching => {}, () = working => {}, () = following => {} }
    Ok(())
}

/// Works whenever this process leads, until `shutdown`. Returns whether it led then, and all that was in progress
/// came to its end.
async fn lead(context: &Arc<Context>, shutdown: &CancellationToken, deadline: Duration) -> bool {
    let health = &context.kube.health;
    loop {
        let term = tokio::select! {
            term = context.leadership.begins() => term,
            () = shutdown.cancelled() => return false,
        };
        tracing::info!(predecessor = <&str>::from(term.predecessor), "this operator leads");
        health.set_leader(true);
        context.begin(&term);
        let complete = tokio::select! {
            complete = worker::work(context, &term, shutdown, deadline) => complete,
            () = overdue::tell(context) => false,
        };
        health.set_leader(false);
        if shutdown.is_cancelled() {
            return complete;
        }
        tracing::warn!("this operator does not lead any more: its lease was not renewed in time");
    }
}
