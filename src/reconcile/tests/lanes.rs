//! The lane of each request to Scalekit: who waits for it.

use super::{
    deletion::deleting,
    samples::*,
    world::{Uid, World},
};
use crate::reconcile::{ErrorKind, Lane, Request, State, Step};

/// The lanes of the requests of the next reconcile: those of its reads, and those
/// of its writes.
fn lanes(world: &mut World, uid: Uid) -> [Vec<Lane>; 2] {
    let begun = world.journal.len();
    world.reconcile(uid);
    let lane = |writes: bool| {
        let mut lanes = Vec::new();
        for entry in &world.journal[begun..] {
            if let Step::Request(Request::Remote(request)) = &entry.step
                && request.writes() == writes
            {
                lanes.push(entry.state.lane(writes));
            }
        }
        lanes.dedup();
        lanes
    };
    [lane(false), lane(true)]
}

#[test]
fn what_is_at_rest_is_read_last() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Resync], vec![]]);
}

#[test]
fn drift_is_found_in_the_last_lane_and_corrected_before_what_is_at_rest() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    let [reads, writes] = lanes(&mut world, uid);
    assert_eq!((reads, writes), (vec![Lane::Resync], vec![Lane::Correction]));
}

#[test]
fn what_is_not_as_it_should_be_is_read_before_what_is_at_rest() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected);
    world.reconcile(uid);
    world.scalekit.habits.refuses_policy = None;
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Correction], vec![Lane::Correction]]);
}

#[test]
fn somebody_waits_for_an_edit() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![Lane::Awaited]]);
    assert_eq!(lanes(&mut world, uid)[0], [Lane::Resync], "and then no longer");
}

#[test]
fn somebody_waits_for_a_reconcile_that_was_requested() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.cluster.get_mut(uid).unwrap().requested_at = Some("asked again".into());
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![]]);
    assert_eq!(lanes(&mut world, uid)[0], [Lane::Resync], "and then no longer");
}

#[test]
fn somebody_waits_for_a_deletion() {
    let (mut world, uid) = deleting(enforce(declared()));
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![Lane::Awaited]]);
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.uninstalling = true;
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![Lane::Awaited]], "and whoever uninstalls");
}

#[test]
fn somebody_waits_for_corrected_credentials() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let usable = world.credentials.clone();
    world.credentials_missing();
    world.reconcile(uid);
    world.credentials = usable;
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![]]);
    assert_eq!(lanes(&mut world, uid)[0], [Lane::Resync], "and then no longer");
}

#[test]
fn what_somebody_waited_for_before_a_pause_comes_first_after_it_whatever_fails_between() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    let limited = ErrorKind::RateLimited { retry_after: std::time::Duration::from_secs(60) };
    for kind in [limited, limited, ErrorKind::Unavailable] {
        world.scalekit.down = Some(kind);
        assert_eq!(lanes(&mut world, uid)[0], [Lane::Awaited], "{kind:?}");
    }
    world.scalekit.down = None;
    assert_eq!(lanes(&mut world, uid), [vec![Lane::Awaited], vec![Lane::Awaited]]);
    assert_eq!(lanes(&mut world, uid)[0], [Lane::Resync], "and then no longer");
}

#[test]
fn nobody_is_known_to_wait_before_the_resource_is_read() {
    assert_eq!(State::default().lane(false), Lane::Correction);
}
