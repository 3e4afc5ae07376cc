//! Refreshes every organization of the input, several at a time, and makes the plan.

use super::{Cause, Change, Entry, Flag, LastApplied, NoOp, Plan, Problem, ResourceChange, Writes, claims, removed};
use crate::{
    gitops::{
        Manifest,
        reconcile::{concurrently, goal, reconcile, simulate},
        scalekit::Scalekit,
    },
    policy::{ApplicationPolicy, Live, OrganizationId},
    reconcile::{
        Application, Goal, Observation, Organization, RemoteError, RemoteOutcome, RemoteRequest, RemoteResponse,
    },
    terminal::Progress,
};
use jiff::Timestamp;
use std::error::Error;

pub(in crate::gitops) struct PlanOptions<'a> {
    pub(in crate::gitops) manifests: &'a [Manifest],
    pub(in crate::gitops) last_applied: LastApplied<'a>,
    /// For each manifest the id that its external id must resolve to, if that is known.
    pub(in crate::gitops) pins: Vec<Option<OrganizationId>>,
    /// The number of files that could not be read.
    pub(in crate::gitops) unread: usize,
    /// How many of the manifests, at their end, set back what left the files ([`super::removed()`]).
    pub(in crate::gitops) removed: usize,
    /// Whether those are changes of the plan.
    pub(in crate::gitops) prune: bool,
    /// Whether all organizations are read, to list those in no file.
    pub(in crate::gitops) lists_all: bool,
    pub(in crate::gitops) concurrency: usize,
}

/// Makes the plan; sends only reads. Two manifests for one organization are an error.
pub(in crate::gitops) async fn refresh<'a>(
    scalekit: &Scalekit,
    options: &PlanOptions<'a>,
) -> Result<Plan<'a>, Box<dyn Error>> {
    claims::same_name(options.manifests)?;
    let active = || options.manifests.iter().filter(|manifest| !manifest.spec.is_suspended(Timestamp::now()));
    let wanted: Vec<_> = active().map(|manifest| &manifest.spec.organization).collect();
    scalekit.prefetch(&wanted).await;
    let mut plan = Plan {
        environment: scalekit.environment(),
        application: None,
        entries: Vec::new(),
        unread: options.unread,
        unclaimed: Vec::new(),
    };
    let reported = scalekit.features_reported();
    plan.entries =
        refresh_entries(scalekit, options, (0..options.manifests.len()).collect(), !reported, &mut plan.application)
            .await;
    let unreported: Vec<_> =
        plan.entries.iter().enumerate().filter(|(_, entry)| entry.flag == Flag::Unreported).map(|(n, _)| n).collect();
    // if other organizations have a list of features, one without has no feature that is on
    if !reported && !unreported.is_empty() && scalekit.confirm_features_reported().await {
        let again = refresh_entries(scalekit, options, unreported.clone(), false, &mut plan.application).await;
        for (n, entry) in unreported.into_iter().zip(again) {
            if let Some(before) = plan.entries.get_mut(n) {
                *before = entry;
            }
        }
    }
    let removed = plan.entries.split_off(plan.entries.len().saturating_sub(options.removed));
    claims::same_organization(&plan.entries)?;
    removed::add(&mut plan, removed, &options.last_applied, options.prune);
    if options.lists_all {
        plan.unclaimed = removed::in_no_file(scalekit, &plan, options.concurrency).await?;
    }
    Ok(plan)
}

/// Refreshes the manifests with these indexes; returns their entries in the same order.
async fn refresh_entries<'a>(
    scalekit: &Scalekit,
    options: &PlanOptions<'a>,
    numbers: Vec<usize>,
    features_unreported: bool,
    application: &mut Option<ApplicationPolicy>,
) -> Vec<Entry<'a>> {
    let progress = Progress::new("Refreshing organizations", Some(numbers.len()));
    let wanted = numbers.into_iter().filter_map(|n| Some((n, options.manifests.get(n)?)));
    let jobs = wanted.map(|(n, manifest)| refresh_one(scalekit, options, n, manifest, features_unreported));
    let found = concurrently(jobs, options.concurrency, &progress).await.into_iter().map(|(entry, read)| {
        if let Application::Known(known) = read {
            *application = Some(known);
        }
        entry
    });
    found.collect()
}

