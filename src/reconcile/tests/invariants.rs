//! What holds of every step of every reconcile, whatever happens around it.

use super::{
    random::{Run, cases, runs},
    samples::{CUSTOM_DOMAIN, HOST},
    world::{Entry, writes},
};
use crate::policy::{DeletionPolicy, Live, Mode, Policy, diff, tighten};
use crate::reconcile::{
    ClaimState, ErrorClass, ErrorKind, Feature, Ownership, Reason, Release, RemoteRequest, Request, Response,
    SESSION_POLICY, State, Step, tests::random::TestResult,
};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #![proptest_config(cases(1500))]
    #[test]
    fn every_step_is_justified_by_what_its_reconcile_has_seen(run in runs()) {
        let world = played(&run)?;
        for entry in &world.journal {
            justified(entry).map_err(|e| e.and(entry))?;
        }
        for reconciled in world.journal.chunk_by(|one, other| one.reconciled == other.reconciled) {
            bounded(reconciled)?;
            no_write_after_a_refusal(reconciled)?;
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
        Self::fail(format!(
            "{self}\nin reconciled {} over {}: {:#?}\n{:#?}",
            entry.reconciled, entry.uid, entry.step, entry.state
        ))
    }
}

pub(super) fn justified(entry: &Entry) -> Result<(), TestCaseError> {
    let state = &entry.state;
    prop_assert!(state.cached.is_none() || !writes(&entry.step), "the resource was not read before a write");
    if let Step::Request(Request::Remote(request)) = &entry.step {
        let named = state.spec().unwrap().secret.clone();
        prop_assert_eq!(
            entry.secret.clone(),
            Some(named),
            "{:?} is sent with other credentials than the spec's",
            request
        );
    }
    if let Some(Response::Listed { age, .. }) = &entry.response {
        may_be_listed(state, *age)?;
    }
    match &entry.step {
        Step::Request(Request::Remote(RemoteRequest::WritePolicy { policy, .. })) if state.deleting() => {
            a_revert_is_owed(entry, *policy)
        }
        Step::Request(Request::Remote(RemoteRequest::WritePolicy { policy, .. })) => {
            announced(entry)?;
            let recorded = entry.object.as_ref().is_none_or(|object| object.read().adopted.is_some());
            prop_assert!(recorded, "what was there before comes first");
            desired(state, *policy)
        }
        Step::Request(Request::Remote(RemoteRequest::WriteFeatures { features, .. })) if state.deleting() => {
            let (resource, read) = (state.here().unwrap(), state.observation.organization.as_ref().unwrap());
            prop_assert!(state.settings.disable_feature && resource.enabled_feature && resource.finalizer);
            prop_assert_eq!(state.observation.live, Some(Live::Application), "the policy is set back first");
            prop_assert!(state.observation.organization_is_fresh && state.progress_reported);
            let ours = |f: &Feature| f.name == SESSION_POLICY;
            let as_read = features.iter().all(|f| if ours(f) { !f.enabled } else { read.features.contains(f) });
            prop_assert!(as_read, "only ours is changed");
            let expected = if state.goal().unwrap().merges_features { 1 } else { read.features.len() };
            prop_assert_eq!(features.len(), expected);
            Ok(())
        }
        Step::Request(Request::Remote(RemoteRequest::WriteFeatures { features, .. })) => {
            announced(entry)?;
            let recorded = entry.object.as_ref().is_none_or(|object| object.read().enabled_feature);
            let shown = state.observation.organization.as_ref().unwrap().features_reported;
            prop_assert!(recorded || !shown, "who switched it on comes first");
            prop_assert!(state.spec().unwrap().policy != Policy::Application, "who inherits needs no feature");
            prop_assert!(state.observation.organization_is_fresh, "the list is one that was read just before");
            let read = &state.observation.organization.as_ref().unwrap().features;
            let ours = |name: &str| name == SESSION_POLICY;
            prop_assert!(features.iter().any(|f| ours(&f.name) && f.enabled));
            prop_assert!(features.iter().all(|f| ours(&f.name) || read.contains(f)), "as read");
            let complete = read.iter().filter(|f| f.enabled && !ours(&f.name)).all(|f| features.contains(f));
            prop_assert!(
                complete
                    || (features.len() == 1
                        && (state.observation.flag.refused > 0 || state.goal().unwrap().merges_features)),
                "others would go off"
            );
            Ok(())
        }
        Step::Request(Request::RemoveFinalizer(release)) => releasable(entry, release),
        _ => Ok(()),
    }
}

