//! What the server answers, and what one reconcile makes of it.

use super::{
    samples::*,
    world::{On, Reconciled, Trouble, Uid, World},
};
use crate::policy::{Live, Policy};
use crate::reconcile::{ConditionType, ErrorKind, Outcome, RemoteOutcome};

/// The first reconcile over a resource in a world with this trouble.
fn first_reconcile(prepare: impl FnOnce(&mut World)) -> (World, Uid, Reconciled) {
    let mut world = World::new();
    world.switch_flag(true);
    prepare(&mut world);
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    (world, uid, reconciled)
}

fn remote_outcome(reconciled: &Reconciled) -> &RemoteOutcome {
    match &reconciled.outcome {
        Outcome::Reconciled(remote_outcome) => remote_outcome,
        other => panic!("the organization was not read: {other:?}"),
    }
}

fn fault_kind(reconciled: &Reconciled) -> ErrorKind {
    match remote_outcome(reconciled) {
        RemoteOutcome::Error(error) => error.kind,
        other => panic!("not a fault: {other:?}"),
    }
}

#[test]
fn a_write_of_unknown_outcome_that_reads_back_is_not_repeated() {
    for kind in [ErrorKind::TimedOut, ErrorKind::Unavailable, ErrorKind::BadResponse, ErrorKind::Unreachable] {
        let (world, _, reconciled) = first_reconcile(|w| w.trouble(On::WritePolicy, 0, Trouble::ResponseLost(kind)));
        assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (1, &RemoteOutcome::InSync), "{kind:?}");
        assert_eq!(reconciled.words().last(), Some(&"read policy"));
        assert_eq!(world.live(), declared().into());
    }
}

#[test]
fn a_write_of_unknown_outcome_that_did_not_arrive_is_read_and_sent_once_more() {
    let (world, _, reconciled) = first_reconcile(|w| w.trouble(On::WritePolicy, 0, Trouble::Lost(ErrorKind::TimedOut)));
    assert_eq!(
        reconciled.words().iter().rev().take(3).rev().collect::<Vec<_>>(),
        [&"write policy", &"read policy", &"write policy"]
    );
    assert_eq!((remote_outcome(&reconciled), world.live()), (&RemoteOutcome::InSync, declared().into()));
}

#[test]
fn two_writes_that_do_not_arrive_end_the_reconcile() {
    let (_, _, reconciled) = first_reconcile(|w| {
        w.trouble(On::WritePolicy, 0, Trouble::Lost(ErrorKind::TimedOut));
        w.trouble(On::WritePolicy, 1, Trouble::Lost(ErrorKind::TimedOut));
    });
    assert_eq!((reconciled.policies().len(), fault_kind(&reconciled)), (2, ErrorKind::TimedOut));
}

#[test]
fn a_lost_write_and_one_that_is_not_kept_are_two_writes() {
    let (_, _, reconciled) = first_reconcile(|w| {
        w.trouble(On::WritePolicy, 0, Trouble::Lost(ErrorKind::TimedOut));
        w.scalekit.habits.normalises = Some(|_| no_idle(480));
    });
    assert_eq!(reconciled.policies().len(), 2);
}

#[test]
fn a_policy_that_the_server_changes_is_written_twice_and_reported_with_both_values() {
    let (mut world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.normalises = Some(|_| no_idle(480)));
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (2, &RemoteOutcome::NotApplied));
    assert_eq!(
        (world.says(uid, ConditionType::Stalled), world.says(uid, ConditionType::Synced)),
        ("True NotApplied".into(), "False DriftDetected".into())
    );
    assert_eq!(world.reconcile(uid).policies().len(), 2, "an hour later, the same again");
}

#[test]
fn an_echo_that_does_not_show_the_policy_is_read_again_before_it_is_believed() {
    let (_, _, reconciled) = first_reconcile(|w| w.scalekit.habits.policy_echo = Some(Live::Application));
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (1, &RemoteOutcome::InSync));
    assert_eq!(reconciled.words().last(), Some(&"read policy"));
}

#[test]
fn a_true_echo_is_enough_where_reads_lag_behind() {
    let (mut world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.lag = 3);
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (1, &RemoteOutcome::InSync));
    world.tenant().stale = None;
    assert!(world.reconcile(uid).is_quiet());
}

