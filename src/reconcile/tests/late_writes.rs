//! A write of ours that lands after its reconcile has ended: nobody is released
//! while it still can.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World},
};
use crate::reconcile::{ErrorKind, Outcome, Release};
use std::time::Duration;

/// A write that timed out and lands 19 seconds later, of which nothing more is
/// known.
fn write_lands_late(world: &mut World, uid: Uid) {
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::TimedOut, Duration::from_secs(19)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unavailable));
    world.reconcile(uid);
}

#[test]
fn who_lost_the_organization_is_released_when_no_own_write_can_land_any_more() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    write_lands_late(&mut world, uid);
    let older = world.declare(enforce(custom(240, None)));
    world.cluster.get_mut(older).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Settling(_)));
    world.advance(world.settings.settle);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Waiting { .. }), "the owner's policy is not live yet");
    world.reconcile(older);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::NotOwner));
}

#[test]
fn a_late_write_of_an_older_spec_does_not_outlive_a_resource_that_retains() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(43_200, None));
    write_lands_late(&mut world, uid);
    world.edit(uid, |spec| *spec = retain(declared()));
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Settling(_)));
    world.advance(world.settings.settle);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::NothingToRevert));
}
