//! `deletionPolicy: Restore`: what counts as the policy that the organization
//! had before, and what puts it back.

use super::{
    samples::*,
    world::{Crash, Interrupted, SECRET, Uid, World, access},
};
use crate::policy::{DeletionPolicy, Live, Mode, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, Outcome, Reason, Release};

fn restore(spec: ValidatedSpec) -> ValidatedSpec {
    ValidatedSpec { deletion: DeletionPolicy::Restore, ..spec }
}

/// An organization that has had a policy of its own, with the feature on or off.
fn before_us(live: Live, feature: bool) -> World {
    let mut world = World::new();
    world.switch_flag(feature);
    world.tenant().live = live;
    world
}

/// Deletes the resource and reconciles it to its end.
fn deleted(world: &mut World, uid: Uid) -> Outcome {
    world.delete(uid);
    world.reconcile(uid).outcome
}

#[test]
fn row_128_a_kill_at_any_step_of_the_first_reconcile_loses_nothing_of_what_was_there() {
    for feature in [false, true] {
        for at in 0..14 {
            for interrupted in [Interrupted::NotSent, Interrupted::CarriedOut] {
                let mut world = before_us(no_idle(90), feature);
                let uid = world.declare(restore(enforce(declared())));
                world.run(uid, Some(Crash { at, interrupted }));
                world.advance(world.settings.settle);
                world.reconcile(uid);
                assert_eq!(world.live(), declared().into());
                let outcome = deleted(&mut world, uid);
                assert_eq!((outcome, world.live()), (Outcome::Released(Release::Restored), no_idle(90)), "{at}");
            }
        }
    }
}

#[test]
fn row_128_what_an_earlier_process_has_written_is_never_taken_for_what_was_there() {
    for at in 0..14 {
        let mut world = before_us(Live::Application, false);
        let uid = world.declare(restore(enforce(declared())));
        world.run(uid, Some(Crash { at, interrupted: Interrupted::CarriedOut }));
        world.advance(world.settings.settle);
        world.reconcile(uid);
        assert_eq!(world.object(uid).status.clone().unwrap().adopted, Some(Live::Application), "{at}");
        assert_eq!(deleted(&mut world, uid), Outcome::Released(Release::Reverted));
    }
}

#[test]
fn row_128_an_edit_between_flag_and_policy_loses_nothing_of_what_was_there() {
    for before in 0..14 {
        let mut world = before_us(no_idle(90), false);
        let uid = world.declare(restore(enforce(declared())));
        world.meanwhile(before, move |world| world.edit(uid, |spec| spec.policy = custom(240, 30)));
        world.reconcile(uid);
        world.reconcile(uid);
        assert_eq!(deleted(&mut world, uid), Outcome::Released(Release::Restored), "{before}");
        assert_eq!(world.live(), no_idle(90));
    }
}

#[test]
fn row_128_a_move_to_another_environment_asks_there_what_was_before() {
    let (mut world, uid) = World::at_rest(restore(enforce(declared())));
    world.scalekit.environment = "moved.scalekit.com".into();
    world.credentials = Ok(access("moved.scalekit.com"));
    world.switch_flag(false);
    world.tenant().live = no_idle(90);
    for at in 4..8 {
        world.run(uid, Some(Crash { at, interrupted: Interrupted::CarriedOut }));
    }
    world.advance(world.settings.settle);
    world.reconcile(uid);
    assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(90)));
}

#[test]
fn row_128_a_successor_inherits_what_was_there_and_not_the_policy_of_its_predecessor() {
    for (before, release) in [(no_idle(90), Release::Restored), (Live::Application, Release::Reverted)] {
        let mut world = before_us(before, true);
        let older = world.declare(restore(enforce(declared())));
        world.reconcile(older);
        let successor = world.declare(restore(enforce(custom(240, None))));
        world.reconcile(successor);
        world.delete(older);
        world.reconcile(older);
        world.reconcile(successor);
        assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
        assert_eq!((deleted(&mut world, successor), world.live()), (Outcome::Released(release), before));
    }
}

/// A resource has written, and lost its credentials and its claim since.
fn written_by_one_without_credentials() -> World {
    let mut world = before_us(no_idle(90), true);
    world.secret_leads_to(HOST);
    let older = world.declare(restore(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) }));
    world.reconcile(older);
    world.secrets.clear();
    world.reconcile(older);
    world.advance(world.settings.interval);
    world.reconcile(older);
    world
}

#[test]
fn row_128_so_does_whoever_takes_over_from_a_living_one_that_lost_its_credentials() {
    let mut world = written_by_one_without_credentials();
    let next = world.declare(restore(enforce(custom(240, None))));
    world.reconcile(next);
    assert_eq!(world.live(), no_idle(240));
    assert_eq!((deleted(&mut world, next), world.live()), (Outcome::Released(Release::Restored), no_idle(90)));
}

