//! Tenants that claim the same organization, of which one does what it can so that its
//! claim is never tried; and the same without that.

use super::{
    samples::*,
    world::{On, SECRET, Trouble, Uid, World},
};
use crate::policy::ValidatedSpec;
use crate::reconcile::{ConditionType, ErrorKind, Outcome, RemoteOutcome};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn secret(spec: ValidatedSpec) -> ValidatedSpec {
    ValidatedSpec { secret: Some(SECRET.into()), ..spec }
}

fn for_half_an_hour(world: &mut World, resources: [Uid; 2]) {
    for _ in 0..30 {
        world.advance(MINUTE);
        for uid in resources {
            world.reconcile(uid);
        }
    }
}

/// A deletion in namespace a of what declares 30 days; its own client reads the organization.
fn deletion_of_30_days() -> (World, Uid) {
    let mut world = World::new();
    world.secret_of_leads_to("a", HOST);
    let older = world.declare_in("a", Ok(secret(enforce(custom(43_200, None)))));
    world.reconcile(older);
    world.delete(older);
    (world, older)
}

/// An owner in namespace a that reaches the environment by another host name than the others.
fn owner_behind_its_own_host() -> (World, Uid) {
    let mut world = World::new();
    world.scalekit.issuer = Some(ISSUER.into());
    world.secret_of_leads_to("a", CUSTOM_DOMAIN);
    let owner = world.declare_in("a", Ok(secret(enforce(custom(43_200, None)))));
    world.reconcile(owner);
    (world, owner)
}

/// An owner by a Secret of its own in namespace a, as `spec` says, and a younger resource
/// in namespace b with the default credentials of the same environment, which declares 4 hours.
fn rivals(spec: ValidatedSpec) -> (World, Uid, Uid) {
    let mut world = World::new();
    world.secret_of_leads_to("a", HOST);
    let owner = world.declare_in("a", Ok(secret(spec)));
    world.reconcile(owner);
    world.tenant().live = no_idle(43_200);
    let other = world.declare_in("b", Ok(enforce(custom(240, None))));
    (world, owner, other)
}

#[test]
fn row_134_a_revert_that_gets_429_keeps_a_successor_with_good_credentials_out_not_for_ever() {
    let (mut world, older) = deletion_of_30_days();
    let limited = ErrorKind::RateLimited { retry_after: MINUTE };
    world.scalekit.habits.refuses_policy = Some(limited);
    assert!(matches!(world.reconcile(older).outcome, Outcome::CleanupPending(_)));
    world.scalekit.habits.refuses_policy = None;
    let heir = world.declare_in("b", Ok(enforce(custom(120, None))));
    for _ in 0..120 {
        world.advance(MINUTE);
        world.reconcile(heir);
        world.reconcile_while_down(older, limited);
    }
    assert_eq!(world.live(), no_idle(120), "two hours of 30 days, where two hours are declared");
}

#[test]
fn row_134_nor_does_a_revert_that_gets_server_errors() {
    let (mut world, older) = deletion_of_30_days();
    let heir = world.declare_in("b", Ok(enforce(custom(120, None))));
    world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::Unavailable));
    world.cluster.get_mut(heir).unwrap().deleting_since = None;
    world.edit(heir, |spec| spec.suspend = true);
    world.reconcile(older); // reverting
    world.edit(heir, |spec| spec.suspend = false);
    for _ in 0..120 {
        world.advance(MINUTE);
        world.reconcile(heir);
        world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::BadResponse));
        world.reconcile(older);
        world.scalekit.in_flight.clear();
    }
    assert_eq!(world.live(), no_idle(120), "{}", world.says(heir, ConditionType::Ready));
}

#[test]
fn row_134_a_sleeping_owner_whose_external_id_leads_elsewhere_confirms_nothing() {
    let spec = ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) };
    let (mut world, owner, other) = rivals(spec);
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.edit(owner, |spec| spec.suspend = true);
    for_half_an_hour(&mut world, [other, owner]);
    assert_eq!(world.live(), no_idle(240), "{}", world.says(other, ConditionType::Ready));
}

#[test]
fn row_134_an_owner_whose_external_id_leads_elsewhere_keeps_out_nobody_with_the_same_credentials() {
    let mut world = World::new();
    let spec = ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) };
    let owner = world.declare(spec);
    world.reconcile(owner);
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.reconcile(owner);
    let other = world.declare(enforce(custom(240, None)));
    world.tenant().live = no_idle(43_200);
    for_half_an_hour(&mut world, [other, owner]);
    assert_eq!(world.live(), no_idle(240), "{}", world.says(other, ConditionType::Ready));
}

#[test]
fn row_134_nor_does_one_whose_external_id_is_gone() {
    let mut world = World::new();
    let owner = world.declare(ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) });
    world.reconcile(owner);
    world.scalekit.external.clear();
    let other = world.declare(enforce(custom(240, None)));
    world.tenant().live = no_idle(43_200);
    for_half_an_hour(&mut world, [owner, other]);
    assert_eq!(world.object(owner).read().claim, None, "it was withdrawn");
    assert_eq!(world.live(), no_idle(240), "{}", world.says(other, ConditionType::Ready));
}

