//! What holds of every step of every pass, whatever happens around it.

use super::{
    random::{Run, cases, runs},
    samples::HOST,
    world::Entry,
};
use crate::policy::{Live, Mode, Policy, diff, tighten};
use crate::reconcile::{
    Answer, Call, FaultKind, Release, SESSION_POLICY, Standing, Step, View, tests::random::TestResult,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(1500))]
    #[test]
    fn every_step_is_justified_by_what_its_pass_has_seen(run in runs()) {
        let world = played(&run)?;
        for entry in &world.journal {
            justified(entry).map_err(|e| e.and(entry))?;
        }
        for pass in world.journal.chunk_by(|one, other| one.pass == other.pass) {
            bounded(pass)?;
            no_write_after_a_refusal(pass)?;
        }
    }
}

fn played(run: &Run) -> TestResult {
    run.play(|_, _| Ok(()))
}

trait And {
    fn and(self, entry: &Entry) -> Self;
}

impl And for TestCaseError {
    fn and(self, entry: &Entry) -> Self {
        Self::fail(format!("{self}\nin pass {} over {}: {:#?}\n{:#?}", entry.pass, entry.uid, entry.step, entry.view))
    }
}

fn justified(entry: &Entry) -> Result<(), TestCaseError> {
    let view = &entry.view;
    match &entry.step {
        Step::Scalekit(Call::WritePolicy { policy, .. }) if view.deleting() => a_revert_is_owed(entry, *policy),
        Step::Scalekit(Call::WritePolicy { policy, .. }) => {
            announced(entry)?;
            desired(view, *policy)
        }
        Step::Scalekit(Call::WriteFeatures { features, .. }) => {
            announced(entry)?;
            let read = &view.sight.organization.as_ref().unwrap().features;
            let ours = |name: &str| name == SESSION_POLICY;
            prop_assert!(features.iter().any(|f| ours(&f.name) && f.enabled));
            prop_assert!(features.iter().all(|f| ours(&f.name) || read.contains(f)), "as read");
            let complete = read.iter().filter(|f| f.enabled && !ours(&f.name)).all(|f| features.contains(f));
            prop_assert!(complete || (features.len() == 1 && view.sight.flag.refused > 0), "others would go off");
            Ok(())
        }
        Step::RemoveFinalizer(release) => releasable(entry, release),
        _ => Ok(()),
    }
}

/// Before the first write the user is told, the organization is pinned, and
/// what will undo it is persisted.
fn announced(entry: &Entry) -> Result<(), TestCaseError> {
    let view = &entry.view;
    let declaration = view.declaration().unwrap();
    let needs_undoing = declaration.may_revert() && declaration.policy != Policy::Application;
    let Some(object) = &entry.object else {
        prop_assert!(!needs_undoing, "only what nothing holds can go in the middle of a pass");
        return Ok(());
    };
    let organization = view.sight.organization.as_ref().unwrap();
    let pinned = object.status.as_ref().and_then(|s| s.pinned.clone()).unwrap();
    prop_assert_eq!((pinned.organization, pinned.environment.as_str()), (organization.id.clone(), HOST));
    prop_assert!(view.progress_reported);
    prop_assert!(matches!(view.standing, Some(Standing::Owner { .. })), "only the owner writes");
    prop_assert!(!declaration.suspend && declaration.mode != Mode::Observe);
    if needs_undoing {
        prop_assert!(view.here().unwrap().finalizer && object.finalizer, "the finalizer comes first");
    }
    Ok(())
}

fn desired(view: &View, policy: Policy) -> Result<(), TestCaseError> {
    let declaration = view.declaration().unwrap();
    let live = view.sight.live.unwrap();
    prop_assert!(!diff(&policy, &live).is_empty(), "equal, so nothing to write");
    let organization = view.sight.organization.as_ref().unwrap();
    let tried = !organization.told && view.sight.flag.tries > 0;
    prop_assert!(organization.session_policy_enabled() || tried, "the flag comes first");
    let wanted = match declaration.mode {
        Mode::Enforce => Some(declaration.policy),
        Mode::TightenOnly => tighten(&declaration.policy, &live),
        Mode::Observe => None,
    };
    prop_assert_eq!(Some(policy), wanted);
    Ok(())
}

