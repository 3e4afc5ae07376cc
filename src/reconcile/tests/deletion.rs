//! A resource that is being deleted: what is proof enough to remove its
//! finalizer, and what never is.

use super::{
    samples::*,
    world::{On, Trouble, Uid, World, access},
};
use crate::policy::{DeletionPolicy, Live, Policy, RuleId, ValidatedSpec, Violation};
use crate::reconcile::{
    ConditionType, CredentialsError, CredentialsKey, CredentialsSource, ErrorClass, ErrorKind, Hold, Outcome, Past,
    Reason, Release, RemoteError, without_revert,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A resource at rest whose deletion was asked for.
pub(super) fn deleting(spec: ValidatedSpec) -> (World, Uid) {
    let (mut world, uid) = World::at_rest(spec);
    world.delete(uid);
    (world, uid)
}

#[test]
fn the_revert_is_confirmed_by_a_read_before_the_resource_goes() {
    let (mut world, uid) = deleting(enforce(declared()));
    let reconciled = world.reconcile(uid);
    let words = reconciled.words();
    assert_eq!(
        words[words.len() - 5..],
        ["read policy", "progress", "write policy", "read policy", "remove finalizer"]
    );
    assert_eq!(
        (reconciled.policies(), reconciled.outcome),
        (vec![Policy::Application], Outcome::Released(Release::Reverted))
    );
    assert_eq!((world.live(), world.is_gone(uid)), (Live::Application, true));
}

#[test]
fn what_already_inherits_goes_without_a_write() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.tenant().live = Live::Application;
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.is_gone(uid)), (vec![], true));
}

#[test]
fn an_enforced_organization_is_reverted_whoever_wrote_last() {
    for live in [foreign(), Live::Unrecognized] {
        let (mut world, uid) = deleting(enforce(declared()));
        world.tenant().live = live;
        world.reconcile(uid);
        assert_eq!((world.live(), world.is_gone(uid)), (Live::Application, true));
    }
}

#[test]
fn tighten_only_takes_back_its_own_policy_and_leaves_another() {
    for (live, after, release) in [
        (declared().into(), Live::Application, Release::Reverted),
        (custom(240, 30).into(), custom(240, 30).into(), Release::CustomersOwn),
        (Live::Unrecognized, Live::Unrecognized, Release::CustomersOwn),
    ] {
        let (mut world, uid) = deleting(tighten_only(declared()));
        world.tenant().live = live;
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.outcome, world.live(), world.is_gone(uid)), (Outcome::Released(release), after, true));
    }
}

#[test]
fn an_organization_must_be_missing_twice() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.trouble(On::Organization, 0, Trouble::Refused(ErrorKind::NotFound));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("read organization"), reconciled.outcome), (2, Outcome::Released(Release::Reverted)));
    let (mut world, uid) = deleting(enforce(declared()));
    world.scalekit.organizations.clear();
    let reconciled = world.reconcile(uid);
    assert_eq!(
        (reconciled.count("read organization"), reconciled.outcome),
        (2, Outcome::Released(Release::OrganizationGone))
    );
    assert!(world.is_gone(uid));
}

#[test]
fn an_organization_that_goes_during_the_revert_is_gone() {
    for step in 5..=7 {
        let (mut world, uid) = deleting(enforce(declared()));
        world.meanwhile(step, |w| w.scalekit.organizations.clear());
        assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::OrganizationGone), "{step}");
    }
}

