//! Who hears of an outage, and when: with something pending at once, with
//! nothing pending not before it has lasted.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World},
};
use crate::policy::Live;
use crate::reconcile::{
    ConditionStatus, ConditionType, Crash, CredentialsError, CredentialsSource, ErrorKind, Lane, Outcome, ReadError,
    Reason, StatusUpdate,
};
use std::time::Duration;

const OUTAGES: [(ErrorKind, &str); 7] = [
    (ErrorKind::Unavailable, "ApiUnavailable"),
    (ErrorKind::TimedOut, "TimedOut"),
    (ErrorKind::Unreachable, "ApiUnreachable"),
    (ErrorKind::Tls, "TlsError"),
    (ErrorKind::BadResponse, "BadResponse"),
    (ErrorKind::BadAuthResponse, "BadAuthResponse"),
    (ErrorKind::RateLimited { retry_after: Duration::from_secs(30) }, "RateLimited"),
];

/// At rest, then down; reconciles until the outage has lasted so many intervals.
fn down_for(intervals: u32, kind: ErrorKind) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.scalekit.down = Some(kind);
    world.reconcile(uid);
    for _ in 0..intervals {
        world.advance(world.settings.interval);
        world.reconcile(uid);
    }
    (world, uid)
}

#[test]
fn a_blip_changes_nothing() {
    for (kind, _) in OUTAGES {
        for on in [On::Organization, On::ReadPolicy, On::ApplicationPolicy] {
            let (mut world, uid) = World::at_rest(enforce(declared()));
            let before = world.object(uid).clone();
            world.trouble(on, 0, Trouble::Refused(kind));
            world.reconcile(uid);
            assert_eq!(world.object(uid), &before, "{kind:?} {on:?}");
        }
    }
}

#[test]
fn after_an_interval_nobody_knows_whether_it_is_in_sync() {
    for (kind, reason) in OUTAGES {
        let (world, uid) = down_for(1, kind);
        assert_eq!(world.says(uid, ConditionType::Synced), format!("Unknown {reason}"));
        assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
        assert_eq!(world.says(uid, ConditionType::Reconciling), "absent");
    }
}

#[test]
fn after_three_intervals_it_is_stale_until_the_server_is_back() {
    for (kind, reason) in OUTAGES {
        let (mut world, uid) = down_for(3, kind);
        assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Stale");
        assert_eq!(world.says(uid, ConditionType::Synced), format!("Unknown {reason}"));
        for type_ in [ConditionType::FeatureEnabled, ConditionType::Effective] {
            assert_eq!(world.says(uid, type_), "Unknown Stale", "{type_:?}");
        }
        assert_eq!(
            (world.says(uid, ConditionType::Reconciling), world.says(uid, ConditionType::Stalled)),
            ("absent".into(), "absent".into())
        );
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Stale", "and stays so");
        let writes = world.cluster.status_writes;
        world.reconcile(uid);
        assert_eq!(world.cluster.status_writes, writes, "without a write per reconcile");
        world.calm();
        world.reconcile(uid);
        assert_eq!(
            (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::Synced)),
            ("True InSync".into(), "True InSync".into())
        );
    }
}

#[test]
fn row_115_an_api_server_that_does_not_hand_out_the_secret_is_an_outage_too() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let (before, usable) = (world.object(uid).clone(), world.credentials.clone());
    let from = CredentialsSource::Secret("scalekit".into());
    world.credentials = Err(CredentialsError::Unreadable { from, why: ReadError::Unavailable });
    world.reconcile(uid);
    assert_eq!(world.object(uid), &before, "a blip");
    for (ready, synced) in [
        ("True InSync", "Unknown CredentialsUnreadable"),
        ("True InSync", "Unknown CredentialsUnreadable"),
        ("Unknown Stale", "Unknown CredentialsUnreadable"),
    ] {
        world.advance(world.settings.interval);
        world.reconcile(uid);
        assert_eq!(
            (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::Synced)),
            (ready.into(), synced.into())
        );
    }
    world.credentials = usable;
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
}

#[test]
fn whoever_waits_for_something_hears_of_it_at_once() {
    for (kind, reason) in OUTAGES {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Reconciling), format!("True {reason}"), "new");
        assert_eq!(world.says(uid, ConditionType::Ready), format!("Unknown {reason}"));
        let (mut world, uid) = down_for(0, kind);
        world.edit(uid, |d| d.policy = custom(240, None));
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Reconciling), format!("True {reason}"), "edited");
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.tenant().live = foreign();
        world.trouble(On::WritePolicy, 0, Trouble::Refused(kind));
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Reconciling), format!("True {reason}"), "drifted");
        assert_eq!(world.says(uid, ConditionType::Synced), "False DriftDetected");
    }
}

#[test]
fn an_outage_hides_neither_a_stall_nor_its_cause() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let organizations = std::mem::take(&mut world.scalekit.organizations);
    world.reconcile(uid);
    let before = world.object(uid).clone();
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.reconcile(uid);
    assert_eq!(world.object(uid), &before);
    world.advance(world.settings.interval * 4);
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True OrganizationNotFound");
    assert_eq!(world.says(uid, ConditionType::Ready), "False OrganizationNotFound");
    world.calm();
    world.scalekit.organizations = organizations;
    world.reconcile(uid);
    assert_eq!(
        (world.says(uid, ConditionType::Stalled), world.says(uid, ConditionType::Ready)),
        ("absent".into(), "True InSync".into())
    );
}

