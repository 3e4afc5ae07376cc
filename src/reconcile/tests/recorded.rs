//! How many writes of the status an edit costs, and what must be recorded before it
//! is written to Scalekit.

use super::{
    samples::*,
    world::{Uid, World},
};
use crate::reconcile::{ConditionType, StatusUpdate};
use std::time::Duration;

/// A resource at rest, whose next reconcile is quick.
fn quick() -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.step = QUICK;
    (world, uid)
}

/// Whether a quick reconcile of an edit says that it is under way before it sends this,
/// after `change` of what was recorded.
fn is_said_before(sent: &str, change: fn(&mut StatusUpdate)) -> bool {
    let (mut world, uid) = quick();
    world.switch_flag(false);
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    change(world.cluster.get_mut(uid).unwrap().status.as_mut().unwrap());
    let reconciled = world.reconcile(uid);
    assert_eq!((world.live(), world.says(uid, ConditionType::Ready)), (custom(240, 30).into(), "True InSync".into()));
    reconciled.words().iter().take_while(|word| **word != sent).any(|word| *word == "progress")
}

#[test]
fn an_edit_that_is_quick_writes_one_status_and_a_slow_one_says_that_it_is_under_way() {
    for (step, progress) in [(QUICK, 0), (Duration::from_secs(1), 1)] {
        let (mut world, uid) = quick();
        world.step = step;
        world.edit(uid, |spec| spec.policy = custom(240, 30));
        let before = world.cluster.status_writes;
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.count("progress"), world.cluster.status_writes - before), (progress, progress + 1));
        assert_eq!(
            (world.live(), world.says(uid, ConditionType::Ready)),
            (custom(240, 30).into(), "True InSync".into())
        );
    }
}

#[test]
fn a_quick_edit_says_first_what_is_not_recorded_yet() {
    let policy = "write policy";
    assert!(!is_said_before(policy, |_| {}));
    assert!(is_said_before(policy, |status| status.adopted = None), "what was there before");
    for change in [
        (|status| status.claim = None) as fn(&mut StatusUpdate), // that it claims the organization
        |status| status.pinned = None,                           // which one that is
        |status| status.enabled_feature = false,                 // that the feature is switched on for it
    ] {
        assert!(is_said_before("features", change));
    }
}

#[test]
fn an_edit_that_waits_before_its_write_says_so() {
    let (mut world, uid) = quick();
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    world.meanwhile(7, |world| world.advance(Duration::from_secs(2)));
    assert_eq!(world.reconcile(uid).count("progress"), 1);
}

#[test]
fn a_correction_of_drift_that_is_quick_writes_no_status() {
    let (mut world, uid) = quick();
    world.tenant().live = foreign();
    let (before, status) = (world.cluster.status_writes, world.object(uid).status.clone());
    assert_eq!(world.reconcile(uid).policies(), [declared()]);
    assert_eq!((world.cluster.status_writes, world.object(uid).status.clone()), (before, status));
}
