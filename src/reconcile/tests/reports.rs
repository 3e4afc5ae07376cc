//! What holds of every report, whatever happens: kstatus, and that Ready is
//! never said of what this very pass has not seen.

use super::{
    random::{cases, runs},
    world::Entry,
};
use crate::policy::{Declaration, Live, Mode, diff, tighten};
use crate::reconcile::{Answer, Call, Condition, Kind, Outcome, Reply, Report, Step, Truth, Verdict};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(1500))]
    #[test]
    fn every_report_keeps_the_rules_and_tells_only_what_was_seen(run in runs()) {
        let world = run.play(|_, _| Ok(()))?;
        for pass in world.journal.chunk_by(|one, other| one.pass == other.pass) {
            for entry in pass {
                let Some(report) = report(entry) else { continue };
                kstatus(&report, entry)?;
                if ready(&report.conditions).status == Truth::True {
                    ready_is_deserved(&report, pass, entry)?;
                }
            }
        }
    }
}

fn report(entry: &Entry) -> Option<Report> {
    match &entry.step {
        Step::ReportProgress(report) => Some((**report).clone()),
        Step::Done(outcome) => Report::after(&entry.view, outcome),
        _ => None,
    }
}

fn ready(conditions: &[Condition]) -> &Condition {
    conditions.iter().find(|c| c.kind == Kind::Ready).unwrap()
}

fn kstatus(report: &Report, entry: &Entry) -> Result<(), TestCaseError> {
    let count = |kind| report.conditions.iter().filter(|c| c.kind == kind).count();
    prop_assert!(Kind::ALL.iter().all(|kind| count(*kind) <= 1));
    prop_assert!([Kind::Ready, Kind::Synced, Kind::FeatureEnabled, Kind::Effective].iter().all(|k| count(*k) == 1));
    prop_assert!(count(Kind::Reconciling) + count(Kind::Stalled) <= 1);
    for c in &report.conditions {
        prop_assert!(c.message.len() <= 512);
        prop_assert!(c.status == Truth::True || !matches!(c.kind, Kind::Reconciling | Kind::Stalled));
    }
    let requested = entry.view.here().and_then(|resource| resource.requested_at.clone());
    let over = matches!(entry.step, Step::Done(_));
    prop_assert_eq!(&report.handled_at, &requested.filter(|_| over), "a request is handled at the end of its pass");
    let busy = count(Kind::Reconciling) + count(Kind::Stalled) > 0;
    prop_assert!(!busy || ready(&report.conditions).status != Truth::True, "ready and not at rest");
    prop_assert_eq!(report.observed_generation, entry.view.here().unwrap().generation);
    Ok(())
}

/// Said anew only of what this pass saw; during an outage what was said stands.
fn ready_is_deserved(report: &Report, pass: &[Entry], entry: &Entry) -> Result<(), TestCaseError> {
    let resource = entry.view.here().unwrap();
    let Step::Done(Outcome::Looked(verdict)) = &entry.step else {
        return Err(TestCaseError::fail("ready in the middle of a pass"));
    };
    if let Verdict::Fault(_) = verdict {
        prop_assert_eq!(ready(&report.conditions), ready(&resource.conditions));
        prop_assert_eq!(resource.observed_generation, resource.generation);
        return Ok(());
    }
    let declaration = entry.view.declaration().unwrap();
    prop_assert!(shown(pass).is_some_and(|live| allowed(declaration, &live)), "{:?} is not declared", shown(pass));
    prop_assert!(declaration.mode == Mode::Observe || flag_seen_on(pass));
    Ok(())
}

/// The policy that the server showed after the last write of this pass.
fn shown(pass: &[Entry]) -> Option<Live> {
    let about_policy = |e: &&Entry| matches!(&e.step, Step::Scalekit(Call::ReadPolicy(_) | Call::WritePolicy { .. }));
    match &pass.iter().rfind(about_policy)?.answer {
        Some(Answer::Scalekit(Ok(Reply::Policy(live)))) => Some(*live),
        _ => None,
    }
}

fn flag_seen_on(pass: &[Entry]) -> bool {
    let mut organizations = pass.iter().filter_map(|e| match &e.answer {
        Some(Answer::Scalekit(Ok(Reply::Organization(organization)))) => Some(organization),
        _ => None,
    });
    organizations.next_back().is_some_and(|o| o.session_policy_enabled() || !o.told)
}

fn allowed(declaration: &Declaration, live: &Live) -> bool {
    match declaration.mode {
        Mode::Enforce => diff(&declaration.policy, live).is_empty(),
        Mode::TightenOnly => *live != Live::Unrecognized && tighten(&declaration.policy, live).is_none(),
        Mode::Observe => true,
    }
}
