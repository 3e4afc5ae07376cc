//! Between the decision's words and the resource's status.

use crate::{
    crd::{
        EffectiveLimits, FINALIZER, OrganizationSessionPolicy, OrganizationSessionPolicyStatus, REQUESTED_AT,
        ReportedRelease, drift_summary, validate,
    },
    policy::{Bounds, OrganizationId, effective},
    reconcile::{Application, Condition, Kind, Pinned, PlannedRelease, Reason, Report, Resource, Truth},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as KubeCondition, ObjectMeta, Time};

use super::cluster::Object;

/// The longest value of the reconcile-now annotation that is echoed, in bytes.
const LONGEST_REQUEST: usize = 256;

/// The resource as the decision sees it. One that can't be decoded has its
/// metadata and an invalid spec.
pub(super) fn resource(object: &Object) -> Resource {
    match &object.0 {
        Ok(object) => Resource {
            declaration: validate(&object.spec)
                .map_err(|violations| violations.iter().map(ToString::to_string).collect()),
            ..with_status(&object.metadata, object)
        },
        Err(undecodable) => metadata(&undecodable.metadata, vec![format!("it can't be read: {}", undecodable.error)]),
    }
}

fn metadata(meta: &ObjectMeta, violations: Vec<String>) -> Resource {
    let requested = meta.annotations.as_ref().and_then(|a| a.get(REQUESTED_AT));
    Resource {
        generation: meta.generation.unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        finalizer: meta.finalizers.iter().flatten().any(|f| f == FINALIZER),
        declaration: Err(violations),
        pinned: None,
        observed_generation: -1,
        conditions: Vec::new(),
        requested_at: requested.filter(|value| value.len() <= LONGEST_REQUEST).cloned(),
        release: None,
    }
}

fn with_status(meta: &ObjectMeta, object: &OrganizationSessionPolicy) -> Resource {
    let bare = metadata(meta, Vec::new());
    let Some(status) = &object.status else { return bare };
    let organization = status.organization_id.as_deref().and_then(OrganizationId::parse);
    Resource {
        pinned: status
            .environment
            .clone()
            .zip(organization)
            .map(|(environment, organization)| Pinned { environment, organization }),
        observed_generation: status.observed_generation.unwrap_or(-1),
        conditions: status.conditions.iter().filter_map(known).collect(),
        release: status.release.as_ref().and_then(planned),
        ..bare
    }
}

fn known(condition: &KubeCondition) -> Option<Condition> {
    let (kind, reason) = (Kind::parse(&condition.type_)?, Reason::parse(&condition.reason)?);
    Some(Condition::new(kind, Truth::parse(&condition.status), reason, &condition.message))
}

fn planned(release: &ReportedRelease) -> Option<PlannedRelease> {
    Some(PlannedRelease { reason: Reason::parse(&release.reason)?, at: release.at.parse().ok()? })
}

/// The status that says `report`, given the one that stands. Times move only
/// where a condition's status flips.
pub(super) fn status(
    report: &Report,
    standing: &OrganizationSessionPolicyStatus,
    now: Timestamp,
) -> OrganizationSessionPolicyStatus {
    let mut status = OrganizationSessionPolicyStatus {
        observed_generation: Some(report.observed_generation),
        organization_id: report.pinned.as_ref().map(|p| p.organization.to_string()),
        environment: report.pinned.as_ref().map(|p| p.environment.clone()),
        conditions: report.conditions.iter().map(|c| dated(c, report.observed_generation, standing, now)).collect(),
        last_handled_reconcile_at: report.handled_at.clone().or_else(|| standing.last_handled_reconcile_at.clone()),
        release: report
            .release
            .as_ref()
            .map(|release| ReportedRelease { reason: release.reason.to_string(), at: release.at.to_string() }),
        ..standing.clone()
    };
    if let Some(seen) = &report.seen {
        status.policy = Some((&seen.live).into());
        status.drift = seen.drift.iter().map(Into::into).collect();
        status.drift_summary = drift_summary(&seen.drift);
    }
    match (report.application, &report.seen) {
        (Application::Known(application), Some(seen)) => {
            let applies = effective(application.bounds, Bounds::from(&seen.live));
            status.application_policy = Some((&application).into());
            status.effective_policy = Some(EffectiveLimits::from(&applies));
        }
        (Application::Unreadable, _) => {
            status.application_policy = None;
            status.effective_policy = None;
        }
        _ => {}
    }
    status
}

fn dated(
    condition: &Condition,
    generation: i64,
    standing: &OrganizationSessionPolicyStatus,
    now: Timestamp,
) -> KubeCondition {
    let before = standing.conditions.iter().find(|c| c.type_ == condition.kind.name());
    let same = before.filter(|c| c.status == condition.status.name());
    KubeCondition {
        type_: condition.kind.name().into(),
        status: condition.status.name().into(),
        reason: condition.reason.name().into(),
        message: condition.message.clone(),
        observed_generation: Some(generation),
        last_transition_time: same.map_or(Time(now), |c| c.last_transition_time.clone()),
    }
}
