//! One organization: observe, flag, policy, verify. The operator and the CLI
//! run the same steps.

use super::{Call, Detail, Fault, FaultKind, Sight, features, sight::Application};
use crate::policy::{ChainViolation, Live, Mode, OrganizationId, OrganizationRef, Policy, check_chain, diff, tighten};

/// What is wanted of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Goal {
    /// Whose policy.
    pub organization: OrganizationRef,
    /// The id it resolved to before; another one now is never written to.
    pub pinned: Option<OrganizationId>,
    /// An earlier pass switched the feature on and found that reads do not
    /// tell.
    pub untold: bool,
    /// The declared policy.
    pub policy: Policy,
    /// How far we may go.
    pub mode: Mode,
}

/// The next thing to do about an organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteStep {
    /// Make this call and let the [`Sight`] absorb its answer.
    Call(Call),
    /// Nothing more to do in this pass.
    Done(Verdict),
}

/// How a pass over an organization ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A read or a write's echo in this pass showed the declared policy.
    InSync,
    /// TightenOnly, and the live policy is at least as strict everywhere.
    StricterKept,
    /// Observe, and the live policy is not the declared one.
    Drifted,
    /// The policy can't hold next to the application's access token.
    ChainViolated(ChainViolation),
    /// The external id leads to another organization than before.
    OrganizationChanged {
        /// The one we have written to.
        pinned: OrganizationId,
        /// The one it leads to now.
        found: OrganizationId,
    },
    /// No such organization.
    OrganizationNotFound,
    /// The server won't let the flag be switched on, or hides the policy while
    /// it is off.
    FeatureUnavailable(Detail),
    /// The server took the flag twice and it is still off.
    FeatureNotEnabled,
    /// The server took the policy twice and it is still another one.
    NotApplied,
    /// The live policy has a source that this version does not know.
    Unrecognized,
    /// The server understood the policy and declined it.
    Rejected(Detail),
    /// The organization exists but has no session-policy API.
    Unsupported,
    /// Anything else that stopped the pass.
    Fault(Fault),
}

/// How often one pass writes a policy that the server takes, or may have taken,
/// but does not keep.
const TRIES: u8 = 2;
/// How often one pass re-decides after a 409.
const CONFLICTS: u8 = 3;

/// The next step for `goal`, given what this pass has seen.
pub fn next(goal: &Goal, sight: &Sight) -> RemoteStep {
    use RemoteStep::Done;
    if let Some((call, fault)) = &sight.failure {
        return Done(verdict(call, fault.clone(), sight));
    }
    let Some(organization) = &sight.organization else { return RemoteStep::Call(sight.find(&goal.organization)) };
    if let Some(pinned) = goal.pinned.clone().filter(|pinned| *pinned != organization.id) {
        return Done(Verdict::OrganizationChanged { pinned, found: organization.id.clone() });
    }
    if sight.policy_route_missing {
        return Done(Verdict::Unsupported);
    }
    let id = || organization.id.clone();
    if sight.application == Application::Unread {
        return RemoteStep::Call(Call::ReadApplicationPolicy(id()));
    }
    let off = goal.mode != Mode::Observe && !organization.session_policy_enabled();
    // a server that does not tell is not asked to switch it on at every look
    let untold = !organization.told && (goal.untold || sight.flag.tries > 0);
    if off && !untold {
        return switch_on(&goal.policy, sight, id(), &organization.features);
    }
    let Some(live) = &sight.live else { return RemoteStep::Call(Call::ReadPolicy(id())) };
    match pending(goal, live) {
        Pending::Nothing if diff(&goal.policy, live).is_empty() => Done(Verdict::InSync),
        Pending::Nothing if goal.mode == Mode::Observe => Done(Verdict::Drifted),
        Pending::Nothing => Done(Verdict::StricterKept),
        Pending::Unrecognized => Done(Verdict::Unrecognized),
        Pending::Write(policy) if off && sight.flag.tries == 0 => {
            switch_on(&policy, sight, id(), &organization.features)
        }
        Pending::Write(policy) => write(sight, id(), policy, live),
    }
}

