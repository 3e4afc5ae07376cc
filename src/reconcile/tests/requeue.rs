//! When a resource is looked at again.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World, access},
};
use crate::reconcile::{
    CredentialsError, CredentialsKey, CredentialsSource, Detail, ErrorKind, Outcome, Reason, RemoteError,
    RemoteOutcome, Requeue, problem, requeue, retry_within,
};
use std::time::Duration;

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
fn never_where_only_an_edit_can_help() {
    assert_eq!(after(|w, uid| w.edit(uid, |d| d.suspend = true)), Requeue::Never);
    assert_eq!(after(|w, uid| w.cluster.get_mut(uid).unwrap().spec = Err(vec![])), Requeue::Never);
    assert_eq!(after(|w, _| w.cluster.objects.clear()), Requeue::Never);
    assert_eq!(after(|w, uid| w.delete(uid)), Requeue::Never);
}

#[test]
fn within_a_minute_where_a_secret_may_come() {
    assert_eq!(after(|w, _| w.credentials_missing()), Requeue::Backoff { cap: MINUTE });
    let from = CredentialsSource::Secret("scalekit".into());
    let unusable = CredentialsError::KeyMissing { from, key: CredentialsKey::ClientId };
    assert_eq!(after(|w, _| w.credentials = Err(unusable)), Requeue::Backoff { cap: MINUTE });
    for kind in [ErrorKind::CredentialsRejected, ErrorKind::AuthFailed] {
        assert_eq!(after(|w, _| w.scalekit.down = Some(kind)), Requeue::After(MINUTE));
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
    let loser = world.declare(enforce(declared()));
    assert_eq!(world.reconcile(loser).requeue, Requeue::Interval(MINUTE * 10));
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
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let state = world.reconcile(uid).state;
    assert_eq!(requeue(&state, &Outcome::Crashed("it panicked")), CAPPED);
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
fn people_are_told_the_time_that_is_planned() {
    use ErrorKind as E;
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.interval = Some(MINUTE * 2));
    let state = world.reconcile(uid).state;
    let errors = [E::CredentialsRejected, E::AuthFailed, E::Forbidden, E::Rejected, E::Unsupported, E::TimedOut];
    let outcomes = [
        RemoteOutcome::OrganizationNotFound,
        RemoteOutcome::FeatureUnavailable(Detail::default()),
        RemoteOutcome::FeatureNotEnabled,
        RemoteOutcome::NotApplied,
        RemoteOutcome::Unrecognized,
        RemoteOutcome::Rejected(Detail::default()),
        RemoteOutcome::Unsupported,
        RemoteOutcome::OrganizationChanged { pinned: org("org_1"), found: org("org_2") },
    ];
    for outcome in outcomes.into_iter().chain(errors.map(|kind| RemoteOutcome::Error(RemoteError::new(kind)))) {
        let (reason, _) = problem(&outcome, "", "").unwrap();
        let planned = match requeue(&state, &Outcome::Reconciled(outcome)) {
            Requeue::Interval(time) | Requeue::After(time) if time != MINUTE * 2 => Some(time),
            _ => None,
        };
        assert_eq!(retry_within(reason), planned, "{reason:?}");
    }
    let cap = after(|w, _| w.credentials_missing());
    for reason in [Reason::CredentialsMissing, Reason::CredentialsIncomplete, Reason::CredentialsNotAllowed] {
        assert_eq!(retry_within(reason).map(|cap| Requeue::Backoff { cap }), Some(cap), "{reason:?}");
    }
}
