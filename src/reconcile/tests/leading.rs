//! What a process may do that is the leader of several, does not lead any more, or
//! leads since another one stopped.

use super::{
    samples::*,
    world::{Crash, Interrupted, On, Trouble, Uid, World},
};
use crate::policy::Live;
use crate::reconcile::{ConditionType, ErrorKind, Outcome, Predecessor, Reason, Requeue, Term};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A term that ends so much later than now, with five seconds more in which
/// nobody else leads.
fn ending(world: &World, left: Duration) -> Term {
    let ends = world.uptime() + left;
    Term { ends, valid_until: ends + 5 * SECOND, ..Term::default() }
}

#[test]
fn row_059_who_does_not_lead_any_more_sends_nothing_and_says_nothing() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    world.term = ending(&world, SECOND);
    world.advance(SECOND);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, reconciled.steps.len()), (Outcome::NotLeading, 0));
    assert_eq!(reconciled.update, None);
    assert_eq!(reconciled.requeue, Requeue::After(SECOND));
}

#[test]
fn row_059_a_reconcile_is_dropped_at_whichever_step_the_term_ends() {
    let edited = || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.edit(uid, |spec| spec.policy = custom(240, 30));
        (world, uid)
    };
    let (mut world, uid) = edited();
    let all = world.reconcile(uid).steps.len();
    for at in 0..=all {
        let (mut world, uid) = edited();
        world.meanwhile(at, |world| world.term = world.term.ended());
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.outcome, reconciled.steps.len()), (Outcome::NotLeading, at));
    }
}

#[test]
fn row_061_no_write_begins_that_could_outlast_the_lease_but_reads_do() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    world.term = ending(&world, 60 * SECOND);
    world.term.valid_until = world.uptime() + world.settings.deadline;
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.outcome, Outcome::NotLeading);
    assert!(reconciled.count("read policy") > 0 && reconciled.policies().is_empty());
    world.term.valid_until = world.uptime() + 60 * SECOND;
    assert_eq!(world.reconcile(uid).policies().len(), 1, "when it was renewed");
}

#[test]
fn row_061_no_finalizer_is_removed_that_close_to_the_end() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = Live::Application;
    world.delete(uid);
    world.term.valid_until = world.uptime() + world.settings.deadline;
    assert_eq!(world.reconcile(uid).outcome, Outcome::NotLeading);
    assert!(world.object(uid).finalizer);
    world.term = Term::default();
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Released(_)));
}

fn settle(world: &mut World, uid: Uid) {
    for _ in 0..5 {
        world.reconcile(uid);
        world.advance(world.settings.settle);
    }
    assert!(world.reconcile(uid).is_quiet(), "it comes to rest");
}

/// A leader stops at every step, with its write applied 19 seconds later, and
/// another one takes over.
fn stops_at_every_step(prepare: impl Fn() -> (World, Uid)) {
    for step in [QUICK, SECOND] {
        stops_at_every(|| {
            let (mut world, uid) = prepare();
            world.step = step;
            (world, uid)
        });
    }
}

fn stops_at_every(prepare: impl Fn() -> (World, Uid)) {
    let (mut reference, uid) = prepare();
    let steps = reference.reconcile(uid).steps.len();
    settle(&mut reference, uid);
    let end = |world: &World| (world.cluster.get(uid).map(|object| object.status.clone()), world.live());
    for at in 0..=steps {
        let (mut world, uid) = prepare();
        assert!(world.run(uid, Some(Crash { at, interrupted: Interrupted::Late(19 * SECOND) })).is_none());
        world.take_over(Predecessor::Interrupted);
        world.journal.clear();
        world.ended.clear();
        settle(&mut world, uid);
        assert_eq!(end(&world), end(&reference), "stopped at step {at}");
        let beside = world.journal.iter().find(|entry| entry.in_flight && entry.policy().is_some());
        assert!(beside.is_none(), "stopped at step {at}: {beside:#?}");
        let events = world.ended.iter().flat_map(|reconciled| &reconciled.events);
        assert_eq!(events.filter(|event| event.reason == Reason::DriftCorrected).count(), 0, "stopped at step {at}");
    }
}

#[test]
fn row_060_a_new_leader_writes_nothing_beside_a_write_of_the_one_before() {
    stops_at_every_step(|| {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        (world, uid)
    });
    let rest_then = |change: fn(&mut World, Uid)| {
        move || {
            let (mut world, uid) = World::at_rest(enforce(declared()));
            change(&mut world, uid);
            (world, uid)
        }
    };
    stops_at_every_step(rest_then(|world, uid| world.edit(uid, |spec| spec.policy = custom(240, 30))));
    stops_at_every_step(rest_then(|world, uid| world.edit(uid, |spec| *spec = retain(declared()))));
    stops_at_every_step(rest_then(|world, uid| world.delete(uid)));
}