#[test]
fn nothing_is_proven_by_another_environment() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.credentials = Ok(access("other.scalekit.com"));
    let reconciled = world.reconcile(uid);
    assert!(matches!(reconciled.outcome, Outcome::Holding { hold: Hold::EnvironmentChanged { .. }, .. }));
    assert_eq!(reconciled.count("read organization"), 0);
    let message = &world.object(uid).condition(ConditionType::Ready).unwrap().message;
    assert!(message.contains(HOST) && message.contains("other.scalekit.com"));
    world.credentials = Ok(access(HOST));
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn missing_credentials_hold_the_resource_until_the_grace_is_over() {
    for (terminating, grace) in [(false, 60), (true, 10)] {
        let (mut world, uid) = deleting(enforce(declared()));
        world.credentials_missing();
        world.namespace_terminating = terminating;
        let Outcome::Holding { until, .. } = world.reconcile(uid).outcome else { panic!("not held") };
        assert_eq!(until, world.now + MINUTE * grace);
        assert_eq!(world.says(uid, ConditionType::Ready), "False CredentialsMissing");
        assert_eq!(world.says(uid, ConditionType::Reconciling), "True CredentialsMissing");
        assert!(world.object(uid).condition(ConditionType::Ready).unwrap().message.contains(&until.to_string()));
        world.advance(MINUTE * (grace - 1));
        assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }));
        world.advance(MINUTE);
        assert!(matches!(world.reconcile(uid).outcome, Outcome::Released(Release::Orphaned(Hold::Credentials(_)))));
        assert_eq!((world.is_gone(uid), world.live()), (true, declared().into()));
    }
}

#[test]
fn credentials_that_come_back_in_time_end_in_a_revert() {
    let (mut world, uid) = deleting(enforce(declared()));
    let usable = world.credentials.clone();
    let from = CredentialsSource::Secret("scalekit".into());
    world.credentials = Err(CredentialsError::KeyMissing { from, key: CredentialsKey::ClientId });
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { .. }));
    world.credentials = usable;
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn the_grace_counts_from_when_it_was_announced() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.reconcile(uid);
    world.advance(MINUTE * 60 * 5); // an outage of five hours
    world.calm();
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Forbidden));
    let Outcome::Holding { until, .. } = world.reconcile(uid).outcome else { panic!("let go unannounced") };
    assert_eq!(until, world.now + MINUTE * 60);
    assert_eq!(world.object(uid).status.clone().unwrap().release.map(|r| r.at), Some(until));
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted), "it was a moment only");
}

#[test]
fn the_grace_of_another_cause_begins_anew_and_an_outage_does_not_prolong_it() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.scalekit.down = Some(ErrorKind::Forbidden);
    let Outcome::Holding { until: first, .. } = world.reconcile(uid).outcome else { panic!("not held") };
    world.advance(MINUTE * 50);
    world.scalekit.down = Some(ErrorKind::Unavailable);
    world.reconcile(uid);
    world.scalekit.down = Some(ErrorKind::Forbidden);
    let Outcome::Holding { until, .. } = world.reconcile(uid).outcome else { panic!("not held") };
    assert_eq!(until, first);
    world.credentials_missing();
    let Outcome::Holding { until, .. } = world.reconcile(uid).outcome else { panic!("not held") };
    assert_eq!(until, world.now + MINUTE * 60);
}

#[test]
fn a_namespace_that_begins_to_go_shortens_the_grace() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.credentials_missing();
    world.reconcile(uid);
    world.namespace_terminating = true;
    let Outcome::Holding { until, .. } = world.reconcile(uid).outcome else { panic!("not held") };
    assert_eq!(until, world.now + MINUTE * 10);
    world.advance(MINUTE * 5);
    let Outcome::Holding { until: later, .. } = world.reconcile(uid).outcome else { panic!("not held") };
    assert_eq!(later, until, "and no reconcile prolongs it");
}

#[test]
fn row_078_a_secret_that_went_with_its_namespace_is_remembered_for_the_revert() {
    for (terminating, outcome) in [(true, true), (false, false)] {
        let (mut world, uid) = deleting(enforce(declared()));
        world.credentials_missing();
        world.kept = Some(access(HOST));
        world.namespace_terminating = terminating;
        let reconciled = world.reconcile(uid);
        assert_eq!(reconciled.outcome == Outcome::Released(Release::Reverted), outcome, "{:?}", reconciled.outcome);
        assert_eq!(world.live() == Live::Application, outcome, "only where the namespace took it");
    }
}

