//! Switching the feature on without harm to the others, on every kind of
//! server that the contract allows.

use super::{
    invariants::bounded,
    samples::*,
    world::{Omits, On, Reconciled, Trouble, Uid, World, access, set_flag},
};
use crate::policy::{Live, Policy};
use crate::reconcile::{
    ConditionType, Detail, ErrorKind, Feature, FlagWrites, Outcome, Reason, RemoteError, RemoteOutcome, RemoteRequest,
    Request, Step,
};

fn first_reconcile(prepare: impl FnOnce(&mut World)) -> (World, Uid, Reconciled) {
    let mut world = World::new();
    prepare(&mut world);
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    (world, uid, reconciled)
}

/// The lists of flags that a reconcile sent.
fn sent(reconciled: &Reconciled) -> Vec<Vec<Feature>> {
    let list = |step: &Step| match step {
        Step::Request(Request::Remote(RemoteRequest::WriteFeatures { features, .. })) => Some(features.clone()),
        _ => None,
    };
    reconciled.steps.iter().filter_map(list).collect()
}

#[test]
fn a_feature_that_others_have_switched_off_or_that_is_another_environments_was_not_switched_on_by_us() {
    let enabled = |world: &World, uid| world.object(uid).status.clone().unwrap().enabled_feature;
    let (mut world, uid) = World::at_rest(enforce(declared()));
    assert!(enabled(&world, uid));
    world.edit(uid, |spec| spec.policy = Policy::Application);
    world.reconcile(uid);
    assert!(enabled(&world, uid), "it is still on");
    world.switch_flag(false);
    world.reconcile(uid);
    world.switch_flag(true); // by somebody
    world.reconcile(uid);
    assert!(!enabled(&world, uid));

    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.scalekit.environment = "moved.scalekit.com".into();
    world.credentials = Ok(access("moved.scalekit.com"));
    world.reconcile(uid);
    assert!(!enabled(&world, uid), "there it was on already");
}

#[test]
fn the_others_stay_whether_the_server_merges_or_replaces() {
    for replaces in [false, true] {
        let (mut world, _, reconciled) = first_reconcile(|w| w.scalekit.habits.replaces_features = replaces);
        assert_eq!((sent(&reconciled), world.tenant().features.clone()), (vec![flags(true)], flags(true)));
        assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    }
}

#[test]
fn a_name_that_the_server_refuses_is_left_out_if_it_is_off() {
    let (mut world, _, reconciled) = first_reconcile(|w| {
        w.scalekit.habits.unknown_flag = Some("dir_sync");
        w.scalekit.habits.replaces_features = true;
    });
    assert_eq!(sent(&reconciled).len(), 2);
    assert!(world.tenant().features.contains(&flag("sso", true)));
    assert!(reconciled.events.iter().all(|e| e.reason != Reason::FeaturesChanged));
}

#[test]
fn a_name_that_is_on_and_refused_is_left_out_last_and_its_loss_is_announced() {
    for replaces in [false, true] {
        let (_, _, reconciled) = first_reconcile(|w| {
            w.scalekit.habits.unknown_flag = Some("sso");
            w.scalekit.habits.replaces_features = replaces;
        });
        assert_eq!(sent(&reconciled).last(), Some(&vec![flag("session_policy", true)]));
        let lost = reconciled.events.iter().find(|e| e.reason == Reason::FeaturesChanged);
        assert_eq!(lost.is_some(), replaces);
        assert!(lost.is_none_or(|e| e.warning && e.note.ends_with("sso")));
        assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    }
}

#[test]
fn an_environment_that_was_seen_to_merge_gets_the_one_entry_alone() {
    let (mut world, uid, _) = first_reconcile(|w| w.scalekit.habits.unknown_flag = Some("sso"));
    world.switch_flag(false);
    let reconciled = world.reconcile(uid);
    assert_eq!(sent(&reconciled), [[flag("session_policy", true)]], "it is not tried with the others again");
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    // the reconcile that sees it goes on as it began
    let (_, _, reconciled) = first_reconcile(|w| {
        (w.scalekit.habits.unknown_flag, w.scalekit.habits.keeps_flag_off) = (Some("sso"), true);
    });
    let last = vec![flag("session_policy", true)];
    assert_eq!(sent(&reconciled).split_off(2), [last.clone(), last]);
    assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::FeatureNotEnabled));
    // and one that replaces never gets it
    let (mut world, uid, _) = first_reconcile(|w| w.scalekit.habits.replaces_features = true);
    world.switch_flag(false);
    assert!(sent(&world.reconcile(uid)).iter().all(|list| list.len() == 3));
}

