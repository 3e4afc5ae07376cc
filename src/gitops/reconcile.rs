//! One reconcile of one organization. [`next_remote`] decides, as in the operator; the verb carries
//! the requests out, or simulates them.

use super::Manifest;
use crate::{
    policy::{Mode, OrganizationId},
    reconcile::{
        ErrorKind, Goal, MAX_STEPS, Observation, RemoteError, RemoteOutcome, RemoteRequest, RemoteResponse, RemoteStep,
        next_remote, read_before,
    },
    terminal::Progress,
};
use futures::{StreamExt, stream};

/// The goal that `manifest` declares. `features_unreported`: no response has listed features yet.
/// Then the flag is switched on only together with a policy to write; otherwise every plan would
/// show that change again.
pub(super) fn goal(manifest: &Manifest, pinned: Option<OrganizationId>, features_unreported: bool) -> Goal {
    let spec = &manifest.spec;
    let organization = spec.organization.clone();
    // as a deletion in a cluster, which only Observe keeps from writing; such a manifest is none that reverts
    let (policy, mode) = (spec.policy, if manifest.removed { Mode::Enforce } else { spec.mode });
    Goal { organization, pinned, features_unreported, merges_features: false, may_be_custom: false, policy, mode }
}

/// Reconciles one organization; returns what was observed, and the outcome. `perform` carries out
/// one request; if it returns `None`, the reconcile ends without an outcome. `sends_writes`: writes
/// are sent and not only recorded, so the reads that must come right before one are made.
pub(super) async fn reconcile(
    goal: &Goal,
    sends_writes: bool,
    mut perform: impl AsyncFnMut(&RemoteRequest, &Observation) -> Option<Result<RemoteResponse, RemoteError>>,
) -> (Observation, Option<RemoteOutcome>) {
    let mut observation = Observation::default();
    for _ in 0..MAX_STEPS {
        match next_remote(goal, &observation) {
            RemoteStep::Done(remote_outcome) => return (observation, Some(remote_outcome)),
            RemoteStep::Request(request) => {
                let before = read_before(&request, &observation).filter(|_| sends_writes);
                let request = before.unwrap_or(request);
                let Some(response) = perform(&request, &observation).await else { return (observation, None) };
                observation.observe(&request, response, Some(goal));
            }
        }
    }
    (observation, Some(RemoteOutcome::Error(RemoteError::new(ErrorKind::BadResponse))))
}

/// Runs `jobs`, `concurrency` at a time, and advances `progress` after each. Returns the results in
/// the order of the jobs.
pub(super) async fn concurrently<T>(
    jobs: impl Iterator<Item = impl Future<Output = T>>,
    concurrency: usize,
    progress: &Progress,
) -> Vec<T> {
    let numbered = jobs.enumerate().map(async |(n, job)| (n, job.await));
    let done = stream::iter(numbered).buffer_unordered(concurrency).inspect(|_| progress.step());
    let mut done: Vec<_> = done.collect().await;
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The response of a server that applies a write exactly as requested; `None` for a read.
pub(super) fn simulate(request: &RemoteRequest, observation: &Observation) -> Option<RemoteResponse> {
    match request {
        RemoteRequest::WritePolicy { policy, .. } => Some(RemoteResponse::Policy((*policy).into())),
        RemoteRequest::WriteFeatures { features, .. } => {
            let mut organization = observation.organization.clone()?;
            organization.features.clone_from(features);
            Some(RemoteResponse::Organization(organization))
        }
        _ => None,
    }
}
