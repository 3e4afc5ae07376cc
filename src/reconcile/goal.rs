//! What is wanted of one organization, and which write that takes.

use crate::policy::{Live, Mode, OrganizationId, OrganizationRef, Policy, diff, tighten};

/// What is wanted of one organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Goal {
    /// Whose policy.
    pub organization: OrganizationRef,
    /// The id it resolved to before; another one now is never written to.
    pub pinned: Option<OrganizationId>,
    /// An earlier reconcile switched the feature on and found that reads do not
    /// report it.
    pub features_unreported: bool,
    /// The declared policy.
    pub policy: Policy,
    /// How far we may go.
    pub mode: Mode,
}

impl Goal {
    /// Whether it takes the feature session_policy, so that it is switched on. Only a
    /// policy of the organization's own does: without the feature it inherits.
    pub fn needs_feature(&self) -> bool {
        self.mode != Mode::Observe && self.policy != Policy::Application
    }
}

/// Whether `live` is as far as `goal` goes: no write of it would follow.
pub fn satisfied(goal: &Goal, live: &Live) -> bool {
    matches!(pending(goal, live), Pending::Nothing)
}

pub(super) enum Pending {
    /// As declared, or as far as the mode goes.
    Nothing,
    /// We can't tell whether a write would loosen it.
    Unrecognized,
    /// This policy.
    Write(Policy),
}

pub(super) fn pending(goal: &Goal, live: &Live) -> Pending {
    let write = |policy: Option<Policy>| policy.map_or(Pending::Nothing, Pending::Write);
    match goal.mode {
        Mode::Observe => Pending::Nothing,
        Mode::Enforce => write((!diff(&goal.policy, live).is_empty()).then_some(goal.policy)),
        Mode::TightenOnly if *live == Live::Unrecognized => Pending::Unrecognized,
        Mode::TightenOnly => write(tighten(&goal.policy, live)),
    }
}
