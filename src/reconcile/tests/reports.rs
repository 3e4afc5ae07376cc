//! What holds of every report, whatever happens: kstatus, and that Ready is
//! never said of what this very reconcile has not seen.

use super::{
    random::{cases, runs},
    samples::*,
    world::{Entry, World},
};
use crate::policy::{Live, Mode, Policy, ValidatedSpec, diff, tighten};
use crate::reconcile::{
    Application, Condition, ConditionStatus, ConditionType, ErrorClass, Organization, Outcome, RemoteOutcome,
    RemoteRequest, RemoteResponse, Request, Response, StatusUpdate, Step,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(1500))]
    #[test]
    fn every_report_keeps_the_rules_and_tells_only_what_was_seen(run in runs()) {
        let world = run.play(|_, _| Ok(()))?;
        for reconciled in world.journal.chunk_by(|one, other| one.reconciled == other.reconciled) {
            for entry in reconciled {
                let Some(update) = update(entry) else { continue };
                kstatus(&update, entry)?;
                if ready(&update.conditions).status == ConditionStatus::True {
                    ready_is_deserved(&update, reconciled, entry)?;
                }
            }
        }
    }
}

fn update(entry: &Entry) -> Option<StatusUpdate> {
    match &entry.step {
        Step::Request(Request::ReportProgress) => Some(StatusUpdate::progress(&entry.state)),
        Step::Done(outcome) => StatusUpdate::after(&entry.state, outcome),
        _ => None,
    }
}

fn ready(conditions: &[Condition]) -> &Condition {
    conditions.iter().find(|c| c.type_ == ConditionType::Ready).unwrap()
}

fn kstatus(update: &StatusUpdate, entry: &Entry) -> Result<(), TestCaseError> {
    let count = |kind| update.conditions.iter().filter(|c| c.type_ == kind).count();
    prop_assert!(ConditionType::ALL.iter().all(|kind| count(*kind) <= 1));
    prop_assert!(
        [ConditionType::Ready, ConditionType::Synced, ConditionType::FeatureEnabled, ConditionType::Effective]
            .iter()
            .all(|k| count(*k) == 1)
    );
    prop_assert!(count(ConditionType::Reconciling) + count(ConditionType::Stalled) <= 1);
    for c in &update.conditions {
        prop_assert!(c.message.len() <= 512);
        prop_assert!(
            c.status == ConditionStatus::True
                || !matches!(c.type_, ConditionType::Reconciling | ConditionType::Stalled)
        );
    }
    let resource = entry.state.here().unwrap();
    let over = matches!(entry.step, Step::Done(_));
    let handled = if over { &resource.requested_at } else { &resource.handled_at };
    prop_assert_eq!(&update.handled_at, handled, "a request is handled at the end of its reconcile");
    let busy = count(ConditionType::Reconciling) + count(ConditionType::Stalled) > 0;
    prop_assert!(!busy || ready(&update.conditions).status != ConditionStatus::True, "ready and not at rest");
    prop_assert_eq!(update.observed_generation, entry.state.here().unwrap().generation);
    Ok(())
}

/// Said anew only of what this reconcile saw; during an outage what was said stands.
fn ready_is_deserved(update: &StatusUpdate, reconciled: &[Entry], entry: &Entry) -> Result<(), TestCaseError> {
    let resource = entry.state.here().unwrap();
    let Step::Done(Outcome::Reconciled(remote_outcome)) = &entry.step else {
        return Err(TestCaseError::fail("ready in the middle of a reconcile"));
    };
    if let RemoteOutcome::Error(_) = remote_outcome {
        prop_assert_eq!(ready(&update.conditions), ready(&resource.conditions));
        prop_assert_eq!(resource.observed_generation, resource.generation);
        return Ok(());
    }
    let spec = entry.state.spec().unwrap();
    let live = shown(reconciled).or_else(|| inherited(spec, reconciled));
    prop_assert!(live.is_some_and(|live| allowed(spec, &live)), "{live:?} is not declared");
    let needs_feature = spec.mode != Mode::Observe && spec.policy != Policy::Application;
    prop_assert!(!needs_feature || flag_seen_on(reconciled));
    Ok(())
}

/// The last request of this reconcile about the policy, and its response.
fn about_policy(reconciled: &[Entry]) -> Option<(&RemoteRequest, &Response)> {
    reconciled.iter().rev().find_map(|e| match (&e.step, &e.response) {
        (
            Step::Request(Request::Remote(
                request @ (RemoteRequest::ReadPolicy(_) | RemoteRequest::WritePolicy { .. }),
            )),
            Some(response),
        ) => Some((request, response)),
        _ => None,
    })
}

/// The policy that the server showed after the last write of this reconcile.
fn shown(reconciled: &[Entry]) -> Option<Live> {
    match about_policy(reconciled)? {
        (_, Response::Remote(Ok(RemoteResponse::Policy(live)))) => Some(*live),
        _ => None,
    }
}

/// What a refused read means where it is declared that the organization inherits: it has no feature.
fn inherited(spec: &ValidatedSpec, reconciled: &[Entry]) -> Option<Live> {
    let off = organization(reconciled).is_some_and(|organization| !organization.session_policy_enabled());
    match about_policy(reconciled)? {
        (RemoteRequest::ReadPolicy(_), Response::Remote(Err(error)))
            if matches!(error.kind.class(), ErrorClass::Refused | ErrorClass::Absent) =>
        {
            (off && spec.policy == Policy::Application).then_some(Live::Application)
        }
        _ => None,
    }
}

/// The organization as last seen.
fn organization(reconciled: &[Entry]) -> Option<&Organization> {
    reconciled.iter().rev().find_map(|e| match &e.response {
        Some(
            Response::Remote(Ok(RemoteResponse::Organization(organization))) | Response::Listed { organization, .. },
        ) => Some(organization),
        _ => None,
    })
}

fn flag_seen_on(reconciled: &[Entry]) -> bool {
    organization(reconciled).is_some_and(|o| o.session_policy_enabled() || !o.features_reported)
}

fn allowed(spec: &ValidatedSpec, live: &Live) -> bool {
    match spec.mode {
        Mode::Enforce => diff(&spec.policy, live).is_empty(),
        Mode::TightenOnly => *live != Live::Unrecognized && tighten(&spec.policy, live).is_none(),
        Mode::Observe => true,
    }
}

#[test]
fn of_one_that_others_hold_the_status_says_that_it_was_released_unless_it_never_said_anything() {
    for reconciled_before in [false, true] {
        let mut world = World::new();
        let uid = world.declare(retain(declared()));
        if reconciled_before {
            world.reconcile(uid);
        }
        world.cluster.get_mut(uid).unwrap().foreign = true;
        world.delete(uid);
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.outcome, reconciled.update.is_some()), (Outcome::Gone, reconciled_before));
    }
}

#[test]
fn the_applications_policy_is_told_beside_a_live_one_and_where_it_can_not_be_read() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    let update = world.reconcile(uid).update.unwrap();
    let known = Some(Application::Known(application(10_080, 5)));
    assert_eq!(update.application, known);
    let observed = update.observed.clone();
    for (application, observed, told) in [
        (known, observed.clone(), true),
        (known, None, false),
        (Some(Application::Unreadable), None, true),
        (Some(Application::Failed), observed.clone(), false),
        (None, observed, false),
    ] {
        let update = StatusUpdate { application, observed, ..update.clone() };
        assert_eq!(update.tells_application(), told, "{application:?}");
    }
}
