//! A resource that is suspended: until somebody resumes it, or until a time.

use super::{samples::*, world::World};
use crate::policy::{Live, Policy};
use crate::reconcile::{Claim, ConditionType, Outcome, Requeue, Resource, Trigger, Watched};
use jiff::Timestamp;
use std::time::Duration;

#[test]
fn a_suspended_resource_is_reported_and_left_alone() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.edit(uid, |d| d.suspend = true);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.words(), &reconciled.outcome), (vec!["read resource"], &Outcome::Suspended { left: None }));
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Suspended");
    assert!(world.object(uid).finalizer, "the policy is still ours to revert");
}

#[test]
fn a_suspension_ends_at_the_time_that_the_annotation_names() {
    let spec = enforce(Policy::Application);
    let (text, end) = ("2026-11-27T18:00:00Z", Timestamp::constant(1_795_802_400, 0));
    let suspended = spec.clone().until(Some(text)).unwrap();
    assert_eq!(suspended.suspended_until, Some(end));
    assert!(suspended.is_suspended(end - Duration::from_nanos(1)) && !suspended.is_suspended(end));
    assert_eq!(suspended.until(None).unwrap(), spec, "without the annotation it is over");
    assert!(spec.until(Some("tomorrow")).is_err());
}

#[test]
fn an_annotation_that_names_no_time_is_noticed_when_it_comes_and_when_it_goes() {
    let (world, uid) = World::at_rest(enforce(declared()));
    let valid = world.object(uid).read();
    let invalid = Resource { spec: enforce(declared()).until(Some("tomorrow")), ..valid.clone() };
    let [valid, invalid] = [valid, invalid].map(|resource| Watched::of(&resource, world.now));
    assert_eq!(invalid.trigger(Some(&valid), false), Trigger::Changed);
    assert_eq!(valid.trigger(Some(&invalid), false), Trigger::Changed);
    assert_eq!(invalid.trigger(Some(&invalid.clone()), false), Trigger::None);
}

#[test]
fn one_that_is_suspended_until_a_time_resumes_by_itself() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    let hours = Duration::from_secs(2 * 3600);
    let until = world.now + hours;
    world.suspend_until(uid, Some(until));
    let reconciled = world.reconcile(uid);
    let Outcome::Suspended { left: Some(left) } = reconciled.outcome else { panic!("{:?}", reconciled.outcome) };
    assert!(left <= hours && left > hours - Duration::from_secs(60), "{left:?}");
    assert_eq!(reconciled.words(), ["read resource"]);
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Suspended");
    let message = world.object(uid).condition(ConditionType::Ready).unwrap().message.clone();
    assert!(message.contains(&format!("(until {until})")), "{message}");
    // each time with the longest spread that there is
    let (mut requeue, mut reconciles, mut began) = (reconciled.requeue, 0, world.now);
    while let Requeue::After(delay) = requeue {
        world.advance(delay.mul_f64(1.1));
        began = world.now;
        requeue = world.reconcile(uid).requeue;
        reconciles += 1;
        assert!(reconciles <= 8, "{requeue:?}");
    }
    assert!(world.now >= until, "early");
    let late = began.duration_since(until).as_secs();
    assert!(late <= 10, "{late} s late");
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
    assert_eq!(world.tenant().live, declared().into());
}

#[test]
fn a_suspension_that_is_over_costs_no_read_once_it_was_noticed() {
    let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
    let until = world.now + Duration::from_secs(3600);
    world.suspend_until(uid, Some(until));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Suspended");
    world.advance(Duration::from_secs(3600));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
    world.advance(world.settings.interval);
    let reads = world.cluster.reads;
    assert!(world.reconcile(uid).is_quiet());
    assert_eq!(world.cluster.reads, reads);
    world.suspend_until(uid, Some(jiff::Timestamp::MAX));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown Suspended", "a new one counts");
}

#[test]
fn that_a_suspension_is_over_is_no_change_of_the_resource() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let until = world.now + Duration::from_secs(3600);
    world.suspend_until(uid, Some(until));
    let seen = |world: &World| Watched::of(&world.object(uid).read(), world.now);
    let before = seen(&world);
    assert_eq!(before.trigger(None, true), Trigger::Changed, "at a start it is reconciled at once");
    assert!(!before.at_rest());
    world.advance(Duration::from_secs(3600));
    let after = seen(&world);
    assert_eq!(after.trigger(Some(&before), false), Trigger::None);
    assert_eq!(after.trigger(None, true), Trigger::Scheduled);
    assert!(after.at_rest());
}

#[test]
fn row_104_one_that_is_suspended_until_a_time_still_reverts_when_it_goes() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let until = world.now + Duration::from_secs(3600);
    world.suspend_until(uid, Some(until));
    world.reconcile(uid);
    world.delete(uid);
    world.advance(Duration::from_secs(60));
    for _ in 0..3 {
        world.reconcile(uid);
        world.advance(Duration::from_secs(60));
    }
    assert_eq!(world.tenant().live, Live::Application);
}

#[test]
fn one_that_is_suspended_claims_nothing_anew() {
    let keys = |world: &World, uid| Claim::of(&world.cluster.get(uid).unwrap().read(), "customers").keys.len();
    let (mut world, uid) = World::at_rest(enforce(declared()));
    let awake = keys(&world, uid);
    world.suspend_until(uid, Some(world.now + Duration::from_secs(3600)));
    assert_eq!(keys(&world, uid), awake, "not before its status says that it is suspended");
    world.reconcile(uid);
    let asleep = keys(&world, uid);
    assert!(asleep < awake, "what it has verified stays");
    world.suspend_until(uid, None);
    assert_eq!(keys(&world, uid), awake);
    world.edit(uid, |spec| spec.suspend = true);
    assert_eq!(keys(&world, uid), asleep);
}