async fn refresh_one<'a>(
    scalekit: &Scalekit,
    options: &PlanOptions<'a>,
    n: usize,
    manifest: &'a Manifest,
    features_unreported: bool,
) -> (Entry<'a>, Application) {
    if manifest.spec.is_suspended(Timestamp::now()) {
        let result = ResourceChange::Suspended;
        return (Entry { manifest, id: None, flag: Flag::Unread, result }, Application::Unread);
    }
    let goal = goal(manifest, options.pins.get(n).cloned().flatten(), features_unreported);
    let mut recorded = RecordedWrites::default();
    let (observation, remote_outcome) =
        reconcile(&goal, false, async |request, observation| recorded.response(scalekit, request, observation).await)
            .await;
    let flag = Flag::of(recorded.organization.as_ref().or(observation.organization.as_ref()));
    let result = recorded.into_change(&goal, &observation, remote_outcome, |recorded| {
        options.last_applied.cause(manifest, observation.resolved.as_ref(), recorded.before.as_ref())
    });
    (Entry { manifest, id: observation.resolved, flag, result }, observation.application)
}

/// The writes that were recorded instead of sent, and what was read before them.
#[derive(Default)]
struct RecordedWrites {
    writes: Writes,
    organization: Option<Organization>,
    before: Option<Live>,
}

impl RecordedWrites {
    async fn response(
        &mut self,
        scalekit: &Scalekit,
        request: &RemoteRequest,
        observation: &Observation,
    ) -> Option<Result<RemoteResponse, RemoteError>> {
        if self.organization.is_none() {
            self.organization.clone_from(&observation.organization);
        }
        if request.writes() {
            self.before = self.before.or(observation.live);
            match request {
                RemoteRequest::WriteFeatures { features, .. } => self.writes.features = Some(scalekit.intern(features)),
                RemoteRequest::WritePolicy { policy, .. } => self.writes.policy = Some(*policy),
                _ => {}
            }
            return simulate(request, observation).map(Ok);
        }
        if let (RemoteRequest::ReadOrganization(_), Some(same)) = (request, &self.organization)
            && !self.writes.is_empty()
            && !observation.policy_route_missing
        {
            // the reconcile reads again after its write, but none was sent
            return Some(Ok(RemoteResponse::Organization(same.clone())));
        }
        let response = scalekit.request(request).await;
        // the feature was not really switched on, so the server may still hide the policy
        let hidden = matches!(request, RemoteRequest::ReadPolicy(_))
            && !self.writes.is_empty()
            && response.as_ref().is_err_and(|error| error.kind.hides_policy());
        (!hidden).then_some(response)
    }

    fn into_change(
        mut self,
        goal: &Goal,
        observation: &Observation,
        remote_outcome: Option<RemoteOutcome>,
        cause: impl Fn(&Self) -> Cause,
    ) -> ResourceChange {
        let name = observation.resolved.as_ref().map_or_else(|| goal.organization.described(), ToString::to_string);
        let live = observation.live.map(|live| live.to_string()).unwrap_or_default();
        let problem = remote_outcome.as_ref().and_then(|remote_outcome| Problem::of(remote_outcome, &name, &live));
        match (problem, observation.live) {
            (Some(problem), _) if self.writes.is_empty() => ResourceChange::Problem(problem),
            (None, Some(live)) if self.writes.is_empty() => {
                let reason = match remote_outcome {
                    Some(RemoteOutcome::StricterKept) => NoOp::StricterKept,
                    Some(RemoteOutcome::Drifted) => NoOp::Drifted,
                    _ => NoOp::InSync,
                };
                ResourceChange::NoOp { reason, live }
            }
            (then, after) => {
                self.before = self.before.or(observation.live);
                let cause = cause(&self);
                ResourceChange::Change(Change { before: self.before, after, writes: self.writes, cause, then })
            }
        }
    }
}
