//! A deletion beside others that claim the organization, and one that waits: who
//! writes, who takes over, and when.

use super::{
    deletion::deleting,
    samples::*,
    world::{On, SECRET, Trouble, Uid, World},
};
use crate::policy::{Live, Mode, Policy, ValidatedSpec};
use crate::reconcile::{
    ClaimState, ConditionType, CredentialsError, CredentialsSource, ErrorKind, Outcome, ReadError, Reason, Release,
    Requeue,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn whoever_uninstalls_gets_every_resource_off_its_finalizer() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.uninstalling = true;
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, world.live()), (Outcome::Released(Release::Reverted), Live::Application));
    assert!(!world.object(uid).finalizer && world.object(uid).deleting_since.is_none());
    assert_eq!(
        (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::Stalled)),
        ("Unknown Uninstalled".into(), "absent".into())
    );
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::NothingToRevert), "again is no harm");
}

#[test]
fn a_successor_waits_for_a_write_of_its_predecessor_that_may_still_land() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.edit(older, |d| d.policy = custom(120, 30));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unreachable));
    world.reconcile(older);
    let successor = world.declare(enforce(custom(240, None)));
    world.delete(older);
    assert!(matches!(world.reconcile(older).outcome, Outcome::Settling(_)));
    assert!(world.reconcile(successor).is_quiet(), "not yet the owner");
    world.advance(world.settings.settle);
    assert!(matches!(world.reconcile(older).outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    world.reconcile(successor);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
    world.advance(world.settings.settle);
    assert_eq!(world.live(), no_idle(240), "nothing lands on it");
}

#[test]
fn a_successor_that_comes_after_the_deletion_waits_for_such_a_write_too() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.settings.revert_delay = Duration::from_secs(10);
    world.edit(older, |spec| spec.policy = custom(43_200, 30));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unreachable));
    world.reconcile(older);
    world.delete(older);
    assert!(matches!(world.reconcile(older).outcome, Outcome::Waiting { reason: Reason::Deleting, .. }));
    let successor = world.declare(enforce(custom(240, None)));
    assert!(world.reconcile(successor).is_quiet(), "the write may still be applied");
    world.advance(world.settings.settle);
    world.reconcile(older);
    world.reconcile(successor);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
    world.advance(world.settings.settle);
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn a_successor_gets_the_organization_without_a_revert() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    let successor = world.declare(enforce(custom(240, None)));
    world.delete(older);
    assert!(world.reconcile(successor).is_quiet(), "the one that goes has not yielded yet");
    let reconciled = world.reconcile(older);
    assert!(matches!(reconciled.outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    world.reconcile(successor);
    let reconciled = world.reconcile(older);
    assert_eq!((reconciled.policies(), reconciled.outcome), (vec![], Outcome::Released(Release::HandedOver)));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_111_a_successor_that_does_not_get_its_policy_live_in_time_is_not_waited_for() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
    let successor = world.declare(enforce(custom(240, None)));
    world.delete(older);
    let Outcome::Waiting { reason: Reason::HandingOver, until, .. } = world.reconcile(older).outcome else {
        panic!("no hand-over")
    };
    world.reconcile(successor);
    assert_eq!(world.says(successor, ConditionType::Ready), "False RejectedByApi");
    world.scalekit.habits.refuses_policy = None;
    world.advance(MINUTE);
    assert!(until <= world.now);
    let reconciled = world.reconcile(older);
    assert_eq!(
        (reconciled.policies(), reconciled.outcome),
        (vec![Policy::Application], Outcome::Released(Release::Reverted))
    );
    world.reconcile(successor);
    assert_eq!((world.live(), world.is_gone(older)), (no_idle(240), true), "and then it is the only one");
}

/// The status of the other one is of a time when it still reached Scalekit.
#[test]
fn row_111_a_successor_that_was_in_sync_long_ago_takes_nothing_over() {
    let (mut world, older, heir) = beside_a_silent_successor(custom(240, None));
    world.delete(older);
    let reconciled = world.reconcile(older);
    assert!(matches!(reconciled.outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    world.advance(MINUTE);
    let reconciled = world.reconcile(older);
    let reverted = (vec![Policy::Application], Outcome::Released(Release::Reverted));
    assert_eq!((reconciled.policies(), reconciled.outcome), reverted, "or its policy would stay for good");
    assert!(!world.is_gone(heir));
}

#[test]
fn row_111_a_silent_successor_whose_policy_is_live_takes_over() {
    let (mut world, older, _) = beside_a_silent_successor(declared());
    world.delete(older);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
}

#[test]
fn row_111_without_credentials_a_deletion_believes_a_successor_only_what_it_has_just_found() {
    let (mut world, older, heir) = beside_a_silent_successor(custom(240, None));
    world.credentials_missing();
    world.delete(older);
    for _ in 0..3 {
        let reconciled = world.reconcile(older);
        assert!(matches!(reconciled.outcome, Outcome::Holding { .. }), "{:?}", reconciled.outcome);
        assert_eq!(reconciled.requeue, Requeue::Backoff { cap: MINUTE });
        assert_eq!(reconciled.state.contests.map(|contest| contest.uid), Some(heir.to_string()), "it is asked");
        world.advance(MINUTE);
    }
    world.secret_leads_to(HOST);
    world.reconcile(heir);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
}

/// An owner, and a younger resource that declares `policy` and was in sync while the owner
/// had lost its credentials. Now those of the younger one can't be read.
fn beside_a_silent_successor(policy: Policy) -> (World, Uid, Uid) {
    let (mut world, older) = World::at_rest(enforce(declared()));
    let credentials = world.credentials.clone();
    world.credentials_missing();
    world.reconcile(older);
    world.advance(MINUTE * 2);
    world.reconcile(older);
    world.secret_leads_to(HOST);
    let heir = world.declare(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(policy) });
    world.reconcile(heir);
    let unreadable =
        CredentialsError::Unreadable { from: CredentialsSource::Secret(SECRET.into()), why: ReadError::Unavailable };
    world.secrets.values_mut().for_each(|secret| *secret = Err(unreadable.clone()));
    world.credentials = credentials;
    world.reconcile(older);
    assert_eq!(world.live(), declared().into());
    world.advance(MINUTE * 4);
    world.reconcile(heir);
    assert_eq!(world.says(heir, ConditionType::Ready), "True InSync");
    (world, older, heir)
}

#[test]
fn row_111_nobody_else_writes_while_a_revert_may_still_land() {
    let (mut world, older) = deleting(enforce(declared()));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    assert!(matches!(world.reconcile(older).outcome, Outcome::CleanupPending(_) | Outcome::Settling(_)));
    let successor = world.declare(enforce(custom(240, None)));
    assert!(world.reconcile(successor).is_quiet());
    world.cluster.get_mut(successor).unwrap().created = jiff::Timestamp::from_second(1).unwrap();
    assert!(world.reconcile(successor).is_quiet(), "an older one neither");
    world.advance(world.settings.settle);
    world.reconcile(older);
    world.reconcile(successor);
    world.advance(world.settings.settle);
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn one_that_is_deleted_yields_to_one_whose_revert_is_under_way() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    let younger = world.declare(enforce(declared()));
    world.set_finalizer_by_hand(younger, true);
    world.delete(younger);
    world.delete(older);
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unreachable));
    assert!(matches!(world.reconcile(older).outcome, Outcome::CleanupPending(_) | Outcome::Settling(_)));
    let reconciled = world.reconcile(younger);
    assert!(matches!(reconciled.outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    assert!(reconciled.policies().is_empty());
}

#[test]
fn row_111_a_revert_without_credentials_keeps_others_out_only_while_its_write_may_land() {
    let (mut world, older) = deleting(enforce(declared()));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    world.reconcile(older);
    world.credentials_missing();
    let held = world.reconcile(older);
    assert!(matches!(held.outcome, Outcome::Holding { .. }));
    assert_eq!(held.requeue, Requeue::After(held.state.unsettled_for()), "not as late as a Secret is read again");
    assert_eq!(world.object(older).read().claim, Some(ClaimState::Reverting));
    world.advance(world.settings.settle);
    world.reconcile(older);
    assert_eq!(world.object(older).read().claim, None);
}

#[test]
fn row_117_a_revert_waits_for_its_announced_time_and_a_successor_cancels_it() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.settings.revert_delay = Duration::from_secs(10);
    world.delete(older);
    let reconciled = world.reconcile(older);
    let Outcome::Waiting { reason: Reason::Deleting, until, .. } = reconciled.outcome else { panic!("not announced") };
    assert!(reconciled.policies().is_empty());
    assert_eq!(
        world.object(older).status.clone().unwrap().release.map(|r| (r.reason, r.at)),
        Some((Reason::Deleting, until))
    );
    assert!(reconciled.events.iter().any(|event| event.note.contains(&until.to_string())), "{:?}", reconciled.events);
    let successor = world.declare(enforce(custom(240, None)));
    world.reconcile(successor);
    assert_eq!(world.live(), no_idle(240), "it need not wait");
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
    world.delete(successor);
    world.reconcile(successor);
    world.advance(Duration::from_secs(10));
    assert_eq!(world.reconcile(successor).outcome, Outcome::Released(Release::Reverted), "when the time is over");
}

#[test]
fn row_127_a_clock_that_is_set_forward_ends_no_wait() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.credentials_missing();
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }));
    world.set_clock_forward(MINUTE * 120);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }), "this process has not waited yet");
    world.advance(MINUTE * 60);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Released(Release::Orphaned(_))));
}