#[test]
fn row_128_what_tighten_only_made_stricter_is_its_own_and_is_restored() {
    let mut world = before_us(no_idle(90), true);
    let uid = world.declare(restore(tighten_only(custom(480, 60))));
    world.reconcile(uid);
    assert_eq!(world.live(), custom(90, 60).into(), "of both the stricter");
    assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(90)));
    // and what a customer has made of it since is not
    let mut world = before_us(no_idle(90), true);
    let uid = world.declare(restore(tighten_only(custom(480, 60))));
    world.reconcile(uid);
    world.tenant().live = custom(80, 20).into();
    assert_eq!(deleted(&mut world, uid), Outcome::Released(Release::CustomersOwn));
}

#[test]
fn row_128_a_policy_that_cannot_be_declared_is_named_where_it_is_not_restored() {
    let incomplete = Live::Custom { absolute: None, idle: crate::policy::Idle::On(Some(minutes(15))) };
    let mut world = before_us(incomplete, true);
    let uid = world.declare(restore(enforce(declared())));
    world.reconcile(uid);
    world.delete(uid);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, world.live()), (Outcome::Released(Release::Reverted), Live::Application));
    let said = reconciled.events.iter().find(|event| event.note.contains(&incomplete.to_string()));
    assert!(said.is_some_and(|event| event.warning), "{:?}", reconciled.events);
}

#[test]
fn row_128_what_was_there_before_the_first_write_counts_and_not_what_was_seen_before() {
    for (first, then) in [(Live::Application, custom(45, None).into()), (no_idle(43_200), custom(45, None).into())] {
        let mut world = World::new();
        world.tenant().live = first;
        let uid = world.declare(ValidatedSpec { deletion: DeletionPolicy::Restore, ..observe(declared()) });
        world.reconcile(uid);
        world.tenant().live = then;
        world.reconcile(uid);
        world.edit(uid, |spec| spec.mode = Mode::Enforce);
        world.reconcile(uid);
        assert_eq!(world.live(), declared().into());
        world.delete(uid);
        world.reconcile(uid);
        assert_eq!(world.live(), then);
    }
}

#[test]
fn row_128_what_an_own_earlier_declaration_has_written_is_never_what_was_there() {
    let edits: [fn(&mut ValidatedSpec); 3] = [
        |spec| spec.deletion = DeletionPolicy::Retain,
        |spec| spec.mode = Mode::Observe,
        |spec| (spec.mode, spec.policy) = (Mode::Observe, custom(30, None)),
    ];
    for (before, release) in [(Live::Application, Release::Reverted), (no_idle(90), Release::Restored)] {
        for edit in edits {
            for created_so in [false, true] {
                let mut world = before_us(before, true);
                let mut spec = enforce(declared());
                if created_so && spec.mode == Mode::Enforce {
                    spec.deletion = DeletionPolicy::Retain; // which needs no finalizer
                }
                let uid = world.declare(spec);
                world.reconcile(uid);
                world.edit(uid, edit);
                world.reconcile(uid);
                world.edit(uid, |spec| *spec = restore(enforce(custom(240, 30))));
                world.reconcile(uid);
                assert_eq!(deleted(&mut world, uid), Outcome::Released(release.clone()));
                assert_eq!(world.live(), before);
            }
        }
    }
}

#[test]
fn row_128_where_inheriting_is_declared_what_was_there_is_restored_too() {
    for edited in [false, true] {
        let mut world = before_us(no_idle(90), true);
        let uid = world.declare(restore(enforce(if edited { declared() } else { Policy::Application })));
        world.reconcile(uid);
        world.edit(uid, |spec| spec.policy = Policy::Application);
        world.reconcile(uid);
        assert_eq!((world.live(), world.says(uid, ConditionType::Ready)), (Live::Application, "True InSync".into()));
        assert!(world.reconcile(uid).is_quiet());
        assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(90)));
    }
    let mut world = before_us(Live::Application, true);
    let uid = world.declare(restore(enforce(Policy::Application)));
    world.reconcile(uid);
    assert!(!world.object(uid).finalizer, "there is nothing to put back");
}

