//! The random runs really get everywhere: a property over states that are
//! never reached says nothing.

use super::random::runs;
use crate::reconcile::{Outcome, Request, Step};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use std::collections::BTreeSet;

/// The name of a variant.
fn name(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

pub(super) fn place(step: &Step) -> String {
    match step {
        Step::Request(Request::Remote(request)) => name(request),
        Step::Request(Request::RemoveFinalizer(release)) => format!("release {}", name(release)),
        Step::Request(request) => name(request),
        Step::Done(Outcome::Reconciled(remote_outcome)) => format!("end {}", name(remote_outcome)),
        Step::Done(outcome) => format!("end {}", name(outcome)),
    }
}

#[test]
fn random_runs_reach_every_step_and_every_end() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..5000 {
        let run = runs().new_tree(&mut runner).unwrap().current();
        let world = run.play(|_, _| Ok(())).unwrap();
        reached.extend(world.journal.iter().map(|entry| place(&entry.step)));
        let cached = world.journal.iter().filter(|entry| entry.state.cached.is_some());
        reached.extend(cached.map(|entry| format!("cached, {}", place(&entry.step))));
    }
    for expected in [
        "AddFinalizer",
        "LookUp",
        "ReadApplicationPolicy",
        "ReadClaimants",
        "ReadCredentials",
        "ReadIssuer",
        "ReadNamespace",
        "ReadOrganization",
        "ReadPolicy",
        "ReadResource",
        "ReadLastKnownCredentials",
        "ReportProgress",
        "WriteFeatures",
        "WritePolicy",
        "cached, ReadResource",
        "cached, end Drifted",
        "cached, end InSync",
        "cached, end StricterKept",
        "end ChainViolated",
        "end CleanupPending",
        "end Conflict",
        "end Contended",
        "end Credentials",
        "end Drifted",
        "end Error",
        "end FeatureNotEnabled",
        "end FeatureUnavailable",
        "end Gone",
        "end Holding",
        "end InSync",
        "end NotApplied",
        "end OrganizationNotFound",
        "end Rejected",
        "end Released",
        "end Settling",
        "end StricterKept",
        "end Suspended",
        "end Unrecognized",
        "end Unsupported",
        "release CustomersOwn",
        "release HandedOver",
        "release NotOwner",
        "release NothingToRevert",
        "release OrganizationGone",
        "release Orphaned",
        "release Reverted",
    ] {
        assert!(reached.contains(expected), "{expected} is not in {reached:#?}");
    }
}