#[test]
fn row_127_nor_one_that_has_lasted_for_a_while() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.credentials_missing();
    world.reconcile(uid);
    world.advance(MINUTE * 10);
    world.set_clock_forward(MINUTE * 120);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }), "it has waited ten minutes of sixty");
}

#[test]
fn a_conflicted_resource_leaves_the_organization_to_its_owner() {
    let mut world = World::new();
    let owner = world.declare(enforce(declared()));
    let conflicted = world.declare(enforce(custom(240, None)));
    world.reconcile(owner);
    world.set_finalizer_by_hand(conflicted, true);
    world.delete(conflicted);
    let reconciled = world.reconcile(conflicted);
    assert_eq!((reconciled.policies(), reconciled.outcome), (vec![], Outcome::Released(Release::NotOwner)));
    assert_eq!(world.live(), declared().into());
}

#[test]
fn a_write_of_an_earlier_reconcile_that_lands_after_the_revert_is_reverted_too() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |d| d.policy = custom(240, None));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, Duration::from_secs(19)));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unreachable));
    world.reconcile(uid);
    world.delete(uid);
    let Outcome::Settling(wait) = world.reconcile(uid).outcome else { panic!("not settling") };
    assert_eq!(world.live(), Live::Application);
    world.advance(wait);
    assert_eq!(world.live(), no_idle(240), "the late write landed");
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
    assert_eq!((world.live(), world.is_gone(uid)), (Live::Application, true));
}

