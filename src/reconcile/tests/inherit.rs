//! An organization that is declared to inherit the application's policy needs no feature.

use super::{
    samples::*,
    world::{Omits, On, Trouble, World},
};
use crate::policy::{DeletionPolicy, Live, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, ErrorKind, Outcome, Reason, RemoteOutcome};
use std::time::Duration;

/// What a server may make of an organization without the feature.
const SERVERS: [fn(&mut World); 6] = [
    |_| {},
    |w| w.scalekit.habits.gates_reads = true,
    |w| w.scalekit.habits.gates_writes = true,
    |w| w.scalekit.habits.lacks_policy_route = true,
    |w| w.scalekit.habits.refuses_features = Some(ErrorKind::Forbidden),
    |w| w.scalekit.application = Err(ErrorKind::Forbidden),
];

#[test]
fn who_is_to_inherit_and_does_is_in_order_without_the_feature() {
    for (server, behave) in SERVERS.iter().enumerate() {
        for omits in [Omits::Never, Omits::WhenAllAreOff, Omits::Always] {
            if server == 1 && omits != Omits::Never {
                continue; // the next test
            }
            for spec in [enforce, tighten_only, observe].map(|spec| spec(Policy::Application)) {
                let mut world = World::new();
                world.tenant().features.clear();
                world.scalekit.habits.omits_features = omits;
                behave(&mut world);
                let (mode, uid) = (spec.mode, world.declare(spec));
                for n in 0..3 {
                    let reconciled = world.reconcile(uid);
                    assert!(reconciled.is_quiet(), "{server} {omits:?} {mode:?}: {:?}", reconciled.words());
                    let reasons = reconciled.events.iter().map(|event| (event.warning, event.reason));
                    assert!(reasons.eq((n == 0).then_some((false, Reason::InSync))), "{:?}", reconciled.events);
                    assert_eq!(
                        reconciled.outcome,
                        Outcome::Reconciled(RemoteOutcome::InSync),
                        "{server} {omits:?} {mode:?}"
                    );
                }
                for (type_, says) in [
                    (ConditionType::Ready, "True InSync"),
                    (ConditionType::Synced, "True InSync"),
                    (ConditionType::Stalled, "absent"),
                    (ConditionType::Reconciling, "absent"),
                    (
                        ConditionType::FeatureEnabled,
                        if omits == Omits::Never { "False Disabled" } else { "Unknown FeatureStateUnknown" },
                    ),
                ] {
                    assert_eq!(world.says(uid, type_), says, "{server} {omits:?} {mode:?}");
                }
                let object = world.object(uid);
                let message = &object.condition(ConditionType::Ready).unwrap().message;
                assert_eq!(message, &format!("the session policy of org_1 is {}", Live::Application));
                let status = object.status.clone().unwrap();
                assert_eq!(status.observed.unwrap().live, Live::Application, "{server} {omits:?} {mode:?}");
                assert!(!object.finalizer && !status.enabled_feature);
                world.delete(uid);
                assert!(world.is_gone(uid), "nothing is to be reverted");
            }
        }
    }
}

/// Its feature may be on, and a looser policy there that these credentials may not read.
#[test]
fn a_forbidden_read_proves_nothing_where_the_server_does_not_say_that_the_feature_is_off() {
    for omits in [Omits::WhenAllAreOff, Omits::Always] {
        let mut world = World::new();
        world.tenant().features.clear();
        world.scalekit.habits.omits_features = omits;
        world.scalekit.habits.gates_reads = true;
        let uid = world.declare(enforce(Policy::Application));
        assert!(world.reconcile(uid).is_quiet());
        assert_ne!(world.says(uid, ConditionType::Ready), "True InSync");
        assert_ne!(world.says(uid, ConditionType::Synced), "True InSync");
    }
}

/// Two ways to hide what an earlier declaration has written: nobody may take that for
/// inherited, or the finalizer goes and it is there for good.
#[test]
fn an_own_custom_policy_that_is_hidden_without_the_feature_is_not_taken_for_inherited() {
    for deletion in [DeletionPolicy::Revert, DeletionPolicy::Retain] {
        for omits in [Omits::Never, Omits::Always] {
            let (mut world, uid) = World::at_rest(ValidatedSpec { deletion, ..enforce(declared()) });
            let finalizer = world.object(uid).finalizer;
            world.switch_flag(false);
            world.scalekit.habits.omits_features = omits;
            world.scalekit.habits.gates_reads = true;
            world.edit(uid, |spec| spec.policy = Policy::Application);
            for _ in 0..2 {
                world.reconcile(uid);
                assert_eq!(world.says(uid, ConditionType::Stalled), "True FeatureUnavailable", "{omits:?}");
                assert_eq!(world.object(uid).finalizer, finalizer, "what is stored may still be undone");
            }
            world.scalekit.habits.gates_reads = false;
            let reconciled = world.reconcile(uid);
            assert_eq!((reconciled.policies(), world.live()), (vec![Policy::Application], Live::Application));
            world.scalekit.habits.gates_reads = true;
            world.scalekit.habits.omits_features = Omits::Never;
            world.reconcile(uid);
            assert_eq!(world.says(uid, ConditionType::Ready), "True InSync", "it was seen to inherit");
        }
    }
}

