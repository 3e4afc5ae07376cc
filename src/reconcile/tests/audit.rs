//! What is told of each write, and of drift.

use super::{
    samples::*,
    world::{Entry, Uid, World},
};
use crate::{
    policy::{Live, Mode, ValidatedSpec},
    reconcile::{
        Audit, Drift, ErrorKind, History, HistoryEvent, Organization, Outcome, RemoteError, RemoteOutcome,
        RemoteRequest, RemoteResponse, Request, Response, Settings, State, Step, is_told_for_all,
    },
};
use std::time::Duration;

/// The audit line of each write that the model sent so far.
fn audits(world: &World) -> Vec<String> {
    let of = |entry: &Entry| match (&entry.step, &entry.response) {
        (Step::Request(Request::Remote(request)), Some(Response::Remote(response))) => {
            Audit::of(&entry.state, request, response)
        }
        _ => None,
    };
    let line = |audit: Audit| {
        let result: &str = audit.result.into();
        format!("{}: {} -> {} {} {result}", audit.what, audit.before, audit.after, audit.direction)
    };
    world.journal.iter().filter_map(of).map(line).collect()
}

#[test]
fn each_write_is_told_with_what_was_before_and_what_is_after_it() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    assert_eq!(
        audits(&world),
        [
            "features: session_policy=off -> session_policy=on neutral applied",
            "policy: the application's policy -> absolute 8h, idle 1h tightening applied",
        ]
    );
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let told = audits(&world).len();
    world.edit(uid, |spec| spec.policy = custom(960, None));
    world.reconcile(uid);
    assert_eq!(audits(&world)[told..], ["policy: absolute 8h, idle 1h -> absolute 16h, idle off loosening applied"]);
}

#[test]
fn a_write_without_an_answer_is_told_as_what_it_is() {
    let mut state = State::new(Settings::default(), History::default(), Duration::ZERO);
    state.observation.live = Some(foreign());
    let organization = org("org_1");
    let request = RemoteRequest::WritePolicy { organization, policy: declared() };
    let result =
        |error: RemoteError| -> &'static str { Audit::of(&state, &request, &Err(error)).unwrap().result.into() };
    let timed_out = RemoteError::new(ErrorKind::TimedOut);
    assert_eq!(result(RemoteError { outcome_unknown: true, ..timed_out.clone() }), "unknown");
    assert_eq!(result(RemoteError::not_sent(ErrorKind::Unavailable)), "not_sent");
    assert_eq!(result(RemoteError::new(ErrorKind::Rejected)), "refused");
    let audit = Audit::of(&state, &request, &Err(timed_out)).unwrap();
    assert_eq!((audit.before, audit.after), (foreign().to_string(), declared().to_string()));
}

#[test]
fn a_write_is_told_with_what_the_answer_shows_to_be_live() {
    let mut state = State::new(Settings::default(), History::default(), Duration::ZERO);
    state.observation.live = Some(Live::Application);
    let of = |request: RemoteRequest, response| Audit::of(&state, &request, &Ok(response)).unwrap().after;
    let policy = RemoteRequest::WritePolicy { organization: org("org_1"), policy: declared() };
    assert_eq!(of(policy, RemoteResponse::Policy(foreign())), foreign().to_string());
    let features =
        RemoteRequest::WriteFeatures { organization: org("org_1"), features: vec![flag("session_policy", true)] };
    let kept = Organization {
        id: org("org_1"),
        external_id: None,
        features: vec![flag("sso", true)],
        features_reported: true,
    };
    assert_eq!(of(features, RemoteResponse::Organization(kept)), "sso=on");
}

#[test]
fn an_outage_is_not_told_of_each_resource_and_what_lasts_for_one_alone_is() {
    let interval = Duration::from_secs(600);
    let told = |error: RemoteError, after: Duration| {
        let mut history = History::default();
        history.record(HistoryEvent::Reached(false), Duration::ZERO);
        let state = State::new(Settings { interval, ..Settings::default() }, history, after);
        !is_told_for_all(&state, &Outcome::Reconciled(RemoteOutcome::Error(error)))
    };
    let down = || RemoteError::new(ErrorKind::Unavailable);
    assert!(!told(down(), Duration::ZERO), "it may be over in a moment");
    assert!(told(down(), interval));
    assert!(!told(RemoteError { probe_after: Some(interval), ..down() }, interval), "the environment is down");
    assert!(!told(RemoteError::not_sent(ErrorKind::Unavailable), interval));
    assert!(told(RemoteError::new(ErrorKind::Forbidden), Duration::ZERO));
}

fn drift(spec: ValidatedSpec, prepare: impl FnOnce(&mut World, Uid)) -> Vec<Option<Drift>> {
    let (mut world, uid) = World::at_rest(spec);
    prepare(&mut world, uid);
    (0..3).map(|_| world.reconcile(uid).drift).collect()
}

#[test]
fn drift_is_counted_once_and_an_edit_is_none() {
    let changed = |world: &mut World, _: Uid| world.tenant().live = foreign();
    assert_eq!(drift(enforce(declared()), changed), [Some(Drift::Corrected), None, None]);
    assert_eq!(
        drift(enforce(declared()), |world, uid| world.edit(uid, |spec| spec.policy = custom(240, None))),
        [None; 3]
    );
    assert_eq!(drift(enforce(declared()), |_, _| {}), [None; 3]);
}

#[test]
fn drift_that_stays_is_counted_once() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.mode = Mode::Observe);
    world.reconcile(uid);
    world.tenant().live = foreign();
    let found: Vec<_> = (0..3).map(|_| world.reconcile(uid).drift).collect();
    assert_eq!(found, [Some(Drift::Seen), None, None]);
}
