//! A reconcile that a limit ends, and the one that goes on with what it has read.

use super::{
    samples::*,
    world::{Entry, On, SECRET, Trouble, Uid, World},
};
use crate::reconcile::{ErrorKind, Lane, Request, Response, Step};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const LIMITED: ErrorKind = ErrorKind::RateLimited { retry_after: MINUTE };

/// Reconciles; how often the organization was asked for.
fn reads(world: &mut World, uid: Uid) -> usize {
    let begun = world.journal.len();
    world.reconcile(uid);
    let asked = |entry: &&Entry| match (&entry.step, &entry.response) {
        (Step::Request(Request::Remote(request)), Some(Response::Remote(_))) => request.reads_organization(),
        _ => false,
    };
    world.journal[begun..].iter().filter(asked).count()
}

/// An edit whose reconcile has read the organization when the limit is met.
fn parked() -> (World, Uid) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    limit(&mut world, uid);
    (world, uid)
}

fn limit(world: &mut World, uid: Uid) {
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(LIMITED));
    assert_eq!(world.reconcile(uid).outcome.name(), "RateLimited");
}

#[test]
fn row_010_after_a_pause_the_organization_is_not_read_again_and_its_policy_is() {
    let (mut world, uid) = parked();
    world.advance(MINUTE);
    assert_eq!(reads(&mut world, uid), 0);
    let reconciled = world.ended.last().unwrap();
    assert_eq!((reconciled.count("read policy"), reconciled.policies()), (1, vec![custom(240, None)]));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_010_however_often_a_limit_is_met_the_organization_is_read_once() {
    let (mut world, uid) = parked();
    for _ in 0..3 {
        world.advance(MINUTE);
        limit(&mut world, uid);
    }
    world.advance(MINUTE);
    assert_eq!(reads(&mut world, uid), 0);
}

#[test]
fn row_010_what_was_read_too_long_ago_is_read_again() {
    let (mut world, uid) = parked();
    world.advance(MINUTE * 6);
    assert_eq!(reads(&mut world, uid), 1);
}

#[test]
fn row_010_whoever_edits_or_asks_again_in_a_pause_gets_a_read_from_after_that() {
    let (mut world, uid) = parked();
    world.edit(uid, |spec| spec.policy = custom(360, None));
    assert_eq!(reads(&mut world, uid), 1);
    let (mut world, uid) = parked();
    world.cluster.get_mut(uid).unwrap().requested_at = Some("asked".into());
    assert_eq!(reads(&mut world, uid), 1);
}

#[test]
fn row_010_what_other_credentials_have_read_does_not_count() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.secret_leads_to(HOST);
    world.edit(uid, |spec| spec.secret = Some(SECRET.into()));
    limit(&mut world, uid);
    world.advance(MINUTE);
    let mut rotated = world.clone();
    rotated.secrets.values_mut().for_each(|access| access.as_mut().unwrap().client += 1);
    assert_eq!([&mut world, &mut rotated].map(|world| reads(world, uid)), [0, 1]);
}

#[test]
fn a_contested_claim_is_confirmed_by_a_read_from_after_that() {
    let (mut world, uid) = parked();
    world.contest(uid);
    assert_eq!(reads(&mut world, uid), 1);
}

#[test]
fn what_somebody_waited_for_before_a_pause_comes_first_after_it() {
    let (mut world, uid) = parked();
    for _ in 0..2 {
        let begun = world.journal.len();
        world.trouble(On::ReadPolicy, 0, Trouble::Refused(LIMITED));
        world.reconcile(uid);
        let lanes = world.journal[begun..].iter().skip(1).map(|entry| entry.state.lane(false));
        assert!(lanes.into_iter().all(|lane| lane == Lane::Awaited));
    }
    world.reconcile(uid);
    let begun = world.journal.len();
    world.reconcile(uid);
    assert_eq!(world.journal[begun + 1].state.lane(false), Lane::Resync, "and then no longer");
}
