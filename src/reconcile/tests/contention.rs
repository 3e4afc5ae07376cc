//! Two that set the same policy: ours corrects a few times, then gives way and
//! says so.

use super::{
    samples::*,
    world::{Omits, On, Trouble, Uid, World},
};
use crate::policy::{Live, Mode, tighten};
use crate::reconcile::{ConditionType, ErrorKind, HOUR, Outcome, Requeue};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What a customer's admin makes of it.
fn stricter() -> Live {
    custom(240, 30).into()
}

/// What loosens it, in one field at least.
fn looser() -> [Live; 5] {
    [
        custom(43_200, None).into(),
        custom(480, None).into(),
        custom(600, 30).into(),
        Live::Application,
        Live::Unrecognized,
    ]
}

/// Undone so often in a row, each time found a minute later.
fn undone(times: usize) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.journal.clear();
    for _ in 0..times {
        undo_and_reconcile(&mut world, uid);
    }
    (world, uid)
}

fn undo_and_reconcile(world: &mut World, uid: Uid) {
    world.tenant().live = stricter();
    world.advance(MINUTE);
    world.reconcile(uid);
}

fn writes(world: &World) -> usize {
    world.journal.iter().filter(|entry| entry.policy().is_some()).count()
}

#[test]
fn row_035_what_is_undone_for_the_fifth_time_in_an_hour_is_contended() {
    let (mut world, uid) = undone(4);
    assert_eq!((writes(&world), world.says(uid, ConditionType::Ready)), (4, "True InSync".into()));
    undo_and_reconcile(&mut world, uid);
    assert_eq!((writes(&world), world.live()), (4, stricter()));
    assert_eq!(
        (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::Stalled)),
        ("False Contended".into(), "True Contended".into())
    );
    assert_eq!(world.says(uid, ConditionType::Synced), "False DriftDetected");
    let reconciled = world.reconcile(uid);
    assert!(reconciled.is_quiet() && matches!(reconciled.outcome, Outcome::Contended { gives_way: true, .. }));
    assert_eq!(reconciled.requeue, Requeue::Interval(MINUTE * 10), "it is still read");
}

#[test]
fn row_048_a_fight_is_tried_once_an_hour() {
    let (mut world, uid) = undone(5);
    for _ in 0..30 {
        undo_and_reconcile(&mut world, uid);
    }
    assert_eq!(writes(&world), 4);
    world.advance(HOUR / 2);
    world.reconcile(uid);
    assert_eq!((writes(&world), world.live()), (5, declared().into()));
    assert_eq!(
        (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::Stalled)),
        ("True InSync".into(), "absent".into())
    );
    for _ in 0..50 {
        undo_and_reconcile(&mut world, uid);
    }
    assert_eq!(
        (writes(&world), world.says(uid, ConditionType::Stalled)),
        (5, "True Contended".into()),
        "and not more often"
    );
}

#[test]
fn a_fight_that_ended_is_forgotten_after_an_hour() {
    let (mut world, uid) = undone(5);
    world.tenant().live = declared().into();
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
    world.advance(HOUR);
    world.reconcile(uid);
    undo_and_reconcile(&mut world, uid);
    assert_eq!(writes(&world), 5);
    undo_and_reconcile(&mut world, uid);
    assert_eq!(writes(&world), 6);
}

#[test]
fn drift_now_and_then_is_corrected_for_ever() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.journal.clear();
    for _ in 0..20 {
        world.advance(MINUTE * 19);
        undo_and_reconcile(&mut world, uid);
    }
    assert_eq!((writes(&world), world.says(uid, ConditionType::Ready)), (20, "True InSync".into()));
}

#[test]
fn an_edit_is_tried_at_once() {
    let (mut world, uid) = undone(5);
    world.edit(uid, |d| d.policy = custom(240, None));
    world.reconcile(uid);
    assert_eq!((world.live(), world.says(uid, ConditionType::Ready)), (no_idle(240), "True InSync".into()));
}

#[test]
fn a_restart_in_the_middle_of_a_fight_is_no_try() {
    let (mut world, uid) = undone(5);
    world.restart();
    undo_and_reconcile(&mut world, uid);
    assert_eq!((writes(&world), world.says(uid, ConditionType::Stalled)), (4, "True Contended".into()));
    world.advance(HOUR);
    world.reconcile(uid);
    assert_eq!(writes(&world), 5);
}

#[test]
fn a_flag_that_others_keep_switching_off_is_switched_on_again_each_interval() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for _ in 0..5 {
        world.switch_flag(false);
        world.advance(MINUTE);
        world.reconcile(uid);
    }
    assert!(!world.tenant().session_policy_on(), "not at once");
    assert_eq!(world.says(uid, ConditionType::Contended), "True Contended");
    world.advance(world.settings.interval);
    world.reconcile(uid);
    assert!(world.tenant().session_policy_on(), "without it the organization may have no policy at all");
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
}

