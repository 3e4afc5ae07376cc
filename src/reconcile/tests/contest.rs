//! A claim that was verified once, whose owner takes care that its credentials are
//! not tried again (`docs/development/failures.md` row 134).

use super::{
    samples::*,
    world::{On, SECRET, Trouble, Uid, World},
};
use crate::policy::{Policy, ValidatedSpec};
use crate::reconcile::{CredentialsError, CredentialsSource, ErrorKind, Outcome, ReadError, RemoteOutcome, Requeue};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// An owner with a Secret of its own that is in order, and a younger resource of
/// another namespace with the default credentials.
fn two() -> (World, Uid, Uid) {
    let mut world = World::new();
    world.secret_of_leads_to("a", HOST);
    let owner = world.declare_in("a", Ok(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) }));
    world.reconcile(owner);
    let other = world.declare_in("b", Ok(enforce(custom(240, None))));
    assert!(matches!(world.reconcile(other).outcome, Outcome::Conflict { .. }));
    (world, owner, other)
}

/// An owner that reaches the environment through its own domain, and a younger
/// resource that reaches it under its own name and was not reconciled yet.
fn two_names(policy: Policy) -> (World, Uid, Uid) {
    let mut world = World::new();
    world.scalekit.issuer = Some(ISSUER.into());
    world.secret_of_leads_to("a", CUSTOM_DOMAIN);
    let owner = world.declare_in("a", Ok(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(policy) }));
    world.reconcile(owner);
    let other = world.declare_in("b", Ok(enforce(custom(240, None))));
    (world, owner, other)
}

/// Both are reconciled each minute, so many times; the last end of the younger one.
fn minutes_later(world: &mut World, owner: Uid, other: Uid, minutes: u32) -> Outcome {
    let mut last = None;
    for _ in 0..minutes {
        world.advance(MINUTE);
        last = Some(world.reconcile(other).outcome);
        world.reconcile(owner);
    }
    last.unwrap()
}

#[test]
fn row_134_an_owner_that_sleeps_with_credentials_that_are_gone_loses_its_claim_to_who_has_good_ones() {
    let (mut world, owner, other) = two();
    world.edit(owner, |spec| spec.suspend = true);
    world.secrets.clear();
    assert!(matches!(minutes_later(&mut world, owner, other, 4), Outcome::Conflict { .. }), "not at once");
    assert_eq!(minutes_later(&mut world, owner, other, 4), Outcome::Reconciled(RemoteOutcome::InSync));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_134_an_owner_that_sleeps_with_good_credentials_stays_the_owner_and_writes_nothing() {
    let (mut world, owner, other) = two();
    world.edit(owner, |spec| spec.suspend = true);
    world.tenant().live = foreign();
    assert!(matches!(minutes_later(&mut world, owner, other, 20), Outcome::Conflict { .. }));
    assert_eq!(world.live(), foreign());
}

#[test]
fn row_134_a_spec_that_became_invalid_keeps_nobody_out_for_good() {
    let (mut world, owner, other) = two();
    world.cluster.get_mut(owner).unwrap().spec = Err(vec![]);
    assert_eq!(minutes_later(&mut world, owner, other, 8), Outcome::Reconciled(RemoteOutcome::InSync));
}

#[test]
fn row_134_an_owner_in_order_confirms_its_claim_whenever_another_one_asks() {
    let (mut world, owner, other) = two();
    assert!(matches!(minutes_later(&mut world, owner, other, 20), Outcome::Conflict { .. }));
    assert_eq!(world.says(owner, crate::reconcile::ConditionType::Ready), "True InSync");
}

#[test]
fn row_134_an_owner_that_comes_back_with_good_credentials_is_the_owner_again() {
    let (mut world, owner, other) = two();
    let secrets = std::mem::take(&mut world.secrets);
    world.edit(owner, |spec| spec.suspend = true);
    minutes_later(&mut world, owner, other, 8);
    world.secrets = secrets;
    world.edit(owner, |spec| spec.suspend = false);
    world.reconcile(owner);
    assert_eq!(world.live(), declared().into());
    assert!(matches!(world.reconcile(other).outcome, Outcome::Conflict { .. }));
}

#[test]
fn row_134_an_outage_or_a_limit_of_its_environment_costs_a_sleeping_owner_nothing() {
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited { retry_after: MINUTE * 15 }] {
        let (mut world, owner, other) = two();
        world.edit(owner, |spec| spec.suspend = true);
        for _ in 0..20 {
            world.advance(MINUTE);
            world.reconcile(other);
            world.scalekit.down = Some(kind);
            world.reconcile(owner);
            world.scalekit.down = None;
        }
        assert!(matches!(world.reconcile(other).outcome, Outcome::Conflict { .. }), "{kind:?}");
    }
}

#[test]
fn row_134_a_sleeping_owner_whose_secret_moves_to_another_name_of_the_environment_keeps_all_it_has() {
    let (mut world, owner, other) = two();
    world.scalekit.issuer = Some(ISSUER.into());
    world.reconcile(owner);
    let before = world.object(owner).status.clone().unwrap();
    world.edit(owner, |spec| spec.suspend = true);
    world.secret_of_leads_to("a", CUSTOM_DOMAIN);
    assert!(matches!(minutes_later(&mut world, owner, other, 10), Outcome::Conflict { .. }));
    let after = world.object(owner).status.clone().unwrap();
    assert_eq!((before.adopted, before.claim), (after.adopted, after.claim));
}