#[test]
fn one_that_would_write_nothing_takes_nothing_over() {
    for idle in [observe(declared()), ValidatedSpec { suspend: true, ..enforce(declared()) }] {
        let (mut world, older) = World::at_rest(enforce(declared()));
        world.declare(idle.clone());
        world.delete(older);
        assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::Reverted), "{idle:?}");
    }
}

#[test]
fn whoever_uninstalls_hands_nothing_over() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.declare(enforce(custom(240, None)));
    world.uninstalling = true;
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn row_111_nor_does_one_that_observes_and_enforces_in_turn() {
    for older_heir in [false, true] {
        let mut world = World::new();
        world.settings.revert_delay = Duration::from_secs(10);
        let first = world.declare(enforce(declared()));
        world.reconcile(first);
        let second = world.declare(enforce(custom(240, None)));
        let (goes, heir) = if older_heir { (second, first) } else { (first, second) };
        if older_heir {
            world.set_finalizer_by_hand(goes, true);
            world.tenant().live = no_idle(240);
        }
        world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
        world.delete(goes);
        let began = world.now;
        while matches!(world.reconcile(goes).outcome, Outcome::Waiting { .. }) {
            assert!(world.now < began + Duration::from_secs(150), "it waits for ever");
            let observes = |spec: &mut ValidatedSpec| {
                spec.mode = if spec.mode == Mode::Observe { Mode::Enforce } else { Mode::Observe };
            };
            world.edit(heir, observes);
            world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
            world.reconcile(heir);
            world.scalekit.habits.refuses_policy = None;
            world.advance(Duration::from_secs(5));
        }
        assert!(world.is_gone(goes), "{older_heir}");
    }
}

#[test]
fn row_111_a_successor_that_comes_and_goes_puts_no_revert_off_for_ever() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.settings.revert_delay = Duration::from_secs(10);
    world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
    let successor = world.declare(enforce(custom(240, None)));
    world.delete(older);
    let began = world.now;
    while matches!(world.reconcile(older).outcome, Outcome::Waiting { .. }) {
        assert!(world.now < began + Duration::from_secs(120), "it waits for ever");
        world.edit(successor, |spec| spec.suspend = !spec.suspend);
        world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
        world.reconcile(successor);
        world.scalekit.habits.refuses_policy = None;
        world.advance(Duration::from_secs(5));
    }
    assert!(world.is_gone(older));
}

#[test]
fn row_127_a_clock_that_is_set_forward_before_a_start_ends_no_grace() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.credentials_missing();
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }));
    world.set_clock_forward(MINUTE * 120);
    world.restart();
    let outcome = world.reconcile(uid).outcome;
    assert!(matches!(outcome, Outcome::Holding { .. }), "{outcome:?}: this process has not waited yet");
}
