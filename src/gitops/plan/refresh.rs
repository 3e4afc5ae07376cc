//! Looks at every organization of the input, several at a time.

use super::{Cause, Change, Entry, Finding, Flag, Plan, Problem, Rest, Writes, cause::LastApplied};
use crate::{
    gitops::{
        Manifest,
        reconcile::{faithful, pass},
        scalekit::Scalekit,
    },
    policy::{ApplicationPolicy, Live, OrganizationId},
    reconcile::{
        Application, ErrorKind, Goal, Observation, Organization, RemoteError, RemoteOutcome, RemoteRequest,
        RemoteResponse, problem,
    },
    terminal::Progress,
};
use futures::{StreamExt, stream};

/// What to look at, and how.
pub(in crate::gitops) struct Look<'a> {
    pub(in crate::gitops) manifests: &'a [Manifest],
    pub(in crate::gitops) last: LastApplied<'a>,
    /// The ids that external ids must still lead to, in the manifests' order;
    /// none, where that is not known.
    pub(in crate::gitops) pins: Vec<Option<OrganizationId>>,
    /// How many organizations at once.
    pub(in crate::gitops) at_once: usize,
}

/// Makes the plan. Only reads.
pub(in crate::gitops) async fn look<'a>(scalekit: &Scalekit, look: &Look<'a>) -> Plan<'a> {
    let active = || look.manifests.iter().filter(|manifest| !manifest.spec.suspend);
    let wanted: Vec<_> = active().map(|manifest| &manifest.spec.organization).collect();
    scalekit.list(&wanted).await;
    let mut plan = Plan { environment: scalekit.environment(), application: None, entries: Vec::new() };
    let tells = scalekit.tells_features();
    plan.entries = round(scalekit, look, (0..look.manifests.len()).collect(), !tells, &mut plan.application).await;
    let untold: Vec<_> =
        plan.entries.iter().enumerate().filter(|(_, entry)| entry.flag == Flag::Untold).map(|(n, _)| n).collect();
    // who shows no features where others do has none that is on
    if !tells && !untold.is_empty() && scalekit.learns_that_features_are_told().await {
        let again = round(scalekit, look, untold.clone(), false, &mut plan.application).await;
        for (n, entry) in untold.into_iter().zip(again) {
            if let Some(before) = plan.entries.get_mut(n) {
                *before = entry;
            }
        }
    }
    plan
}

/// Looks at some of the manifests, given by their numbers; the entries are in
/// the same order.
async fn round<'a>(
    scalekit: &Scalekit,
    look: &Look<'a>,
    numbers: Vec<usize>,
    untold: bool,
    application: &mut Option<ApplicationPolicy>,
) -> Vec<Entry<'a>> {
    let progress = Progress::new("Looking at organizations", Some(numbers.len()));
    let wanted = numbers.into_iter().filter_map(|n| Some((n, look.manifests.get(n)?)));
    let one = |(n, manifest)| async move { (n, one(scalekit, look, n, manifest, untold).await) };
    let mut looks = stream::iter(wanted).map(one).buffer_unordered(look.at_once);
    let mut found = Vec::new();
    while let Some((n, (entry, read))) = looks.next().await {
        if let Application::Known(known) = read {
            *application = Some(known);
        }
        found.push((n, entry));
        progress.step();
    }
    found.sort_by_key(|(n, _)| *n);
    found.into_iter().map(|(_, entry)| entry).collect()
}

async fn one<'a>(
    scalekit: &Scalekit,
    look: &Look<'a>,
    n: usize,
    manifest: &'a Manifest,
    untold: bool,
) -> (Entry<'a>, Application) {
    if manifest.spec.suspend {
        return (Entry { manifest, id: None, flag: Flag::Unread, finding: Finding::Suspended }, Application::Unread);
    }
    let goal = goal(manifest, look.pins.get(n).cloned().flatten(), untold);
    let mut noted = Noted::default();
    let (observation, remote_outcome) =
        pass(&goal, async |request, observation| noted.response(scalekit, request, observation).await).await;
    let flag = Flag::of(noted.organization.as_ref().or(observation.organization.as_ref()));
    let finding = noted.finding(&goal, &observation, remote_outcome, |noted| {
        look.last.cause(manifest, observation.resolved.as_ref(), noted.before.as_ref())
    });
    (Entry { manifest, id: observation.resolved, flag, finding }, observation.application)
}

/// What `manifest` wants of its organization. `untold`: this server is not seen
/// to tell features, so that only a policy to write switches one on that is not
/// told; otherwise every plan would show it again.
pub(in crate::gitops) fn goal(manifest: &Manifest, pinned: Option<OrganizationId>, untold: bool) -> Goal {
    let declared = &manifest.spec;
    let organization = declared.organization.clone();
    Goal { organization, pinned, untold, policy: declared.policy, mode: declared.mode }
}

/// The writes that were named instead of sent, and what stood before them.
#[derive(Default)]
struct Noted {
    writes: Writes,
    organization: Option<Organization>,
    before: Option<Live>,
}

impl Noted {
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
                RemoteRequest::WriteFeatures { features, .. } => self.writes.features = Some(scalekit.shared(features)),
                RemoteRequest::WritePolicy { policy, .. } => self.writes.policy = Some(*policy),
                _ => {}
            }
            return faithful(request, observation).map(Ok);
        }
        match (request, &self.organization) {
            // the pass wants to see what came of its write, and here nothing did
            (RemoteRequest::ReadOrganization(_), Some(same))
                if !self.writes.is_empty() && !observation.policy_route_missing =>
            {
                return Some(Ok(RemoteResponse::Organization(same.clone())));
            }
            _ => {}
        }
        let response = scalekit.ask(request).await;
        let hidden = |kind| matches!(kind, ErrorKind::Forbidden | ErrorKind::Rejected);
        match &response {
            // a server may hide the policy of an organization whose feature is off, and here it still is
            Err(error)
                if matches!(request, RemoteRequest::ReadPolicy(_)) && !self.writes.is_empty() && hidden(error.kind) =>
            {
                None
            }
            _ => Some(response),
        }
    }

    fn finding(
        mut self,
        goal: &Goal,
        observation: &Observation,
        remote_outcome: Option<RemoteOutcome>,
        cause: impl Fn(&Self) -> Cause,
    ) -> Finding {
        let name = observation.resolved.as_ref().map_or_else(|| goal.organization.to_string(), ToString::to_string);
        let live = observation.live.map(|live| live.to_string()).unwrap_or_default();
        let problem = remote_outcome.as_ref().and_then(|remote_outcome| problem(remote_outcome, &name, &live));
        let problem = problem.map(|(reason, message)| Problem { reason, message });
        match (problem, observation.live) {
            (Some(problem), _) if self.writes.is_empty() => Finding::Problem(problem),
            (None, Some(live)) if self.writes.is_empty() => {
                let rest = match remote_outcome {
                    Some(RemoteOutcome::StricterKept) => Rest::StricterKept,
                    Some(RemoteOutcome::Drifted) => Rest::Drifted,
                    _ => Rest::InSync,
                };
                Finding::Settled { rest, live }
            }
            (then, after) => {
                self.before = self.before.or(observation.live);
                let cause = cause(&self);
                Finding::Change(Change { before: self.before, after, writes: self.writes, cause, then })
            }
        }
    }
}
