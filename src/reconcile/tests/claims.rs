//! What others make of a claim: whom a change of it concerns, and what it says of the organization's policy.

use super::{
    samples::*,
    world::{On, Trouble, World},
};
use crate::policy::Live;
use crate::reconcile::{Claim, ClaimKey, Claimant, ErrorKind, Found, Outcome, Release, State};
use jiff::Timestamp;

fn verified(environment: &str) -> ClaimKey {
    ClaimKey::Verified { environment: environment.into(), organization: org("org_1") }
}

/// One that has written the organization's policy there.
fn writer(key: ClaimKey) -> Claimant {
    Claimant {
        created: Timestamp::UNIX_EPOCH,
        namespace: "customers".into(),
        name: "acme".into(),
        uid: "1".into(),
        claim: Claim { keys: vec![key], adopted: Some(Live::Application), ..Claim::default() },
        reconciled: true,
        lapsed: false,
        just_in_sync: false,
        served: true,
        host: None,
    }
}

#[test]
fn only_who_has_read_the_organization_in_this_environment_counts_as_one_that_has_written_it() {
    let named = ClaimKey::Named(by_external_id("tenant-1"));
    let here = [verified(HOST), named.clone()];
    assert!(writer(verified(HOST)).as_writer(&here).is_some());
    assert!(writer(verified(CUSTOM_DOMAIN)).as_writer(&here).is_none(), "elsewhere");
    assert!(writer(named).as_writer(&here).is_none(), "it only names it");
}

#[test]
fn what_was_written_for_one_resource_wakes_no_other_one_that_names_the_organization() {
    let before = Claim { keys: vec![verified(HOST)], counts: true, ..Claim::default() };
    let of_the_writer = [
        Claim { written: Some(declared()), ..before.clone() },
        Claim { adopted: Some(foreign()), ..before.clone() },
        Claim { enabled_feature: true, ..before.clone() },
        Claim { responsible: true, ..before.clone() },
    ];
    for after in of_the_writer {
        assert!(!before.is_concerned(Some(&before), Some(&after)), "{after:?}");
    }
    assert!(before.is_concerned(Some(&before), Some(&Claim { counts: false, ..before.clone() })));
}

#[test]
fn a_resource_that_is_held_by_others_after_its_revert_claims_nothing() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.cluster.get_mut(uid).unwrap().foreign = true;
    world.delete(uid);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
    assert_eq!(world.object(uid).read().claim, None);
}

#[test]
fn a_loser_that_can_not_read_the_policy_of_the_owner_asks_once() {
    let mut world = World::new();
    let owner = world.declare(enforce(declared()));
    world.reconcile(owner);
    let loser = world.declare(enforce(custom(240, None)));
    world.cluster.get_mut(loser).unwrap().finalizer = true;
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    let reconciled = world.reconcile(loser);
    assert!(matches!(reconciled.outcome, Outcome::Conflict { .. }));
    assert_eq!((reconciled.count("read policy"), world.object(loser).finalizer), (1, true));
}

#[test]
fn row_128_of_two_that_have_written_the_same_the_one_that_found_a_policy_tells_what_was_there() {
    for found in [[Live::Application, foreign()], [foreign(), Live::Application]] {
        let mut world = World::new();
        let uid = world.declare(enforce(declared()));
        let resource = Found::Here(Box::new(world.object(uid).read()));
        let mut state = State { resource, ..State::default() };
        state.observation.live = Some(declared().into());
        for adopted in found {
            let mut other = writer(verified(HOST));
            (other.claim.adopted, other.claim.written) = (Some(adopted), Some(declared()));
            state.other_writers.extend(other.as_writer(&[verified(HOST)]));
        }
        assert_eq!(state.adopts(false), Some(foreign()), "{found:?}");
    }
}
