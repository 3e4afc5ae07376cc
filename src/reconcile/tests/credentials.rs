//! Which credentials a request is sent with: always those that the spec names
//! now, read again once when Scalekit refuses them.

use super::{
    samples::*,
    world::{Entry, On, SECRET, Trouble, Uid, World},
};
use crate::policy::{Live, ValidatedSpec};
use crate::reconcile::{Application, ClusterWrite, ErrorKind, Outcome, RemoteOutcome, Request, Response, Step};

const OTHER: &str = "other.scalekit.com";

#[test]
fn an_edit_of_the_credentials_reference_in_the_middle_is_followed_by_other_credentials() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    // just before the status is written, when all was read with the first credentials
    world.meanwhile(6, |world| world.edit(1, |spec| spec.secret = Some(SECRET.into())));
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.count("read credentials"), 2);
    assert_eq!(
        reconciled.outcome,
        Outcome::Reconciled(RemoteOutcome::OrganizationNotFound),
        "there is none at {OTHER}"
    );
    assert_eq!((reconciled.policies().len(), world.live()), (0, Live::Application), "nothing was written to {HOST}");
}

#[test]
fn an_edit_of_something_else_in_the_middle_starts_over_too() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.meanwhile(6, |world| world.edit(1, |spec| spec.policy = custom(240, None)));
    assert_eq!(world.reconcile(uid).policies(), [custom(240, None)]);
}

#[test]
fn starting_over_does_not_forget_a_write_that_may_still_land() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    let mut state = world.reconcile(uid).state;
    state.handle_response(&Request::AddFinalizer, Response::Cluster(ClusterWrite::Outdated));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    state.handle_response(
        &Request::ReadResource { fresh: true },
        Response::Resource(world.cluster.found(uid, world.now)),
    );
    assert_eq!((&state.credentials, state.unsettled_for()), (&None, world.settings.settle));
}

#[test]
fn a_status_that_others_changed_in_the_middle_costs_one_more_read_of_the_resource_alone() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.meanwhile(6, |world| world.cluster.get_mut(1).unwrap().version += 1);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("read resource"), reconciled.count("read credentials")), (2, 1));
    assert_eq!(reconciled.policies(), [declared()]);
}

#[test]
fn refused_credentials_are_read_again_once_and_the_request_is_sent_once_more() {
    for kind in [ErrorKind::AuthFailed, ErrorKind::CredentialsRejected] {
        for on in [On::Organization, On::ApplicationPolicy, On::ReadPolicy, On::WritePolicy, On::Features] {
            let mut world = World::new();
            let uid = world.declare(enforce(declared()));
            world.trouble(on, 0, Trouble::Refused(kind));
            let reconciled = world.reconcile(uid);
            let fresh = |step: &Step| matches!(step, Step::Request(Request::ReadCredentials { fresh: true }));
            assert!(reconciled.steps.iter().filter(|step| fresh(step)).count() >= 1, "{on:?}");
            assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync), "{kind:?} {on:?}");
            assert_eq!(world.live(), declared().into());
        }
    }
}

/// The step of the next reconcile whose credentials are refused.
fn refused_at(world: &World, uid: Uid) -> usize {
    let mut trial = world.clone();
    let begun = trial.journal.len();
    trial.reconcile(uid);
    let refused = |entry: &Entry| matches!(&entry.response, Some(Response::Remote(Err(error))) if error.kind == ErrorKind::AuthFailed);
    trial.journal[begun..].iter().position(refused).unwrap()
}

#[test]
fn a_rotation_to_another_environment_starts_over_there() {
    for on in [On::ApplicationPolicy, On::ReadPolicy, On::WritePolicy] {
        let mut world = World::new();
        let uid = world.declare(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) });
        world.secret_leads_to(HOST);
        world.trouble(on, 0, Trouble::Refused(ErrorKind::AuthFailed));
        let refused = refused_at(&world, uid);
        world.meanwhile(refused, |world| world.secret_leads_to(OTHER));
        let reconciled = world.reconcile(uid);
        assert_eq!(
            reconciled.outcome,
            Outcome::Reconciled(RemoteOutcome::OrganizationNotFound),
            "{on:?}: {:?}",
            reconciled.words()
        );
        assert_eq!(world.live(), Live::Application, "{on:?}: what was seen at {HOST} counts for nothing");
    }
}

#[test]
fn a_refusal_of_the_credentials_is_no_answer_about_the_applications_policy() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    for nth in 0..2 {
        world.trouble(On::ApplicationPolicy, nth, Trouble::Refused(ErrorKind::AuthFailed));
    }
    assert_eq!(world.reconcile(uid).state.observation.application, Application::Failed);
    for kind in [ErrorKind::Forbidden, ErrorKind::NotFound, ErrorKind::Rejected, ErrorKind::Unsupported] {
        world.trouble(On::ApplicationPolicy, 0, Trouble::Refused(kind));
        assert_eq!(world.reconcile(uid).state.observation.application, Application::Unreadable, "{kind:?}");
    }
}

#[test]
fn only_who_waits_for_a_reconcile_gets_credentials_that_are_not_cached() {
    let reads = |world: &mut World, uid| {
        let fresh = |step: &Step| match step {
            Step::Request(Request::ReadCredentials { fresh }) => Some(*fresh),
            _ => None,
        };
        world.reconcile(uid).steps.iter().filter_map(fresh).collect::<Vec<_>>()
    };
    let (mut world, uid) = World::at_rest(enforce(declared()));
    assert_eq!(reads(&mut world, uid), [false], "at rest");
    world.cluster.get_mut(uid).unwrap().requested_at = Some("asked again".into());
    assert_eq!(reads(&mut world, uid), [true], "requested");
    assert_eq!(reads(&mut world, uid), [false], "and acknowledged");
    world.edit(uid, |spec| spec.policy = custom(240, None));
    assert_eq!(reads(&mut world, uid), [true], "edited");
    world.delete(uid);
    assert_eq!(reads(&mut world, uid), [true], "deleted");
}

#[test]
fn the_pin_of_another_environment_is_written_before_the_first_write_there() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    // between the status, which pins the first environment, and the finalizer
    world.meanwhile(7, |world| {
        world.scalekit.environment = OTHER.into();
        world.edit(1, |spec| spec.secret = Some(SECRET.into()));
    });
    assert_eq!(world.reconcile(uid).policies(), [declared()]);
    for entry in world.journal.iter().filter(|entry| entry.policy().is_some()) {
        let pinned = entry.object.as_ref().unwrap().status.as_ref().unwrap().pinned.clone().unwrap();
        assert_eq!(pinned.environment, OTHER);
    }
}

#[test]
fn after_a_refusal_the_pin_of_the_other_environment_is_written_before_the_first_write_there() {
    let mut world = World::new();
    let uid = world.declare(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) });
    world.secret_leads_to(HOST);
    world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::AuthFailed));
    let refused = refused_at(&world, uid);
    world.meanwhile(refused, |world| {
        world.secret_leads_to(OTHER);
        world.scalekit.environment = OTHER.into();
    });
    assert_eq!(world.reconcile(uid).outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    let last = world.journal.iter().rfind(|entry| entry.policy().is_some()).unwrap();
    let status = last.object.as_ref().unwrap().status.as_ref().unwrap();
    assert_eq!(status.pinned.as_ref().unwrap().environment, OTHER);
}