#[test]
fn a_list_that_was_refused_with_its_credentials_does_not_count_as_a_try() {
    let (world, uid, reconciled) = first_reconcile(|w| {
        w.scalekit.habits.unknown_flag = Some("sso");
        w.trouble(On::Features, 0, Trouble::Lost(ErrorKind::Unreachable));
        w.trouble(On::Features, 1, Trouble::Refused(ErrorKind::AuthFailed));
    });
    // one that may have been applied, one that was not, and the three forms
    assert_eq!(sent(&reconciled).len(), 5);
    bounded(&world.journal).unwrap();
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync");
}

#[test]
fn a_server_that_refuses_every_list_has_no_such_feature() {
    use ErrorKind::{Forbidden, Rejected, Unsupported};
    for (kind, lists) in [(Rejected, 3), (Forbidden, 1), (Unsupported, 1)] {
        let (world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.refuses_features = Some(kind));
        assert_eq!((sent(&reconciled).len(), reconciled.policies()), (lists, vec![]), "{kind:?}");
        assert_eq!(world.says(uid, ConditionType::Stalled), "True FeatureUnavailable", "{kind:?}");
    }
}

#[test]
fn a_flag_that_stays_off_is_tried_twice_whatever_the_echo_says() {
    let (world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.keeps_flag_off = true);
    assert_eq!((sent(&reconciled).len(), reconciled.policies()), (2, vec![]));
    assert_eq!(world.says(uid, ConditionType::Stalled), "True FeatureNotEnabled");
    let (mut world, uid, _) = first_reconcile(|w| {
        w.scalekit.habits.keeps_flag_off = true;
        w.scalekit.habits.flag_echo_lies = true;
    });
    assert_eq!(
        world.says(uid, ConditionType::Ready),
        "True InSync",
        "a true-looking echo is believed for this reconcile"
    );
    world.scalekit.habits.flag_echo_lies = false;
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True FeatureNotEnabled", "the next one finds out");
}

#[test]
fn a_flag_write_of_unknown_outcome_is_read_before_it_is_repeated() {
    for (trouble, lists) in [(Trouble::ResponseLost(ErrorKind::TimedOut), 1), (Trouble::Lost(ErrorKind::TimedOut), 2)] {
        let (_, _, reconciled) = first_reconcile(|w| w.trouble(On::Features, 0, trouble));
        let words = reconciled.words();
        let first = words.iter().position(|w| *w == "features").unwrap();
        assert_eq!((words[first + 1], sent(&reconciled).len()), ("read organization", lists));
        assert_eq!(reconciled.outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    }
}

#[test]
fn two_lost_flag_writes_end_the_reconcile_and_a_conflict_counts_as_one() {
    for kind in [ErrorKind::TimedOut, ErrorKind::Conflict] {
        let (world, uid, reconciled) = first_reconcile(|w| {
            w.trouble(On::Features, 0, Trouble::Lost(kind));
            w.trouble(On::Features, 1, Trouble::Lost(kind));
        });
        assert_eq!((sent(&reconciled).len(), reconciled.policies()), (2, vec![]));
        assert!(world.says(uid, ConditionType::Reconciling).starts_with("True"));
    }
}

#[test]
fn an_organization_that_goes_before_the_flag_is_written_is_not_found() {
    let (world, uid, _) = first_reconcile(|w| w.meanwhile(8, |w| w.scalekit.organizations.clear()));
    assert_eq!(world.says(uid, ConditionType::Stalled), "True OrganizationNotFound");
    let (world, uid, reconciled) =
        first_reconcile(|w| w.trouble(On::Features, 0, Trouble::Refused(ErrorKind::NotFound)));
    assert_eq!(
        (sent(&reconciled).len(), world.says(uid, ConditionType::Stalled)),
        (1, "True FeatureUnavailable".into())
    );
}

#[test]
fn the_flag_is_not_touched_while_it_is_on_and_never_on_deletion() {
    let (mut world, uid, _) = first_reconcile(|w| w.switch_flag(true));
    world.switch_flag(false);
    world.delete(uid);
    let reconciled = world.reconcile(uid);
    assert_eq!((sent(&reconciled).len(), world.is_gone(uid), world.tenant().session_policy_on()), (0, true, false));
}

#[test]
fn a_server_that_never_tells_is_asked_once_and_then_only_with_a_policy_to_write() {
    let (mut world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.omits_features = Omits::Always);
    assert_eq!(
        (sent(&reconciled), reconciled.policies()),
        (vec![vec![flag("session_policy", true)]], vec![declared()])
    );
    assert_eq!(
        (world.says(uid, ConditionType::Ready), world.says(uid, ConditionType::FeatureEnabled)),
        ("True InSync".into(), "Unknown FeatureStateUnknown".into())
    );
    assert!(reconciled.events.iter().all(|e| e.reason != Reason::FeaturesChanged));
    for _ in 0..8 {
        assert!(world.reconcile(uid).is_quiet(), "at rest nothing is written");
    }
    world.tenant().live = foreign();
    let reconciled = world.reconcile(uid);
    assert_eq!((sent(&reconciled).len(), reconciled.policies()), (1, vec![declared()]), "the flag may be off by now");
    world.switch_flag(false);
    world.scalekit.habits.omits_features = Omits::Never;
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::FeatureEnabled), "True Enabled", "once it tells, it counts again");
}

