//! A resource that is to stay: what a reconcile does, in which order, and what it
//! leaves alone.

use super::{
    samples::*,
    world::{SECRET, World, access},
};
use crate::policy::{DeletionPolicy, Live, Mode, Policy, RuleId, ValidatedSpec, Violation};
use crate::reconcile::{
    Claim, ConditionType, CredentialsError, CredentialsKey, CredentialsSource, ErrorKind, InvalidValue, Outcome,
    ReadError, Reason, RemoteOutcome, RemoteRequest, Request, Step,
};
use std::time::Duration;

#[test]
fn from_nothing_the_user_is_told_and_the_finalizer_stands_before_the_first_write() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    assert_eq!(
        reconciled.words(),
        [
            "read resource",
            "read credentials",
            "read organization",
            "read issuer",
            "read claimants",
            "read application policy",
            "progress",
            "add finalizer",
            "read organization",
            "features",
            "read policy",
            "progress",
            "write policy",
        ]
    );
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    assert_eq!((world.live(), world.says(uid, ConditionType::Ready)), (declared().into(), "True InSync".into()));
    assert!(world.object(uid).finalizer && world.tenant().session_policy_on());
}

#[test]
fn at_rest_a_reconcile_writes_to_neither_side() {
    for spec in [
        enforce(declared()),
        enforce(Policy::Application),
        tighten_only(declared()),
        observe(declared()),
        retain(declared()),
    ] {
        let (mut world, uid) = World::at_rest(spec.clone());
        let before = world.cluster.status_writes;
        let reconciled = world.reconcile(uid);
        assert!(reconciled.is_quiet(), "{spec:?}: {:?}", reconciled.words());
        assert_eq!(world.cluster.status_writes, before, "{spec:?}");
        assert!(reconciled.events.is_empty());
    }
}

#[test]
fn an_invalid_spec_costs_no_call_and_stalls() {
    let mut world = World::new();
    let violation = Violation::new(RuleId::Schema, "policy.idleSessionTimeout", "is not below 8h");
    let uid = world.declare_in("customers", Err(vec![violation]));
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.words(), ["read resource"]);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True InvalidSpec");
    assert!(world.object(uid).condition(ConditionType::Ready).unwrap().message.contains("policy.idleSessionTimeout"));
}

#[test]
fn missing_credentials_are_waited_for_and_unusable_ones_need_a_person() {
    let from = || CredentialsSource::Secret("scalekit".into());
    let key = CredentialsKey::ClientId;
    for (error, kind, reason) in [
        (CredentialsError::Missing(from()), ConditionType::Reconciling, "True CredentialsMissing"),
        (CredentialsError::KeyMissing { from: from(), key }, ConditionType::Stalled, "True CredentialsIncomplete"),
        (
            CredentialsError::Invalid { from: from(), key, why: InvalidValue::Empty },
            ConditionType::Stalled,
            "True CredentialsIncomplete",
        ),
        (
            CredentialsError::Unreadable { from: from(), why: ReadError::Forbidden },
            ConditionType::Stalled,
            "True CredentialsUnreadable",
        ),
        (
            CredentialsError::Unreadable { from: from(), why: ReadError::Unavailable },
            ConditionType::Reconciling,
            "True CredentialsUnreadable",
        ),
        (
            CredentialsError::NotAllowed { namespace: "customers".into() },
            ConditionType::Stalled,
            "True CredentialsNotAllowed",
        ),
    ] {
        let mut world = World::new();
        let message = error.to_string();
        world.credentials = Err(error);
        let uid = world.declare(enforce(declared()));
        let reconciled = world.reconcile(uid);
        assert_eq!(reconciled.words(), ["read resource", "read credentials"]);
        assert_eq!(world.says(uid, kind), reason);
        assert!(world.object(uid).condition(ConditionType::Ready).unwrap().message.contains(&message));
    }
}

#[test]
fn a_younger_claim_writes_nothing_and_takes_over_when_the_older_one_is_gone() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    let younger =
        world.declare(ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(custom(240, None)) });
    let reconciled = world.reconcile(younger);
    assert!(reconciled.is_quiet());
    assert_eq!(reconciled.outcome, Outcome::Conflict { owner: Some("osp-1".into()) });
    assert_eq!(world.says(younger, ConditionType::Stalled), "True Conflict");
    world.delete(older);
    assert!(world.reconcile(younger).is_quiet(), "a deleting owner still owns");
    world.reconcile(older);
    assert_eq!((world.is_gone(older), world.live()), (false, declared().into()), "it waits for the younger one");
    world.reconcile(younger);
    world.reconcile(older);
    assert!(world.is_gone(older), "handed over without a revert");
    assert_eq!((world.live(), world.says(younger, ConditionType::Ready)), (no_idle(240), "True InSync".into()));
}

#[test]
fn an_owner_is_named_only_inside_its_own_namespace() {
    let (mut world, _) = World::at_rest(enforce(declared()));
    let stranger = world.declare_in("elsewhere", Ok(enforce(declared())));
    assert_eq!(world.reconcile(stranger).outcome, Outcome::Conflict { owner: None });
    assert!(!world.object(stranger).condition(ConditionType::Ready).unwrap().message.contains("osp-1"));
}

