//! The spec and status of one resource as the verbs report them. A condition of an older generation
//! of the spec counts as Unknown, so an edit that the operator has not reconciled yet is never
//! reported as Ready.

use crate::{
    crd::{self, OrganizationSessionPolicy, OrganizationSessionPolicyStatus, ReportedPolicy, Violation},
    policy::{Live, ValidatedSpec},
    reconcile::{ConditionStatus, ConditionType, Past, Reason, violations_message},
    terminal::{Exit, Style},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// How urgently a resource needs attention; `osp status` lists the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Ready is False or Stalled is True, so a person has to act.
    Failed,
    /// A change is in progress, or the operator has not reconciled this spec yet.
    InProgress,
    /// It is suspended.
    Suspended,
    /// Ready, but the live policy is not the declared one, or looser than the application's.
    Warning,
    /// Ready, Synced and effective.
    Healthy,
}

#[derive(Debug)]
pub(super) struct Summary<'a> {
    resource: &'a OrganizationSessionPolicy,
    /// The valid spec, or the violations in words.
    pub(super) spec: Result<ValidatedSpec, String>,
    pub(super) status: Option<&'a OrganizationSessionPolicyStatus>,
}

/// The condition Ready of the current generation; Unknown with the reason NotChecked if the status is
/// of an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready<'a> {
    pub(super) status: ConditionStatus,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// The message of a condition; in the place of one that had to be cut, for the size of the status, what its reason means
/// and what to do.
pub(super) fn sentences(reason: &str, message: &str) -> String {
    let whole = Reason::parse(reason).filter(|_| message.ends_with('…')).map(|reason| reason.message(""));
    whole.unwrap_or_else(|| message.to_owned())
}

pub(super) const fn style(status: ConditionStatus) -> Style {
    match status {
        ConditionStatus::True => Style::Good,
        ConditionStatus::False => Style::Bad,
        ConditionStatus::Unknown => Style::Warning,
    }
}

impl<'a> Summary<'a> {
    pub(super) fn of(resource: &'a OrganizationSessionPolicy) -> Self {
        let until = resource.annotations().get(crd::SUSPENDED_UNTIL).map(String::as_str);
        let spec = crd::validate(&resource.spec)
            .and_then(|spec| spec.until(until))
            .map_err(|violations| violations_message(&violations));
        Self { resource, spec, status: resource.status.as_ref() }
    }

    pub(super) fn name(&self) -> &'a str {
        self.resource.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &'a str {
        self.resource.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The id or external id of `spec.organization`; of an invalid spec the id in the status.
    pub(super) fn organization(&self) -> String {
        let known = || self.status.and_then(|status| status.organization_id.clone()).unwrap_or_default();
        self.spec.as_ref().map_or_else(|_| known(), |spec| spec.organization.to_string())
    }

    /// The name of the mode, also of an invalid spec.
    pub(super) fn mode(&self) -> &'static str {
        self.resource.spec.mode.name()
    }

    /// What the spec lacks although the operator accepts it.
    pub(super) fn without_unit(&self) -> Vec<Violation> {
        crd::without_unit(&self.resource.spec)
    }

    /// `spec.suspend`, also of an invalid spec, or until a time to come.
    pub(super) fn is_suspended(&self) -> bool {
        self.resource.spec.suspend || self.suspended_until().is_some()
    }

    /// The time to come until which it is suspended, also of an invalid spec.
    pub(super) fn suspended_until(&self) -> Option<Timestamp> {
        let until = self.end_of_suspension()?.ok();
        until.filter(|until| !self.resource.spec.suspend && Timestamp::now() < *until)
    }

    /// Whether the annotation that suspends it names no time.
    pub(super) fn suspended_until_no_time(&self) -> bool {
        self.end_of_suspension().is_some_and(|end| end.is_err())
    }

    fn end_of_suspension(&self) -> Option<Result<Timestamp, jiff::Error>> {
        Some(self.resource.annotations().get(crd::SUSPENDED_UNTIL)?.parse())
    }

    /// Why it is suspended, if somebody said so.
    pub(super) fn suspend_reason(&self) -> Option<&'a str> {
        let reason = self.resource.metadata.annotations.as_ref()?.get(crd::SUSPEND_REASON)?;
        Some(reason.as_str()).filter(|_| self.is_suspended())
    }

    /// The live policy at the operator's last reconcile.
    pub(super) fn live(&self) -> Option<Live> {
        self.status.and_then(|status| status.policy.as_ref()).map(Live::from)
    }

    /// What the status has recorded of the organization's policy.
    pub(super) fn past(&self) -> Past {
        let recorded = |of: fn(&OrganizationSessionPolicyStatus) -> Option<&ReportedPolicy>| {
            self.status.and_then(of).map(Live::from)
        };
        let written = recorded(|status| status.written.as_ref());
        Past {
            adopted: recorded(|status| status.adopted.as_ref()),
            written: written.and_then(|written| written.declarable()),
        }
    }

    /// Whether the status is of the current generation of the spec.
    pub(super) fn is_current(&self) -> bool {
        let observed = self.status.and_then(|status| status.observed_generation);
        observed.is_some() && observed == self.resource.metadata.generation
    }

    /// The condition of this type, of whichever generation.
    pub(super) fn condition(&self, condition_type: ConditionType) -> Option<&'a Condition> {
        self.status?.conditions.iter().find(|condition| condition.type_ == condition_type.name())
    }

    /// The status of a condition; Unknown if it is of an older generation.
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

    /// The condition Synced if the last reconcile that was asked for, or all for an interval, could not
    /// read the policy.
    pub(super) fn unread(&self) -> Option<&'a Condition> {
        let unknown = self.is_current() && self.status_of(ConditionType::Synced) == ConditionStatus::Unknown;
        self.condition(ConditionType::Synced).filter(|_| unknown)
    }

    pub(super) fn exit(&self) -> Exit {
        if self.ready().status == ConditionStatus::True { Exit::Success } else { Exit::NotAsDeclared }
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

    /// When the status was last written; `None` if the API server does not tell.
    pub(super) fn written(&self) -> Option<Timestamp> {
        let writes = self.resource.managed_fields().iter();
        let status = writes.filter(|write| write.subresource.as_deref() == Some("status"));
        status.filter_map(|write| Some(write.time.as_ref()?.0)).max()
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.resource.creation_timestamp().map(|time| time.0)
    }

    pub(super) fn deleted(&self) -> Option<Timestamp> {
        self.resource.metadata.deletion_timestamp.as_ref().map(|time| time.0)
    }
}
