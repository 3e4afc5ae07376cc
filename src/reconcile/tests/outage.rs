//! Who hears of an outage, and when: with something pending at once, with
//! nothing pending not before it has lasted.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World},
};
use crate::policy::Live;
use crate::reconcile::{FaultKind, Kind, Outcome, Reason, Report, Truth};
use std::time::Duration;

const OUTAGES: [(FaultKind, &str); 7] = [
    (FaultKind::Unavailable, "ApiUnavailable"),
    (FaultKind::TimedOut, "TimedOut"),
    (FaultKind::Unreachable, "ApiUnreachable"),
    (FaultKind::Tls, "TlsError"),
    (FaultKind::BadResponse, "BadResponse"),
    (FaultKind::BadAuthResponse, "BadAuthResponse"),
    (FaultKind::RateLimited { retry_after: Duration::from_secs(30) }, "RateLimited"),
];

/// At rest, then down; passes until the outage has lasted so many intervals.
fn down_for(intervals: u32, kind: FaultKind) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.scalekit.down = Some(kind);
    world.pass(uid);
    for _ in 0..intervals {
        world.advance(world.settings.interval);
        world.pass(uid);
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
            world.pass(uid);
            assert_eq!(world.object(uid), &before, "{kind:?} {on:?}");
        }
    }
}

#[test]
fn after_an_interval_nobody_knows_whether_it_is_in_sync() {
    for (kind, reason) in OUTAGES {
        let (world, uid) = down_for(1, kind);
        assert_eq!(world.says(uid, Kind::Synced), format!("Unknown {reason}"));
        assert_eq!(world.says(uid, Kind::Ready), "True InSync");
        assert_eq!(world.says(uid, Kind::Reconciling), "absent");
    }
}

#[test]
fn after_three_intervals_it_is_stale_until_the_server_is_back() {
    for (kind, reason) in OUTAGES {
        let (mut world, uid) = down_for(3, kind);
        assert_eq!(world.says(uid, Kind::Ready), "Unknown Stale");
        assert_eq!(world.says(uid, Kind::Synced), format!("Unknown {reason}"));
        assert_eq!(
            (world.says(uid, Kind::Reconciling), world.says(uid, Kind::Stalled)),
            ("absent".into(), "absent".into())
        );
        world.pass(uid);
        assert_eq!(world.says(uid, Kind::Ready), "Unknown Stale", "and stays so");
        let writes = world.cluster.status_writes;
        world.pass(uid);
        assert_eq!(world.cluster.status_writes, writes, "without a write per pass");
        world.calm();
        world.pass(uid);
        assert_eq!(
            (world.says(uid, Kind::Ready), world.says(uid, Kind::Synced)),
            ("True InSync".into(), "True InSync".into())
        );
    }
}

#[test]
fn whoever_waits_for_something_hears_of_it_at_once() {
    for (kind, reason) in OUTAGES {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.pass(uid);
        assert_eq!(world.says(uid, Kind::Reconciling), format!("True {reason}"), "new");
        assert_eq!(world.says(uid, Kind::Ready), format!("Unknown {reason}"));
        let (mut world, uid) = down_for(0, kind);
        world.edit(uid, |d| d.policy = custom(240, None));
        world.pass(uid);
        assert_eq!(world.says(uid, Kind::Reconciling), format!("True {reason}"), "edited");
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.tenant().live = foreign();
        world.trouble(On::WritePolicy, 0, Trouble::Refused(kind));
        world.pass(uid);
        assert_eq!(world.says(uid, Kind::Reconciling), format!("True {reason}"), "drifted");
        assert_eq!(world.says(uid, Kind::Synced), "False DriftDetected");
    }
}

#[test]
fn an_outage_hides_neither_a_stall_nor_its_cause() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let organizations = std::mem::take(&mut world.scalekit.organizations);
    world.pass(uid);
    let before = world.object(uid).clone();
    world.scalekit.down = Some(FaultKind::Unavailable);
    world.pass(uid);
    assert_eq!(world.object(uid), &before);
    world.advance(world.settings.interval * 4);
    world.pass(uid);
    assert_eq!(world.says(uid, Kind::Stalled), "True OrganizationNotFound");
    assert_eq!(world.says(uid, Kind::Ready), "False OrganizationNotFound");
    world.calm();
    world.scalekit.organizations = organizations;
    world.pass(uid);
    assert_eq!((world.says(uid, Kind::Stalled), world.says(uid, Kind::Ready)), ("absent".into(), "True InSync".into()));
}

#[test]
fn what_only_a_person_can_cure_is_said_at_once() {
    use FaultKind::{AuthFailed, CredentialsRejected, Forbidden};
    for kind in [AuthFailed, CredentialsRejected, Forbidden] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.pass(uid);
        assert_eq!(world.says(uid, Kind::Stalled), format!("True {kind:?}"));
        assert_eq!(world.says(uid, Kind::Ready), format!("False {kind:?}"));
        assert!(world.object(uid).condition(Kind::Ready).unwrap().message.contains("Secret scalekit"), "where from");
    }
}

#[test]
fn a_reconcile_now_request_is_echoed_on_success_and_failure() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for (request, down) in [("one", None), ("two", Some(FaultKind::Unavailable)), ("three", Some(FaultKind::Forbidden))]
    {
        world.scalekit.down = down;
        world.cluster.get_mut(uid).unwrap().requested_at = Some(request.into());
        world.pass(uid);
        assert_eq!(world.object(uid).status.clone().unwrap().handled_at.as_deref(), Some(request));
    }
}

#[test]
fn a_crash_is_said_of_the_resource_it_happened_to() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let view = world.pass(uid).view;
    let report = Report::after(&view, &Outcome::Crashed("it ran out of time")).unwrap();
    let ready = report.conditions.iter().find(|c| c.kind == Kind::Ready).unwrap();
    assert_eq!((ready.status, ready.reason), (Truth::False, Reason::InternalError));
    assert!(ready.message.contains("it ran out of time"));
}

#[test]
fn what_an_outage_did_not_see_stays_in_the_status() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let seen = |world: &World| world.object(uid).status.clone().unwrap().seen.unwrap().live;
    assert_eq!(seen(&world), Live::from(declared()));
    world.scalekit.down = Some(FaultKind::Unavailable);
    let report = world.pass(uid).report.unwrap();
    assert_eq!((report.seen, seen(&world)), (None, declared().into()));
}
