//! The process dies at every single step of a reconcile, before the step, after it,
//! and with its write still on the way. The next process ends where one that
//! never died would have.

use super::{
    samples::*,
    world::{Crash, Interrupted, Tenant, Uid, World},
};
use crate::policy::{Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, Outcome, StatusUpdate};
use std::time::Duration;

/// What both sides look like in the end.
type End = (Option<(bool, Option<StatusUpdate>)>, Tenant);

fn end(world: &mut World, uid: Uid) -> End {
    let object = world.cluster.get(uid).map(|object| (object.finalizer, object.status.clone()));
    (object, world.tenant().clone())
}

/// Reconciles until one is at rest, each after the settle time.
fn settle(world: &mut World, uid: Uid) {
    for _ in 0..5 {
        world.reconcile(uid);
        world.advance(world.settings.settle);
    }
    assert!(world.reconcile(uid).is_quiet(), "it comes to rest");
}

fn dies_at_every_step(prepare: impl Fn() -> (World, Uid)) {
    for step in [QUICK, Duration::from_secs(1)] {
        dies_at_every(|| {
            let (mut world, uid) = prepare();
            world.step = step;
            (world, uid)
        });
    }
}

fn dies_at_every(prepare: impl Fn() -> (World, Uid)) {
    let (mut reference, uid) = prepare();
    let steps = reference.reconcile(uid).steps.len();
    settle(&mut reference, uid);
    let expected = end(&mut reference, uid);
    let late = |secs| Interrupted::Late(Duration::from_secs(secs));
    for at in 0..=steps {
        for interrupted in [Interrupted::NotSent, Interrupted::CarriedOut, late(1), late(6), late(19)] {
            let (mut world, uid) = prepare();
            assert!(world.run(uid, Some(Crash { at, interrupted })).is_none());
            settle(&mut world, uid);
            assert_eq!(end(&mut world, uid), expected, "died at step {at}, which was {interrupted:?}");
            let written = world.journal.iter().filter(|e| e.policy().is_some()).count();
            assert!(written <= 3, "died at step {at}, {interrupted:?}: {written} writes");
        }
    }
}

fn rest_then(change: impl Fn(&mut World, Uid)) -> impl Fn() -> (World, Uid) {
    move || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.journal.clear();
        change(&mut world, uid);
        (world, uid)
    }
}

#[test]
fn while_it_creates() {
    for spec in [
        enforce(declared()),
        tighten_only(declared()),
        observe(declared()),
        retain(declared()),
        ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) },
    ] {
        dies_at_every_step(|| {
            let mut world = World::new();
            let uid = world.declare(spec.clone());
            (world, uid)
        });
    }
}

#[test]
fn while_it_adopts_what_is_already_live() {
    dies_at_every_step(|| {
        let mut world = World::new();
        world.switch_flag(true);
        world.tenant().live = declared().into();
        let uid = world.declare(enforce(declared()));
        (world, uid)
    });
}

#[test]
fn while_it_follows_an_edit() {
    dies_at_every_step(rest_then(|world, uid| world.edit(uid, |d| d.policy = custom(240, 30))));
    dies_at_every_step(rest_then(|world, uid| world.edit(uid, |d| d.policy = Policy::Application)));
    dies_at_every_step(rest_then(|world, uid| world.edit(uid, |d| *d = retain(declared()))));
}

#[test]
fn while_it_repairs_drift() {
    dies_at_every_step(rest_then(|world, _| world.tenant().live = foreign()));
    dies_at_every_step(rest_then(|world, _| world.switch_flag(false)));
}

#[test]
fn while_it_deletes() {
    dies_at_every_step(rest_then(|world, uid| world.delete(uid)));
    dies_at_every_step(rest_then(|world, uid| {
        world.delete(uid);
        world.scalekit.organizations.get_mut(&org("org_1")).unwrap().live = foreign();
    }));
}

#[test]
fn again_and_again_it_still_gets_there() {
    for every in 0..12 {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        for interrupted in [
            Interrupted::CarriedOut,
            Interrupted::NotSent,
            Interrupted::CarriedOut,
            Interrupted::Late(Duration::from_secs(3)),
        ] {
            world.run(uid, Some(Crash { at: every, interrupted }));
        }
        settle(&mut world, uid);
        assert_eq!((world.live(), world.says(uid, ConditionType::Ready)), (declared().into(), "True InSync".into()));
        world.delete(uid);
        world.run(uid, Some(Crash { at: every, interrupted: Interrupted::CarriedOut }));
        settle(&mut world, uid);
        assert_eq!(world.reconcile(uid).outcome, Outcome::Gone);
    }
}
