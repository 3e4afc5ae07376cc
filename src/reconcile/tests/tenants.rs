//! Tenants with a namespace and a Secret each, who name the same organization. The
//! older one is in the namespace that comes later by name.

use super::{
    samples::*,
    world::{SECRET, Uid, World, access},
};
use crate::policy::{Live, OrganizationRef, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, Outcome, Reason, Release, RemoteOutcome};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A resource of a tenant with its own Secret, which leads to `host`.
fn tenant(world: &mut World, namespace: &'static str, host: &str, policy: Policy) -> Uid {
    world.advance(Duration::from_secs(1));
    world.secret_of_leads_to(namespace, host);
    world.declare_in(namespace, Ok(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(policy) }))
}

#[test]
fn row_111_another_tenant_gets_the_organization_only_when_the_secret_of_the_first_stays_away() {
    let mut world = World::new();
    let first = tenant(&mut world, "south", HOST, declared());
    let second = tenant(&mut world, "north", HOST, custom(240, None));
    world.reconcile(first);
    assert_eq!(world.reconcile(second).outcome, Outcome::Conflict { owner: None });
    let secret = world.secrets.remove(&("south", SECRET.into()));
    world.reconcile(first);
    assert!(matches!(world.reconcile(second).outcome, Outcome::Conflict { .. }), "it may be made anew");
    world.advance(MINUTE);
    world.reconcile(first);
    assert_eq!(world.reconcile(second).policies(), [custom(240, None)]);
    world.secrets.extend(secret.map(|secret| (("south", SECRET.to_owned()), secret)));
    world.reconcile(first);
    assert_eq!(world.says(first, ConditionType::Ready), "True InSync", "the older one is the owner again");
    assert!(matches!(world.reconcile(second).outcome, Outcome::Conflict { .. }));
    assert_eq!(world.live(), declared().into());
}

#[test]
fn row_111_a_tenant_whose_secret_does_not_reach_the_organization_takes_nothing_over() {
    let mut world = World::new();
    let first = tenant(&mut world, "south", HOST, declared());
    let second = tenant(&mut world, "north", "other.scalekit.com", custom(240, None));
    world.reconcile(first);
    world.reconcile(second);
    assert_eq!(world.says(second, ConditionType::Ready), "False OrganizationNotFound");
    world.delete(first);
    assert_eq!(world.reconcile(first).outcome, Outcome::Released(Release::Reverted));
    assert_eq!(world.live(), Live::Application);
}

#[test]
fn row_111_a_tenant_hands_over_to_another_one_whose_own_secret_has_read_the_organization() {
    let mut world = World::new();
    let first = tenant(&mut world, "south", HOST, declared());
    let second = tenant(&mut world, "north", HOST, custom(240, None));
    for uid in [first, second] {
        world.reconcile(uid);
    }
    world.delete(first);
    assert!(matches!(world.reconcile(first).outcome, Outcome::Waiting { reason: Reason::HandingOver, .. }));
    world.reconcile(second);
    let released = world.reconcile(first);
    assert_eq!((released.policies(), released.outcome), (vec![], Outcome::Released(Release::HandedOver)));
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn a_tenant_that_rotates_its_secret_leaves_the_resources_of_another_alone() {
    let mut world = World::new();
    let first = tenant(&mut world, "south", HOST, declared());
    let second = tenant(&mut world, "north", HOST, custom(240, None));
    world.edit(second, |spec| spec.organization = OrganizationRef::Id(org("org_2")));
    for uid in [first, second] {
        world.reconcile(uid);
    }
    world.secret_of_leads_to("south", "other.scalekit.com");
    world.reconcile(first);
    world.reconcile(second);
    assert_eq!(world.says(first, ConditionType::Ready), "False OrganizationNotFound");
    assert_eq!(world.says(second, ConditionType::Ready), "True InSync");
}

#[test]
fn a_resource_that_may_not_use_the_default_credentials_claims_nothing_by_them() {
    for unserved in [vec![], vec!["south"]] {
        let mut world = World::new();
        let older = world.declare_in("south", Ok(enforce(declared())));
        world.advance(Duration::from_secs(1));
        let younger = world.declare_in("north", Ok(enforce(custom(240, None))));
        world.credentials_missing();
        world.unserved = unserved.clone();
        world.reconcile(older);
        world.credentials = Ok(access(HOST));
        let outcome = world.reconcile(younger).outcome;
        match unserved.is_empty() {
            true => assert_eq!(outcome, Outcome::Conflict { owner: None }, "the older one reads it next"),
            false => assert_eq!(outcome, Outcome::Reconciled(RemoteOutcome::InSync)),
        }
    }
}