#[test]
fn row_128_what_tighten_only_has_written_is_its_own_after_an_edit_too() {
    let edits: [fn(&mut ValidatedSpec); 3] = [
        |spec| spec.policy = custom(600, 60),
        |spec| spec.policy = Policy::Application,
        |spec| (spec.mode, spec.policy) = (Mode::TightenOnly, custom(43_200, None)),
    ];
    for edit in edits {
        for spec in [tighten_only(declared()), enforce(declared())] {
            for (before, release) in [(Live::Application, Release::Reverted), (no_idle(400), Release::Restored)] {
                let mut world = before_us(before, true);
                let uid = world.declare(restore(spec.clone()));
                world.reconcile(uid);
                let written = world.live();
                world.edit(uid, |spec| spec.mode = Mode::TightenOnly);
                world.edit(uid, edit);
                world.reconcile(uid);
                assert_eq!(world.live(), written, "it loosens nothing");
                assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(release), before));
            }
        }
        let (mut world, uid) = World::at_rest(tighten_only(declared()));
        world.edit(uid, edit);
        world.reconcile(uid);
        assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Reverted), Live::Application));
    }
}

#[test]
fn row_128_a_kill_at_any_step_of_an_edit_loses_nothing_of_what_tighten_only_has_written() {
    for at in 0..14 {
        for interrupted in [Interrupted::NotSent, Interrupted::CarriedOut] {
            let mut world = before_us(no_idle(900), true);
            let uid = world.declare(restore(tighten_only(custom(800, 60))));
            world.reconcile(uid);
            world.edit(uid, |spec| spec.policy = custom(43_200, 30));
            world.run(uid, Some(Crash { at, interrupted }));
            world.advance(world.settings.settle);
            world.reconcile(uid);
            world.edit(uid, |spec| spec.policy = custom(43_200, None));
            world.reconcile(uid);
            assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(900)));
        }
    }
}

#[test]
fn row_128_a_resource_that_lost_its_status_takes_nothing_of_its_own_for_what_was_there() {
    for feature in [true, false] {
        for policy in [declared(), custom(240, 30)] {
            let (mut world, uid) = World::at_rest(restore(enforce(declared())));
            world.switch_flag(feature);
            world.cluster.get_mut(uid).unwrap().status = None; // as after a restore from a backup
            world.edit(uid, |spec| spec.policy = policy);
            world.reconcile(uid);
            world.reconcile(uid);
            assert_eq!(
                (deleted(&mut world, uid), world.live()),
                (Outcome::Released(Release::Reverted), Live::Application)
            );
        }
    }
}

#[test]
fn row_128_what_a_customer_has_changed_since_is_not_taken_for_the_policy_of_another_resource() {
    let mut world = written_by_one_without_credentials();
    world.tenant().live = no_idle(75); // the customer's administrator
    let next = world.declare(restore(enforce(custom(240, None))));
    world.reconcile(next);
    assert_eq!((deleted(&mut world, next), world.live()), (Outcome::Released(Release::Restored), no_idle(75)));
}

#[test]
fn row_128_tighten_only_counts_what_was_there_when_it_first_wrote() {
    let mut world = before_us(no_idle(90), true);
    let uid = world.declare(restore(tighten_only(custom(480, None))));
    world.reconcile(uid);
    world.tenant().live = no_idle(600); // the customer's own, and looser
    world.advance(world.settings.interval);
    world.reconcile(uid);
    assert_eq!(world.live(), no_idle(480));
    assert_eq!((deleted(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(600)));
}

#[test]
fn row_128_a_secret_that_moves_to_another_name_of_the_environment_changes_nothing_of_what_was_there() {
    for reconciled in [false, true] {
        let mut world = World::new();
        world.scalekit.issuer = Some(ISSUER.into());
        world.secret_leads_to(HOST);
        world.tenant().live = no_idle(45);
        let spec =
            ValidatedSpec { secret: Some(SECRET.into()), deletion: DeletionPolicy::Restore, ..enforce(declared()) };
        let uid = world.declare(spec);
        world.reconcile(uid);
        world.secret_leads_to(CUSTOM_DOMAIN);
        if reconciled {
            world.reconcile(uid);
        }
        world.delete(uid);
        world.reconcile(uid);
        assert_eq!((world.live(), world.is_gone(uid)), (no_idle(45), true));
    }
}

#[test]
fn row_128_nothing_is_missed_where_inheriting_was_there_or_nothing_is_to_be_restored() {
    let incomplete = Live::Custom { absolute: None, idle: crate::policy::Idle::On(Some(minutes(15))) };
    for (before, spec) in [(Live::Application, restore(enforce(declared()))), (incomplete, enforce(declared()))] {
        let mut world = before_us(before, true);
        let uid = world.declare(spec);
        world.reconcile(uid);
        world.delete(uid);
        let told: Vec<_> = world.reconcile(uid).events.into_iter().map(|event| (event.warning, event.note)).collect();
        assert_eq!(told, [(false, Reason::Reverted.means().to_owned())]);
    }
}
