//! When a resource is reconciled again.

use super::{
    random::{cases, runs},
    samples::*,
    world::{On, Reconciled, Trouble, Uid, World, access},
};
use crate::reconcile::{
    ConditionType, Crash, CredentialsError, CredentialsKey, CredentialsSource, ErrorKind, HOUR, NextReconcile, Outcome,
    ReadError, Reason, RemoteError, RemoteOutcome, Requeue, State, next_reconcile, requeue,
};
use proptest::prelude::*;
use std::time::Duration;
use strum::IntoEnumIterator;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const CAPPED: Requeue = Requeue::Backoff { cap: Duration::from_secs(300) };

fn after(prepare: impl FnOnce(&mut World, Uid)) -> Requeue {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    prepare(&mut world, uid);
    world.reconcile(uid).requeue
}

#[test]
fn at_rest_after_the_interval_of_the_resource_or_else_of_the_operator() {
    assert_eq!(after(|_, _| {}), Requeue::Interval(MINUTE * 10));
    assert_eq!(after(|w, uid| w.edit(uid, |d| d.interval = Some(MINUTE * 2))), Requeue::Interval(MINUTE * 2));
    assert_eq!(after(|w, uid| w.edit(uid, |d| *d = observe(custom(60, None)))), Requeue::Interval(MINUTE * 10));
}

#[test]
fn row_115_a_deletion_whose_secret_could_not_be_read_once_does_not_wait_for_a_minute() {
    let from = CredentialsSource::Secret("scalekit".into());
    let unreadable = CredentialsError::Unreadable { from, why: ReadError::Unavailable };
    let deleted = after(|w, uid| {
        w.credentials = Err(unreadable);
        w.delete(uid);
    });
    assert_eq!(deleted, Requeue::AFTER_API_SERVER);
}

#[test]
fn never_where_only_an_edit_can_help() {
    assert_eq!(after(|w, uid| w.edit(uid, |d| d.suspend = true)), Requeue::Never);
    assert_eq!(after(|w, uid| w.cluster.get_mut(uid).unwrap().spec = Err(vec![])), Requeue::Never);
    assert_eq!(after(|w, _| w.cluster.objects.clear()), Requeue::Never);
    assert_eq!(after(|w, uid| w.delete(uid)), Requeue::Never);
}

#[test]
fn within_a_minute_where_a_secret_may_come() {
    let soon = Duration::from_secs(3);
    let missing = |age| after(|w, _| (w.advance(age), w.credentials_missing()).1);
    assert_eq!(missing(Duration::ZERO), Requeue::Backoff { cap: soon }, "it may come with the same delivery");
    assert_eq!(missing(MINUTE), Requeue::Backoff { cap: MINUTE });
    let from = CredentialsSource::Secret("scalekit".into());
    let unusable = CredentialsError::KeyMissing { from, key: CredentialsKey::ClientId };
    assert_eq!(after(|w, _| w.credentials = Err(unusable)), Requeue::Backoff { cap: MINUTE });
    for kind in [ErrorKind::CredentialsRejected, ErrorKind::AuthFailed] {
        let refused = |age: Duration| {
            after(|w, uid| {
                w.scalekit.down = Some(kind);
                w.reconcile(uid);
                w.scalekit.down = Some(ErrorKind::Unavailable);
                w.advance(age);
                w.reconcile(uid);
                w.scalekit.down = Some(kind);
            })
        };
        assert_eq!(after(|w, _| w.scalekit.down = Some(kind)), Requeue::After(Duration::from_secs(5)));
        assert_eq!(
            refused(MINUTE / 2),
            Requeue::After(Duration::from_secs(5)),
            "the right one often comes seconds later"
        );
        assert_eq!(refused(MINUTE), Requeue::After(MINUTE));
    }
    let held = |w: &mut World, uid| {
        w.credentials = Ok(access("other.scalekit.com"));
        w.delete(uid);
    };
    assert_eq!(after(held), Requeue::After(MINUTE));
}