fn a_revert_is_owed(entry: &Entry, policy: Policy) -> Result<(), TestCaseError> {
    let view = &entry.view;
    let declaration = view.declaration().unwrap();
    prop_assert_eq!(policy, Policy::Application);
    prop_assert!(declaration.may_revert() && entry.object.as_ref().unwrap().finalizer);
    prop_assert_eq!(&view.standing, &Some(Standing::Owner { heir: false }));
    let live = view.sight.live.unwrap();
    prop_assert!(live != Live::Application);
    prop_assert!(declaration.mode == Mode::Enforce || diff(&declaration.policy, &live).is_empty());
    Ok(())
}

/// The finalizer goes on proof, or when its user or its grace says so.
fn releasable(entry: &Entry, release: &Release) -> Result<(), TestCaseError> {
    let view = &entry.view;
    let declaration = view.declaration();
    let settled = view.unsettled_for().is_zero();
    match release {
        Release::Reverted => prop_assert_eq!(view.sight.live, Some(Live::Application)),
        Release::OrganizationGone => prop_assert!(view.sight.not_found >= 2),
        Release::CustomersOwn => {
            prop_assert_eq!(declaration.unwrap().mode, Mode::TightenOnly);
            prop_assert!(!diff(&declaration.unwrap().policy, &view.sight.live.unwrap()).is_empty());
        }
        Release::NothingToRevert => {
            let inherits = view.sight.live == Some(Live::Application) && settled;
            prop_assert!(!declaration.unwrap().may_revert() || inherits);
        }
        Release::HandedOver => prop_assert_eq!(&view.standing, &Some(Standing::Owner { heir: true })),
        Release::NotOwner => prop_assert!(matches!(view.standing, Some(Standing::Loser { .. })), "it lost"),
        Release::Orphaned(_) => {
            let grace =
                if view.namespace_terminating.unwrap() { view.settings.namespace_grace } else { view.settings.grace };
            prop_assert!(entry.at >= entry.object.as_ref().unwrap().deleting_since.unwrap() + grace);
        }
    }
    if matches!(release, Release::Reverted | Release::OrganizationGone | Release::CustomersOwn | Release::HandedOver) {
        prop_assert!(settled && !entry.in_flight, "a write of ours can still land");
    }
    Ok(())
}

fn bounded(pass: &[Entry]) -> Result<(), TestCaseError> {
    let conflict = |e: &&Entry| matches!(&e.answer, Some(Answer::Scalekit(Err(f))) if f.kind == FaultKind::Conflict);
    let policies: Vec<&Entry> = pass.iter().filter(|e| e.policy().is_some()).collect();
    let conflicts = policies.iter().copied().filter(conflict).count();
    prop_assert!(policies.len() - conflicts <= 2 && conflicts <= 3, "{} writes", policies.len());
    let features = pass.iter().filter(|e| matches!(e.step, Step::Scalekit(Call::WriteFeatures { .. }))).count();
    prop_assert!(features <= 4, "{features} lists of flags");
    Ok(())
}

/// 401, 403 and 404 end the writing; a 404 until the organization is found
/// after all. Only the application's policy is a question that may be refused.
fn no_write_after_a_refusal(pass: &[Entry]) -> Result<(), TestCaseError> {
    use FaultKind::{AuthFailed, CredentialsRejected, Forbidden, NotFound};
    let mut refused = None;
    for entry in pass {
        let Step::Scalekit(call) = &entry.step else { continue };
        prop_assert!(refused.is_none() || !call.writes(), "{call:?} after {refused:?}");
        match (&entry.answer, call) {
            (_, Call::ReadApplicationPolicy(_)) => {}
            (Some(Answer::Scalekit(Err(fault))), _)
                if matches!(fault.kind, AuthFailed | CredentialsRejected | Forbidden | NotFound) =>
            {
                refused = Some(fault.kind);
            }
            (Some(Answer::Scalekit(Ok(_))), Call::ReadOrganization(_) | Call::LookUp(_)) => refused = None,
            _ => {}
        }
    }
    Ok(())
}