#[test]
fn a_deletion_reverts_all_the_same_and_observing_never_fights() {
    let (mut world, uid) = undone(5);
    world.delete(uid);
    world.reconcile(uid);
    assert!(world.is_gone(uid));
    let (mut world, uid) = undone(5);
    world.edit(uid, |d| d.mode = Mode::Observe);
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "True Observing");
}

#[test]
fn row_113_a_looser_value_never_stays_longer_than_an_interval() {
    for spec in [enforce(declared()), tighten_only(declared())] {
        for live in looser().into_iter().filter(|live| spec.mode == Mode::Enforce || *live != Live::Unrecognized) {
            let (mut world, uid) = World::at_rest(spec.clone());
            for nth in 1..40 {
                world.tenant().live = live;
                world.advance(world.settings.interval.mul_f64(0.9));
                world.reconcile(uid);
                assert!(tighten(&declared(), &world.live()).is_none(), "{live} stays, {:?}, {nth}", spec.mode);
                assert_eq!(world.says(uid, ConditionType::Ready).split(' ').next(), Some("True"), "{nth}");
                let contended = if nth < 5 { "absent" } else { "True Contended" };
                assert_eq!(world.says(uid, ConditionType::Contended), contended, "{live}, {nth}");
            }
        }
    }
}

#[test]
fn row_113_a_looser_value_that_comes_back_every_minute_is_corrected_twice_an_interval_at_most() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.journal.clear();
    for minute in 0..100 {
        world.tenant().live = custom(43_200, None).into();
        world.advance(MINUTE);
        let reconciled = world.reconcile(uid);
        if let Outcome::Contended { gives_way, next } = reconciled.outcome {
            assert!(!gives_way && minute >= 4);
            assert_eq!(reconciled.requeue, Requeue::After(next), "it is corrected without anybody asking");
            assert!(next <= world.settings.interval / 2);
            assert_eq!(world.says(uid, ConditionType::Reconciling), "True Contended");
        }
    }
    assert!((4 + 18..=4 + 22).contains(&writes(&world)), "{} in ten intervals", writes(&world));
    world.advance(HOUR);
    world.reconcile(uid);
    world.advance(HOUR);
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Contended), "absent", "it is over");
}

/// Contended by a looser policy, and undone once more.
fn loosened() -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for _ in 0..6 {
        world.tenant().live = foreign();
        world.reconcile(uid);
        world.advance(MINUTE * 5);
    }
    world.tenant().live = foreign();
    (world, uid)
}

#[test]
fn row_113_restarts_are_no_reason_to_leave_a_looser_policy() {
    let (mut world, uid) = loosened();
    world.restart();
    world.advance(MINUTE);
    world.reconcile(uid);
    assert_eq!(world.live(), declared().into());
}

#[test]
fn a_correction_that_was_not_made_does_not_count() {
    for kind in [ErrorKind::RateLimited { retry_after: MINUTE }, ErrorKind::AuthFailed] {
        let (mut world, uid) = loosened();
        for nth in 0..2 {
            world.trouble(On::WritePolicy, nth, Trouble::Refused(kind)); // credentials are tried twice
        }
        world.reconcile(uid);
        assert_eq!(world.live(), foreign(), "{kind:?}");
        world.calm();
        world.advance(Duration::from_secs(1));
        world.reconcile(uid);
        assert_eq!(world.live(), declared().into(), "{kind:?}");
    }
}

#[test]
fn credentials_that_are_refused_once_count_as_one_correction() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for _ in 0..3 {
        world.tenant().live = stricter();
        world.advance(MINUTE);
        world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::AuthFailed));
        world.reconcile(uid);
    }
    assert_eq!(world.says(uid, ConditionType::Contended), "absent", "undone three times, not five");
}

#[test]
fn a_stricter_policy_is_not_given_way_to_where_the_feature_is_not_known_to_be_on() {
    for omits in [Omits::Never, Omits::Always] {
        let mut world = World::new();
        world.scalekit.habits.omits_features = omits;
        let uid = world.declare(enforce(declared()));
        world.reconcile(uid);
        (0..5).for_each(|_| undo_and_reconcile(&mut world, uid));
        assert_eq!(world.says(uid, ConditionType::Contended), "True Contended");
        world.tenant().live = stricter();
        world.switch_flag(false);
        world.advance(world.settings.interval / 2);
        world.reconcile(uid);
        assert_eq!(world.live(), declared().into(), "nobody promises that the stricter one applies, {omits:?}");
    }
}