#[test]
fn at_rest_who_inherits_without_the_feature_costs_one_read_of_organization_and_policy() {
    for gates_reads in [false, true] {
        let mut world = World::new();
        world.scalekit.habits.gates_reads = gates_reads;
        let uid = world.declare(enforce(Policy::Application));
        world.reconcile(uid);
        let reconciled = world.reconcile(uid);
        let count = |word| reconciled.count(word);
        assert_eq!((count("read organization"), count("read policy")), (1, 1), "{:?}", reconciled.words());
    }
}

#[test]
fn a_refused_read_of_the_policy_proves_that_it_is_inherited_only_without_the_feature() {
    use ErrorKind::{Forbidden, NotFound, Rejected, TimedOut, Unsupported};
    for (kind, with_it) in [
        (Forbidden, "True Forbidden"),
        (Rejected, "True RejectedByApi"),
        (NotFound, "True ApiNotSupported"),
        (Unsupported, "True ApiNotSupported"),
    ] {
        for on in [false, true] {
            let mut world = World::new();
            world.switch_flag(on);
            world.trouble(On::ReadPolicy, 0, Trouble::Refused(kind));
            let uid = world.declare(enforce(Policy::Application));
            let reconciled = world.reconcile(uid);
            let says = world.says(uid, ConditionType::Stalled);
            assert_eq!(says, if on { with_it } else { "absent" }, "{kind:?}");
            assert!(reconciled.is_quiet());
        }
    }
    let mut world = World::new();
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(TimedOut));
    let uid = world.declare(enforce(Policy::Application));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Ready), "Unknown TimedOut", "an outage proves nothing");
    let mut world = World::new();
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(Forbidden));
    let uid = world.declare(enforce(declared()));
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True Forbidden", "nor does it for a custom policy");
}

#[test]
fn an_organization_that_goes_before_its_policy_is_read_does_not_inherit() {
    let mut world = World::new();
    let uid = world.declare(enforce(Policy::Application));
    let words = world.reconcile(uid).words();
    let before = words.iter().position(|word| *word == "read policy").unwrap();
    world.meanwhile(before, |world| world.scalekit.organizations.clear());
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True OrganizationNotFound");
}

/// It is not known whether such a policy still applies, so it is taken away.
#[test]
fn a_custom_policy_that_is_shown_without_the_feature_is_taken_away_without_switching_it_on() {
    for omits in [Omits::Never, Omits::Always] {
        let mut world = World::new();
        world.scalekit.habits.omits_features = omits;
        world.tenant().live = foreign();
        let uid = world.declare(enforce(Policy::Application));
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.count("features"), reconciled.policies()), (0, vec![Policy::Application]), "{omits:?}");
        assert_eq!((world.live(), world.tenant().session_policy_on()), (Live::Application, false));
        assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
        assert!(!world.object(uid).status.clone().unwrap().enabled_feature);
        assert!(world.reconcile(uid).is_quiet());
    }
    for (spec, says) in
        [(tighten_only(Policy::Application), "True StricterKept"), (observe(Policy::Application), "True Observing")]
    {
        let mut world = World::new();
        world.tenant().live = foreign();
        let uid = world.declare(spec);
        assert!(world.reconcile(uid).is_quiet());
        assert_eq!((world.says(uid, ConditionType::Ready), world.live()), (says.into(), foreign()));
    }
}

#[test]
fn a_custom_policy_that_is_shown_and_may_not_be_changed_without_the_feature_is_no_success() {
    let mut world = World::new();
    world.tenant().live = foreign();
    world.scalekit.habits.gates_writes = true;
    let uid = world.declare(enforce(Policy::Application));
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.count("features"), reconciled.policies().len()), (0, 1));
    assert_eq!(world.says(uid, ConditionType::Stalled), "True FeatureUnavailable");
}

#[test]
fn a_hidden_policy_that_comes_to_light_with_the_feature_is_taken_away_then() {
    let mut world = World::new();
    world.tenant().live = foreign();
    world.scalekit.habits.gates_reads = true;
    let uid = world.declare(enforce(Policy::Application));
    assert!(world.reconcile(uid).is_quiet());
    world.switch_flag(true);
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.policies(), world.live()), (vec![Policy::Application], Live::Application));
    assert!(world.tenant().session_policy_on(), "what others switched on stays on");
}

#[test]
fn the_feature_is_switched_on_when_an_inheriting_organization_gets_a_policy_of_its_own() {
    for omits in [Omits::Never, Omits::WhenAllAreOff, Omits::Always] {
        let mut world = World::new();
        world.tenant().features.clear();
        world.scalekit.habits.omits_features = omits;
        world.scalekit.habits.gates_writes = true;
        let uid = world.declare(enforce(Policy::Application));
        world.reconcile(uid);
        world.edit(uid, |spec| spec.policy = declared());
        let reconciled = world.reconcile(uid);
        assert_eq!((reconciled.count("features"), reconciled.policies()), (1, vec![declared()]), "{omits:?}");
        assert_eq!(world.says(uid, ConditionType::Ready), "True InSync", "{omits:?}");
    }
}

#[test]
fn row_111_a_successor_that_declares_to_inherit_does_not_count_as_inheriting_what_another_resource_has_written() {
    let (mut world, older) = World::at_rest(enforce(declared()));
    world.scalekit.habits.gates_reads = true;
    world.switch_flag(false);
    let heir = world.declare(enforce(Policy::Application));
    world.delete(older);
    for uid in [older, heir, older, heir, older] {
        if !world.is_gone(uid) {
            world.reconcile(uid);
        }
        world.advance(Duration::from_secs(30));
    }
    assert!(!world.is_gone(older) || world.live() == Live::Application, "{}", world.says(heir, ConditionType::Ready));
}
