//! What counts as the policy that an organization had before, and what as written for a
//! resource, when Secrets, customers and other resources are in the way.

use super::{
    samples::*,
    world::{Crash, Interrupted, On, SECRET, Trouble, Uid, World},
};
use crate::policy::{DeletionPolicy, Live, Mode, Policy, ValidatedSpec};
use crate::reconcile::{ErrorKind, Outcome, Past, Release};

fn restore(spec: ValidatedSpec) -> ValidatedSpec {
    ValidatedSpec { deletion: DeletionPolicy::Restore, ..spec }
}

fn secret(spec: ValidatedSpec) -> ValidatedSpec {
    ValidatedSpec { secret: Some(SECRET.into()), ..spec }
}

fn end(world: &mut World, uid: Uid) -> Outcome {
    world.delete(uid);
    world.reconcile(uid).outcome
}

#[test]
fn row_128_a_revert_of_unknown_outcome_forgets_nothing_of_what_was_written() {
    for spec in [tighten_only(custom(240, 30)), enforce(custom(240, 30))] {
        let (mut world, uid) = World::at_rest(spec);
        world.edit(uid, |spec| (spec.mode, spec.policy) = (Mode::TightenOnly, custom(480, 60)));
        world.reconcile(uid);
        world.delete(uid);
        for nth in 0..2 {
            world.trouble(On::WritePolicy, nth, Trouble::Lost(ErrorKind::Unavailable));
        }
        assert!(matches!(world.reconcile(uid).outcome, Outcome::CleanupPending(_)));
        assert_eq!(world.live(), custom(240, 30).into(), "the revert was not applied");
        world.advance(world.settings.settle);
        assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
        assert_eq!(world.live(), Live::Application);
    }
}

#[test]
fn row_128_what_is_declared_as_it_was_after_observing_is_restored_after_a_kill_at_any_step() {
    for feature in [true, false] {
        for at in 0..14 {
            for interrupted in [Interrupted::NotSent, Interrupted::CarriedOut] {
                let mut world = World::new();
                world.switch_flag(feature);
                world.tenant().live = declared().into();
                let uid = world.declare(restore(observe(declared())));
                world.reconcile(uid);
                world.edit(uid, |spec| spec.mode = Mode::Enforce);
                world.run(uid, Some(Crash { at, interrupted }));
                world.advance(world.settings.settle);
                world.reconcile(uid);
                let outcome = end(&mut world, uid);
                assert_eq!((outcome, world.live()), (Outcome::Released(Release::Restored), declared().into()), "{at}");
            }
        }
    }
}

#[test]
fn row_128_a_lost_status_adopts_nothing_of_the_resources_own_though_the_first_read_fails() {
    let (mut world, uid) = World::at_rest(restore(enforce(declared())));
    world.cluster.get_mut(uid).unwrap().status = None;
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    world.reconcile(uid);
    world.reconcile(uid);
    assert_eq!((end(&mut world, uid), world.live()), (Outcome::Released(Release::Reverted), Live::Application));
}

#[test]
fn row_128_what_another_resource_declares_and_never_wrote_is_not_its_own() {
    for refused in [true, false] {
        let mut world = World::new();
        world.secret_of_leads_to("b", HOST);
        let former = world.declare_in("b", Ok(secret(enforce(declared()))));
        world.reconcile(former);
        let owner = world.declare(tighten_only(custom(600, None)));
        world.cluster.get_mut(owner).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
        if refused {
            world.reconcile_while_down(former, ErrorKind::CredentialsRejected);
        }
        world.reconcile(owner);
        world.tenant().live = no_idle(45); // the customer's administrator
        world.edit(former, |spec| spec.policy = custom(45, None));
        world.reconcile(owner);
        let outcome = end(&mut world, owner);
        assert_eq!((outcome, world.live()), (Outcome::Released(Release::CustomersOwn), no_idle(45)), "{refused}");
    }
}