#[test]
fn restore_puts_back_what_the_organization_had_before_and_nothing_of_later() {
    let mut world = World::new();
    world.switch_flag(true);
    world.tenant().live = no_idle(90);
    let uid = world.declare(ValidatedSpec { deletion: DeletionPolicy::Restore, ..enforce(declared()) });
    world.reconcile(uid);
    assert_eq!(world.object(uid).status.clone().unwrap().adopted, Some(no_idle(90)));
    world.tenant().live = foreign();
    world.reconcile(uid);
    assert_eq!(world.live(), declared().into(), "drift of later is no adoption");
    world.delete(uid);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Restored));
    assert_eq!(world.live(), no_idle(90));
}

#[test]
fn row_007_a_missing_organization_proves_nothing_where_none_was_pinned() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.set_finalizer_by_hand(uid, true);
    world.scalekit.organizations.clear();
    world.delete(uid);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { hold: Hold::Refused(_), .. }));
}

#[test]
fn a_revert_of_unknown_outcome_is_waited_for_even_when_it_shows() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    assert_eq!(world.reconcile(uid).outcome, Outcome::Settling(world.settings.settle));
    assert_eq!(world.says(uid, ConditionType::Reconciling), "True Deleting");
    let observed = world.object(uid).status.clone().unwrap().observed.unwrap();
    assert_eq!((observed.live, observed.drift.len()), (Live::Application, 0), "inheriting is the goal now");
    world.advance(world.settings.settle);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn a_refusal_holds_the_resource_for_the_grace() {
    use ErrorKind::{AuthFailed, CredentialsRejected, Forbidden, Rejected, Unsupported};
    for kind in [AuthFailed, CredentialsRejected, Forbidden, Rejected, Unsupported] {
        for on in [On::Organization, On::ReadPolicy, On::WritePolicy] {
            let (mut world, uid) = deleting(enforce(declared()));
            world.trouble(on, 0, Trouble::Refused(kind));
            world.trouble(on, usize::from(kind.class() == ErrorClass::Unauthenticated), Trouble::Refused(kind));
            let outcome = world.reconcile(uid).outcome;
            let held = Hold::Refused(RemoteError::new(kind));
            assert!(matches!(outcome, Outcome::Holding { hold, .. } if hold == held), "{kind:?} {on:?}");
            assert!(!world.is_gone(uid));
            world.scalekit.down = Some(kind);
            world.advance(MINUTE * 60);
            assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Orphaned(held)));
        }
    }
}

#[test]
fn no_outage_lets_a_resource_go_however_long_it_lasts() {
    use ErrorKind::{BadAuthResponse, BadResponse, Conflict, TimedOut, Tls, Unavailable, Unreachable};
    let limited = ErrorKind::RateLimited { retry_after: MINUTE };
    for kind in [BadAuthResponse, BadResponse, Conflict, TimedOut, Tls, Unavailable, Unreachable, limited] {
        let (mut world, uid) = deleting(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.reconcile(uid);
        world.advance(MINUTE * 60 * 24 * 30);
        assert!(matches!(world.reconcile(uid).outcome, Outcome::CleanupPending(_)), "{kind:?}");
        assert_eq!(world.says(uid, ConditionType::Ready), "False CleanupPending");
        assert_eq!(world.says(uid, ConditionType::Reconciling), "True CleanupPending");
        world.calm();
        assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
    }
}

#[test]
fn a_server_that_keeps_the_policy_keeps_the_resource() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.scalekit.habits.normalises = Some(|_| no_idle(60));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies().len(), world.is_gone(uid)), (2, false));
    assert!(matches!(reconciled.outcome, Outcome::CleanupPending(_)));
}

#[test]
fn a_missing_policy_route_holds_the_resource() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.scalekit.habits.lacks_policy_route = true;
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { hold: Hold::Refused(_), .. }));
}