/// The leader has stopped in the middle of a write, and then somebody edited the
/// resource.
fn edited_in_between(predecessor: Predecessor) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    let at = world.clone().reconcile(uid).steps.len() - 1;
    assert!(world.run(uid, Some(Crash { at, interrupted: Interrupted::Late(19 * SECOND) })).is_none());
    world.edit(uid, |spec| spec.policy = custom(120, 30));
    world.take_over(predecessor);
    (world, uid)
}

#[test]
fn row_060_what_the_leader_before_was_writing_is_waited_for_and_then_written_over() {
    let (mut world, uid) = edited_in_between(Predecessor::Interrupted);
    let reconciled = world.reconcile(uid);
    let Outcome::Settling(wait) = reconciled.outcome else { panic!("{:?}", reconciled.outcome) };
    assert!(wait <= world.settings.settle);
    assert_eq!(reconciled.requeue, Requeue::After(wait));
    assert_eq!(world.says(uid, ConditionType::Ready), "False Progressing");
    world.advance(wait);
    assert_eq!(world.live(), custom(240, 30).into(), "it was applied");
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.policies(), [custom(120, 30)]);
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
}

#[test]
fn row_116_a_deletion_under_a_new_leader_waits_for_what_the_one_before_may_have_sent() {
    let (mut world, uid) = edited_in_between(Predecessor::Interrupted);
    world.delete(uid);
    let mut reconciles = 0;
    while !world.is_gone(uid) {
        assert!(reconciles < 10, "{}", world.says(uid, ConditionType::Ready));
        reconciles += 1;
        world.reconcile(uid);
        let may_land = world.scalekit.has_policy_in_flight(uid);
        assert!(!(world.is_gone(uid) && may_land), "a write of the leader before can still be applied");
        world.advance(7 * SECOND);
    }
    assert_eq!(world.live(), Live::Application);
}

#[test]
fn row_060_a_status_of_the_new_term_hides_nothing_of_what_the_leader_before_was_writing() {
    let (mut world, uid) = edited_in_between(Predecessor::Interrupted);
    world.trouble(On::Organization, 0, Trouble::Refused(ErrorKind::Forbidden));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True Forbidden", "nothing is under way, says the status");
    let reconciled = world.reconcile(uid);
    let Outcome::Settling(wait) = reconciled.outcome else { panic!("it writes beside: {:?}", reconciled.words()) };
    world.advance(wait);
    assert_eq!(world.live(), custom(240, 30).into(), "it was applied");
    assert_eq!(world.reconcile(uid).policies(), [custom(120, 30)]);
}

#[test]
fn row_058_nothing_is_waited_for_where_the_leader_before_has_given_the_lease_back() {
    let (mut world, uid) = edited_in_between(Predecessor::Settled);
    assert_eq!(world.reconcile(uid).policies(), [custom(120, 30)]);
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.take_over(Predecessor::Settled);
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Released(_)), "the finalizer too");
}

#[test]
fn row_060_drift_of_what_was_at_rest_when_the_leader_stopped_is_corrected_at_once_and_what_is_new_is_written() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.take_over(Predecessor::Interrupted);
    world.tenant().live = foreign();
    assert_eq!(world.reconcile(uid).policies(), [declared()]);
    world.take_over(Predecessor::Interrupted);
    let spec = crate::policy::ValidatedSpec { organization: by_external_id("tenant-2"), ..enforce(custom(100, None)) };
    let new = world.declare(spec);
    assert!(!matches!(world.reconcile(new).outcome, Outcome::Settling(_)));
}

#[test]
fn row_060_an_edit_that_the_leader_may_have_seen_before_it_stopped_waits() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    world.take_over(Predecessor::Interrupted);
    let Outcome::Settling(wait) = world.reconcile(uid).outcome else { panic!("it is written at once") };
    world.advance(wait);
    assert_eq!(world.reconcile(uid).policies(), [custom(240, 30)]);
}

#[test]
fn once_a_term_has_ended_no_write_goes_out_that_has_waited_for_its_turn() {
    let ended = Term { since: SECOND, ..Term::default() }.ended();
    assert!(!ended.is_held(Duration::ZERO));
    assert_eq!((ended.since, ended.valid_until), (SECOND, Duration::ZERO), "until then it may be sent");
}
