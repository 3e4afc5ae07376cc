//! What a resource and its status say, on which others rely.

use super::{samples::*, world::World};
use crate::reconcile::{Condition, ConditionStatus, ConditionType, PlannedRelease, Reason, Resource};
use jiff::Timestamp;

fn at_rest() -> Resource {
    let (world, uid) = World::at_rest(enforce(declared()));
    world.object(uid).read()
}

#[test]
fn a_policy_may_have_been_written_once_the_organization_is_pinned_or_the_finalizer_is_there() {
    let resource = at_rest();
    for (pinned, finalizer, written) in [(true, false, true), (false, true, true), (false, false, false)] {
        let pinned = resource.pinned.clone().filter(|_| pinned);
        assert_eq!(Resource { pinned, finalizer, ..resource.clone() }.may_have_written(), written);
    }
}

#[test]
fn late_is_only_what_is_not_known_in_any_way_and_waits_for_nothing_but_its_turn() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.wait_for_turn(uid, world.settings.interval * 3);
    let late = world.object(uid).read();
    assert!(late.is_late());
    let changes: [fn(&mut Condition); 2] =
        [|said| said.status = ConditionStatus::False, |said| said.reason = Reason::Progressing];
    for type_ in [ConditionType::Ready, ConditionType::Synced] {
        for change in changes {
            let mut resource = late.clone();
            change(resource.conditions.iter_mut().find(|said| said.type_ == type_).unwrap());
            assert!(!resource.is_late(), "{:?}", resource.conditions);
        }
    }
    assert!(!Resource { generation: late.generation + 1, ..late }.is_late(), "edited");
}

#[test]
fn the_cache_keeps_of_what_is_at_rest_alone_what_a_read_of_it_would_be_compared_with() {
    let plain = at_rest();
    let asked = Resource { handled_at: Some("1".into()), requested_at: Some("1".into()), ..plain.clone() };
    let asked_once = Resource { requested_at: None, ..asked.clone() };
    assert_eq!(asked_once.cached(), asked.cached(), "the annotation is gone, and was answered");
    let release = Some(PlannedRelease { reason: Reason::HandingOver, at: Timestamp::UNIX_EPOCH });
    assert_eq!(Resource { release, ..plain.clone() }.cached(), plain.cached());
    assert!(plain.cached().is_some());
    assert!(Resource { generation: plain.generation + 1, ..plain }.cached().is_none(), "it was edited");
}