#[test]
fn slowly_where_a_person_or_another_resource_is_needed() {
    use ErrorKind::{Forbidden, Rejected, Unsupported};
    let hour = Requeue::Interval(MINUTE * 60);
    assert_eq!(after(|w, _| w.scalekit.organizations.clear()), Requeue::Interval(MINUTE * 10));
    assert_eq!(after(|w, _| w.scalekit.down = Some(Forbidden)), Requeue::Interval(MINUTE * 5));
    assert_eq!(after(|w, _| w.scalekit.down = Some(Rejected)), hour);
    assert_eq!(after(|w, _| w.scalekit.down = Some(Unsupported)), hour);
    assert_eq!(after(|w, _| w.scalekit.habits.lacks_policy_route = true), hour);
    let lost = |w: &mut World, _| {
        w.switch_flag(false);
        w.scalekit.habits.keeps_flag_off = true;
    };
    assert_eq!(after(lost), hour);
    let changed = |w: &mut World, _| {
        w.tenant().live = foreign();
        w.scalekit.habits.normalises = Some(|_| no_idle(1));
    };
    assert_eq!(after(changed), hour);
    let mut world = World::new();
    world.declare(enforce(declared()));
    let conflicted = world.declare(enforce(declared()));
    assert_eq!(world.reconcile(conflicted).requeue, Requeue::Interval(MINUTE * 10));
}

#[test]
fn with_growing_pauses_in_an_outage_and_as_told_when_limited() {
    use ErrorKind::{BadResponse, TimedOut, Tls, Unavailable, Unreachable};
    for kind in [BadResponse, TimedOut, Tls, Unavailable, Unreachable] {
        assert_eq!(after(|w, _| w.scalekit.down = Some(kind)), CAPPED, "{kind:?}");
        let deleting = |w: &mut World, uid| {
            w.scalekit.down = Some(kind);
            w.delete(uid);
        };
        assert_eq!(after(deleting), CAPPED, "deleting, {kind:?}");
    }
    let limited = ErrorKind::RateLimited { retry_after: SECOND * 42 };
    assert_eq!(after(|w, _| w.scalekit.down = Some(limited)), Requeue::After(SECOND * 42));
    let long = ErrorKind::RateLimited { retry_after: MINUTE * 15 };
    let paused = |w: &mut World, uid| {
        w.edit(uid, |d| d.interval = Some(MINUTE * 2));
        w.scalekit.down = Some(long);
    };
    assert_eq!(after(paused), Requeue::After(MINUTE * 2), "its status must not be older than the interval");
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let state = world.reconcile(uid).state;
    assert_eq!(requeue(&state, &Outcome::Crashed(Crash::Panicked)), CAPPED);
    let not_sent = RemoteError { not_sent: true, ..RemoteError::new(Unavailable) };
    let probe = RemoteError { probe_after: Some(SECOND * 7), ..RemoteError::new(Unavailable) };
    for (error, expected) in [(not_sent, CAPPED), (probe, Requeue::After(SECOND * 7))] {
        assert_eq!(requeue(&state, &Outcome::Reconciled(RemoteOutcome::Error(error.clone()))), expected);
        assert_eq!(requeue(&state, &Outcome::CleanupPending(error)), expected);
    }
}

#[test]
fn when_a_write_of_this_reconcile_must_have_landed() {
    let lost = |w: &mut World, _| {
        w.tenant().live = foreign();
        w.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    };
    assert_eq!(after(lost), Requeue::After(SECOND * 20));
    let deleted = |w: &mut World, uid| {
        w.delete(uid);
        w.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    };
    assert_eq!(after(deleted), Requeue::After(SECOND * 20));
    let mut world = World::new();
    world.tenant().live = foreign();
    let uid = world.declare(tighten_only(declared()));
    world.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    assert_eq!(world.reconcile(uid).requeue, Requeue::After(SECOND * 20), "stricter kept");
}