/// The owner's own server answers 503 for its organization, and the lookup of an accomplice
/// that names the same Secret.
#[test]
fn row_134_an_accomplice_behind_the_same_silent_host_does_not_excuse_it() {
    let (mut world, owner) = owner_behind_its_own_host();
    world.advance(MINUTE);
    let accomplice =
        ValidatedSpec { organization: by_external_id("tenant-1"), ..secret(enforce(custom(43_200, None))) };
    let accomplice = world.declare_in("a", Ok(accomplice));
    let victim = world.declare_in("b", Ok(enforce(custom(240, None))));
    let mut outcome = None;
    for _ in 0..30 {
        world.advance(MINUTE);
        outcome = Some(world.reconcile(victim).outcome);
        world.reconcile_while_down(owner, ErrorKind::Unavailable);
        world.advance(MINUTE);
        world.scalekit.alleged = Some(ISSUER.into()); // its credentials are not good any more
        world.reconcile(accomplice);
        world.scalekit.alleged = None;
        world.reconcile_while_down(owner, ErrorKind::Unavailable);
    }
    assert_eq!((outcome, world.live()), (Some(Outcome::Reconciled(RemoteOutcome::InSync)), no_idle(240)));
}

#[test]
fn row_134_a_429_for_one_client_is_no_excuse_for_a_day_while_another_reads_the_same_environment() {
    let (mut world, owner, other) = rivals(enforce(declared()));
    for _ in 0..24 * 12 {
        world.advance(MINUTE * 5);
        world.reconcile(other);
        world.reconcile_while_down(owner, ErrorKind::RateLimited { retry_after: MINUTE });
    }
    assert_eq!(world.live(), no_idle(240), "30 days for a day: {}", world.says(other, ConditionType::Ready));
}

/// Each rotation of the Secret to other invented values is answered, in turn, by a refusal of
/// Scalekit and by the wait that the client itself imposes after refusals.
#[test]
fn row_134_a_sleeping_owner_whose_invented_credentials_rotate_keeps_nobody_out_for_ever() {
    let (mut world, owner, other) = rivals(enforce(declared()));
    world.edit(owner, |spec| spec.suspend = true);
    for minute in 0..24 * 60 {
        world.advance(MINUTE);
        if minute % 10 == 0 {
            world.reconcile(other);
        }
        let limited = ErrorKind::RateLimited { retry_after: MINUTE };
        let kind = if minute % 2 == 0 { ErrorKind::CredentialsRejected } else { limited };
        world.reconcile_while_down(owner, kind);
    }
    assert_eq!(world.live(), no_idle(240), "30 days for a day: {}", world.says(other, ConditionType::Ready));
}

#[test]
fn row_134_one_that_is_refused_its_organization_again_and_again_loses_its_claim_though_errors_come_between() {
    let (mut world, owner, other) = rivals(enforce(declared()));
    for round in 0..24 * 12 {
        world.advance(MINUTE * 5);
        world.reconcile(other);
        world.reconcile_while_down(owner, if round % 2 == 0 { ErrorKind::Forbidden } else { ErrorKind::Unavailable });
    }
    assert_eq!(world.live(), no_idle(240), "30 days for a day: {}", world.says(other, ConditionType::Ready));
}

#[test]
fn row_134_the_same_revert_without_credentials_lets_the_successor_write() {
    let (mut world, older) = deletion_of_30_days();
    world.scalekit.habits.refuses_policy = Some(ErrorKind::RateLimited { retry_after: MINUTE });
    world.reconcile(older);
    world.scalekit.habits.refuses_policy = None;
    let heir = world.declare_in("b", Ok(enforce(custom(120, None))));
    world.secrets.clear();
    for _ in 0..5 {
        world.advance(MINUTE);
        world.reconcile(heir);
        if !world.is_gone(older) {
            world.reconcile(older);
        }
    }
    assert_eq!(world.live(), no_idle(120));
}

#[test]
fn row_134_a_sleeping_owner_whose_external_id_is_gone_loses_its_claim() {
    let spec = ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) };
    let (mut world, owner, other) = rivals(spec);
    world.edit(owner, |spec| spec.suspend = true);
    world.scalekit.external.clear();
    for_half_an_hour(&mut world, [other, owner]);
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_134_without_an_accomplice_the_silent_host_loses() {
    let (mut world, owner) = owner_behind_its_own_host();
    let victim = world.declare_in("b", Ok(enforce(custom(240, None))));
    for _ in 0..30 {
        world.advance(MINUTE * 2);
        world.reconcile(victim);
        world.reconcile_while_down(owner, ErrorKind::Unavailable);
    }
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_134_the_same_owner_whose_credentials_are_refused_each_time_loses() {
    for kind in [ErrorKind::CredentialsRejected, ErrorKind::Forbidden] {
        let (mut world, owner, other) = rivals(enforce(declared()));
        world.edit(owner, |spec| spec.suspend = true);
        for _ in 0..12 {
            world.advance(MINUTE * 2);
            world.reconcile(other);
            world.reconcile_while_down(owner, kind);
        }
        assert_eq!(world.live(), no_idle(240), "{kind:?}");
    }
}
