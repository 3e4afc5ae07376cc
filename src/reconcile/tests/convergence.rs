//! When troubles and edits stop, everything ends where it was declared to be,
//! and then nothing moves any more.

use super::{
    random::{LAST, cases, runs},
    samples::{HOST, application, org},
    world::{Habits, Uid, World, access},
};
use crate::policy::{Live, Mode, OrganizationId, Policy, diff, tighten};
use crate::reconcile::{ConditionType, HOUR};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #![proptest_config(cases(1000))]
    #[test]
    fn when_it_is_quiet_every_resource_is_ready_or_says_why_not_or_is_gone(run in runs()) {
        let mut world = run.play(|_, _| Ok(()))?;
        cure(&mut world);
        let uids: Vec<Uid> = (1..10).filter(|uid| world.knows(*uid)).collect();
        for wait in [world.settings.settle; 8].into_iter().chain([world.settings.grace; 2]) {
            for uid in uids.iter().chain(&uids) {
                world.reconcile(*uid);
            }
            world.advance(wait); // one that waits for a person goes after its grace
        }
        for uid in uids {
            where_it_should_be(&world, uid, &org("org_1"))?;
            nothing_moves(&mut world, uid)?;
        }
    }
}

/// The server behaves, the credentials are there.
fn cure(world: &mut World) {
    world.calm();
    world.scalekit.habits = Habits::default();
    world.scalekit.application = Ok(application(10_080, 5));
    world.each_tenant(|tenant| tenant.stale = None);
    world.credentials = Ok(access(HOST));
    world.secret_leads_to(HOST);
    world.advance(HOUR); // no fight is remembered longer
    world.advance(Duration::from_secs(LAST.into())); // nothing is suspended longer, but by its spec
}

/// Whether the resource, which leads to `id`, is there.
pub(super) fn where_it_should_be(world: &World, uid: Uid, id: &OrganizationId) -> Result<(), TestCaseError> {
    let Some(object) = world.cluster.get(uid) else { return Ok(()) };
    prop_assert!(object.deleting_since.is_none(), "a deletion ends");
    let spec = object.spec.as_ref().unwrap();
    let ready = world.says(uid, ConditionType::Ready);
    let expected = |reason: &str| {
        prop_assert_eq!(&ready, reason);
        Ok(())
    };
    if spec.suspend {
        return expected("Unknown Suspended");
    }
    let Some(tenant) = world.scalekit.organizations.get(id) else {
        return expected("False OrganizationNotFound");
    };
    if world.owner(id) != Some(uid) {
        let Some(owner) = world.owner(id) else { return Err(TestCaseError::fail("nobody owns it")) };
        let live = world.object(owner).claimant().claim.in_sync;
        prop_assert!(!object.finalizer || !live, "one that has written stays until the owner's policy is live");
        return expected("False Conflict");
    }
    let in_sync = diff(&spec.policy, &tenant.live).is_empty();
    match spec.mode {
        _ if in_sync => expected("True InSync")?,
        Mode::Enforce => prop_assert!(in_sync, "{} instead of {}", tenant.live, spec.policy),
        Mode::Observe => expected("True Observing")?,
        Mode::TightenOnly if tenant.live == Live::Unrecognized => expected("False UnrecognizedLivePolicy")?,
        Mode::TightenOnly => {
            prop_assert_eq!(tighten(&spec.policy, &tenant.live), None);
            expected("True StricterKept")?;
        }
    }
    let custom = spec.policy != Policy::Application;
    prop_assert!(spec.mode == Mode::Observe || !custom || tenant.session_policy_on());
    prop_assert!(object.finalizer || !spec.may_revert() || !custom || !ready.starts_with("True"));
    prop_assert!(!object.finalizer || spec.may_revert());
    Ok(())
}

fn nothing_moves(world: &mut World, uid: Uid) -> Result<(), TestCaseError> {
    let (before, writes) = (world.cluster.get(uid).cloned(), world.cluster.status_writes);
    let reconciled = world.reconcile(uid);
    prop_assert!(reconciled.is_quiet(), "{:?}", reconciled.words());
    prop_assert!(reconciled.events.is_empty(), "{:?}", reconciled.events);
    prop_assert_eq!((world.cluster.get(uid).cloned(), world.cluster.status_writes), (before, writes));
    Ok(())
}