#[test]
fn row_128_a_secret_that_leads_elsewhere_for_a_moment_loses_nothing_of_what_was_there() {
    for kind in [ErrorKind::NotFound, ErrorKind::Unavailable, ErrorKind::CredentialsRejected] {
        let mut world = World::new();
        world.secret_leads_to(HOST);
        world.tenant().live = no_idle(45);
        let uid = world.declare(secret(restore(enforce(declared()))));
        world.reconcile(uid);
        assert_eq!(world.object(uid).read().adopted, Some(no_idle(45)));
        world.secret_leads_to("typo.scalekit.com");
        world.scalekit.down = Some(kind);
        world.reconcile(uid);
        world.scalekit.down = None;
        world.secret_leads_to(HOST);
        world.reconcile(uid);
        assert_eq!(
            (end(&mut world, uid), world.live()),
            (Outcome::Released(Release::Restored), no_idle(45)),
            "{kind:?}"
        );
    }
}

#[test]
fn row_128_a_deletion_whose_secret_leads_elsewhere_for_a_moment_loses_nothing_of_what_was_there() {
    let mut world = World::new();
    world.secret_leads_to(HOST);
    world.tenant().live = no_idle(45);
    let uid = world.declare(secret(restore(enforce(declared()))));
    world.reconcile(uid);
    world.secret_leads_to("typo.scalekit.com");
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }));
    world.secret_leads_to(HOST);
    let outcome = world.reconcile(uid).outcome;
    assert_eq!((outcome, world.live()), (Outcome::Released(Release::Restored), no_idle(45)));
}

#[test]
fn row_128_an_exported_policy_that_is_declared_as_it_was_is_restored() {
    let mut world = World::new();
    world.switch_flag(true);
    world.tenant().live = declared().into();
    let uid = world.declare(restore(enforce(declared())));
    assert!(world.reconcile(uid).policies().is_empty(), "nothing was ever written");
    let outcome = end(&mut world, uid);
    assert_eq!((outcome, world.live()), (Outcome::Released(Release::Restored), declared().into()));
}

