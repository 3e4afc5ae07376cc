//! How far the operator may go: Observe writes nothing, TightenOnly loosens
//! nothing.

use super::{
    samples::*,
    world::{On, Trouble, World},
};
use crate::policy::{DeletionPolicy, Live, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, ErrorKind, Outcome, RemoteOutcome};

type Spoil = fn(&mut World);

#[test]
fn observe_never_writes_whatever_it_finds() {
    let spoilt: [(&str, Spoil); 9] = [
        ("nothing custom", |_| {}),
        ("in sync", |w| w.tenant().live = declared().into()),
        ("drift", |w| w.tenant().live = foreign()),
        ("an unknown source", |w| w.tenant().live = Live::Unrecognized),
        ("the flag on", |w| w.switch_flag(true)),
        ("gated reads", |w| w.scalekit.habits.gates_reads = true),
        ("no organization", |w| w.scalekit.organizations.clear()),
        ("no route", |w| w.scalekit.habits.lacks_policy_route = true),
        ("a broken chain", |w| w.scalekit.application = Ok(application(600, 600))),
    ];
    for (what, spoil) in spoilt {
        for deletion in [DeletionPolicy::Revert, DeletionPolicy::Retain] {
            let mut world = World::new();
            spoil(&mut world);
            let uid = world.declare(ValidatedSpec { deletion, ..observe(declared()) });
            assert!(world.reconcile(uid).is_quiet(), "{what}");
            world.delete(uid);
            assert!(world.is_gone(uid), "{what}: no finalizer holds it");
        }
    }
}

#[test]
fn observed_drift_is_a_job_done_and_not_in_sync() {
    let (mut world, uid) = World::at_rest(observe(declared()));
    world.tenant().live = foreign();
    assert_eq!(world.reconcile(uid).outcome, Outcome::Reconciled(RemoteOutcome::Drifted));
    assert_eq!(world.says(uid, ConditionType::Ready), "True Observing");
    assert_eq!(world.says(uid, ConditionType::Synced), "False DriftDetected");
    let message = &world.object(uid).condition(ConditionType::Synced).unwrap().message;
    assert_eq!(message, "absoluteSessionTimeout is 10h instead of 8h; idleSessionTimeout is 30m instead of 1h");
    assert_eq!(world.object(uid).status.clone().unwrap().observed.unwrap().drift.len(), 2);
}

#[test]
fn tighten_only_writes_the_stricter_of_both_and_then_rests() {
    for (live, written, reason) in [
        (Live::Application, Some(declared()), "True InSync"),
        (foreign(), Some(custom(480, 30)), "True StricterKept"),
        (custom(240, 30).into(), None, "True StricterKept"),
        (no_idle(240), Some(custom(240, 60)), "True StricterKept"),
        (declared().into(), None, "True InSync"),
    ] {
        let mut world = World::new();
        world.tenant().live = live;
        let uid = world.declare(tighten_only(declared()));
        let reconciled = world.reconcile(uid);
        assert_eq!(reconciled.policies(), written.into_iter().collect::<Vec<_>>(), "{live}");
        assert_eq!(world.says(uid, ConditionType::Ready), reason, "{live}");
        assert!(world.reconcile(uid).is_quiet(), "{live}");
    }
}

#[test]
fn tighten_only_leaves_a_policy_it_does_not_understand() {
    let mut world = World::new();
    world.tenant().live = Live::Unrecognized;
    let uid = world.declare(tighten_only(declared()));
    let reconciled = world.reconcile(uid);
    assert_eq!(
        (reconciled.outcome.clone(), reconciled.policies()),
        (Outcome::Reconciled(RemoteOutcome::Unrecognized), vec![])
    );
    assert_eq!(world.says(uid, ConditionType::Stalled), "True UnrecognizedLivePolicy");
}

#[test]
fn tighten_only_keeps_a_stricter_value_set_while_its_write_was_under_way() {
    let mut world = World::new();
    let uid = world.declare(tighten_only(declared()));
    world.trouble(On::WritePolicy, 0, Trouble::Lost(ErrorKind::TimedOut));
    world.meanwhile(11, |world| world.tenant().live = custom(120, 30).into());
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies().len(), world.live()), (1, custom(120, 30).into()));
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::StricterKept));
}

#[test]
fn declaring_the_applications_policy_takes_the_custom_one_away() {
    let mut world = World::new();
    world.tenant().live = foreign();
    world.switch_flag(true);
    let uid = world.declare(enforce(Policy::Application));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![Policy::Application], Live::Application));
    assert_eq!((reconciled.count("add finalizer"), world.says(uid, ConditionType::Ready)), (0, "True InSync".into()));
    assert!(world.reconcile(uid).is_quiet());
}
