//! Takes resources from the queue, and starts their reconciles, each on its own
//! when it panics. Each request of a reconcile has a time limit, and so has the
//! number of its steps.

use super::{context::Context, reconcile, resource_ref::ResourceRef};
use crate::reconcile::{Crash, Lane, Requeue, Term};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Works until `shutdown`, then waits for the reconciles in progress, for at most twice `deadline`. Those
/// that only wait for their turn are dropped. At the end of `term` all are dropped at once. Returns whether
/// all that was in progress came to its end.
pub(super) async fn work(
    context: &Arc<Context>,
    term: &Term,
    shutdown: &CancellationToken,
    deadline: Duration,
) -> bool {
    let mut running = JoinSet::new();
    let complete = tokio::select! {
        complete = work_until(context, shutdown, deadline, &mut running) => complete,
        () = context.leadership.ends(term) => false,
    };
    running.shutdown().await;
    complete
}

async fn work_until(
    context: &Arc<Context>,
    shutdown: &CancellationToken,
    deadline: Duration,
    running: &mut JoinSet<()>,
) -> bool {
    loop {
        let uid = tokio::select! {
            uid = context.queue.get(|uid| context.flow(uid)) => uid,
            () = shutdown.cancelled() => break,
        };
        while running.try_join_next().is_some() {}
        let context = Arc::clone(context);
        running.spawn(async move {
            match context.cache.with(&uid, |entry| entry.resource.clone()) {
                Some(resource) => reconcile(&context, &resource).await,
                None => {
                    context.queue.forget(&uid);
                    context.queue.done(&uid, None, Lane::Resync);
                }
            }
        });
    }
    let complete = tokio::time::timeout(deadline * 2, context.parking.drain(running)).await.is_ok();
    if !complete {
        tracing::warn!("stopped before all reconciles were complete");
    }
    complete
}

async fn reconcile(context: &Context, resource: &ResourceRef) {
    let reconcile = reconcile::reconcile(context, resource);
    let requeue = match AssertUnwindSafe(reconcile).catch_unwind().await {
        Ok(Ok((_, requeue))) => requeue,
        Ok(Err(error)) => {
            if context.is_news(&resource.uid, "Unfinished") {
                tracing::warn!(%resource, %error, "status not written");
            } else {
                tracing::debug!(%resource, %error, "status not written");
            }
            Requeue::AFTER_API_SERVER
        }
        Err(_) => panicked(context, resource).await,
    };
    context.queue.done(&resource.uid, context.delay(&resource.uid, requeue), Lane::of(requeue));
}

async fn panicked(context: &Context, resource: &ResourceRef) -> Requeue {
    let crash = Crash::Panicked;
    let is_news = context.is_news(&resource.uid, crash.into());
    if is_news {
        tracing::error!(%resource, %crash, "reconcile failed");
    } else {
        tracing::debug!(%resource, %crash, "reconcile failed");
    }
    let report = AssertUnwindSafe(reconcile::report_crash(context, resource, crash)).catch_unwind();
    if !matches!(report.await, Ok(Ok(()))) && is_news {
        tracing::warn!(%resource, "status not written");
    }
    Requeue::AFTER_FAILURE
}