#[test]
fn a_list_that_is_left_out_because_all_are_off_means_off() {
    let (mut world, uid, reconciled) = first_reconcile(|w| {
        w.scalekit.habits.omits_features = Omits::WhenAllAreOff;
        w.tenant().features.clear();
    });
    assert_eq!((sent(&reconciled).len(), world.says(uid, ConditionType::FeatureEnabled)), (1, "True Enabled".into()));
    world.switch_flag(false);
    let reconciled = world.reconcile(uid);
    assert_eq!((sent(&reconciled).len(), world.tenant().session_policy_on()), (1, true), "and off is drift");
}

/// The declared policy alone would hold, but not with what is stricter today.
#[test]
fn a_server_that_never_tells_is_not_asked_again_for_a_policy_that_could_not_hold() {
    let mut world = World::new();
    world.scalekit.habits.omits_features = Omits::Always;
    world.tenant().live = custom(600, 3).into();
    let uid = world.declare(tighten_only(declared()));
    assert_eq!(sent(&world.reconcile(uid)).len(), 1);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True InvalidSpec");
    for _ in 0..8 {
        assert!(world.reconcile(uid).is_quiet(), "at rest nothing is written");
    }
}

#[test]
fn row_118_a_feature_that_somebody_switches_off_meanwhile_stays_off() {
    for replaces_features in [false, true] {
        for before in [5, 6, 7] {
            let mut world = World::new();
            world.scalekit.habits.replaces_features = replaces_features;
            let uid = world.declare(enforce(declared()));
            world.meanwhile(before, |world| world.each_tenant(|tenant| set_flag(&mut tenant.features, "sso", false)));
            let reconciled = world.reconcile(uid);
            assert!(world.tenant().session_policy_on());
            let sso = world.tenant().features.iter().find(|f| f.name == "sso").is_some_and(|f| f.enabled);
            assert!(!sso, "switched off before step {before}: {:?}", reconciled.words());
            assert!(reconciled.events.iter().all(|event| event.reason != Reason::FeaturesChanged), "{before}");
        }
    }
}

#[test]
fn a_policy_that_the_server_hides_counts_as_inherited_and_is_corrected_once_it_is_shown() {
    let (mut world, uid) = World::at_rest(enforce(Policy::Application));
    (world.scalekit.habits.gates_reads, world.scalekit.habits.gates_writes) = (true, true);
    world.switch_flag(false);
    world.tenant().live = foreign();
    assert_eq!(world.reconcile(uid).outcome, Outcome::Reconciled(RemoteOutcome::InSync), "no policy applies");
    world.switch_flag(true);
    assert_eq!(world.reconcile(uid).policies(), [Policy::Application]);
    assert_eq!(world.live(), Live::Application);
}

#[test]
fn only_a_list_with_our_feature_on_switches_it_on() {
    for (features, on) in [(flags(true), true), (flags(false), false), (vec![flag("sso", true)], false)] {
        let write = RemoteRequest::WriteFeatures { organization: org("org_1"), features };
        assert_eq!(write.enables_session_policy(), on, "{write:?}");
    }
}

#[test]
fn a_feature_of_which_a_server_does_not_tell_counts_as_off_until_it_was_switched_on() {
    let (world, uid, reconciled) = first_reconcile(|w| {
        w.scalekit.habits.omits_features = Omits::Always;
        w.scalekit.application = Ok(application(10_080, 500));
    });
    assert_eq!((sent(&reconciled).len(), world.says(uid, ConditionType::FeatureEnabled)), (0, "False Disabled".into()));
}

#[test]
fn of_a_feature_that_is_not_available_the_server_says_why() {
    let detail = Detail { code: Some("UNKNOWN_FEATURE".into()), ..Detail::default() };
    let error = RemoteError { detail: detail.clone(), ..RemoteError::new(ErrorKind::Rejected) };
    assert_eq!(FlagWrites { error: Some(error), ..FlagWrites::default() }.detail(), detail);
}
