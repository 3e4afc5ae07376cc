//! Organizations that are read from the list: what it may answer, and what is read by
//! itself all the same.

use super::{
    samples::*,
    world::{Reconciled, Uid, World},
};
use crate::policy::{Policy, ValidatedSpec};
use crate::reconcile::{
    ConditionType, ErrorKind, Found, HistoryEvent, Outcome, RemoteOutcome, RemoteRequest, Request, Response, State,
    Step,
};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(600);

/// A resource at rest whose operator reads the list, and has read it a moment ago.
fn listing(spec: ValidatedSpec) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(spec);
    world.sweeps = true;
    world.reconcile(uid);
    (world, uid)
}

/// How often the last reconcile of the journal took the organization from the list, and
/// how often it asked for it.
fn reads(world: &World) -> (usize, usize) {
    let last = world.journal.iter().filter(|entry| entry.reconciled == world.reconciles);
    let reads = last
        .filter(|entry| matches!(&entry.step, Step::Request(Request::Remote(request)) if request.reads_organization()));
    let (listed, asked): (Vec<_>, Vec<_>) = reads.partition(|e| matches!(e.response, Some(Response::Listed { .. })));
    (listed.len(), asked.len())
}

fn in_sync(reconciled: &Reconciled) -> bool {
    reconciled.outcome == Outcome::Reconciled(RemoteOutcome::InSync)
}

#[test]
fn one_list_answers_for_half_an_interval() {
    let (mut world, uid) = listing(enforce(declared()));
    let (listed_at, _) = world.lists[&None];
    for _ in 0..3 {
        let reconciled = world.reconcile(uid);
        assert!(in_sync(&reconciled) && reconciled.is_quiet());
        assert_eq!((reads(&world), world.lists[&None].0), ((1, 0), listed_at));
    }
    world.advance(INTERVAL / 2);
    world.reconcile(uid);
    assert!(world.lists[&None].0 > listed_at);
}

#[test]
fn a_new_resource_is_answered_by_the_list_and_its_features_are_written_as_just_read() {
    let mut world = World::new();
    world.sweeps = true;
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    assert!(in_sync(&reconciled));
    assert_eq!((reads(&world), reconciled.count("features"), reconciled.count("read policy")), ((1, 1), 1, 1));
    assert!(world.tenant().session_policy_on());
}

#[test]
fn a_list_from_before_the_operator_has_switched_the_feature_on_does_not_say_that_it_is_off() {
    let mut world = World::new();
    world.sweeps = true;
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    world.edit(uid, |spec| spec.policy = Policy::Application);
    world.reconcile(uid);
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::FeatureEnabled), "True Enabled", "{:?}", reads(&world));
    world.delete(uid);
    world.reconcile(uid);
    let next = world.declare(enforce(Policy::Application));
    world.reconcile(next);
    assert_eq!(world.says(next, ConditionType::FeatureEnabled), "True Enabled", "{:?}", reads(&world));
}

#[test]
fn which_organization_an_external_id_means_is_looked_up_until_it_is_pinned() {
    let mut world = World::new();
    world.sweeps = true;
    let uid = world.declare(ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) });
    world.reconcile(uid);
    assert_eq!(reads(&world).0, 0);
    assert!(in_sync(&world.reconcile(uid)));
    assert_eq!(reads(&world), (1, 0));
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.advance(INTERVAL);
    let reconciled = world.reconcile(uid);
    assert!(matches!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::OrganizationChanged { .. })));
    assert_eq!(reads(&world), (0, 1));
}

#[test]
fn what_somebody_waits_for_reads_the_organization_itself() {
    for change in [
        (|world: &mut World, uid| world.edit(uid, |spec| spec.policy = custom(240, None))) as fn(&mut World, Uid),
        |world, uid| world.delete(uid),
        |world, uid| world.cluster.get_mut(uid).unwrap().requested_at = Some("now".into()),
        |world, uid| world.contest(uid),
    ] {
        let (mut world, uid) = listing(enforce(declared()));
        change(&mut world, uid);
        world.reconcile(uid);
        let (listed, asked) = reads(&world);
        assert!(listed == 0 && asked > 0, "{listed} {asked}");
    }
}

#[test]
fn an_organization_that_the_list_does_not_show_is_read_before_anything_is_said() {
    let (mut world, uid) = listing(enforce(declared()));
    world.lists.values_mut().for_each(|(_, list)| list.clear());
    assert!(in_sync(&world.reconcile(uid)), "it is there");
    assert_eq!(reads(&world), (0, 1));
    world.scalekit.organizations.clear();
    let gone = world.reconcile(uid).outcome;
    assert_eq!(gone, Outcome::Reconciled(RemoteOutcome::OrganizationNotFound));
}

