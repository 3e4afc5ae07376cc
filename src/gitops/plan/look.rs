//! Looks at every organization of the input, several at a time.

use super::{Cause, Change, Entry, Finding, Flag, Plan, Problem, Rest, Writes, cause::LastApplied};
use crate::{
    gitops::{
        Manifest,
        pass::{faithful, pass},
        scalekit::Scalekit,
    },
    policy::{ApplicationPolicy, Live, OrganizationId},
    reconcile::{Application, Call, Fault, FaultKind, Goal, Organization, Reply, Sight, Verdict, problem},
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
    let active = || look.manifests.iter().filter(|manifest| !manifest.declaration.suspend);
    let wanted: Vec<_> = active().map(|manifest| &manifest.declaration.organization).collect();
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
    if manifest.declaration.suspend {
        return (Entry { manifest, id: None, flag: Flag::Unread, finding: Finding::Suspended }, Application::Unread);
    }
    let goal = goal(manifest, look.pins.get(n).cloned().flatten(), untold);
    let mut noted = Noted::default();
    let (sight, verdict) = pass(&goal, async |call, sight| noted.answer(scalekit, call, sight).await).await;
    let flag = Flag::of(noted.organization.as_ref().or(sight.organization.as_ref()));
    let finding = noted.finding(&goal, &sight, verdict, |noted| {
        look.last.cause(manifest, sight.resolved.as_ref(), noted.before.as_ref())
    });
    (Entry { manifest, id: sight.resolved, flag, finding }, sight.application)
}

/// What `manifest` wants of its organization. `untold`: this server is not seen
/// to tell features, so that only a policy to write switches one on that is not
/// told; otherwise every plan would show it again.
pub(in crate::gitops) fn goal(manifest: &Manifest, pinned: Option<OrganizationId>, untold: bool) -> Goal {
    let declared = &manifest.declaration;
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
    async fn answer(&mut self, scalekit: &Scalekit, call: &Call, sight: &Sight) -> Option<Result<Reply, Fault>> {
        if self.organization.is_none() {
            self.organization.clone_from(&sight.organization);
        }
        if call.writes() {
            self.before = self.before.or(sight.live);
            match call {
                Call::WriteFeatures { features, .. } => self.writes.features = Some(scalekit.shared(features)),
                Call::WritePolicy { policy, .. } => self.writes.policy = Some(*policy),
                _ => {}
            }
            return faithful(call, sight).map(Ok);
        }
        match (call, &self.organization) {
            // the pass wants to see what came of its write, and here nothing did
            (Call::ReadOrganization(_), Some(same)) if !self.writes.is_empty() && !sight.policy_route_missing => {
                return Some(Ok(Reply::Organization(same.clone())));
            }
            _ => {}
        }
        let answer = scalekit.ask(call).await;
        let hidden = |kind| matches!(kind, FaultKind::Forbidden | FaultKind::Rejected);
        match &answer {
            // a server may hide the policy of an organization whose feature is off, and here it still is
            Err(fault) if matches!(call, Call::ReadPolicy(_)) && !self.writes.is_empty() && hidden(fault.kind) => None,
            _ => Some(answer),
        }
    }

    fn finding(
        mut self,
        goal: &Goal,
        sight: &Sight,
        verdict: Option<Verdict>,
        cause: impl Fn(&Self) -> Cause,
    ) -> Finding {
        let name = sight.resolved.as_ref().map_or_else(|| goal.organization.to_string(), ToString::to_string);
        let live = sight.live.map(|live| live.to_string()).unwrap_or_default();
        let problem = verdict.as_ref().and_then(|verdict| problem(verdict, &name, &live));
        let problem = problem.map(|(reason, message)| Problem { reason, message });
        match (problem, sight.live) {
            (Some(problem), _) if self.writes.is_empty() => Finding::Problem(problem),
            (None, Some(live)) if self.writes.is_empty() => {
                let rest = match verdict {
                    Some(Verdict::StricterKept) => Rest::StricterKept,
                    Some(Verdict::Drifted) => Rest::Drifted,
                    _ => Rest::InSync,
                };
                Finding::Settled { rest, live }
            }
            (then, after) => {
                self.before = self.before.or(sight.live);
                let cause = cause(&self);
                Finding::Change(Change { before: self.before, after, writes: self.writes, cause, then })
            }
        }
    }
}