#[test]
fn when_a_write_of_an_earlier_reconcile_must_have_landed() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |d| d.policy = custom(240, None));
    world.trouble(On::WritePolicy, 0, Trouble::Late(ErrorKind::Unavailable, SECOND * 19));
    world.trouble(On::ReadPolicy, 1, Trouble::Refused(ErrorKind::Unreachable));
    world.reconcile(uid);
    world.edit(uid, |d| d.policy = custom(120, 30));
    let Requeue::After(wait) = world.reconcile(uid).requeue else { panic!("it would be found an interval late") };
    assert_eq!(world.live(), custom(120, 30).into());
    world.advance(wait);
    assert_eq!(world.live(), no_idle(240), "the late write landed");
    world.reconcile(uid);
    assert_eq!(world.live(), custom(120, 30).into());
}

#[test]
fn in_a_second_where_an_older_one_is_looked_at_and_later_where_nobody_can_be_asked() {
    for (same_environment_unknown, time) in [(false, SECOND), (true, SECOND * 30)] {
        let state = State { same_environment_unknown, ..State::default() };
        assert_eq!(requeue(&state, &Outcome::Undecided), Requeue::After(time));
    }
}

/// What a status says of the next reconcile, and when that really comes.
fn is_true(said: NextReconcile, planned: Requeue, interval: Duration) -> bool {
    match (said, planned) {
        (NextReconcile::Never, Requeue::Never) => true,
        (NextReconcile::Now, Requeue::After(_)) => true,
        (NextReconcile::Interval, Requeue::Interval(time) | Requeue::After(time)) => time <= interval,
        // a status announces whole seconds
        (NextReconcile::Within(said), Requeue::After(time)) => time < said + SECOND,
        (NextReconcile::Within(said), Requeue::Interval(time)) => time <= said,
        (NextReconcile::Within(said), Requeue::Backoff { cap }) => cap <= said,
        (NextReconcile::Retry(said), Requeue::Backoff { cap }) => cap == said,
        (NextReconcile::Retry(_), Requeue::After(_)) => true,
        _ => false,
    }
}

fn said(reconciled: &Reconciled) -> Option<NextReconcile> {
    let update = reconciled.update.as_ref()?;
    let reason = |type_| update.conditions.iter().find(|c| c.type_ == type_).map(|c| c.reason);
    let valid = reconciled.state.spec().is_some();
    let release = update.release.as_ref().map(|release| release.reason);
    Some(next_reconcile(reason(ConditionType::Ready)?, reason(ConditionType::Synced), release, valid))
}

proptest! {
    #![proptest_config(cases(500))]
    #[test]
    fn people_are_told_the_time_that_is_planned(run in runs()) {
        for reconciled in run.play(|_, _| Ok(()))?.ended {
            let Some(said) = said(&reconciled) else { continue };
            // an outage that is too short to be reported leaves the status as it was
            let unreported = matches!(&reconciled.outcome, Outcome::Reconciled(RemoteOutcome::Error(error))
                if !reconciled.update.as_ref().unwrap().conditions.iter().any(|c| c.reason == error.kind.reason()));
            let (planned, interval) = (reconciled.requeue, reconciled.state.interval());
            // nobody is told that a contested claim is tried again before it lapses
            let contested = said == NextReconcile::Never && reconciled.state.history.is_contested();
            // nor, in these words, when a suspension ends; its message has the time
            let ends = matches!(reconciled.outcome, Outcome::Suspended { left: Some(_) });
            prop_assert!(unreported || contested || ends || is_true(said, planned, interval), "{said:?} and {planned:?}: {reconciled:#?}");
        }
    }
}

#[test]
fn a_hold_and_a_contended_policy_are_announced_with_their_own_times() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.scalekit.down = Some(ErrorKind::Forbidden);
    assert_eq!(said(&world.reconcile(uid)), Some(NextReconcile::Within(MINUTE * 5)));
    world.delete(uid);
    assert_eq!(said(&world.reconcile(uid)), Some(NextReconcile::Within(MINUTE)), "it waits for a person");
    let limited = ErrorKind::RateLimited { retry_after: MINUTE * 30 };
    world.scalekit.down = Some(limited);
    assert_eq!(said(&world.reconcile(uid)), Some(NextReconcile::Retry(MINUTE * 5)));
    assert_eq!(next_reconcile(Reason::RateLimited, None, None, true), NextReconcile::Retry(MINUTE * 5));
    assert_eq!(next_reconcile(Reason::Contended, None, None, true), NextReconcile::Interval);
}