#[test]
fn row_134_an_owner_whose_own_host_goes_silent_loses_its_claim_to_who_reaches_the_environment_under_another() {
    let (mut world, owner, other) = two_names(declared());
    let mut outcome = world.reconcile(other).outcome;
    assert!(matches!(outcome, Outcome::Conflict { .. }));
    for _ in 0..8 {
        world.scalekit.down = Some(ErrorKind::Unreachable);
        world.reconcile(owner);
        world.scalekit.down = None;
        world.advance(MINUTE);
        outcome = world.reconcile(other).outcome;
    }
    assert_eq!(outcome, Outcome::Reconciled(RemoteOutcome::InSync));
}

#[test]
fn row_134_a_claim_that_lapsed_is_withdrawn_in_the_status_in_time_and_no_restart_brings_it_back() {
    let (mut world, owner, other) = two();
    world.edit(owner, |spec| spec.suspend = true);
    world.secrets.clear();
    world.advance(MINUTE);
    world.reconcile(other); // and the next time of it is far away
    let claim = |world: &World| world.object(owner).status.as_ref().unwrap().claim;
    let mut ended = world.reconcile(owner);
    while claim(&world).is_some() {
        assert!(world.uptime() < MINUTE * 8, "it keeps its claim");
        let Requeue::After(next) = ended.requeue else { panic!("nobody would look again: {:?}", ended.requeue) };
        world.advance(next);
        ended = world.reconcile(owner);
    }
    world.restart();
    assert_eq!(world.reconcile(other).outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_134_an_owner_whose_external_id_leads_elsewhere_keeps_nobody_from_the_old_organization() {
    let mut world = World::new();
    world.secret_of_leads_to("a", HOST);
    let organization = by_external_id("tenant-1");
    let spec = ValidatedSpec { organization, secret: Some(SECRET.into()), ..enforce(declared()) };
    let owner = world.declare_in("a", Ok(spec));
    world.reconcile(owner);
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.reconcile(owner);
    let other = world.declare_in("b", Ok(enforce(custom(240, None))));
    world.tenant().live = no_idle(43_200);
    assert!(matches!(minutes_later(&mut world, owner, other, 4), Outcome::Conflict { .. }), "not at once");
    assert_eq!(minutes_later(&mut world, owner, other, 4), Outcome::Reconciled(RemoteOutcome::InSync));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_134_what_an_environment_only_says_that_it_is_confirms_no_claim() {
    for asleep in [false, true] {
        let mut world = World::new();
        world.scalekit.issuer = Some(ISSUER.into());
        world.secret_of_leads_to("a", HOST);
        let owner = world.declare_in("a", Ok(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) }));
        world.reconcile(owner);
        let other = world.declare_in("b", Ok(enforce(custom(240, None))));
        world.edit(owner, |spec| spec.suspend = asleep);
        world.secret_of_leads_to("a", CUSTOM_DOMAIN);
        world.scalekit.alleged = Some(ISSUER.into());
        let outcome = minutes_later(&mut world, owner, other, 20);
        assert_eq!(outcome, Outcome::Reconciled(RemoteOutcome::InSync), "{asleep}");
    }
}

#[test]
fn row_134_a_revert_through_a_host_that_went_silent_keeps_nobody_out_for_good() {
    let (mut world, owner, other) = two_names(custom(43_200, None));
    world.delete(owner);
    for _ in 0..2 {
        world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::Unreachable));
    }
    world.reconcile(owner);
    let mut outcome = None;
    for _ in 0..20 {
        world.scalekit.down = Some(ErrorKind::Unreachable);
        world.reconcile(owner);
        world.scalekit.down = None;
        world.advance(MINUTE);
        outcome = Some(world.reconcile(other).outcome);
    }
    assert_eq!((outcome, world.live()), (Some(Outcome::Reconciled(RemoteOutcome::InSync)), no_idle(240)));
}

#[test]
fn two_that_wait_for_each_other_wake_each_other_once() {
    let (mut world, settle) = (World::new(), World::new().settings.settle);
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unreachable, settle));
    let old = world.declare(enforce(declared()));
    world.reconcile(old);
    let young = world.declare(enforce(custom(120, None)));
    world.delete(old);
    let woken =
        |world: &mut World, uid| -> Vec<Uid> { world.reconcile(uid).woken.iter().map(|(woken, _)| *woken).collect() };
    assert_eq!(woken(&mut world, old), [young], "it is the successor");
    assert!(matches!(world.reconcile(old).outcome, Outcome::Settling(_)), "a write may still land");
    let both: Vec<Uid> = (0..4).flat_map(|_| [woken(&mut world, young), woken(&mut world, old)].concat()).collect();
    assert!(both.len() <= 1, "{both:?}");
}

#[test]
fn row_134_an_owner_whose_claim_has_lapsed_does_not_look_again_at_once() {
    for (suspend, requeue) in [(false, Requeue::AFTER_API_SERVER), (true, Requeue::Never)] {
        let (mut world, owner, other) = two();
        world.edit(owner, |spec| spec.suspend = suspend);
        world.secrets.clear();
        assert_eq!(minutes_later(&mut world, owner, other, 8), Outcome::Reconciled(RemoteOutcome::InSync));
        assert_eq!(world.reconcile(owner).requeue, requeue);
    }
}

#[test]
fn row_134_a_secret_that_can_not_be_read_for_now_costs_an_owner_nothing() {
    let (mut world, owner, other) = two();
    let from = CredentialsSource::Secret(SECRET.into());
    let unreadable = CredentialsError::Unreadable { from, why: ReadError::Unavailable };
    world.secrets.insert(("a", SECRET.into()), Err(unreadable));
    assert!(matches!(minutes_later(&mut world, owner, other, 20), Outcome::Conflict { .. }));
}
