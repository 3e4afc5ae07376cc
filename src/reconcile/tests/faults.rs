//! One thing goes wrong at every single call, in every way it can: the reconcile
//! may end early, and yet the end is the one without it, at no more than one
//! more write for each fault.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World},
};
use crate::policy::Policy;
use crate::reconcile::{ConditionType, ErrorKind, RemoteRequest, Request, Step};
use std::time::Duration;

type Story = (&'static str, fn() -> (World, Uid));

const STORIES: [Story; 5] = [
    ("create", || {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        (world, uid)
    }),
    ("edit", || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.edit(uid, |d| d.policy = custom(240, 30));
        (world, uid)
    }),
    ("drift", || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.tenant().live = foreign();
        (world, uid)
    }),
    ("flag off", || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.switch_flag(false);
        (world, uid)
    }),
    ("delete", || {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.delete(uid);
        (world, uid)
    }),
];

const NOT_FOUND: Trouble = Trouble::Refused(ErrorKind::NotFound);

fn troubles() -> Vec<Trouble> {
    use ErrorKind::{AuthFailed, BadResponse, Conflict, Forbidden, NotFound, TimedOut, Tls, Unavailable, Unreachable};
    let refused = [AuthFailed, BadResponse, Conflict, Forbidden, NotFound, Tls, Unavailable, Unreachable];
    let late = |secs| Trouble::Late(TimedOut, Duration::from_secs(secs));
    let unknown = [Trouble::Lost(TimedOut), Trouble::ResponseLost(Unavailable), late(3), late(11), late(19)];
    refused.map(Trouble::Refused).into_iter().chain(unknown).collect()
}

/// How often it wrote the policy, and how often the flags.
fn written(world: &World) -> (usize, usize) {
    let features = |step: &Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. })));
    let policies = world.journal.iter().filter(|e| e.policy().is_some()).count();
    (policies, world.journal.iter().filter(|e| features(&e.step)).count())
}

fn reconciles_to_rest(world: &mut World, uid: Uid) {
    for _ in 0..4 {
        world.reconcile(uid);
        world.advance(world.settings.settle);
    }
    assert!(world.reconcile(uid).is_quiet());
}

/// Plays `story` with these faults at these calls and compares with none.
fn same_end(story: &Story, faults: &[(usize, Trouble)]) {
    let (name, prepare) = story;
    let play = |faults: &[(usize, Trouble)]| {
        let (mut world, uid) = prepare();
        world.journal.clear();
        faults.iter().for_each(|(nth, trouble)| world.trouble(On::Anything, *nth, *trouble));
        reconciles_to_rest(&mut world, uid);
        let status = world.cluster.get(uid).map(|o| (o.finalizer, o.condition(ConditionType::Ready).unwrap().clone()));
        let (policies, features) = written(&world);
        ((status, world.live(), world.tenant().session_policy_on()), policies, features)
    };
    let (expected, policies, features) = play(&[]);
    let (end, more_policies, more_features) = play(faults);
    assert_eq!(end, expected, "{name} with {faults:?}");
    // a late write can undo one that came after it
    let bound = |writes| writes + 2 * faults.len();
    assert!(more_policies <= bound(policies) && more_features <= bound(features), "{name} with {faults:?}");
}

#[test]
fn any_one_fault_at_any_call_changes_only_the_way() {
    for story in &STORIES {
        for nth in 0..10 {
            troubles().into_iter().for_each(|trouble| same_end(story, &[(nth, trouble)]));
        }
    }
}

#[test]
fn so_do_any_two_faults() {
    for story in &STORIES {
        for (first, second) in (0..8).flat_map(|first| (0..3).map(move |gap| (first, first + 1 + gap))) {
            for (one, other) in troubles().into_iter().flat_map(|one| troubles().into_iter().map(move |two| (one, two)))
            {
                // two reads that find nothing are the proof that a deletion asks for
                if story.0 != "delete" || one != NOT_FOUND || other != NOT_FOUND {
                    same_end(story, &[(first, one), (second, other)]);
                }
            }
        }
    }
}

#[test]
fn what_the_organization_inherits_is_never_written_over_by_a_fault() {
    let mut world = World::new();
    world.switch_flag(true);
    let uid = world.declare(enforce(Policy::Application));
    for trouble in troubles() {
        (0..4).for_each(|nth| world.trouble(On::Anything, nth, trouble));
        world.reconcile(uid);
        world.calm();
    }
    assert_eq!(written(&world), (0, 0));
}
