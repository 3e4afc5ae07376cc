//! One environment under two host names: who owns an organization there
//! (`docs/development/failures.md` row 123).

use super::{samples::*, world::World};
use crate::policy::{Live, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, ErrorKind, Outcome, Pinned, Release, RemoteError};

/// A world in which an older resource reaches the environment by its custom
/// domain, and a younger one by its host.
fn two_names() -> (World, [u32; 2]) {
    let mut world = World::new();
    world.secret_of_leads_to("a", CUSTOM_DOMAIN);
    let older = world.declare_in("a", Ok(by_custom_domain(declared())));
    let younger = world.declare_in("b", Ok(enforce(custom(240, None))));
    (world, [older, younger])
}

fn by_custom_domain(policy: Policy) -> ValidatedSpec {
    ValidatedSpec { secret: Some(super::world::SECRET.into()), ..enforce(policy) }
}

fn pinned(world: &World, uid: u32) -> Pinned {
    world.object(uid).status.clone().unwrap().pinned.unwrap()
}

#[test]
fn row_123_two_host_names_of_one_environment_have_one_owner() {
    let (mut world, [older, younger]) = two_names();
    world.scalekit.issuer = Some(ISSUER.into());
    world.reconcile(older);
    for restart in [false, true] {
        let reconciled = world.reconcile(younger);
        assert!(reconciled.policies().is_empty() && matches!(reconciled.outcome, Outcome::Conflict { .. }));
        assert_eq!(world.live(), declared().into(), "{restart}");
        if !restart {
            world.restart();
            world.reconcile(older);
        }
    }
    let Pinned { environment, issuer, .. } = pinned(&world, older);
    assert_eq!((environment.as_str(), issuer.as_deref()), (CUSTOM_DOMAIN, Some(ISSUER)));
    assert_eq!(pinned(&world, younger).environment, HOST);
}

#[test]
fn row_123_a_host_that_is_its_own_issuer_is_the_same_environment_as_its_custom_domain() {
    let (mut world, [older, younger]) = two_names();
    world.scalekit.issuer = Some(HOST.into());
    world.reconcile(older);
    assert!(matches!(world.reconcile(younger).outcome, Outcome::Conflict { .. }));
    assert_eq!(pinned(&world, younger).issuer, None, "the host says it all");
    assert_eq!(pinned(&world, older).issuer.as_deref(), Some(HOST));
}

#[test]
fn row_123_without_an_issuer_two_host_names_are_two_environments() {
    let (mut world, [older, younger]) = two_names();
    world.reconcile(older);
    world.reconcile(younger);
    assert_eq!(world.live(), no_idle(240), "both own it");
    assert_eq!((pinned(&world, older).issuer, pinned(&world, younger).issuer), (None, None));
}

#[test]
fn row_123_an_issuer_that_is_first_read_after_an_upgrade_moves_the_claim_once_and_is_no_drift() {
    let (mut world, [older, younger]) = two_names();
    world.reconcile(older);
    world.reconcile(younger);
    world.scalekit.issuer = Some(ISSUER.into());
    world.each_tenant(|tenant| tenant.live = declared().into());
    let writes = world.cluster.status_writes;
    let first = world.reconcile(older);
    assert!(first.is_quiet() && first.events.is_empty(), "{:?}", first.words());
    assert_eq!((world.cluster.status_writes - writes, pinned(&world, older).issuer), (1, Some(ISSUER.into())));
    assert!(world.reconcile(older).is_quiet());
    assert_eq!(world.cluster.status_writes - writes, 1, "at rest again");
    assert!(matches!(world.reconcile(younger).outcome, Outcome::Conflict { .. }));
    assert_eq!(world.live(), declared().into());
}

#[test]
fn row_123_the_owner_behind_one_name_is_followed_by_the_one_behind_the_other() {
    let (mut world, [older, younger]) = two_names();
    world.scalekit.issuer = Some(ISSUER.into());
    world.reconcile(older);
    world.reconcile(younger);
    world.delete(older);
    world.reconcile(older);
    world.reconcile(younger);
    assert_eq!(world.reconcile(older).outcome, Outcome::Released(Release::HandedOver));
    assert_eq!((world.live(), world.says(younger, ConditionType::Ready)), (no_idle(240), "True InSync".into()));
}

#[test]
fn row_123_an_issuer_that_is_no_longer_verified_gives_the_claim_back_to_the_host() {
    let (mut world, [older, younger]) = two_names();
    world.scalekit.issuer = Some(ISSUER.into());
    world.reconcile(older);
    world.scalekit.issuer = None;
    world.reconcile(older);
    assert_eq!(pinned(&world, older).issuer, None);
    world.reconcile(younger);
    assert_ne!(world.live(), Live::Application);
    assert_eq!(world.says(younger, ConditionType::Ready), "True InSync");
}

#[test]
fn row_123_who_may_be_of_an_environment_that_nobody_can_ask_does_not_fight_with_its_owner() {
    for newcomer_is_older in [false, true] {
        let mut world = World::new();
        world.scalekit.issuer = Some(ISSUER.into());
        world.secret_of_leads_to("a", CUSTOM_DOMAIN);
        let mut newcomer = 0;
        if newcomer_is_older {
            newcomer = world.declare_in("a", Ok(by_custom_domain(custom(43_200, None))));
        }
        let owner = world.declare_in("b", Ok(enforce(declared())));
        world.advance(std::time::Duration::from_secs(60));
        world.reconcile(owner);
        assert_eq!(world.live(), declared().into());
        if !newcomer_is_older {
            newcomer = world.declare_in("a", Ok(by_custom_domain(custom(43_200, None))));
        }
        world.scalekit.alleged = world.scalekit.issuer.clone();
        for _ in 0..20 {
            world.advance(std::time::Duration::from_secs(60));
            let reconciled = world.reconcile(newcomer);
            assert!(reconciled.policies().is_empty(), "{newcomer_is_older} {:#?}", reconciled.steps);
            world.reconcile(owner);
        }
        assert_eq!(world.live(), declared().into());
    }
}

#[test]
fn row_123_a_deletion_waits_for_an_environment_that_may_be_its_own_and_can_not_be_asked() {
    let mut world = World::new();
    world.scalekit.issuer = Some(ISSUER.into());
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    world.credentials = Ok(super::world::access(CUSTOM_DOMAIN));
    world.scalekit.alleged = world.scalekit.issuer.clone();
    world.delete(uid);
    let unreachable = Outcome::CleanupPending(RemoteError::new(ErrorKind::Unreachable));
    assert_eq!((world.reconcile(uid).outcome, world.live()), (unreachable, declared().into()));
}

#[test]
fn row_123_a_resource_stays_pinned_to_its_host_until_another_one_is_known_to_be_the_same_environment() {
    let (mut world, [older, _]) = two_names();
    world.scalekit.issuer = Some(ISSUER.into());
    world.secret_of_leads_to("a", HOST);
    world.reconcile(older);
    world.secret_of_leads_to("a", CUSTOM_DOMAIN);
    for (alleged, host) in [(Some(ISSUER.into()), HOST), (None, CUSTOM_DOMAIN)] {
        world.scalekit.alleged = alleged;
        world.tenant().live = Live::Unrecognized;
        let writes = !world.reconcile(older).policies().is_empty();
        assert_eq!((pinned(&world, older).environment.as_str(), writes), (host, host == CUSTOM_DOMAIN));
    }
}
