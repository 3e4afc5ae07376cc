//! Looks at every organization of the input, several at a time.

use super::{Cause, Change, Entry, Finding, Plan, Rest, Writes, cause::LastApplied};
use crate::{
    gitops::{
        Manifest,
        pass::{faithful, pass},
        progress::Progress,
        scalekit::Scalekit,
    },
    policy::{Live, OrganizationId},
    reconcile::{Application, Call, Fault, FaultKind, Goal, Reply, Sight, Verdict, problem},
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
pub(in crate::gitops) async fn look<'a>(scalekit: &Scalekit, look: &Look<'a>, progress: &mut Progress) -> Plan<'a> {
    let active = || look.manifests.iter().filter(|manifest| !manifest.declaration.suspend);
    let wanted: Vec<_> = active().map(|manifest| &manifest.declaration.organization).collect();
    scalekit.list(&wanted, progress).await;
    let mut plan = Plan { environment: scalekit.environment(), application: None, entries: Vec::new() };
    let one = |(n, manifest)| async move { (n, one(scalekit, look, n, manifest).await) };
    let mut looks = stream::iter(look.manifests.iter().enumerate()).map(one).buffer_unordered(look.at_once);
    let mut found = Vec::with_capacity(look.manifests.len());
    while let Some((n, (entry, application))) = looks.next().await {
        if let Application::Known(application) = application {
            plan.application = Some(application);
        }
        found.push((n, entry));
        progress.say(&format!("{} of {} organizations looked at", found.len(), look.manifests.len()));
    }
    progress.end();
    found.sort_by_key(|(n, _)| *n);
    plan.entries = found.into_iter().map(|(_, entry)| entry).collect();
    plan
}

async fn one<'a>(scalekit: &Scalekit, look: &Look<'a>, n: usize, manifest: &'a Manifest) -> (Entry<'a>, Application) {
    if manifest.declaration.suspend {
        return (Entry { manifest, id: None, finding: Finding::Suspended }, Application::Unread);
    }
    let goal = goal(manifest, look.pins.get(n).cloned().flatten());
    let mut noted = Noted::default();
    let (sight, verdict) = pass(&goal, async |call, sight| noted.answer(scalekit, call, sight).await).await;
    let finding = noted.finding(&goal, &sight, verdict, |noted| {
        look.last.cause(manifest, sight.resolved.as_ref(), noted.before.as_ref())
    });
    (Entry { manifest, id: sight.resolved, finding }, sight.application)
}

/// What `manifest` wants of its organization.
pub(in crate::gitops) fn goal(manifest: &Manifest, pinned: Option<OrganizationId>) -> Goal {
    let declared = &manifest.declaration;
    // nobody remembers here whether this server tells its features: if it does not, a policy to write is the only cause
    let (organization, untold) = (declared.organization.clone(), true);
    Goal { organization, pinned, untold, policy: declared.policy, mode: declared.mode }
}

/// The writes that were named instead of sent, and what stood before them.
#[derive(Default)]
struct Noted {
    writes: Writes,
    enabled: Option<bool>,
    before: Option<Live>,
}

impl Noted {
    async fn answer(&mut self, scalekit: &Scalekit, call: &Call, sight: &Sight) -> Option<Result<Reply, Fault>> {
        self.enabled = self.enabled.or(sight.organization.as_ref().map(|o| o.session_policy_enabled()));
        if call.writes() {
            self.before = self.before.or(sight.live);
            match call {
                Call::WriteFeatures { features, .. } => self.writes.features = Some(scalekit.shared(features)),
                Call::WritePolicy { policy, .. } => self.writes.policy = Some(*policy),
                _ => {}
            }
            return faithful(call, sight).map(Ok);
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
        let rest = match &verdict {
            None | Some(Verdict::InSync) => Rest::InSync,
            Some(Verdict::StricterKept) => Rest::StricterKept,
            Some(Verdict::Drifted) => Rest::Drifted,
            Some(verdict) => {
                let name = sight.resolved.as_ref().map_or_else(|| goal.organization.to_string(), ToString::to_string);
                let live = sight.live.map(|live| live.to_string()).unwrap_or_default();
                if let Some((reason, message)) = problem(verdict, &name, &live) {
                    return Finding::Problem { reason, message };
                }
                Rest::InSync
            }
        };
        let enabled = self.enabled.unwrap_or_default();
        match sight.live {
            Some(live) if self.writes.is_empty() => Finding::Settled { rest, enabled, live },
            after => {
                self.before = self.before.or(sight.live);
                let cause = cause(&self);
                Finding::Change(Change { enabled, before: self.before, after, writes: self.writes, cause })
            }
        }
    }
}