/// The list answers the first read of a reconcile that nobody waits for, or of a new
/// resource, and never proves that an organization is gone.
fn may_be_listed(state: &State, age: Duration) -> Result<(), TestCaseError> {
    let resource = state.here().unwrap();
    prop_assert!(!state.deleting() && !state.history.is_contested());
    prop_assert!(resource.observed_generation < 0 || !resource.is_awaited());
    prop_assert!(state.observation.resolved.is_none() && state.observation.not_found == 0);
    prop_assert!(age <= state.interval() / 2);
    Ok(())
}

/// Before the first write the status says so, the organization is pinned, and
/// what will undo it is persisted.
fn announced(entry: &Entry) -> Result<(), TestCaseError> {
    let state = &entry.state;
    let spec = state.spec().unwrap();
    let needs_undoing = spec.may_revert() && spec.policy != Policy::Application;
    let Some(object) = &entry.object else {
        prop_assert!(!needs_undoing, "only what nothing holds can go in the middle of a reconcile");
        return Ok(());
    };
    let organization = state.observation.organization.as_ref().unwrap();
    let pinned = object.status.as_ref().and_then(|s| s.pinned.clone()).unwrap();
    prop_assert_eq!(&pinned.organization, &organization.id);
    prop_assert_eq!(pinned.environment.as_str(), state.access().unwrap().environment.as_str());
    prop_assert!([HOST, CUSTOM_DOMAIN].contains(&pinned.environment.as_str()));
    prop_assert_eq!(Some(pinned.identity()), state.identity.as_deref());
    let quick = state.clock.saturating_sub(state.began) < Duration::from_secs(1);
    prop_assert!(state.progress_reported || quick, "the user waits for it and is not told");
    prop_assert_eq!(object.read().claim, Some(ClaimState::Verified), "all others must see whose it is");
    prop_assert!(matches!(state.ownership, Some(Ownership::Owner)), "only the owner writes");
    prop_assert!(!spec.is_suspended(entry.at) && spec.mode != Mode::Observe);
    if needs_undoing {
        prop_assert!(state.here().unwrap().finalizer && object.finalizer, "the finalizer comes first");
    }
    Ok(())
}

fn desired(state: &State, policy: Policy) -> Result<(), TestCaseError> {
    let spec = state.spec().unwrap();
    let live = state.observation.live.unwrap();
    prop_assert!(!diff(&policy, &live).is_empty(), "equal, so nothing to write");
    let organization = state.observation.organization.as_ref().unwrap();
    let tried = !organization.features_reported && state.observation.flag.tries > 0;
    let inherits = policy == Policy::Application;
    prop_assert!(organization.session_policy_enabled() || tried || inherits, "the flag comes first");
    let wanted = match spec.mode {
        Mode::Enforce => Some(spec.policy),
        Mode::TightenOnly => tighten(&spec.policy, &live),
        Mode::Observe => None,
    };
    prop_assert_eq!(Some(policy), wanted);
    Ok(())
}