#[test]
fn a_conflicted_resource_that_carries_a_finalizer_drops_it() {
    let mut world = World::new();
    let owner = world.declare(enforce(declared()));
    let conflicted = world.declare(enforce(declared()));
    world.set_finalizer_by_hand(conflicted, true);
    world.reconcile(conflicted);
    assert!(world.object(conflicted).finalizer, "not before the owner's policy is live");
    world.reconcile(owner);
    assert_eq!(world.reconcile(conflicted).count("remove finalizer"), 1);
    assert!(!world.object(conflicted).finalizer);
    assert!(world.reconcile(conflicted).is_quiet());
}

#[test]
fn an_external_id_that_leads_elsewhere_is_reported_and_neither_organization_is_written() {
    let spec = ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) };
    let (mut world, uid) = World::at_rest(spec);
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.edit(uid, |d| d.policy = custom(240, None));
    let reconciled = world.reconcile(uid);
    assert!(reconciled.is_quiet());
    assert_eq!(world.says(uid, ConditionType::Stalled), "True OrganizationChanged");
    let pinned = world.object(uid).status.clone().unwrap().pinned.unwrap();
    assert_eq!(pinned.organization, org("org_1"), "a pin is moved by a person");
    world.delete(uid);
    world.reconcile(uid);
    assert_eq!((world.live(), world.is_gone(uid)), (Live::Application, true), "the first one is reverted");
}

#[test]
fn a_policy_changed_behind_our_back_is_written_again() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![declared()], declared().into()));
    assert_eq!((reconciled.count("progress"), reconciled.count("add finalizer")), (1, 0));
}

#[test]
fn a_flag_switched_off_behind_our_back_is_switched_on_again() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.switch_flag(false);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("features"), reconciled.policies()), (1, vec![]));
    assert_eq!(
        (world.tenant().session_policy_on(), world.says(uid, ConditionType::FeatureEnabled)),
        (true, "True Enabled".into())
    );
}

#[test]
fn a_finalizer_stripped_by_hand_comes_back_before_the_next_write() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.set_finalizer_by_hand(uid, false);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("add finalizer"), reconciled.policies()), (1, vec![]));
    world.set_finalizer_by_hand(uid, false);
    world.tenant().live = foreign();
    let words = world.reconcile(uid).words();
    let at = |word| words.iter().position(|w| *w == word).unwrap();
    assert!(at("add finalizer") < at("write policy"));
}

#[test]
fn what_never_needs_a_revert_has_no_finalizer_and_loses_one_it_had() {
    for change in [
        (|d| d.deletion = DeletionPolicy::Retain) as fn(&mut ValidatedSpec),
        |d| d.mode = Mode::Observe,
        |d| d.policy = Policy::Application,
    ] {
        let mut fresh = World::new();
        let mut spec = enforce(declared());
        change(&mut spec);
        let uid = fresh.declare(spec);
        assert_eq!(fresh.reconcile(uid).count("add finalizer"), 0);
        let (mut world, uid) = World::at_rest(enforce(declared()));
        assert!(world.object(uid).finalizer);
        world.edit(uid, change);
        assert_eq!(world.reconcile(uid).count("remove finalizer"), 1);
        assert!(!world.object(uid).finalizer);
        world.edit(uid, |d| *d = enforce(declared()));
        world.reconcile(uid);
        assert!(world.object(uid).finalizer, "and gets it back");
    }
}

#[test]
fn an_edit_to_the_applications_policy_keeps_the_finalizer_while_an_earlier_write_may_land() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.restart();
    world.edit(uid, |d| d.policy = Policy::Application);
    world.reconcile(uid);
    assert_eq!((world.live(), world.object(uid).finalizer), (Live::Application, true));
    world.advance(world.settings.settle);
    world.reconcile(uid);
    assert!(!world.object(uid).finalizer);
}

#[test]
fn an_edit_between_read_and_write_costs_one_write_of_the_old_value_and_is_seen_next() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.meanwhile(8, |world| world.edit(1, |d| d.policy = custom(240, None)));
    assert_eq!(world.reconcile(uid).policies(), [declared()]);
    let object = world.object(uid);
    assert_eq!((object.status.clone().unwrap().observed_generation, object.generation), (1, 2));
    assert_eq!(world.reconcile(uid).policies(), [custom(240, None)]);
}

#[test]
fn a_resource_deleted_while_its_reconcile_works_gets_no_finalizer_and_no_write() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    world.meanwhile(7, |world| world.delete(1));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.outcome, world.live()), (Outcome::Gone, Live::Application));
}

#[test]
fn a_resource_of_the_same_name_with_another_uid_is_another_resource() {
    let (mut world, old) = World::at_rest(enforce(declared()));
    world.cluster.objects.clear();
    let new = world.declare(enforce(custom(240, None)));
    world.reconcile(new);
    assert_eq!((world.reconcile(old).outcome, world.live()), (Outcome::Gone, no_idle(240)));
}

