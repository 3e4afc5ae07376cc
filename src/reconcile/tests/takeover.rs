//! One organization and several resources that claim it, of which one has
//! written and is not the owner any more.

use super::{
    deletion::deleting,
    samples::*,
    world::{On, SECRET, Trouble, Uid, World},
};
use crate::policy::{Live, Policy, ValidatedSpec};
use crate::reconcile::{ErrorKind, Outcome, Reason, Release, RemoteOutcome, Requeue};
use std::time::Duration;

/// Resources that use the Secret.
fn by_secret(policy: Policy) -> ValidatedSpec {
    ValidatedSpec { secret: Some(SECRET.into()), ..enforce(policy) }
}

/// An owner by the Secret, which is then gone for longer than a claim is doubted,
/// and a younger one with credentials of its own that takes over.
fn owner_without_secret() -> (World, Uid, Uid) {
    let mut world = World::new();
    world.secret_leads_to(HOST);
    let owner = world.declare(by_secret(declared()));
    world.reconcile(owner);
    let younger = world.declare(enforce(custom(240, None)));
    assert!(matches!(world.reconcile(younger).outcome, Outcome::Conflict { .. }));
    world.secrets.clear();
    (world, owner, younger)
}

/// Its claim is doubted for too long.
fn lose_the_claim(world: &mut World, uid: Uid) {
    world.reconcile(uid);
    world.advance(Duration::from_secs(61));
    world.reconcile(uid);
}

#[test]
fn row_129_whoever_takes_over_looks_for_a_late_write_of_the_one_before() {
    let mut world = World::new();
    world.settings.settle = Duration::from_secs(70);
    world.secret_leads_to(HOST);
    let owner = world.declare(by_secret(declared()));
    world.reconcile(owner);
    let younger = world.declare(enforce(custom(240, None)));
    world.reconcile(younger);
    world.edit(owner, |spec| spec.policy = custom(43_200, None));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::TimedOut, Duration::from_secs(60)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::CredentialsRejected));
    world.trouble(On::ReadPolicy, 2, Trouble::Refused(ErrorKind::CredentialsRejected));
    world.reconcile(owner);
    let reconciled = world.reconcile(younger);
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    assert_eq!(reconciled.requeue, Requeue::After(world.settings.settle));
    world.advance(world.settings.settle);
    let reconciled = world.reconcile(younger);
    assert_eq!((reconciled.policies(), world.live()), (vec![custom(240, None)], no_idle(240)));
    assert_eq!(world.reconcile(younger).requeue, Requeue::Interval(world.settings.interval), "once");
}

#[test]
fn row_129_so_does_one_that_appears_when_the_other_has_lost_its_claim_already() {
    let (mut world, owner, younger) = owner_without_secret();
    world.delete(younger);
    world.reconcile(younger);
    lose_the_claim(&mut world, owner);
    let third = world.declare(enforce(custom(240, None)));
    assert_eq!(world.reconcile(third).requeue, Requeue::After(world.settings.settle));
    assert_eq!(world.reconcile(third).requeue, Requeue::Interval(world.settings.interval));
}

#[test]
fn row_130_one_that_has_written_reverts_its_own_policy_where_the_owner_keeps_none() {
    for (idle, live, after, release) in [
        (observe(declared()), declared().into(), Live::Application, Release::Reverted),
        (observe(declared()), foreign(), foreign(), Release::NotOwner),
        (
            ValidatedSpec { suspend: true, ..enforce(declared()) },
            declared().into(),
            Live::Application,
            Release::Reverted,
        ),
    ] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        let older = world.declare(observe(custom(240, None)));
        world.cluster.get_mut(older).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
        world.reconcile(older);
        world.edit(older, |spec| *spec = idle.clone());
        world.reconcile(older);
        world.tenant().live = live;
        world.delete(uid);
        assert_eq!((world.reconcile(uid).outcome, world.live()), (Outcome::Released(release), after), "{idle:?}");
    }
}

#[test]
fn row_131_a_restart_within_the_delay_of_a_revert_leaves_a_successor_time_to_be_verified() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.settings.revert_delay = Duration::from_secs(30);
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Waiting { reason: Reason::Deleting, .. }));
    world.secret_leads_to(HOST);
    let successor = world.declare(by_secret(custom(240, None)));
    world.advance(Duration::from_secs(40));
    world.restart();
    let Outcome::Waiting { left, .. } = world.reconcile(uid).outcome else { panic!("reverted at once") };
    assert!(left <= Duration::from_secs(10));
    world.reconcile(successor);
    world.advance(world.settings.settle);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::HandedOver));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_131_nor_does_it_wait_longer_than_its_delay() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.settings.revert_delay = Duration::from_secs(2);
    world.restart();
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Waiting { .. }));
    world.advance(Duration::from_secs(2));
    assert_eq!(world.reconcile(uid).policies(), [Policy::Application]);
}

#[test]
fn row_132_one_without_credentials_goes_when_the_policy_of_another_one_is_live() {
    let (mut world, owner, younger) = owner_without_secret();
    lose_the_claim(&mut world, owner);
    world.delete(owner);
    assert!(matches!(world.reconcile(owner).outcome, Outcome::Holding { .. }), "nobody keeps the organization yet");
    world.reconcile(younger);
    assert_eq!(world.reconcile(owner).outcome, Outcome::Released(Release::HandedOver));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_132_the_younger_of_two_goes_as_not_the_owner() {
    let (mut world, younger, _) = owner_without_secret();
    lose_the_claim(&mut world, younger);
    let older = world.declare(enforce(custom(90, None)));
    world.cluster.get_mut(older).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    world.reconcile(older);
    world.delete(younger);
    assert_eq!(world.reconcile(younger).outcome, Outcome::Released(Release::NotOwner));
    assert_eq!(world.live(), no_idle(90));
}

#[test]
fn row_132_refused_credentials_keep_no_more_than_missing_ones() {
    let (mut world, owner, younger) = owner_without_secret();
    world.secret_leads_to(HOST);
    for _ in 0..2 {
        world.trouble(On::Organization, 0, Trouble::Refused(ErrorKind::CredentialsRejected));
    }
    world.reconcile(owner);
    world.reconcile(younger);
    world.delete(owner);
    for _ in 0..2 {
        world.trouble(On::Organization, 0, Trouble::Refused(ErrorKind::CredentialsRejected));
    }
    assert_eq!(world.reconcile(owner).outcome, Outcome::Released(Release::HandedOver));
}
