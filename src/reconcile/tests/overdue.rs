//! A resource at rest that waits for its turn: its status does not go on saying
//! what nobody has read for long.

use super::{
    samples::*,
    world::{Uid, World},
};
use crate::reconcile::{ConditionType, ErrorKind, Lane, REQUESTS_AT_REST, Request, Step};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(600);

fn says(world: &World, uid: Uid) -> [String; 2] {
    [ConditionType::Synced, ConditionType::Ready].map(|kind| world.says(uid, kind))
}

#[test]
fn who_waits_for_less_than_an_interval_is_told_nothing() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let before = world.object(uid).clone();
    world.wait_for_turn(uid, INTERVAL - Duration::from_secs(1));
    assert_eq!(world.object(uid), &before);
}

#[test]
fn what_was_not_read_for_an_interval_is_not_known_to_be_in_sync_and_after_three_it_is_stale() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let (before, writes) = (world.object(uid).clone(), world.cluster.status_writes);
    for (intervals, synced, ready) in [(1, "RateLimited", "True InSync"), (3, "RateLimited", "Unknown Stale")] {
        world.wait_for_turn(uid, INTERVAL * intervals);
        assert_eq!(says(&world, uid), [format!("Unknown {synced}"), ready.into()]);
    }
    world.wait_for_turn(uid, INTERVAL * 9);
    assert_eq!(world.cluster.status_writes, writes + 2);
    world.reconcile(uid);
    assert_eq!(world.object(uid).status, before.status, "its turn came");
}

#[test]
fn while_the_rate_is_too_low_the_status_goes_on_saying_so_and_is_not_written_at_each_read() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let in_sync = says(&world, uid);
    world.wait_for_turn(uid, INTERVAL);
    let (late, writes) = (says(&world, uid), world.cluster.status_writes);
    assert_eq!(late[0], "Unknown RateLimited");
    world.falls_behind = true;
    for _ in 0..3 {
        world.reconcile(uid);
        world.wait_for_turn(uid, INTERVAL * 2);
        assert_eq!((says(&world, uid), world.cluster.status_writes), (late.clone(), writes));
    }
    world.tenant().live = foreign();
    world.reconcile(uid);
    assert_eq!(world.live(), declared().into(), "drift is corrected all the same");
    world.falls_behind = false;
    world.reconcile(uid);
    assert_eq!(says(&world, uid), in_sync);
}

#[test]
fn the_status_of_what_waits_for_its_turn_keeps_what_else_it_says() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.reconcile(uid);
    let before = world.object(uid).status.clone().unwrap();
    world.wait_for_turn(uid, INTERVAL);
    let after = world.object(uid).status.clone().unwrap();
    let rest = |update: &crate::reconcile::StatusUpdate| {
        let mut update = update.clone();
        update.conditions.retain(|condition| condition.type_ != ConditionType::Synced);
        update
    };
    assert_eq!(rest(&after), rest(&before));
}

#[test]
fn what_is_pending_or_stalled_has_a_status_that_says_so_already() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    let before = world.object(uid).clone();
    world.wait_for_turn(uid, INTERVAL * 3);
    assert_eq!(world.object(uid), &before, "edited");
    world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
    world.reconcile(uid);
    let before = world.object(uid).clone();
    world.wait_for_turn(uid, INTERVAL * 3);
    assert_eq!(world.object(uid), &before, "stalled");
}

#[test]
fn the_capacity_formula_counts_the_requests_that_a_reconcile_at_rest_sends() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let steps = world.reconcile(uid).steps;
    let remote = steps.iter().filter(|step| matches!(step, Step::Request(Request::Remote(_)))).count();
    // the application's policy is one read a minute for all
    assert_eq!(remote as f64 - 1.0, REQUESTS_AT_REST);
}

#[test]
fn what_is_stale_since_it_waits_for_its_turn_waits_in_the_lane_of_what_is_at_rest() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for intervals in [0, 1, 3] {
        world.wait_for_turn(uid, INTERVAL * intervals);
        assert_eq!(world.lane_of_a_read(uid), Lane::Resync, "after {intervals} intervals");
    }
    world.edit(uid, |spec| spec.policy = custom(240, None));
    assert_eq!(world.lane_of_a_read(uid), Lane::Awaited);
}