#[test]
fn reads_that_lag_behind_a_write_of_unknown_outcome_cost_one_more_write() {
    let (_, _, reconciled) = first_reconcile(|w| {
        w.scalekit.habits.lag = 1;
        w.trouble(On::WritePolicy, 0, Trouble::ResponseLost(ErrorKind::TimedOut));
    });
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (2, &RemoteOutcome::InSync));
}

#[test]
fn a_conflict_is_decided_anew_up_to_three_times() {
    for (conflicts, written) in [(1, 2), (2, 3), (3, 3), (9, 3)] {
        let (_, _, reconciled) = first_reconcile(|w| {
            (0..conflicts).for_each(|n| w.trouble(On::WritePolicy, n, Trouble::Refused(ErrorKind::Conflict)));
        });
        assert_eq!(reconciled.policies().len(), written, "{conflicts}");
        assert_eq!(reconciled.count("read policy"), 1 + conflicts.min(3), "read before each");
        assert_eq!(*remote_outcome(&reconciled) == RemoteOutcome::InSync, conflicts < 3);
    }
}

#[test]
fn whoever_caused_the_conflict_may_have_done_our_work() {
    let (_, _, reconciled) = first_reconcile(|w| {
        w.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::Conflict));
        w.meanwhile(10, |w| w.tenant().live = declared().into());
    });
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (1, &RemoteOutcome::InSync));
}

#[test]
fn a_missing_policy_route_is_told_from_a_missing_organization() {
    let (mut world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.lacks_policy_route = true);
    assert_eq!((reconciled.policies().len(), remote_outcome(&reconciled)), (0, &RemoteOutcome::Unsupported));
    assert_eq!(world.says(uid, ConditionType::Stalled), "True ApiNotSupported");
    let goes_before = |step| first_reconcile(|w| w.meanwhile(step, |w| w.scalekit.organizations.clear()));
    for step in 5..=10 {
        let (mut gone, uid, reconciled) = goes_before(step);
        if step < 10 {
            assert_eq!(remote_outcome(&reconciled), &RemoteOutcome::OrganizationNotFound, "gone before step {step}");
            assert_eq!(gone.says(uid, ConditionType::Stalled), "True OrganizationNotFound");
        }
        let next = gone.reconcile(uid);
        assert_eq!((remote_outcome(&next), next.policies().len()), (&RemoteOutcome::OrganizationNotFound, 0));
    }
    world.scalekit.habits.lacks_policy_route = false;
    assert_eq!(remote_outcome(&world.reconcile(uid)), &RemoteOutcome::InSync, "a newer server cures it");
}

#[test]
fn an_organization_that_does_not_exist_is_asked_for_once() {
    let (world, uid, reconciled) = first_reconcile(|w| w.scalekit.organizations.clear());
    assert_eq!(reconciled.words(), ["read resource", "read credentials", "read organization"]);
    assert_eq!(world.says(uid, ConditionType::Stalled), "True OrganizationNotFound");
}

#[test]
fn a_policy_hidden_while_the_flag_is_off_is_an_unavailable_feature() {
    let mut world = World::new();
    world.scalekit.habits.gates_reads = true;
    let uid = world.declare(observe(declared()));
    assert!(matches!(remote_outcome(&world.reconcile(uid)), RemoteOutcome::FeatureUnavailable(_)));
    world.switch_flag(true);
    world.trouble(On::ReadPolicy, 0, Trouble::Refused(ErrorKind::Forbidden));
    assert_eq!(fault_kind(&world.reconcile(uid)), ErrorKind::Forbidden, "with the flag on it is a missing permission");
}

#[test]
fn a_gated_server_is_opened_by_the_flag_first() {
    let mut world = World::new();
    (world.scalekit.habits.gates_reads, world.scalekit.habits.gates_writes) = (true, true);
    let uid = world.declare(enforce(declared()));
    assert_eq!(remote_outcome(&world.reconcile(uid)), &RemoteOutcome::InSync);
}

