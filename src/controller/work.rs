//! Keeps the appointments: a bounded number of passes side by side, each with
//! a time limit, each on its own when it panics.

use super::{Context, reconcile, resource_ref::ResourceRef};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::reconcile::Requeue;

/// Passes side by side; more gain nothing on one API server.
const PASSES: usize = 16;
/// The longest a pass may take.
const LONGEST_PASS: Duration = Duration::from_secs(60);
/// Between two tries when the API server fails.
const CAP: Duration = Duration::from_secs(60);

/// Works until `shutdown`, then waits for the passes under way: at most one
/// request to Scalekit and one to the API server.
pub(super) async fn work(context: Arc<Context>, shutdown: CancellationToken, deadline: Duration) {
    let places = Arc::new(Semaphore::new(PASSES));
    let mut passes = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = shutdown.cancelled() => break,
        };
        let uid = tokio::select! {
            uid = context.queue.next() => uid,
            () = shutdown.cancelled() => break,
        };
        while passes.try_join_next().is_some() {}
        let context = Arc::clone(&context);
        passes.spawn(async move {
            let _place = place;
            match context.index.get(&uid) {
                Some(entry) => pass(&context, &entry.reference).await,
                None => context.queue.forget(&uid),
            }
        });
    }
    let drained = async { while passes.join_next().await.is_some() {} };
    if tokio::time::timeout(deadline * 2, drained).await.is_err() {
        tracing::warn!("passes under way were cut off");
    }
}

async fn pass(context: &Context, reference: &ResourceRef) {
    let result =
        AssertUnwindSafe(tokio::time::timeout(LONGEST_PASS, reconcile::reconcile(context, reference))).catch_unwind();
    let requeue = match result.await {
        Ok(Ok(Ok(requeue))) => requeue,
        Ok(Ok(Err(error))) => {
            tracing::warn!(resource = %reference, %error, "the pass could not be finished");
            Requeue::Backoff { cap: CAP }
        }
        Ok(Err(_)) => crashed(context, reference, "it ran out of time").await,
        Err(_) => crashed(context, reference, "it panicked").await,
    };
    context.queue.done(&reference.uid, context.memory.appointment(&reference.uid, requeue));
}

async fn crashed(context: &Context, reference: &ResourceRef, how: &'static str) -> Requeue {
    tracing::error!(resource = %reference, how, "a pass failed");
    let update = AssertUnwindSafe(reconcile::report_crash(context, reference, how)).catch_unwind();
    if !matches!(update.await, Ok(Ok(()))) {
        tracing::warn!(resource = %reference, "and it could not be reported");
    }
    Requeue::Backoff { cap: Duration::from_secs(5 * 60) }
}
