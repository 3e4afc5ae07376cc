//! A spec that changes under a reconcile, or goes back.

use super::{
    samples::*,
    world::{Object, Uid, World},
};
use crate::policy::Live;
use crate::reconcile::ConditionType;

/// What `Ready` says, and of which generation.
fn says(world: &World, uid: Uid) -> (String, i64) {
    let observed = world.object(uid).status.as_ref().unwrap().observed_generation;
    (world.says(uid, ConditionType::Ready), observed)
}

#[test]
fn row_069_what_was_written_for_a_spec_that_was_edited_meanwhile_is_not_said_of_the_new_one() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    let (edited, steps) = (world.object(uid).generation, world.clone().reconcile(uid).steps.len());
    for before in 0..=steps {
        let mut world = world.clone();
        world.meanwhile(before, move |world| world.edit(uid, |spec| spec.policy = custom(120, 15)));
        let written = world.reconcile(uid).policies();
        let (ready, generation) = says(&world, uid);
        assert!(written.iter().filter(|policy| **policy == custom(240, 30)).count() <= 1, "{before}: {written:?}");
        assert!(
            generation == edited || world.live() == custom(120, 15).into() || !ready.starts_with("True"),
            "{before}: {ready} of generation {generation}, and live is {}",
            world.live()
        );
        world.reconcile(uid);
        assert_eq!(says(&world, uid), ("True InSync".into(), edited + 1), "{before}");
        assert_eq!(world.live(), custom(120, 15).into());
    }
}

#[test]
fn row_065_a_resource_that_is_older_than_its_status_is_as_a_new_one() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let before = world.object(uid).clone();
    for absolute in [240, 120] {
        world.edit(uid, |spec| spec.policy = custom(absolute, 30));
        world.reconcile(uid);
    }
    let now = world.object(uid).clone();
    assert_eq!((now.generation, world.live()), (before.generation + 2, Live::from(custom(120, 30))));
    // all of it goes back, or all but the status
    for status in [before.status.clone(), now.status.clone()] {
        let mut world = world.clone();
        *world.cluster.get_mut(uid).unwrap() = Object { status, ..before.clone() };
        world.reconcile(uid);
        assert_eq!(says(&world, uid), ("True InSync".into(), before.generation));
        assert_eq!(world.live(), declared().into());
    }
}