#[test]
fn an_organization_that_went_after_it_was_listed_is_noticed_by_its_policy() {
    let (mut world, uid) = listing(enforce(declared()));
    world.scalekit.organizations.clear();
    let gone = world.reconcile(uid).outcome;
    assert_eq!((gone, reads(&world)), (Outcome::Reconciled(RemoteOutcome::OrganizationNotFound), (1, 1)));
}

#[test]
fn a_feature_that_the_list_shows_off_is_read_before_the_status_says_so() {
    let (mut world, uid) = listing(enforce(declared()));
    world.switch_flag(false);
    world.lists.insert(None, (world.now, world.scalekit.list()));
    world.switch_flag(true);
    let reconciled = world.reconcile(uid);
    assert!(in_sync(&reconciled) && reconciled.is_quiet());
}

#[test]
fn a_feature_that_went_off_after_it_was_listed_is_switched_on_where_the_server_refuses() {
    for gates in [(true, true), (false, true)] {
        let (mut world, uid) = listing(enforce(declared()));
        (world.scalekit.habits.gates_reads, world.scalekit.habits.gates_writes) = gates;
        world.switch_flag(false);
        world.tenant().live = foreign();
        let reconciled = world.reconcile(uid);
        assert!(in_sync(&reconciled), "{:?}", reconciled.outcome);
        assert!(world.tenant().session_policy_on() && world.live() == declared().into());
    }
}

#[test]
fn that_such_a_feature_is_switched_on_is_in_the_status_before() {
    let (mut world, uid) = listing(enforce(declared()));
    world.scalekit.habits.gates_writes = true;
    world.cluster.get_mut(uid).unwrap().status.as_mut().unwrap().enabled_feature = false; // others did it before
    world.switch_flag(false);
    world.tenant().live = foreign();
    let is_switch = |step: &Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. })));
    let at = world.clone().reconcile(uid).steps.iter().position(is_switch).unwrap();
    world.meanwhile(at, move |world| assert!(world.object(uid).read().enabled_feature, "a crash would forget it"));
    assert!(in_sync(&world.reconcile(uid)));
}

#[test]
fn what_only_the_list_has_shown_is_no_proof_that_the_credentials_reach_the_organization() {
    let (mut world, _) = listing(enforce(declared()));
    let younger = world.declare(enforce(declared()));
    let reconciled = world.reconcile(younger);
    assert!(matches!(reconciled.outcome, Outcome::Conflict { .. }));
    assert_eq!(reads(&world), (1, 0));
    let report = crate::reconcile::Report::of(&reconciled.state, &reconciled.outcome);
    assert!(!report.history.iter().any(|event| matches!(event, HistoryEvent::Confirmed)), "nothing was sent");
}

#[test]
fn credentials_that_are_refused_after_the_list_was_read_end_the_claim() {
    let (mut world, uid) = listing(enforce(declared()));
    world.scalekit.down = Some(ErrorKind::AuthFailed);
    world.reconcile(uid);
    assert_eq!(reads(&world).0, 1);
    assert_eq!(world.says(uid, ConditionType::Ready), "False AuthFailed");
    assert_eq!(world.object(uid).read().claim, None);
}

#[test]
fn only_reads_of_an_organization_are_answered() {
    let (mut world, uid) = listing(enforce(declared()));
    let state = world.reconcile(uid).state;
    let id = || org("org_1");
    for request in [RemoteRequest::ReadPolicy(id()), RemoteRequest::ReadApplicationPolicy(id())] {
        assert_eq!(state.listable(&request), None);
    }
    assert_eq!(state.listable(&RemoteRequest::ReadOrganization(id())), None, "it was read once");
}

#[test]
fn what_the_list_shows_may_be_half_an_interval_old_and_five_minutes_at_most() {
    let (world, uid) = World::at_rest(enforce(declared()));
    for (interval, oldest) in [(120, 60), (3600, 300)] {
        let mut resource = world.object(uid).read();
        resource.spec.as_mut().unwrap().interval = Some(Duration::from_secs(interval));
        let state = State { resource: Found::Here(Box::new(resource)), ..State::default() };
        let (_, age) = state.listable(&RemoteRequest::ReadOrganization(org("org_1"))).unwrap();
        assert_eq!(age, Duration::from_secs(oldest));
    }
}
