//! Converts between the types of the decision and the resource's status.

use crate::{
    crd::{
        EffectiveLimits, FINALIZER, OrganizationSessionPolicyStatus, REQUESTED_AT, ReportedPolicy, ReportedRelease,
        SUSPENDED_UNTIL, drift_summary, validate,
    },
    policy::{Bounds, Live, OrganizationId, RuleId, Violation, effective},
    reconcile::{
        Application, Condition, ConditionStatus, ConditionType, Pinned, PlannedRelease, Reason, Resource, StatusUpdate,
        requested,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as KubeCondition, Time};

use super::object::Object;

/// The resource for the decision. One that can't be decoded has an invalid spec.
pub(super) fn resource(object: &Object) -> Resource {
    let meta = &object.metadata;
    let undecodable = |error: &String| vec![Violation::new(RuleId::Readable, "", error.clone())];
    let annotation = |name| meta.annotations.as_ref().and_then(|all| all.get(name));
    // a deletion goes on while suspended, so it needs no time
    let until = annotation(SUSPENDED_UNTIL).map(String::as_str).filter(|_| meta.deletion_timestamp.is_none());
    let without_status = Resource {
        generation: meta.generation.unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        finalizer: meta.finalizers.iter().flatten().any(|f| f == FINALIZER),
        spec: object.spec.as_ref().map_err(undecodable).and_then(validate).and_then(|spec| spec.until(until)),
        pinned: None,
        claim: None,
        enabled_feature: false,
        adopted: None,
        written: None,
        observed: None,
        observed_generation: -1,
        conditions: Vec::new(),
        requested_at: requested(annotation(REQUESTED_AT)),
        handled_at: None,
        release: None,
    };
    let Some(status) = &object.status else { return without_status };
    let organization = status.organization_id.as_deref().and_then(OrganizationId::parse);
    Resource {
        pinned: status.environment.clone().zip(organization).map(|(environment, organization)| Pinned {
            environment,
            issuer: status.issuer.clone(),
            organization,
        }),
        claim: status.claim.as_deref().and_then(|claim| claim.parse().ok()),
        enabled_feature: status.enabled_feature == Some(true),
        adopted: status.adopted.as_ref().map(Live::from),
        written: status.written.as_ref().and_then(|written| Live::from(written).declarable()),
        observed: status.policy.as_ref().map(Live::from),
        observed_generation: status.observed_generation.unwrap_or(-1),
        handled_at: status.last_handled_reconcile_at.clone(),
        conditions: status.conditions.iter().filter_map(known).collect(),
        release: status.release.as_ref().and_then(planned),
        ..without_status
    }
}

fn known(condition: &KubeCondition) -> Option<Condition> {
    let (kind, reason) = (ConditionType::parse(&condition.type_)?, Reason::parse(&condition.reason)?);
    Some(Condition::new(kind, ConditionStatus::parse(&condition.status), reason, &condition.message))
}

fn planned(release: &ReportedRelease) -> Option<PlannedRelease> {
    Some(PlannedRelease { reason: Reason::parse(&release.reason)?, at: release.at.parse().ok()? })
}

/// The status after `update`; `None` if only times would change.
pub(super) fn changed(
    update: &StatusUpdate,
    object: &Object,
    now: Timestamp,
) -> Option<OrganizationSessionPolicyStatus> {
    let current = object.status.clone().unwrap_or_default();
    let status = status(update, &current, now);
    (timeless(&status) != timeless(&current)).then_some(status)
}

fn timeless(status: &OrganizationSessionPolicyStatus) -> OrganizationSessionPolicyStatus {
    let mut status = status.clone();
    for condition in &mut status.conditions {
        condition.last_transition_time = Time(Timestamp::UNIX_EPOCH);
    }
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    status
}

/// The status after `update`. The transition time of a condition changes only with its status.
fn status(
    update: &StatusUpdate,
    current: &OrganizationSessionPolicyStatus,
    now: Timestamp,
) -> OrganizationSessionPolicyStatus {
    let environment = update.pinned.as_ref().map(|p| p.environment.clone());
    let mut kept = current.clone();
    let same = match (&update.pinned, &current.environment) {
        (Some(pinned), Some(host)) => pinned.is_in(host, current.issuer.as_ref().unwrap_or(host)),
        (pinned, host) => pinned.is_none() && host.is_none(),
    };
    if !same {
        // it was seen in another one
        (kept.policy, kept.drift, kept.drift_summary) = Default::default();
    }
    let mut status = OrganizationSessionPolicyStatus {
        observed_generation: Some(update.observed_generation),
        organization_id: update.pinned.as_ref().map(|p| p.organization.to_string()),
        environment,
        issuer: update.pinned.as_ref().and_then(|p| p.issuer.clone()),
        claim: update.claim.map(|claim| claim.name().into()),
        enabled_feature: update.enabled_feature.then_some(true),
        adopted: update.adopted.as_ref().map(recorded),
        written: update.written.map(|written| recorded(&written.into())),
        conditions: update.conditions.iter().map(|c| dated(c, update.observed_generation, current, now)).collect(),
        last_handled_reconcile_at: update.handled_at.clone(),
        release: update
            .release
            .as_ref()
            .map(|release| ReportedRelease { reason: release.reason.to_string(), at: release.at.to_string() }),
        ..kept
    };
    if let Some(observed) = &update.observed {
        status.policy = Some((&observed.live).into());
        status.drift = observed.drift.iter().map(Into::into).collect();
        status.drift_summary = drift_summary(&observed.drift);
    }
    if update.tells_application() {
        (status.application_policy, status.effective_policy) = (None, None);
    }
    if let (Some(Application::Known(application)), Some(observed)) = (update.application, &update.observed) {
        let applies = effective(application.bounds, Bounds::from(&observed.live));
        status.application_policy = Some((&application).into());
        status.effective_policy = Some(EffectiveLimits::from(&applies));
    }
    status
}

/// A policy as the status records it, without the words for people.
fn recorded(live: &Live) -> ReportedPolicy {
    ReportedPolicy { absolute: None, idle: None, ..live.into() }
}

fn dated(
    condition: &Condition,
    generation: i64,
    current: &OrganizationSessionPolicyStatus,
    now: Timestamp,
) -> KubeCondition {
    let before = current.conditions.iter().find(|c| c.type_ == condition.type_.name());
    let same = before.filter(|c| c.status == condition.status.name());
    KubeCondition {
        type_: condition.type_.name().into(),
        status: condition.status.name().into(),
        reason: condition.reason.name().into(),
        message: condition.message.clone(),
        observed_generation: Some(generation),
        last_transition_time: same.map_or(Time(now), |c| c.last_transition_time.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::{ApplicationPolicy, Idle, Minutes, Policy, Session, diff},
        reconcile::{ClaimState, Observed, PlannedRelease},
    };

    const MOST: i64 = i32::MAX as i64;

    /// All that a status can hold, each at its longest; `flip` tells one from
    /// the next.
    fn longest(flip: bool) -> StatusUpdate {
        let minutes = |n| Minutes::new(n).unwrap();
        let declared = Policy::Custom(Session::new(minutes(MOST), Some(minutes(MOST - 1))).unwrap());
        let live = Live::Custom { absolute: Some(minutes(MOST - 2)), idle: Idle::On(Some(minutes(MOST - 3))) };
        let (host, issuer) = ("x".repeat(253), Some("y".repeat(128)));
        let truth = if flip { ConditionStatus::True } else { ConditionStatus::False };
        let kinds = ConditionType::ALL.iter().copied().filter(|kind| *kind != ConditionType::Reconciling); // never with Stalled
        let condition = |kind| Condition::new(kind, truth, Reason::ApplicationPolicyUnreadable, "ß".repeat(100_000));
        StatusUpdate {
            observed_generation: i64::MAX,
            pinned: OrganizationId::parse(&format!("org_{}", "9".repeat(28))).map(|organization| Pinned {
                environment: host,
                issuer,
                organization,
            }),
            claim: Some(ClaimState::Reverting),
            enabled_feature: true,
            adopted: Some(live),
            written: Some(declared),
            observed: Some(Observed { live, drift: diff(&declared, &live) }),
            application: Some(Application::Known(ApplicationPolicy {
                bounds: Bounds { absolute: Some(minutes(MOST)), idle: Some(minutes(MOST)) },
                access_token: Some(minutes(MOST)),
            })),
            conditions: kinds.map(condition).collect(),
            handled_at: Some("ß".repeat(128)),
            release: Some(PlannedRelease { reason: Reason::CredentialsIncomplete, at: Timestamp::MAX }),
        }
    }

    #[test]
    fn row_075_a_thousand_flaps_with_endless_messages_fit_into_little() {
        let mut current = OrganizationSessionPolicyStatus::default();
        for n in 0..1000 {
            current = status(&longest(n % 2 == 0), &current, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(current.conditions.len(), 6, "one each, no history");
        assert!(current.conditions.iter().all(|c| c.message.len() <= 512 && c.message.ends_with("ß…")));
        let size = serde_json::to_string(&current).unwrap().len();
        assert!(size <= 4 * 1024, "{size} bytes");
    }

    #[test]
    fn row_077_a_time_moves_only_when_its_status_flips() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let times = |status: &OrganizationSessionPolicyStatus| -> Vec<i64> {
            status.conditions.iter().map(|c| c.last_transition_time.0.as_second()).collect()
        };
        let first = status(&longest(true), &OrganizationSessionPolicyStatus::default(), at(1));
        let again = status(&longest(true), &first, at(2));
        let flipped = status(&longest(false), &again, at(3));
        assert_eq!([times(&first), times(&again), times(&flipped)], [vec![1; 6], vec![1; 6], vec![3; 6]]);
        let other = StatusUpdate { observed_generation: 7, ..longest(false) };
        assert_eq!(times(&status(&other, &flipped, at(4))), [3; 6], "a new generation flips nothing");
    }

    /// As after a rollback of the operator alone: the CRD and the resources are newer.
    #[test]
    fn row_128_a_spec_that_does_not_decode_loses_nothing_of_what_its_status_records() {
        use crate::reconcile::{Found, Outcome, State};
        let sent = |mode: &str| -> Object {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "x", "namespace": "a", "uid": "1", "resourceVersion": "7", "generation": 1,
                    "finalizers": [FINALIZER]},
                "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}, "mode": mode},
                "status": {"observedGeneration": 1, "environment": "acme.scalekit.com", "organizationId": "org_1",
                    "claim": "Verified", "enabledFeature": true,
                    "adopted": {"policySource": "CUSTOM", "absoluteSessionTimeout": 45,
                        "idleSessionTimeoutEnabled": false}},
            }))
            .unwrap()
        };
        let before = resource(&sent("Enforce"));
        assert!(before.adopted.is_some() && before.pinned.is_some(), "{before:?}");
        let object = sent("OfANewerVersion");
        let here = resource(&object);
        let Err(violations) = here.spec.clone() else { panic!("it decodes") };
        let state = State { resource: Found::Here(Box::new(here)), ..State::default() };
        let update = StatusUpdate::after(&state, &Outcome::InvalidSpec(violations)).unwrap();
        let written = changed(&update, &object, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(written.organization_id.as_deref(), Some("org_1"), "{written:?}");
        assert!(written.adopted.is_some() && written.enabled_feature == Some(true));
    }
}