#[test]
fn credentials_for_another_environment_mean_another_organization() {
    let (mut world, uid) =
        World::at_rest(ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) });
    world.scalekit.environment = "other.scalekit.com".into();
    world.scalekit.external.insert("tenant-1".into(), org("org_2"));
    world.credentials = Ok(access("other.scalekit.com"));
    let reconciled = world.reconcile(uid);
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync), "no pin of elsewhere forbids it");
    let pinned = world.object(uid).status.clone().unwrap().pinned.unwrap();
    assert_eq!((pinned.environment.as_str(), pinned.organization), ("other.scalekit.com", org("org_2")));
    let events: Vec<_> = reconciled.events.iter().map(|e| (e.warning, e.reason)).collect();
    assert_eq!(
        events[events.len() - 1],
        (true, Reason::EnvironmentMoved),
        "the first one keeps its policy: said aloud"
    );
    assert!(reconciled.events[events.len() - 1].note.contains(HOST));
    assert!(world.reconcile(uid).events.is_empty());
}

#[test]
fn where_to_undo_it_is_written_down_before_a_finalizer_is_added() {
    let mut world = World::new();
    world.switch_flag(true);
    world.tenant().live = declared().into();
    let uid = world.declare(enforce(declared()));
    let words = world.reconcile(uid).words();
    let at = |word| words.iter().position(|w| *w == word).unwrap();
    assert!(at("progress") < at("add finalizer"), "{words:?}");
}

#[test]
fn of_two_created_in_the_same_second_the_first_by_namespace_and_name_owns() {
    let mut world = World::new();
    let later_by_name = world.declare_in("b", Ok(enforce(declared())));
    let first_by_name = world.declare_in("a", Ok(enforce(custom(240, None))));
    world.reconcile(later_by_name);
    assert_eq!(world.says(later_by_name, ConditionType::Ready), "False Conflict", "though its uid is the smaller one");
    world.reconcile(first_by_name);
    assert_eq!(world.live(), no_idle(240));
}

#[test]
fn row_045_a_younger_one_with_other_credentials_waits_until_the_older_one_was_reconciled() {
    let mut world = World::new();
    world.secret_leads_to(HOST);
    let older = world.declare(enforce(declared()));
    let younger = world.declare(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(custom(240, None)) });
    let reconciled = world.reconcile(younger);
    let policy = |step: &Step| matches!(step, Step::Request(Request::Remote(RemoteRequest::ReadPolicy(_))));
    assert!(!reconciled.steps.iter().any(policy), "it would be too old once that is decided");
    assert_eq!((reconciled.policies(), reconciled.outcome), (vec![], Outcome::Undecided));
    assert_eq!(world.reconcile(younger).outcome, Outcome::Undecided, "it still waits");
    world.reconcile(older);
    assert!(matches!(world.reconcile(younger).outcome, Outcome::Conflict { .. }));
    assert_eq!(world.live(), declared().into());
}

#[test]
fn row_111_an_older_one_whose_credentials_are_bad_or_slow_is_not_waited_for() {
    for reconcile_older in [true, false] {
        let mut world = World::new();
        world.credentials_missing();
        world.secret_leads_to(HOST);
        let older = world.declare(enforce(declared()));
        let younger = world.declare(ValidatedSpec { secret: Some(SECRET.into()), ..enforce(custom(240, None)) });
        if reconcile_older {
            world.reconcile(older);
        } else {
            world.reconcile(younger);
            world.advance(Duration::from_secs(10));
        }
        assert_eq!(world.reconcile(younger).policies(), [custom(240, None)]);
    }
}

#[test]
fn row_111_a_secret_that_is_made_anew_or_one_odd_answer_takes_no_claim_away() {
    for kind in [None, Some(ErrorKind::Forbidden), Some(ErrorKind::NotFound)] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        match kind {
            None => world.credentials_missing(),
            Some(kind) => world.scalekit.down = Some(kind),
        }
        world.reconcile(uid);
        assert!(world.object(uid).read().claim.is_some(), "{kind:?}");
        world.advance(Duration::from_secs(60));
        world.reconcile(uid);
        assert_eq!(world.object(uid).read().claim, None, "it lasts: {kind:?}");
    }
}

#[test]
fn row_111_refused_credentials_take_the_claim_back_at_once() {
    for kind in [ErrorKind::CredentialsRejected, ErrorKind::AuthFailed] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.scalekit.down = Some(kind);
        world.reconcile(uid);
        assert_eq!(world.object(uid).read().claim, None, "{kind:?}");
    }
}

#[test]
fn row_124_what_is_deleted_claims_only_while_our_finalizer_holds_it() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.delete(uid);
    let mut resource = world.object(uid).read();
    assert!(Claim::of(&resource, "customers").counts, "until it yields or reverts");
    resource.finalizer = false;
    assert!(!Claim::of(&resource, "customers").counts, "others may hold it for long");
}
