//! A resource at rest is not read from the API server, and the copy that serves in its
//! place never leads to a write or to another status, however old it is.

use super::{
    samples::*,
    world::{Reconciled, Uid, World},
};
use crate::policy::{Mode, ValidatedSpec};
use crate::reconcile::{
    Cached, ClusterWrite, ConditionType, ErrorKind, Found, History, Outcome, RemoteRequest, Request, Resource,
    Response, Settings, State,
};
use std::time::Duration;

/// Reconciles a resource; how often it was read from the API server for that.
fn reads(world: &mut World, uid: Uid) -> (usize, Reconciled) {
    let before = world.cluster.reads;
    let reconciled = world.reconcile(uid);
    (world.cluster.reads - before, reconciled)
}

#[test]
fn at_rest_nothing_is_asked_of_the_api_server_and_nothing_is_written() {
    for spec in [enforce(declared()), tighten_only(declared()), observe(declared()), retain(declared())] {
        let (mut world, uid) = World::at_rest_in_cache(spec);
        for _ in 0..3 {
            let writes = world.cluster.status_writes;
            let (reads, reconciled) = reads(&mut world, uid);
            assert_eq!((reads, reconciled.is_quiet(), reconciled.events.len()), (0, true, 0));
            assert_eq!((world.cluster.status_writes, reconciled.update), (writes, None));
        }
    }
}

#[test]
fn what_is_written_or_said_follows_from_a_read() {
    let changes: [fn(&mut World); 4] = [
        |world| world.tenant().live = foreign(),
        |world| world.switch_flag(false),
        |world| world.scalekit.application = Ok(application(300, 5)),
        |world| world.scalekit.organizations.clear(),
    ];
    for change in changes {
        let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
        let mut without = world.clone();
        without.watch.serves = false;
        change(&mut world);
        change(&mut without);
        let (reads, reconciled) = reads(&mut world, uid);
        assert_eq!((reads, reconciled.outcome), (1, without.reconcile(uid).outcome));
        let policy =
            |world: &World| world.scalekit.organizations.values().map(|tenant| tenant.live).collect::<Vec<_>>();
        assert_eq!(policy(&world), policy(&without));
        assert_eq!(world.object(uid).status, without.object(uid).status);
    }
}

#[test]
fn what_was_seen_for_a_copy_that_an_edit_shows_to_be_outdated_in_more_than_the_spec_does_not_count() {
    let (world, uid) = World::at_rest_in_cache(enforce(declared()));
    let now = world.object(uid).read();
    let seen = |copy: &Resource| {
        let mut state = State::new(Settings::default(), History::default(), Duration::ZERO);
        let cached = Cached { resource: Box::new(copy.cached().unwrap()), reported: 0 };
        state.handle_response(&Request::ReadResource { fresh: false }, Response::Cached(cached));
        state.observation.live = Some(foreign());
        let request = RemoteRequest::ReadPolicy(org("org_1"));
        state.handle_response(&Request::Remote(request), Response::Cluster(ClusterWrite::Outdated));
        let found = Found::Here(Box::new(now.clone()));
        state.handle_response(&Request::ReadResource { fresh: true }, Response::Resource(found));
        state.observation.live
    };
    assert_eq!(seen(&now), Some(foreign()));
    assert_eq!(seen(&Resource { written: Some(custom(5, None)), ..now.clone() }), None);
}

#[test]
fn row_066_a_copy_that_is_too_old_leads_to_no_write_of_what_nobody_wants_any_more() {
    let edits: [fn(&mut World, Uid); 5] = [
        |world, uid| world.edit(uid, |spec| spec.suspend = true),
        |world, uid| world.edit(uid, |spec| spec.mode = Mode::Observe),
        |world, uid| world.edit(uid, |spec| spec.policy = custom(600, 30)),
        |world, uid| world.edit(uid, |spec| spec.organization = by_external_id("another")),
        |world, uid| {
            world.edit(uid, |spec| *spec = retain(spec.policy));
            world.delete(uid);
        },
    ];
    for edit in edits {
        let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
        world.watch.silent = true;
        edit(&mut world, uid);
        world.tenant().live = foreign();
        assert_eq!(world.reconcile(uid).policies(), []);
        assert_eq!(world.live(), foreign());
    }
}

#[test]
fn a_copy_that_is_too_old_is_not_told_from_the_resource_until_something_is_to_be_said() {
    let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
    world.watch.silent = true;
    world.edit(uid, |spec| spec.policy = custom(240, 30));
    assert_eq!(reads(&mut world, uid).0, 0);
    world.watch.silent = false;
    assert_eq!(world.reconcile(uid).policies(), [custom(240, 30)], "the event comes after all");
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
}

#[test]
fn one_that_is_gone_is_not_written_for() {
    let (mut world, uid) = World::at_rest_in_cache(retain(declared()));
    world.watch.silent = true;
    world.delete(uid);
    world.tenant().live = foreign();
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, world.live()), (Outcome::Gone, foreign()));
}

#[test]
fn what_was_seen_for_a_copy_that_was_too_old_does_not_count() {
    let (mut world, uid) = World::at_rest_in_cache(ValidatedSpec { secret: None, ..enforce(declared()) });
    world.watch.silent = true;
    world.edit(uid, |spec| spec.secret = Some(super::world::SECRET.into()));
    world.tenant().live = foreign();
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.count("read credentials"), 2);
    assert_eq!(world.live(), foreign(), "the new credentials lead to another environment");
}

#[test]
fn a_blip_costs_no_read() {
    let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
    world.scalekit.down = Some(ErrorKind::Unavailable);
    assert_eq!((reads(&mut world, uid).0, world.says(uid, ConditionType::Synced)), (0, "True InSync".into()));
    world.advance(world.settings.interval);
    assert_eq!(reads(&mut world, uid).0, 1);
    assert_eq!(world.says(uid, ConditionType::Synced), "Unknown ApiUnavailable");
}

#[test]
fn the_cache_does_not_serve_where_it_is_not_known_what_the_status_shows_or_somebody_waits() {
    let changes: [fn(&mut World, Uid); 4] = [
        |world, _| world.restart(),
        |world, uid| world.contest(uid),
        |world, uid| {
            let object = world.cluster.get_mut(uid).unwrap();
            object.requested_at = Some("asked again".into());
            object.version += 1;
        },
        |world, uid| {
            let object = world.cluster.get_mut(uid).unwrap();
            object.status.as_mut().unwrap().observed = None; // by hand
            object.version += 1;
        },
    ];
    for change in changes {
        let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
        change(&mut world, uid);
        world.advance(Duration::from_secs(60));
        assert_eq!(reads(&mut world, uid).0, 1);
        assert_eq!(reads(&mut world, uid).0, 0, "and then it does again");
    }
}