fn a_revert_is_owed(entry: &Entry, policy: Policy) -> Result<(), TestCaseError> {
    let state = &entry.state;
    let spec = state.spec().unwrap();
    let object = entry.object.as_ref().unwrap();
    prop_assert!(spec.may_revert() && object.finalizer);
    let adopted = state.here().unwrap().adopted.and_then(|live| live.declarable());
    prop_assert!(
        policy == Policy::Application || (spec.deletion == DeletionPolicy::Restore && Some(policy) == adopted)
    );
    prop_assert_eq!(object.read().claim, Some(ClaimState::Reverting), "nobody else may write meanwhile");
    let announced = |reason| state.here().unwrap().release.as_ref().filter(|r| r.reason == reason).map(|r| r.at);
    let waited = |reason| announced(reason).is_some_and(|at| at <= entry.at) || state.uninstalling;
    let live = state.observation.live.unwrap();
    let declared = diff(&spec.policy, &live).is_empty();
    match &state.ownership {
        Some(Ownership::Owner | Ownership::Conflicted { in_sync: None, .. }) => {
            let waited = waited(Reason::Deleting) || waited(Reason::HandingOver);
            prop_assert!(waited || state.settings.revert_delay.is_zero(), "as announced");
        }
        Some(Ownership::Succeeded { in_sync } | Ownership::Conflicted { in_sync, .. }) => {
            let holds = in_sync.is_some_and(|in_sync| in_sync.declared.is_satisfied_by(&live));
            prop_assert!(!holds && waited(Reason::HandingOver), "{:?}: it was not waited for", state.ownership);
        }
        None => prop_assert!(false, "nobody asked who the owner is"),
    }
    prop_assert!(!diff(&policy, &live).is_empty());
    let stricter = state.here().unwrap().adopted.and_then(|before| tighten(&spec.policy, &before)).map(Live::from);
    let restores = spec.mode == Mode::TightenOnly && policy != Policy::Application && stricter == Some(live);
    let conflicted = matches!(state.ownership, Some(Ownership::Conflicted { .. }));
    let written = state.here().unwrap().written.map(Live::from) == Some(live);
    let own = declared || restores || written;
    // what somebody sets between two tries is set back too: nobody can tell it from a write that was lost
    let begun = state.observation.wrote_policy();
    let owed = spec.mode == Mode::Enforce && (!conflicted || begun);
    prop_assert!(owed || own, "it is not what this one wrote");
    Ok(())
}

/// The finalizer goes on proof, or when its user or its grace says so.
fn releasable(entry: &Entry, release: &Release) -> Result<(), TestCaseError> {
    let state = &entry.state;
    let spec = state.spec();
    let settled = state.unsettled_for().is_zero();
    match release {
        Release::Reverted => prop_assert_eq!(state.observation.live, Some(Live::Application)),
        Release::Restored => prop_assert_eq!(state.observation.live, state.here().unwrap().adopted),
        Release::OrganizationGone => {
            let (asked, resource) = (state.access().unwrap(), state.here().unwrap());
            let same = resource.pinned.as_ref().is_some_and(|pinned| {
                pinned.environment == asked.environment || Some(pinned.identity()) == state.identity.as_deref()
            });
            prop_assert!(same, "another environment than the one written to says that it is gone");
            prop_assert!(state.observation.not_found >= 2);
        }
        Release::CustomersOwn => {
            prop_assert_eq!(spec.unwrap().mode, Mode::TightenOnly);
            prop_assert!(!diff(&spec.unwrap().policy, &state.observation.live.unwrap()).is_empty());
        }
        Release::NothingToRevert => {
            let inherits = state.observation.live == Some(Live::Application) && settled;
            prop_assert!(!spec.unwrap().may_revert() || inherits);
        }
        Release::HandedOver => {
            let Some(Ownership::Succeeded { in_sync: Some(in_sync) }) = state.ownership else { panic!("to nobody") };
            let holds = |live| in_sync.declared.is_satisfied_by(live);
            prop_assert!(
                state.observation.live.as_ref().map_or(in_sync.just_now, holds),
                "the other one is not in sync"
            );
        }
        Release::NotOwner => {
            let Some(Ownership::Conflicted { in_sync, .. }) = state.ownership else { panic!("it did not lose") };
            let own = |live: Live| diff(&spec.unwrap().policy, &live).is_empty();
            prop_assert!(in_sync.is_some() || !own(state.observation.live.unwrap()), "its own policy stays");
        }
        Release::Orphaned(_) => {
            let grace = if state.namespace_terminating.unwrap() {
                state.settings.namespace_grace
            } else {
                state.settings.grace
            };
            prop_assert!(entry.at >= entry.object.as_ref().unwrap().deleting_since.unwrap() + grace);
        }
    }
    if matches!(
        release,
        Release::Reverted | Release::Restored | Release::OrganizationGone | Release::CustomersOwn | Release::HandedOver
    ) {
        prop_assert!(settled && !entry.in_flight, "a write of ours can still land");
    }
    Ok(())
}

