//! Takes resources from the queue, and starts their reconciles, each on its own
//! when it panics. Each request of a reconcile has a time limit, and so has the
//! number of its steps.

use super::{context::Context, reconcile, resource_ref::ResourceRef};
use crate::{
    reconcile::{Crash, Lane, Requeue, Term},
    telemetry::ReconcileResult,
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

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
                Some(resource) => {
                    let span = reconcile::span(&context, &resource);
                    reconcile(&context, &resource).instrument(span).await;
                }
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
    let (began, metrics) = (Instant::now(), &context.kube.health.metrics().reconciles);
    let reconcile = reconcile::reconcile(context, resource);
    let requeue = match AssertUnwindSafe(reconcile).catch_unwind().await {
        Ok(Ok((_, requeue))) => requeue,
        Ok(Err(error)) => {
            let is_news = !context.kube.health.is_unanswered() && context.is_news(&resource.uid, "Unfinished");
            if is_news {
                tracing::warn!(%error, "status not written");
            } else {
                tracing::debug!(%error, "status not written");
            }
            Requeue::AFTER_API_SERVER
        }
        Err(_) => {
            metrics.panicked();
            panicked(context, resource).await
        }
    };
    let result = result(requeue);
    metrics.ended(result, began.elapsed());
    if result == ReconcileResult::Error {
        context.queue.retried();
    }
    let (delay, lane) = context.next(&resource.uid, requeue);
    context.queue.done(&resource.uid, delay, lane);
}

/// What controller-runtime would call it.
const fn result(requeue: Requeue) -> ReconcileResult {
    match requeue {
        Requeue::Interval(_) | Requeue::Never => ReconcileResult::Success,
        Requeue::After(_) => ReconcileResult::RequeueAfter,
        Requeue::Backoff { .. } => ReconcileResult::Error,
    }
}

async fn panicked(context: &Context, resource: &ResourceRef) -> Requeue {
    let crash = Crash::Panicked;
    let is_news = context.is_news(&resource.uid, crash.into());
    if is_news {
        tracing::error!(%crash, "reconcile failed");
    } else {
        tracing::debug!(%crash, "reconcile failed");
    }
    let report = AssertUnwindSafe(reconcile::report_crash(context, resource, crash)).catch_unwind();
    if !matches!(report.await, Ok(Ok(()))) && is_news {
        tracing::warn!("status not written");
    }
    Requeue::AFTER_FAILURE
}
