//! A reconcile that waits long between its requests, as a rate limit makes it.

use super::{
    samples::*,
    world::{Reconciled, SECRET, Uid, World},
};
use crate::reconcile::{Outcome, Release, RemoteOutcome, RemoteRequest, Request, Step};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// Drift that a reconcile corrects, and the step at which it writes the policy.
fn drifted() -> (World, Uid, usize) {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    let steps = world.clone().reconcile(uid).steps;
    let writes = |step: &Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::WritePolicy { .. })));
    let at = steps.iter().position(writes).unwrap();
    (world, uid, at)
}

fn reads_again(reconciled: &Reconciled, at: usize) -> Vec<bool> {
    let again = |step: &Step| {
        matches!(step, Step::Request(Request::ReadResource { .. } | Request::Remote(RemoteRequest::ReadPolicy(_))))
    };
    reconciled.steps[at..].iter().map(again).collect()
}

#[test]
fn row_010_after_a_long_wait_resource_and_policy_are_read_again_before_a_write() {
    let (mut world, uid, at) = drifted();
    world.meanwhile(at, |world| world.advance(LONG));
    let reconciled = world.reconcile(uid);
    assert_eq!(reads_again(&reconciled, at)[..2], [true, true]);
    assert_eq!((reconciled.policies().len(), reconciled.outcome), (1, Outcome::Reconciled(RemoteOutcome::InSync)));
}

#[test]
fn row_010_an_edit_in_a_long_wait_is_what_is_written() {
    let (mut world, uid, at) = drifted();
    world.meanwhile(at, move |world| {
        world.advance(LONG);
        world.edit(uid, |spec| spec.policy = custom(240, None));
    });
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![custom(240, None)], no_idle(240)));
}

#[test]
fn row_010_what_was_corrected_in_a_long_wait_is_not_written_again() {
    let (mut world, uid, at) = drifted();
    world.meanwhile(at, |world| {
        world.advance(LONG);
        world.tenant().live = declared().into();
    });
    assert!(world.reconcile(uid).policies().is_empty());
}

#[test]
fn a_short_wait_costs_no_second_read() {
    let (mut world, uid, at) = drifted();
    world.meanwhile(at, |world| world.advance(Duration::from_secs(10)));
    assert!(!reads_again(&world.reconcile(uid), at)[0]);
}

#[test]
fn the_features_are_read_again_after_a_few_seconds() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.switch_flag(false);
    let steps = world.clone().reconcile(uid).steps;
    let writes = |step: &Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. })));
    let at = steps.iter().position(writes).unwrap();
    world.meanwhile(at, |world| world.advance(Duration::from_secs(10)));
    let reconciled = world.reconcile(uid);
    let read = matches!(reconciled.steps[at], Step::Request(Request::Remote(RemoteRequest::ReadOrganization(_))));
    assert!(read, "somebody may have switched another one off");
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
}

#[test]
fn a_rate_so_low_that_every_read_is_old_still_comes_to_a_write() {
    let (mut world, uid, at) = drifted();
    (at..at + 20).for_each(|step| world.meanwhile(step, |world| world.advance(LONG)));
    let reconciled = world.reconcile(uid);
    let again = reads_again(&reconciled, at).into_iter().filter(|again| *again).count();
    assert_eq!((reconciled.policies().len(), again), (1, 3), "three times before the write");
}

#[test]
fn row_012_an_edit_of_the_policy_in_a_reconcile_leaves_what_was_read_of_the_organization() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    let undisturbed = world.clone().reconcile(uid).steps;
    let remote = |steps: &[Step]| {
        let sent = |step: &Step| match step {
            Step::Request(Request::Remote(request)) => Some(std::mem::discriminant(request)),
            _ => None,
        };
        steps.iter().filter_map(sent).collect::<Vec<_>>()
    };
    let at = undisturbed.iter().position(|step| matches!(step, Step::Request(Request::ReportProgress))).unwrap();
    world.meanwhile(at, move |world| world.edit(uid, |spec| spec.policy = custom(240, None)));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![custom(240, None)], no_idle(240)));
    assert_eq!(remote(&reconciled.steps), remote(&undisturbed));
}

#[test]
fn row_012_an_edit_that_names_another_organization_or_secret_begins_anew() {
    let mut world = World::new();
    world.secret_leads_to(HOST);
    let uid = world.declare(enforce(declared()));
    let undisturbed = world.clone().reconcile(uid).steps;
    let reads = |steps: &[Step]| {
        let read = |step: &&Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::ReadOrganization(_))));
        steps.iter().filter(read).count()
    };
    let at = undisturbed.iter().position(|step| matches!(step, Step::Request(Request::ReportProgress))).unwrap();
    world.meanwhile(at, move |world| world.edit(uid, |spec| spec.secret = Some(SECRET.into())));
    assert_eq!(reads(&world.reconcile(uid).steps), reads(&undisturbed) + 1);
}

#[test]
fn row_012_an_edit_after_the_feature_was_switched_on_reads_the_organization_again() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    let undisturbed = world.clone().reconcile(uid);
    let at = undisturbed.words().iter().position(|word| *word == "features").unwrap() + 1;
    world.meanwhile(at, move |world| world.edit(uid, |spec| spec.policy = custom(240, None)));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![custom(240, None)], no_idle(240)));
    let read = "read organization";
    assert_eq!(reconciled.count(read), undisturbed.count(read) + 1, "{:?}", reconciled.words());
}

#[test]
fn row_012_a_deletion_in_a_reconcile_begins_anew() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    let at = world.clone().reconcile(uid).words().iter().position(|word| *word == "progress").unwrap();
    world.meanwhile(at, move |world| world.delete(uid));
    let reconciled = world.reconcile(uid);
    assert_eq!(["read credentials", "read organization"].map(|step| reconciled.count(step)), [2, 2]);
    assert_eq!(reconciled.outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn an_organization_that_is_old_whenever_it_was_read_is_read_three_times_more() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.switch_flag(false);
    world.step = Duration::from_secs(6);
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    let before_the_write = reconciled.words().into_iter().take_while(|word| *word != "features");
    let reads = before_the_write.filter(|word| ["read resource", "read organization"].contains(word)).count();
    assert_eq!(reads, 2 + 3, "{:?}", reconciled.words());
}
