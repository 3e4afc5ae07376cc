//! Says of resources at rest that wait for their turn for long that they do: in the log for each
//! environment, and in the status of each. `crate::reconcile` decides when.

use super::{
    context::Context, effects::Effects, entry::Entry, kube_api::KubeError, reconcile::step, resource_ref::ResourceRef,
};
use crate::reconcile::{Backlog, ClusterWrite, Lane, Load, Request, StatusUpdate, falls_behind, is_late};
use std::{
    collections::{BTreeMap, HashSet},
    sync::PoisonError,
    time::Duration,
};
use tokio::time::Instant;

/// Looks for them ten times in an interval, within these bounds.
const SHORTEST_TICK: Duration = Duration::from_secs(1);
const LONGEST_TICK: Duration = Duration::from_secs(60);

/// Looks for them for ever.
pub(super) async fn tell(context: &Context) {
    let tick = (context.settings.interval / 10).clamp(SHORTEST_TICK, LONGEST_TICK);
    let (mut failed, mut last) = (HashSet::new(), Instant::now());
    loop {
        tokio::time::sleep(tick).await;
        let (mut late, mut behind) = (BTreeMap::new(), Vec::new());
        let ago = last.elapsed();
        last = Instant::now();
        for (uid, waited) in context.queue.overdue() {
            let known = |entry: &Entry| (entry.interval, entry.environment.clone(), entry.resource.clone());
            let Some((interval, environment, resource)) = context.cache.with(&uid, known) else { continue };
            let interval = interval.unwrap_or(context.settings.interval);
            if let Some(environment) = environment.filter(|_| is_late(waited, interval)) {
                *late.entry(environment.to_string()).or_default() += 1;
            }
            if falls_behind(waited, ago, interval) || failed.remove(&uid) {
                behind.push((resource, waited));
            }
        }
        for (environment, news) in update(context, &late) {
            match news {
                Backlog::Grows { .. } => tracing::warn!(environment, "{news}"),
                Backlog::Waits | Backlog::Over => tracing::info!(environment, "{news}"),
            }
        }
        failed.clear();
        for (resource, waited) in behind {
            // one by one: this is not urgent
            match report(context, &resource, waited).await {
                Ok(ClusterWrite::Done | ClusterWrite::Gone) => {}
                Ok(ClusterWrite::Outdated) | Err(_) => drop(failed.insert(resource.uid)),
            }
        }
    }
}

/// Keeps in which environments resources are late; what is new.
fn update(context: &Context, late: &BTreeMap<String, usize>) -> Vec<(String, Backlog)> {
    let mut backlogs = context.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
    backlogs.update(late, |environment| capacity(context, environment))
}

/// What the resources of an environment need, and how many requests a second it allows.
fn capacity(context: &Context, environment: &str) -> (Load, f64) {
    let mut demand = Load::default();
    context.cache.for_each(|entry| {
        if entry.environment.as_deref() == Some(environment) {
            demand.add(entry.interval.unwrap_or(context.settings.interval));
        }
    });
    (demand, context.credentials.transport.rate(environment))
}

async fn report(context: &Context, resource: &ResourceRef, waited: Duration) -> Result<ClusterWrite, KubeError> {
    let mut effects = Effects::new(context, resource).await;
    let mut state = context.state(resource);
    step(&mut state, &mut effects, &Request::ReadResource { fresh: true }).await?;
    let Some(update) = StatusUpdate::overdue(&state, waited) else { return Ok(ClusterWrite::Done) };
    let written = effects.write_status(&update).await?;
    if !context.queue.is_waiting(&resource.uid) {
        // its reconcile began meanwhile, and may end without a look at this status
        context.queue.add_after(&resource.uid, Duration::ZERO, Lane::Resync);
    }
    Ok(written)
}
