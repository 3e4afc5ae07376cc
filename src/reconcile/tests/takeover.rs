//! One organization and several resources that claim it, of which one has
//! written and is not the owner any more.

use super::{
    deletion::deleting,
    samples::*,
    world::{On, SECRET, Trouble, Uid, World},
};
use crate::policy::{Live, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, ErrorKind, Outcome, Predecessor, Reason, Release, RemoteOutcome, Requeue};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

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
    let new_process = World::restart;
    let follower = |world: &mut World| world.take_over(Predecessor::Interrupted);
    for other in [new_process, follower] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.settings.revert_delay = Duration::from_secs(30);
        world.delete(uid);
        assert!(matches!(world.reconcile(uid).outcome, Outcome::Waiting { reason: Reason::Deleting, .. }));
        world.secret_leads_to(HOST);
        let successor = world.declare(by_secret(custom(240, None)));
        world.advance(Duration::from_secs(40));
        other(&mut world);
        let Outcome::Waiting { left, .. } = world.reconcile(uid).outcome else { panic!("reverted at once") };
        assert!(left <= Duration::from_secs(10));
        world.reconcile(successor);
        world.advance(world.settings.settle);
        assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::HandedOver));
        assert_eq!(world.live(), no_idle(240));
    }
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

/// An owner whose Secret led elsewhere for so long that a younger resource has taken over.
/// Now it is right again, so the owner has its claim back, but it has not read the policy;
/// its status still says that it is in sync.
fn owner_that_comes_back() -> (World, Uid, Uid) {
    let mut world = World::new();
    world.secret_of_leads_to("a", HOST);
    let owner = world.declare_in("a", Ok(by_secret(declared())));
    world.reconcile(owner);
    let loser = world.declare_in("b", Ok(enforce(custom(240, None))));
    world.secret_of_leads_to("a", "typo.scalekit.com");
    for _ in 0..8 {
        world.advance(MINUTE);
        world.reconcile(loser);
        world.reconcile_while_down(owner, ErrorKind::Unavailable);
    }
    world.reconcile(loser);
    assert_eq!((world.live(), world.object(loser).finalizer), (no_idle(240), true), "it has taken over");
    world.advance(MINUTE);
    world.secret_of_leads_to("a", HOST);
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    world.reconcile(owner);
    assert_eq!(world.says(owner, ConditionType::Ready), "True InSync");
    (world, owner, loser)
}

#[test]
fn row_130_a_loser_keeps_its_finalizer_until_the_owner_is_really_in_sync() {
    let (mut world, owner, loser) = owner_that_comes_back();
    world.reconcile(loser);
    assert_eq!((world.live(), world.object(loser).finalizer), (no_idle(240), true));
    world.reconcile(owner);
    world.reconcile(loser);
    assert_eq!((world.live(), world.object(loser).finalizer), (declared().into(), false));
}

#[test]
fn row_130_nor_does_its_deletion_leave_its_own_policy() {
    let (mut world, _, loser) = owner_that_comes_back();
    world.delete(loser);
    assert!(matches!(world.reconcile(loser).outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    world.advance(MINUTE);
    world.reconcile(loser);
    assert_eq!((world.live(), world.is_gone(loser)), (Live::Application, true));
}

#[test]
fn row_130_a_loser_keeps_its_finalizer_while_a_write_of_it_may_land() {
    let (mut world, owner, loser) = owner_that_comes_back();
    world.reconcile(owner);
    world.edit(loser, |spec| spec.suspend = true);
    world.reconcile(loser);
    world.restart(); // the process before may have sent one
    world.edit(loser, |spec| spec.suspend = false);
    world.reconcile(loser);
    assert!(world.object(loser).finalizer);
    world.advance(world.settings.settle);
    world.reconcile(loser);
    assert!(!world.object(loser).finalizer);
}

#[test]
fn row_111_what_was_in_sync_in_one_environment_is_not_in_another_one_that_was_not_read() {
    let mut world = World::new();
    world.secret_leads_to(HOST);
    let uid = world.declare(by_secret(declared()));
    world.reconcile(uid);
    world.secret_leads_to(CUSTOM_DOMAIN); // another environment: nothing says that it is the same
    world.tenant().live = no_idle(43_200);
    for _ in 0..2 {
        world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
        world.reconcile(uid);
    }
    let pinned = world.object(uid).read().pinned.unwrap().environment;
    assert_eq!(pinned, CUSTOM_DOMAIN);
    assert_ne!(world.says(uid, ConditionType::Ready), "True InSync");
    assert_ne!(world.says(uid, ConditionType::Synced), "True InSync");
}

#[test]
fn row_111_a_deletion_without_credentials_does_not_go_for_what_was_in_sync_elsewhere() {
    let mut world = World::new();
    world.secret_leads_to(CUSTOM_DOMAIN); // another environment
    let heir = world.declare(by_secret(custom(240, None)));
    world.reconcile(heir);
    world.advance(MINUTE);
    world.tenant().live = Live::Application;
    let older = world.declare(enforce(custom(43_200, None)));
    world.cluster.get_mut(older).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    world.reconcile(older);
    assert_eq!(world.live(), no_idle(43_200));
    world.credentials_missing();
    world.delete(older);
    assert!(matches!(world.reconcile(older).outcome, Outcome::Holding { .. }));
    world.secret_leads_to(HOST);
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    world.reconcile(heir);
    let outcome = world.reconcile(older).outcome;
    assert_eq!(world.live(), no_idle(43_200));
    assert!(matches!(outcome, Outcome::Holding { .. }), "{outcome:?}: it leaves 30 days where 4 hours are declared");
}