#[test]
fn retaining_while_deleting_lets_the_resource_go_at_once() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.credentials_missing();
    world.reconcile(uid);
    world.edit(uid, |d| d.deletion = DeletionPolicy::Retain);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, world.live()), (Outcome::Released(Release::NothingToRevert), declared().into()));
    assert!(world.is_gone(uid));
}

#[test]
fn suspending_never_holds_a_deletion_back() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |d| d.suspend = true);
    world.reconcile(uid);
    world.delete(uid);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
}

#[test]
fn a_spec_that_cannot_be_read_holds_the_resource_for_the_grace() {
    let (mut world, uid) = deleting(enforce(declared()));
    world.cluster.get_mut(uid).unwrap().spec =
        Err(vec![Violation::new(RuleId::Readable, "", "policy is not an object")]);
    assert!(matches!(world.reconcile(uid).outcome, Outcome::Holding { hold: Hold::InvalidSpec, .. }));
    world.advance(MINUTE * 60);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Orphaned(Hold::InvalidSpec)));
}

#[test]
fn a_resource_deleted_before_its_first_reconcile_has_nothing_to_undo() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.delete(uid);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.words(), reconciled.outcome), (vec!["read resource"], Outcome::Gone));
}

#[test]
fn what_a_deletion_writes_is_announced_before() {
    for spec in [enforce(declared()), tighten_only(declared()), observe(declared()), retain(declared())] {
        for live in [Live::Application, declared().into(), custom(60, None).into(), Live::Unrecognized] {
            let (mut world, uid) = World::at_rest(spec.clone());
            world.tenant().live = live;
            world.delete(uid);
            let set_back = without_revert(&spec, Past::default(), Some(&live)).is_none();
            let written = world.reconcile(uid).policies();
            let expected = if set_back { vec![Policy::Application] } else { vec![] };
            assert_eq!(written, expected, "{spec:?} {live:?}");
        }
    }
}

#[test]
fn the_feature_goes_off_with_the_policy_only_where_that_is_wanted_and_we_switched_it_on() {
    for (wanted, on_before, off_after) in [(true, false, true), (false, false, false), (true, true, false)] {
        let mut world = World::new();
        world.settings.disable_feature = wanted;
        world.switch_flag(on_before);
        let uid = world.declare(enforce(declared()));
        world.reconcile(uid);
        world.reconcile(uid);
        assert_eq!(world.object(uid).read().enabled_feature, !on_before, "kept in the status");
        world.delete(uid);
        let reconciled = world.reconcile(uid);
        assert_eq!(reconciled.outcome, Outcome::Released(Release::Reverted));
        assert_eq!(!world.tenant().session_policy_on(), off_after, "{wanted} {on_before}");
        assert_eq!(reconciled.events.iter().any(|event| event.reason == Reason::FeatureDisabled), off_after);
    }
}

#[test]
fn a_feature_that_can_not_be_switched_off_holds_no_deletion() {
    let mut world = World::new();
    world.settings.disable_feature = true;
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    world.scalekit.habits.refuses_features = Some(ErrorKind::Forbidden);
    world.delete(uid);
    assert_eq!(world.reconcile(uid).outcome, Outcome::Released(Release::Reverted));
    assert!(world.tenant().session_policy_on());
}

#[test]
fn what_tightening_made_of_the_customers_policy_is_own_only_where_that_is_restored() {
    let past = Past { adopted: Some(no_idle(240)), written: None };
    let live = custom(240, 60).into(); // the idle limit is ours
    for (deletion, ends) in [(DeletionPolicy::Restore, None), (DeletionPolicy::Revert, Some(Release::CustomersOwn))] {
        let spec = ValidatedSpec { deletion, ..tighten_only(declared()) };
        assert_eq!(without_revert(&spec, past, Some(&live)), ends, "{deletion:?}");
    }
}