#[test]
fn a_timeout_not_longer_than_the_access_token_is_never_written() {
    for flag in [false, true] {
        let mut world = World::new();
        world.switch_flag(flag);
        world.scalekit.application = Ok(application(10_080, 60));
        let uid = world.declare(enforce(declared()));
        let reconciled = world.reconcile(uid);
        assert!(matches!(remote_outcome(&reconciled), RemoteOutcome::ChainViolated(_)));
        assert!(reconciled.is_quiet(), "not even the flag");
        assert_eq!(world.says(uid, ConditionType::Stalled), "True InvalidSpec");
        world.scalekit.application = Ok(application(10_080, 5));
        assert_eq!(remote_outcome(&world.reconcile(uid)), &RemoteOutcome::InSync, "the application's change cures it");
    }
}

#[test]
fn an_application_policy_that_cannot_be_read_blocks_nothing() {
    use ErrorKind::{Forbidden, NotFound, Rejected, TimedOut, Unavailable, Unsupported};
    for (kind, effective) in [
        (Forbidden, "Unknown ApplicationPolicyUnreadable"),
        (NotFound, "Unknown ApplicationPolicyUnreadable"),
        (Rejected, "Unknown ApplicationPolicyUnreadable"),
        (Unsupported, "Unknown ApplicationPolicyUnreadable"),
        (TimedOut, "Unknown NotChecked"),
        (Unavailable, "Unknown NotChecked"),
    ] {
        let (world, uid, reconciled) = first_reconcile(|w| w.trouble(On::ApplicationPolicy, 0, Trouble::Refused(kind)));
        assert_eq!(remote_outcome(&reconciled), &RemoteOutcome::InSync, "{kind:?}");
        assert_eq!(world.says(uid, ConditionType::Effective), effective, "{kind:?}");
    }
}

#[test]
fn a_value_that_the_application_overrides_is_said_to_have_no_effect() {
    let (world, uid, _) = first_reconcile(|w| w.scalekit.application = Ok(application(240, 5)));
    assert_eq!(world.says(uid, ConditionType::Effective), "False LooserThanApplication");
    assert_eq!(world.says(uid, ConditionType::Ready), "True InSync", "the value is stored all the same");
}

#[test]
fn a_live_policy_of_unknown_source_is_overwritten_at_most_once() {
    for stays in [false, true] {
        let (_, _, reconciled) = first_reconcile(|w| {
            w.tenant().live = Live::Unrecognized;
            w.scalekit.habits.normalises = stays.then_some(|_: Policy| Live::Unrecognized);
        });
        assert_eq!(reconciled.policies().len(), 1);
        assert_eq!(*remote_outcome(&reconciled) == RemoteOutcome::Unrecognized, stays);
    }
}

#[test]
fn a_declined_policy_stalls_with_what_the_server_said() {
    let (world, uid, reconciled) = first_reconcile(|w| w.scalekit.habits.refuses_policy = Some(ErrorKind::Rejected));
    assert_eq!((reconciled.policies().len(), world.live()), (1, Live::Application));
    assert_eq!(world.says(uid, ConditionType::Stalled), "True RejectedByApi");
}

#[test]
fn a_fault_that_a_person_must_cure_ends_the_reconcile_at_once() {
    use ErrorKind::{AuthFailed, CredentialsRejected, Forbidden};
    for kind in [AuthFailed, CredentialsRejected, Forbidden] {
        for on in [On::Organization, On::ReadPolicy, On::WritePolicy] {
            let (world, uid, reconciled) = first_reconcile(|w| {
                w.trouble(on, 0, Trouble::Refused(kind));
                w.trouble(on, 1, Trouble::Refused(kind)); // the credentials are read again once
            });
            assert_eq!((fault_kind(&reconciled), world.live()), (kind, Live::Application));
            assert_eq!(world.says(uid, ConditionType::Stalled), format!("True {kind:?}"));
        }
    }
}

#[test]
fn a_feature_write_that_fails_for_now_does_not_say_that_there_is_no_such_feature() {
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited { retry_after: std::time::Duration::from_secs(9) }] {
        let (_, _, reconciled) = first_reconcile(|w| {
            w.switch_flag(false);
            w.trouble(On::Features, 0, Trouble::Refused(kind));
        });
        assert_eq!(fault_kind(&reconciled), kind);
    }
}

#[test]
fn a_server_that_does_not_know_a_request_is_not_one_that_fails() {
    let (_, _, reconciled) = first_reconcile(|w| w.scalekit.down = Some(ErrorKind::Unsupported));
    assert_eq!(remote_outcome(&reconciled), &RemoteOutcome::Unsupported);
}