#[test]
fn row_128_a_policy_that_is_hidden_is_not_taken_for_what_was_there() {
    let mut world = World::new();
    world.scalekit.habits.gates_reads = true;
    world.switch_flag(false);
    world.tenant().live = no_idle(45);
    let uid = world.declare(restore(enforce(Policy::Application)));
    world.reconcile(uid);
    world.edit(uid, |spec| spec.policy = declared());
    world.reconcile(uid);
    assert_eq!(world.live(), declared().into());
    assert_eq!((end(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(45)));
}

#[test]
fn row_128_what_a_customer_sets_while_it_only_observes_is_what_was_there() {
    let mut world = World::new();
    let uid = world.declare(restore(enforce(declared())));
    world.reconcile(uid);
    world.edit(uid, |spec| spec.mode = Mode::Observe);
    world.tenant().live = no_idle(45);
    world.reconcile(uid);
    world.edit(uid, |spec| spec.mode = Mode::Enforce);
    world.reconcile(uid);
    assert_eq!((end(&mut world, uid), world.live()), (Outcome::Released(Release::Restored), no_idle(45)));
}

#[test]
fn row_128_a_stricter_value_of_the_customer_that_tighten_only_wrote_along_stays_on_deletion() {
    let (mut world, uid) = World::at_rest(tighten_only(custom(480, 60)));
    world.tenant().live = no_idle(300);
    world.reconcile(uid);
    assert_eq!(world.live(), custom(300, 60).into());
    let outcome = end(&mut world, uid);
    assert_ne!(world.live(), Live::Application, "{outcome:?}: the customer had 300 minutes");
}

#[test]
fn row_128_nor_does_restore_loosen_what_the_customer_made_stricter_since() {
    let mut world = World::new();
    world.tenant().live = no_idle(400);
    let uid = world.declare(restore(tighten_only(custom(480, 60))));
    world.reconcile(uid);
    world.tenant().live = no_idle(120); // the customer's administrator
    world.reconcile(uid);
    assert_eq!(world.live(), custom(120, 60).into());
    let outcome = end(&mut world, uid);
    assert_ne!(world.live(), no_idle(400), "{outcome:?}: the customer had 120 minutes");
}

#[test]
fn row_128_what_tighten_only_wrote_is_undone_after_an_edit_where_the_customer_had_a_looser_one() {
    let mut world = World::new();
    world.tenant().live = no_idle(43_200);
    let uid = world.declare(tighten_only(custom(480, 60)));
    world.reconcile(uid);
    assert_eq!(world.live(), custom(480, 60).into(), "nothing of the customer's is left");
    world.edit(uid, |spec| spec.policy = custom(600, 60));
    world.reconcile(uid);
    let outcome = end(&mut world, uid);
    assert_eq!((outcome, world.live()), (Outcome::Released(Release::Reverted), Live::Application));
}

#[test]
fn row_128_the_feature_that_the_operator_switched_on_goes_off_after_a_rename_too() {
    let mut world = World::new();
    world.settings.disable_feature = true;
    let older = world.declare(enforce(declared()));
    world.reconcile(older);
    assert!(world.object(older).read().enabled_feature);
    let successor = world.declare(enforce(declared()));
    world.reconcile(successor);
    world.delete(older);
    world.reconcile(older);
    world.reconcile(successor);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
    assert_eq!(end(&mut world, successor), Outcome::Released(Release::Reverted));
    assert!(!world.tenant().session_policy_on(), "this operator has switched it on");
}

#[test]
fn row_128_a_conflicted_deletion_undoes_what_was_written_before_an_edit_that_never_came_through() {
    let mut world = World::new();
    world.tenant().live = no_idle(90);
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    let older = world.declare(observe(custom(240, None)));
    world.cluster.get_mut(older).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    world.reconcile(older);
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    world.reconcile(uid);
    assert_eq!(world.live(), declared().into(), "it is not the owner any more");
    assert_eq!((end(&mut world, uid), world.live()), (Outcome::Released(Release::Reverted), Live::Application));
}

#[test]
fn row_128_one_that_only_observes_has_not_written_what_it_declares() {
    let (mut world, observer) = World::at_rest(enforce(declared()));
    world.edit(observer, |spec| (spec.mode, spec.policy) = (Mode::Observe, custom(45, None)));
    world.reconcile(observer);
    world.tenant().live = no_idle(45); // the customer's administrator
    let owner = world.declare(restore(enforce(custom(240, 30))));
    world.cluster.get_mut(owner).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    world.reconcile(owner);
    assert_eq!(world.live(), custom(240, 30).into());
    assert_eq!((end(&mut world, owner), world.live()), (Outcome::Released(Release::Restored), no_idle(45)));
}

#[test]
fn row_128_what_a_predecessor_wrote_goes_with_the_last_that_took_over() {
    let (mut world, older) = World::at_rest(enforce(custom(120, 30)));
    let heir = world.declare(tighten_only(declared()));
    world.delete(older);
    for uid in [older, heir, older] {
        world.reconcile(uid);
    }
    assert!(world.is_gone(older));
    assert_eq!(world.live(), custom(120, 30).into());
    let outcome = end(&mut world, heir);
    assert_eq!(world.live(), Live::Application, "{outcome:?}: no customer has ever set it");
}

#[test]
fn a_policy_that_keeps_a_limit_of_the_one_before_is_not_wholly_the_operators() {
    let wholly = |adopted: Live| Past { adopted: Some(adopted), written: Some(declared()) }.wholly_written().is_some();
    assert!(wholly(custom(600, 30).into()) && wholly(no_idle(600)) && wholly(Live::Application));
    assert!(!wholly(custom(480, 30).into()) && !wholly(custom(600, 60).into()) && !wholly(Live::Unrecognized));
}

#[test]
fn row_128_a_write_that_met_a_conflict_is_not_what_was_written_and_a_lost_one_may_be() {
    let conflict = Trouble::Refused(ErrorKind::Conflict);
    for (trouble, written) in [(conflict, declared()), (Trouble::Lost(ErrorKind::Unavailable), custom(240, None))] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.edit(uid, |spec| spec.policy = custom(240, None));
        (0..4).for_each(|nth| world.trouble(On::WritePolicy, nth, trouble));
        world.reconcile(uid);
        assert_eq!(world.object(uid).read().written, Some(written));
    }
}

#[test]
fn row_128_what_only_observes_records_nothing_though_it_finds_what_it_declares() {
    let mut world = World::new();
    world.switch_flag(true);
    world.tenant().live = declared().into();
    let uid = world.declare(observe(declared()));
    world.reconcile(uid);
    let resource = world.object(uid).read();
    assert_eq!((resource.adopted, resource.written), (None, None));
}
