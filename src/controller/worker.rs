//! Takes resources from the queue: a bounded number of reconciles side by side,
//! each with a time limit, each on its own when it panics.

use super::{context::Context, reconcile, resource_ref::ResourceRef};
use crate::reconcile::{Crash, Requeue};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Reconciles side by side; more gain nothing on one API server.
const WORKERS: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Works until `shutdown`, then waits for the reconciles under way: at most one
/// request to Scalekit and one to the API server.
pub(super) async fn work(context: Arc<Context>, shutdown: CancellationToken, deadline: Duration) {
    let workers = Arc::new(Semaphore::new(WORKERS));
    let mut running = JoinSet::new();
    loop {
        let worker = tokio::select! {
            worker = Arc::clone(&workers).acquire_owned() => worker,
            () = shutdown.cancelled() => break,
        };
        let uid = tokio::select! {
            uid = context.queue.get() => uid,
            () = shutdown.cancelled() => break,
        };
        while running.try_join_next().is_some() {}
        let context = Arc::clone(&context);
        running.spawn(async move {
            let _worker = worker;
            match context.cache.get(&uid) {
                Some(entry) => reconcile(&context, &entry.resource).await,
                None => {
                    context.queue.forget(&uid);
                    context.queue.done(&uid, None);
                }
            }
        });
    }
    let drained = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(deadline * 2, drained).await.is_err() {
        tracing::warn!("reconciles under way were cut off");
    }
}

async fn reconcile(context: &Context, resource: &ResourceRef) {
    let reconcile = tokio::time::timeout(TIMEOUT, reconcile::reconcile(context, resource));
    let requeue = match AssertUnwindSafe(reconcile).catch_unwind().await {
        Ok(Ok(Ok((_, requeue)))) => requeue,
        Ok(Ok(Err(error))) => {
            if context.is_news(&resource.uid, "Unfinished") {
                tracing::warn!(%resource, %error, "the reconcile could not be finished");
            } else {
                tracing::debug!(%resource, %error, "the reconcile could not be finished");
            }
            Requeue::AFTER_API_SERVER
        }
        Ok(Err(_)) => crashed(context, resource, Crash::TimedOut).await,
        Err(_) => crashed(context, resource, Crash::Panicked).await,
    };
    context.queue.done(&resource.uid, context.delay(&resource.uid, requeue));
}

async fn crashed(context: &Context, resource: &ResourceRef, crash: Crash) -> Requeue {
    let is_news = context.is_news(&resource.uid, crash.into());
    if is_news {
        tracing::error!(%resource, %crash, "a reconcile failed");
    } else {
        tracing::debug!(%resource, %crash, "a reconcile failed");
    }
    let report = AssertUnwindSafe(reconcile::report_crash(context, resource, crash)).catch_unwind();
    if !matches!(report.await, Ok(Ok(()))) && is_news {
        tracing::warn!(%resource, "the failure could not be written into the status");
    }
    Requeue::AFTER_FAILURE
}
