//! How a resource stands: what the verbs tell of it, read once from its spec
//! and status.

use crate::{
    crd::{Mode, OrganizationSessionPolicy, OrganizationSessionPolicyStatus},
    reconcile::{ConditionStatus, ConditionType, Reason},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// How much a resource needs somebody; the first ones most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The operator could not do its job.
    Somebody,
    /// Something is under way, or nothing is known.
    Patience,
    /// Hands off.
    Suspended,
    /// Ready, and yet there is something to know.
    Attention,
    /// Nothing.
    Nothing,
}

/// A resource to tell of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'a> {
    resource: &'a OrganizationSessionPolicy,
}

/// The condition Ready, as far as it speaks of the present spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready<'a> {
    pub(super) truth: ConditionStatus,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Standing<'a> {
    pub(super) const fn of(resource: &'a OrganizationSessionPolicy) -> Self {
        Self { resource }
    }

    pub(super) fn name(&self) -> &'a str {
        self.resource.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &'a str {
        self.resource.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// As it was declared.
    pub(super) fn organization(&self) -> &'a str {
        let declared = &self.resource.spec.organization;
        declared.id.as_deref().or(declared.external_id.as_deref()).unwrap_or_default()
    }

    pub(super) const fn mode(&self) -> &'static str {
        match self.resource.spec.mode {
            Mode::Enforce => "Enforce",
            Mode::TightenOnly => "TightenOnly",
            Mode::Observe => "Observe",
        }
    }

    pub(super) const fn status(&self) -> Option<&'a OrganizationSessionPolicyStatus> {
        self.resource.status.as_ref()
    }

    /// Whether the status is about the spec as it is now.
    pub(super) fn is_current(&self) -> bool {
        let observed = self.status().and_then(|status| status.observed_generation);
        observed.is_some() && observed == self.resource.metadata.generation
    }

    /// What was said last of this kind, whichever generation it is about.
    pub(super) fn condition(&self, kind: ConditionType) -> Option<&'a Condition> {
        self.status()?.conditions.iter().find(|condition| condition.type_ == kind.name())
    }

    /// A condition's status, as far as it speaks of the present spec.
    pub(super) fn truth(&self, kind: ConditionType) -> ConditionStatus {
        match self.condition(kind) {
            Some(condition) if self.is_current() => ConditionStatus::parse(&condition.status),
            _ => ConditionStatus::Unknown,
        }
    }

    pub(super) fn ready(&self) -> Ready<'a> {
        match self.condition(ConditionType::Ready) {
            Some(ready) if self.is_current() => {
                Ready { truth: ConditionStatus::parse(&ready.status), reason: &ready.reason, message: &ready.message }
            }
            _ => Ready {
                truth: ConditionStatus::Unknown,
                reason: Reason::NotChecked.name(),
                message: "the operator has not looked at this version of the spec yet",
            },
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready().truth == ConditionStatus::True
    }

    pub(super) fn need(&self) -> Need {
        let holds = |kind| self.truth(kind) == ConditionStatus::True;
        let ready = self.ready();
        match ready.truth {
            ConditionStatus::True
                if holds(ConditionType::Synced) && self.truth(ConditionType::Effective) != ConditionStatus::False =>
            {
                Need::Nothing
            }
            ConditionStatus::True => Need::Attention,
            _ if ready.reason == Reason::Suspended.name() => Need::Suspended,
            ConditionStatus::False => Need::Somebody,
            _ if holds(ConditionType::Stalled) => Need::Somebody,
            _ => Need::Patience,
        }
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.resource.creation_timestamp().map(|time| time.0)
    }

    pub(super) fn deleted(&self) -> Option<Timestamp> {
        self.resource.metadata.deletion_timestamp.as_ref().map(|time| time.0)
    }
}