#[test]
fn what_to_do_about_a_reason_names_the_times_that_are_planned() {
    let mut named = 0;
    for reason in Reason::ALL {
        for (words, time) in [("within a minute", MINUTE), ("every hour", MINUTE * 60)] {
            if reason.act().contains(words) {
                assert_eq!(next_reconcile(*reason, None, None, true), NextReconcile::Within(time), "{reason}");
                named += 1;
            }
        }
    }
    assert!(named >= 7, "{named}");
    assert!(Reason::Contended.act().contains("stays and is tried once an hour") && HOUR == MINUTE * 60);
}

#[test]
fn an_outage_after_refused_credentials_is_announced_with_its_own_time() {
    let (refused, outage) = (Reason::AuthFailed, Reason::BadResponse);
    assert_eq!(next_reconcile(refused, Some(refused), None, true), NextReconcile::Within(MINUTE));
    assert_eq!(next_reconcile(refused, Some(outage), None, true), NextReconcile::Retry(MINUTE * 5));
}

#[test]
fn every_kind_of_error_is_announced_as_it_is_planned() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let state = world.reconcile(uid).state;
    for kind in ErrorKind::iter() {
        let said = next_reconcile(kind.reason(), None, None, true);
        let planned = requeue(&state, &Outcome::Reconciled(RemoteOutcome::Error(RemoteError::new(kind))));
        assert!(is_true(said, planned, state.interval()), "{kind:?}: {said:?} and {planned:?}");
    }
}

#[test]
fn row_010_a_short_pause_is_waited_out_and_a_long_one_or_many_end_the_reconcile() {
    let limited = |seconds| RemoteError::new(ErrorKind::RateLimited { retry_after: SECOND * seconds });
    assert!(limited(10).is_waited_out(Duration::ZERO) && limited(1).is_waited_out(SECOND * 29));
    assert!(!limited(11).is_waited_out(Duration::ZERO), "the status tells a long pause");
    assert!(!limited(1).is_waited_out(SECOND * 30), "it does not go on for ever");
    let kept = RemoteError { not_sent: true, ..limited(1) };
    assert!(!kept.is_waited_out(Duration::ZERO) && !RemoteError::new(ErrorKind::Unavailable).is_waited_out(SECOND));
}

#[test]
fn a_resource_that_no_process_has_written_for_is_not_read_again_for_a_late_write() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.restart();
    assert_eq!(world.reconcile(uid).requeue, Requeue::Interval(world.settings.interval));
    world.restart();
    assert_eq!(world.reconcile(uid).requeue, Requeue::After(world.settings.settle));
}

#[test]
fn a_longest_time_shortens_what_is_longer() {
    let longest = Some(MINUTE);
    assert_eq!(Requeue::Interval(HOUR).at_most(longest), Requeue::After(MINUTE));
    assert_eq!(Requeue::Never.at_most(longest), Requeue::After(MINUTE));
    for short in [Requeue::Interval(MINUTE), Requeue::After(SECOND), CAPPED] {
        assert_eq!((short.at_most(longest), short.at_most(None)), (short, short));
    }
}

#[test]
fn whoever_reads_a_status_is_told_that_nothing_comes_after_an_invalid_spec_and_that_a_new_one_comes_now() {
    let next = |reason, valid| next_reconcile(reason, None, None, valid);
    assert_eq!(next(Reason::InvalidSpec, false), NextReconcile::Never);
    assert_eq!(next(Reason::InvalidSpec, true), NextReconcile::Interval, "it was corrected");
    assert_eq!(next(Reason::NotChecked, true), NextReconcile::Now);
}