/// A write that may have been applied is repeated once; the lists of features come in three forms.
pub(super) fn bounded(reconciled: &[Entry]) -> Result<(), TestCaseError> {
    let conflict = |e: &&Entry| matches!(&e.response, Some(Response::Remote(Err(f))) if f.kind == ErrorKind::Conflict);
    // one that was refused with its credentials was not applied, and is sent once more
    let unauthenticated = |e: &&Entry| matches!(&e.response, Some(Response::Remote(Err(f))) if f.kind.class() == ErrorClass::Unauthenticated);
    // so is a policy that was refused while the feature was off, which the list did not show yet
    let refused = |e: &&Entry| {
        let listed = e.state.observation.organization_is_listed;
        let hidden = matches!(&e.response, Some(Response::Remote(Err(f))) if listed && f.kind.hides_policy());
        unauthenticated(e) || hidden
    };
    let policies: Vec<&Entry> = reconciled.iter().filter(|e| e.policy().is_some() && !refused(e)).collect();
    // a spec that is edited meanwhile begins anew: a quick reconcile may have written the one before
    let generation = |e: &Entry| e.state.here().map(|resource| resource.generation);
    for policies in policies.chunk_by(|one, other| generation(one) == generation(other)) {
        let conflicts = policies.iter().copied().filter(conflict).count();
        prop_assert!(policies.len() - conflicts <= 2 && conflicts <= 3, "{} writes", policies.len());
    }
    let features = reconciled
        .iter()
        .filter(|e| matches!(e.step, Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. }))))
        .filter(|e| !unauthenticated(e))
        .count();
    prop_assert!(features <= 4, "{features} lists of features");
    Ok(())
}

/// 401, 403 and 404 end the writing; a 404 until the organization is found
/// after all, a 401 until the credentials were read again, once. Only the application's policy is a question that may be refused.
fn no_write_after_a_refusal(reconciled: &[Entry]) -> Result<(), TestCaseError> {
    use ErrorKind::{AuthFailed, CredentialsRejected, Forbidden, NotFound};
    let (mut refused, mut read_again) = (None, false);
    for entry in reconciled {
        if let (Some(_), Some(Response::Resource(now))) = (entry.state.cached, &entry.response)
            && now != &entry.state.resource
        {
            (refused, read_again) = (None, false); // the copy in the cache was too old, so the reconcile begins anew
        }
        if matches!(entry.step, Step::Request(Request::ReadCredentials { .. })) {
            if matches!(refused, Some(AuthFailed | CredentialsRejected)) {
                prop_assert!(!read_again, "a second refusal is final");
                (refused, read_again) = (None, true);
            }
            continue;
        }
        let Step::Request(Request::Remote(request)) = &entry.step else { continue };
        prop_assert!(refused.is_none() || !request.writes(), "{request:?} after {refused:?}");
        match (&entry.response, request) {
            (_, RemoteRequest::ReadApplicationPolicy(_)) => {}
            (Some(Response::Remote(Err(error))), _)
                if matches!(error.kind, AuthFailed | CredentialsRejected | Forbidden | NotFound) =>
            {
                refused = Some(error.kind);
            }
            (Some(Response::Remote(Ok(_))), RemoteRequest::ReadOrganization(_) | RemoteRequest::LookUp(_)) => {
                refused = None
            }
            _ => {}
        }
    }
    Ok(())
}
