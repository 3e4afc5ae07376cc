//! What is wanted of one organization, and which write that takes.

use crate::policy::{Live, Mode, OrganizationId, OrganizationRef, Policy, ValidatedSpec, diff, tighten};

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
    /// The server was seen to merge the features that are sent with the others.
    pub merges_features: bool,
    /// It had a custom policy that may still be stored, though the server does not
    /// show it.
    pub may_be_custom: bool,
    /// The declared policy.
    pub policy: Policy,
    /// How far we may go.
    pub mode: Mode,
}

/// What a resource declares of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Declared {
    /// The policy.
    pub policy: Policy,
    /// How far the operator goes for it.
    pub mode: Mode,
}

impl Declared {
    /// What `spec` declares.
    pub const fn of(spec: &ValidatedSpec) -> Self {
        Self { policy: spec.policy, mode: spec.mode }
    }

    /// Whether `live` is as far as the operator goes: no write would follow.
    pub fn is_satisfied_by(self, live: &Live) -> bool {
        matches!(pending(self, live), Pending::Nothing)
    }
}

impl Goal {
    /// Whether it takes the feature session_policy, so that it is switched on. Only a
    /// policy of the organization's own does: without the feature it inherits.
    pub fn needs_feature(&self) -> bool {
        self.mode != Mode::Observe && self.policy != Policy::Application
    }

    /// What is declared of the policy.
    pub const fn declared(&self) -> Declared {
        Declared { policy: self.policy, mode: self.mode }
    }
}

pub(super) enum Pending {
    /// As declared, or as far as the mode goes.
    Nothing,
    /// We can't tell whether a write would loosen it.
    Unrecognized,
    /// This policy.
    Write(Policy),
}

pub(super) fn pending(declared: Declared, live: &Live) -> Pending {
    let write = |policy: Option<Policy>| policy.map_or(Pending::Nothing, Pending::Write);
    match declared.mode {
        Mode::Observe => Pending::Nothing,
        Mode::Enforce => write((!diff(&declared.policy, live).is_empty()).then_some(declared.policy)),
        Mode::TightenOnly if *live == Live::Unrecognized => Pending::Unrecognized,
        Mode::TightenOnly => write(tighten(&declared.policy, live)),
    }
}