#[test]
fn an_outage_counts_from_the_first_reconcile_that_failed_not_from_the_last_that_did_not() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.advance(world.settings.interval * 5);
    world.trouble(On::Organization, 0, Trouble::Refused(ErrorKind::Unavailable));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Synced), "True InSync", "one answer failed, a moment ago");
}

#[test]
fn row_015_the_first_that_gets_through_wakes_those_that_were_not_sent() {
    let (mut world, first) = World::at_rest(enforce(declared()));
    let other = world.declare(observe(custom(60, None)));
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.scalekit.breaker_open = true;
    assert!(world.reconcile(other).woken.is_empty());
    assert!(world.reconcile(first).woken.is_empty());
    world.calm();
    assert_eq!(world.reconcile(first).woken, [(other, Lane::Awaited)]);
    assert!(world.reconcile(first).woken.is_empty(), "once");
}

#[test]
fn row_015_after_an_outage_what_somebody_waits_for_comes_back_before_what_is_at_rest() {
    let (mut world, at_rest) = World::at_rest(enforce(declared()));
    let [new, other] = [(), ()].map(|()| world.declare(observe(custom(60, None))));
    world.reconcile(other);
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.scalekit.breaker_open = true;
    world.reconcile(at_rest);
    world.reconcile(new);
    world.calm();
    let mut woken = world.reconcile(other).woken;
    woken.sort_by_key(|(_, lane)| *lane);
    assert_eq!(woken, [(new, Lane::Awaited), (at_rest, Lane::Resync)]);
}

#[test]
fn refused_credentials_do_not_end_an_outage() {
    let (mut world, uid) = down_for(1, ErrorKind::Unavailable);
    world.scalekit.down = Some(ErrorKind::AuthFailed);
    world.reconcile(uid);
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.advance(world.settings.interval);
    let reconciled = world.reconcile(uid);
    assert!(reconciled.state.history.unreachable_for(reconciled.state.began) >= world.settings.interval * 2);
}

#[test]
fn what_only_a_person_can_cure_is_said_at_once() {
    use ErrorKind::{AuthFailed, CredentialsRejected, Forbidden};
    for kind in [AuthFailed, CredentialsRejected, Forbidden] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Stalled), format!("True {kind:?}"));
        assert_eq!(world.says(uid, ConditionType::Ready), format!("False {kind:?}"));
        assert!(
            world.object(uid).condition(ConditionType::Ready).unwrap().message.contains("Secret scalekit"),
            "where from"
        );
    }
}

#[test]
fn a_reconcile_now_request_is_echoed_on_success_and_failure() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for (request, down) in [("one", None), ("two", Some(ErrorKind::Unavailable)), ("three", Some(ErrorKind::Forbidden))]
    {
        world.scalekit.down = down;
        world.cluster.get_mut(uid).unwrap().requested_at = Some(request.into());
        world.reconcile(uid);
        assert_eq!(world.object(uid).status.clone().unwrap().handled_at.as_deref(), Some(request));
    }
}

#[test]
fn whoever_asks_for_a_reconcile_hears_that_it_failed_and_nobody_else_does() {
    for (kind, reason) in OUTAGES {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.cluster.get_mut(uid).unwrap().requested_at = Some("now".into());
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Synced), format!("Unknown {reason}"));
        assert_eq!(world.says(uid, ConditionType::Ready), "True InSync", "nothing is pending");
        let writes = world.cluster.status_writes;
        world.reconcile(uid);
        assert_eq!(world.cluster.status_writes, writes, "the next one was not asked for");
        world.calm();
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Synced), "True InSync");
    }
}

#[test]
fn row_085_a_crash_is_said_of_the_resource_it_happened_to() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let state = world.reconcile(uid).state;
    let update = StatusUpdate::after(&state, &Outcome::Crashed(Crash::Panicked)).unwrap();
    let ready = update.conditions.iter().find(|c| c.type_ == ConditionType::Ready).unwrap();
    assert_eq!((ready.status, ready.reason), (ConditionStatus::False, Reason::InternalError));
    assert!(ready.message.contains("it panicked"));
}

#[test]
fn what_an_outage_did_not_see_stays_in_the_status() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let observed = |world: &World| world.object(uid).status.clone().unwrap().observed.unwrap().live;
    assert_eq!(observed(&world), Live::from(declared()));
    world.scalekit.down = Some(ErrorKind::Unavailable);
    let update = world.reconcile(uid).update.unwrap();
    assert_eq!((update.observed, observed(&world)), (None, declared().into()));
}

#[test]
fn an_outage_after_the_feature_was_switched_on_is_said_at_once() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.step = QUICK;
    world.switch_flag(false);
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("features"), reconciled.count("progress")), (1, 0), "{:?}", reconciled.words());
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown ApiUnavailable");
}
