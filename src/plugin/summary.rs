//! The status of one resource as the verbs report it. A condition that is about
//! an older generation of the spec counts as Unknown, so an edit that the
//! operator has not reconciled yet is never shown as Ready.

use crate::{
    crd::{OrganizationSessionPolicy, OrganizationSessionPolicyStatus},
    reconcile::{ConditionStatus, ConditionType, Reason},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// How urgently a resource needs a person; `osp status` lists the most urgent
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Ready is False, or Stalled is True: a person has to act.
    Failed,
    /// A change is under way, or the operator has not reported on this spec yet.
    InProgress,
    /// `spec.suspend` is true.
    Suspended,
    /// Ready, but the live policy is not the declared one, or is looser than the
    /// application's.
    Warning,
    /// Ready, Synced and effective.
    Healthy,
}

/// Reads the spec and status of one resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary<'a> {
    resource: &'a OrganizationSessionPolicy,
}

/// The condition Ready of the present generation; Unknown with reason NotChecked
/// where the status is about an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready<'a> {
    pub(super) status: ConditionStatus,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Summary<'a> {
    pub(super) const fn of(resource: &'a OrganizationSessionPolicy) -> Self {
        Self { resource }
    }

    pub(super) fn name(&self) -> &'a str {
        self.resource.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &'a str {
        self.resource.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// `spec.organization`: the id, or else the external id.
    pub(super) fn organization(&self) -> &'a str {
        let declared = &self.resource.spec.organization;
        declared.id.as_deref().or(declared.external_id.as_deref()).unwrap_or_default()
    }

    pub(super) const fn mode(&self) -> &'static str {
        self.resource.spec.mode.name()
    }

    pub(super) const fn status(&self) -> Option<&'a OrganizationSessionPolicyStatus> {
        self.resource.status.as_ref()
    }

    /// Whether the status is about the present generation of the spec.
    pub(super) fn is_current(&self) -> bool {
        let observed = self.status().and_then(|status| status.observed_generation);
        observed.is_some() && observed == self.resource.metadata.generation
    }

    /// The condition of this type, whichever generation of the spec it is about.
    pub(super) fn condition(&self, condition_type: ConditionType) -> Option<&'a Condition> {
        self.status()?.conditions.iter().find(|condition| condition.type_ == condition_type.name())
    }

    /// The status of a condition; Unknown if it is about an older generation.
    pub(super) fn status_of(&self, condition_type: ConditionType) -> ConditionStatus {
        match self.condition(condition_type) {
            Some(condition) if self.is_current() => ConditionStatus::parse(&condition.status),
            _ => ConditionStatus::Unknown,
        }
    }

    pub(super) fn ready(&self) -> Ready<'a> {
        match self.condition(ConditionType::Ready) {
            Some(ready) if self.is_current() => {
                Ready { status: ConditionStatus::parse(&ready.status), reason: &ready.reason, message: &ready.message }
            }
            _ => Ready {
                status: ConditionStatus::Unknown,
                reason: Reason::NotChecked.name(),
                message: "the operator has not reconciled this version of the spec yet",
            },
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready().status == ConditionStatus::True
    }

    pub(super) fn severity(&self) -> Severity {
        let holds = |condition_type| self.status_of(condition_type) == ConditionStatus::True;
        let ready = self.ready();
        match ready.status {
            ConditionStatus::True
                if holds(ConditionType::Synced)
                    && self.status_of(ConditionType::Effective) != ConditionStatus::False =>
            {
                Severity::Healthy
            }
            ConditionStatus::True => Severity::Warning,
            _ if ready.reason == Reason::Suspended.name() => Severity::Suspended,
            ConditionStatus::False => Severity::Failed,
            _ if holds(ConditionType::Stalled) => Severity::Failed,
            _ => Severity::InProgress,
        }
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.resource.creation_timestamp().map(|time| time.0)
    }

    pub(super) fn deleted(&self) -> Option<Timestamp> {
        self.resource.metadata.deletion_timestamp.as_ref().map(|time| time.0)
    }
}
