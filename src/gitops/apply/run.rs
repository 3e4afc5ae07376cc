//! Reconciles the organizations of a plan, and sends the planned writes.

use crate::{
    gitops::{
        plan::{Change, Entry, Plan, Problem, ResourceChange},
        reconcile::{concurrently, goal, reconcile},
        scalekit::Scalekit,
    },
    reconcile::{ErrorKind, Observation, RemoteOutcome, RemoteRequest},
    terminal::Progress,
};

pub(super) struct ApplyResult<'a> {
    pub(super) entry: &'a Entry<'a>,
    /// The writes that Scalekit accepted, in order.
    pub(super) written: Vec<RemoteRequest>,
    /// Whether one more write may have been applied (timeout, lost response).
    pub(super) unknown: bool,
    pub(super) outcome: ApplyOutcome,
}

pub(super) enum ApplyOutcome {
    Applied,
    Stopped,
    /// The live policy has changed since the plan.
    Stale,
    /// It is not as declared.
    Problem(Problem),
}

/// Applies the changes of `plan`, `concurrency` at a time. After a signal it sends no further request.
pub(super) async fn apply_changes<'a>(
    scalekit: &Scalekit,
    plan: &'a Plan<'a>,
    concurrency: usize,
    progress: &Progress,
) -> Vec<ApplyResult<'a>> {
    let changes = plan.entries.iter().filter_map(|entry| match &entry.result {
        ResourceChange::Change(change) => Some((entry, change)),
        _ => None,
    });
    concurrently(changes.map(|(entry, change)| apply_one(scalekit, entry, change)), concurrency, progress).await
}

async fn apply_one<'a>(scalekit: &Scalekit, entry: &'a Entry<'a>, change: &Change) -> ApplyResult<'a> {
    let goal = goal(entry.manifest, entry.id.clone(), !scalekit.features_reported());
    let (mut written, mut stale) = (Vec::new(), false);
    let perform = async |request: &RemoteRequest, observation: &Observation| {
        stale = request.writes() && !planned(request, observation, change);
        if stale || scalekit.stopped() {
            return None;
        }
        let response = scalekit.request(request).await;
        if request.writes() && response.is_ok() {
            written.push(request.clone());
        }
        Some(response)
    };
    let (observation, remote_outcome) = reconcile(&goal, true, perform).await;
    let unknown =
        observation.may_still_land() || observation.flag.error.as_ref().is_some_and(|error| error.outcome_unknown);
    let outcome = match remote_outcome {
        None if stale => ApplyOutcome::Stale,
        None => ApplyOutcome::Stopped,
        Some(RemoteOutcome::Error(error))
            if scalekit.stopped() && matches!(error.kind, ErrorKind::RateLimited { .. }) =>
        {
            ApplyOutcome::Stopped
        }
        Some(remote_outcome) => {
            let organization = entry.id.as_ref().map(ToString::to_string).unwrap_or_default();
            let live = observation.live.map(|live| live.to_string()).unwrap_or_default();
            let problem = Problem::of(&remote_outcome, &organization, &live);
            problem.map_or(ApplyOutcome::Applied, ApplyOutcome::Problem)
        }
    };
    let unknown = unknown && !matches!(outcome, ApplyOutcome::Applied);
    ApplyResult { entry, written, unknown, outcome }
}

/// Whether the plan has this write and the live policy is still the one that it was made from. After
/// our own first write the live policy is another one, so then only the write is compared.
fn planned(request: &RemoteRequest, observation: &Observation, change: &Change) -> bool {
    match request {
        RemoteRequest::WriteFeatures { .. } => change.writes.has(request) || observation.flag.refused > 0,
        RemoteRequest::WritePolicy { .. } if observation.wrote_policy() => change.writes.has(request),
        RemoteRequest::WritePolicy { .. } => {
            change.before.is_none() || (change.writes.has(request) && observation.live == change.before)
        }
        _ => true,
    }
}