/// Whether `live` is as far as `goal` goes: no write of it would follow.
pub fn satisfied(goal: &Goal, live: &Live) -> bool {
    matches!(pending(goal, live), Pending::Nothing)
}

/// What an organization's live policy still needs.
enum Pending {
    /// As declared, or as far as the mode goes.
    Nothing,
    /// We can't tell whether a write would loosen it.
    Unrecognized,
    /// This policy.
    Write(Policy),
}

fn pending(goal: &Goal, live: &Live) -> Pending {
    let write = |policy: Option<Policy>| policy.map_or(Pending::Nothing, Pending::Write);
    match goal.mode {
        Mode::Observe => Pending::Nothing,
        Mode::Enforce => write((!diff(&goal.policy, live).is_empty()).then_some(goal.policy)),
        Mode::TightenOnly if *live == Live::Unrecognized => Pending::Unrecognized,
        Mode::TightenOnly => write(tighten(&goal.policy, live)),
    }
}

/// `policy` is what would be written next, as far as that is known.
fn switch_on(policy: &Policy, sight: &Sight, id: OrganizationId, read: &[super::Feature]) -> RemoteStep {
    use RemoteStep::Done;
    if let Err(violation) = check_chain(policy, sight.access_token()) {
        return Done(Verdict::ChainViolated(violation)); // nothing we could write would hold, so write nothing
    }
    if sight.flag.tries >= TRIES {
        return Done(match sight.flag.fault.clone() {
            None => Verdict::FeatureNotEnabled,
            Some(fault) if fault.kind == FaultKind::NotFound => Verdict::FeatureUnavailable(fault.detail),
            Some(fault) => Verdict::Fault(fault),
        });
    }
    match features::with_session_policy(read, sight.flag.refused) {
        Some(features) => RemoteStep::Call(Call::WriteFeatures { organization: id, features }),
        None => Done(Verdict::FeatureUnavailable(sight.flag.detail())),
    }
}

fn write(sight: &Sight, id: OrganizationId, policy: Policy, live: &Live) -> RemoteStep {
    use RemoteStep::Done;
    if let Err(violation) = check_chain(&policy, sight.access_token()) {
        return Done(Verdict::ChainViolated(violation));
    }
    let writes = &sight.writes;
    if *live == Live::Unrecognized && writes.answered + writes.unknown > 0 {
        return Done(Verdict::Unrecognized);
    }
    if writes.answered >= TRIES {
        return Done(Verdict::NotApplied);
    }
    let spent = writes.answered + writes.unknown >= TRIES || writes.conflicts >= CONFLICTS;
    match &writes.fault {
        Some(fault) if spent => Done(Verdict::Fault(fault.clone())),
        _ => RemoteStep::Call(Call::WritePolicy { organization: id, policy }),
    }
}

/// What a fault that ended the pass says about the organization.
fn verdict(call: &Call, fault: Fault, sight: &Sight) -> Verdict {
    let flag_off = sight.organization.as_ref().is_some_and(|o| !o.session_policy_enabled());
    match (call, fault.kind) {
        (Call::ReadOrganization(_) | Call::LookUp(_), FaultKind::NotFound) => Verdict::OrganizationNotFound,
        (Call::WriteFeatures { .. }, FaultKind::Forbidden | FaultKind::Rejected | FaultKind::Unsupported) => {
            Verdict::FeatureUnavailable(fault.detail)
        }
        (Call::ReadPolicy(_) | Call::WritePolicy { .. }, FaultKind::Forbidden | FaultKind::Rejected) if flag_off => {
            Verdict::FeatureUnavailable(fault.detail)
        }
        (_, FaultKind::Unsupported) => Verdict::Unsupported,
        (_, FaultKind::Rejected) => Verdict::Rejected(fault.detail),
        _ => Verdict::Fault(fault),
    }
}
