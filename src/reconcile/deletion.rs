//! A resource that is being deleted: another one takes over, or the organization's
//! policy is set back; then, when no own write can be applied any more, the
//! finalizer is removed. That takes proof, or the time that the status announced.

use super::{
    CredentialsError, ErrorKind, Hold, InSync, Organization, Outcome, Ownership, Past, Reason, Release, RemoteError,
    RemoteRequest, Request, Resource, State, Step, features, observation::Observation, remote,
};
use crate::policy::{DeletionPolicy, Live, Mode, Policy, ValidatedSpec, diff, tighten};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use std::time::Duration;

/// How often one reconcile writes a revert that the server takes but does not keep,
/// or reads again after one whose outcome is unknown.
const TRIES: u8 = 2;
/// How often an organization must be missing before it counts as gone.
const CONFIRMED: u8 = 2;
/// How long another resource may take to get its policy live before this one
/// sets the organization back all the same.
const HAND_OVER: Duration = Duration::from_secs(60);
/// So much of the wait for another resource, the process itself waits: one that has
/// just started, or begun to lead, knows of a successor only when it has reconciled
/// that one.
const OWN_WAIT: Duration = Duration::from_secs(10);
/// So much of the wait for a person, the process itself waits: the clock of the machine may
/// have been set forward before it started.
const OWN_HOLD: Duration = Duration::from_secs(5 * 60);

/// How deleting a resource ends where no revert is written, given the live
/// policy as far as it is known; `None`: the organization is set back first.
pub fn without_revert(spec: &ValidatedSpec, past: Past, live: Option<&Live>) -> Option<Release> {
    let (policy, released) = target(spec, past.adopted);
    match live {
        _ if !spec.may_revert() => Some(Release::NothingToRevert),
        Some(live) if diff(&policy, live).is_empty() => Some(released),
        Some(live) if spec.mode == Mode::TightenOnly && !is_own(spec, past, live) => Some(Release::CustomersOwn),
        _ => None,
    }
}

/// Whether the live policy is what was written for such a resource: the declared one,
/// the last one, or the one that is to be restored, made stricter. One that keeps
/// something of a customer's own is undone only by restoring that.
fn is_own(spec: &ValidatedSpec, past: Past, live: &Live) -> bool {
    let restores = restores(spec, past.adopted);
    let restored = past.adopted.filter(|_| spec.mode == Mode::TightenOnly && restores);
    let stricter = restored.and_then(|before| tighten(&spec.policy, &before));
    let written = if restores { past.written } else { past.wholly_written() };
    [Some(spec.policy), written, stricter].into_iter().flatten().any(|policy| diff(&policy, live).is_empty())
}

/// Whether a deletion sets something back, so that the resource needs our finalizer: at the
/// end of a reconcile, or before it writes (`working`).
pub(super) fn needs_finalizer(state: &State, spec: &ValidatedSpec, working: bool) -> bool {
    spec.may_revert() && (spec.policy != Policy::Application || restores(spec, state.adopts(working)))
}

/// Whether the organization gets back what it had before, where a revert is written.
pub fn restores(spec: &ValidatedSpec, adopted: Option<Live>) -> bool {
    target(spec, adopted).1 == Release::Restored
}

/// What the organization is set back to, and how that is called: what it had
/// before where that is to be restored and known, else the application's policy.
fn target(spec: &ValidatedSpec, adopted: Option<Live>) -> (Policy, Release) {
    let restored = adopted.filter(|_| spec.deletion == DeletionPolicy::Restore).and_then(|live| live.declarable());
    match restored {
        Some(policy) if policy != Policy::Application => (policy, Release::Restored),
        _ => (Policy::Application, Release::Reverted),
    }
}

pub(super) fn next(state: &State, resource: &Resource, now: Timestamp) -> Step {
    if !resource.finalizer {
        let nothing_to_do =
            if state.uninstalling { Outcome::Released(Release::NothingToRevert) } else { Outcome::Gone };
        return Step::Done(state.released.clone().map_or(nothing_to_do, Outcome::Released));
    }
    let Ok(spec) = &resource.spec else { return hold(state, resource, Hold::InvalidSpec, now) };
    if let Some(why) = without_revert(spec, Past::default(), None) {
        return release(state, why);
    }
    let environment = match &state.credentials {
        None => return Step::Request(Request::ReadCredentials { fresh: true }),
        Some(Err(error)) => return without_credentials(state, resource, error, now),
        Some(Ok(access)) => &access.environment,
    };
    if let Some(pinned) = resource.pinned.as_ref().filter(|pinned| pinned.environment != *environment) {
        // it may be another name of the same one
        match &state.identity {
            Some(identity) if identity == pinned.identity() => {}
            None => return Step::Request(Request::ReadIssuer),
            // it can't be asked now
            Some(_) if state.alleged.as_deref() == Some(pinned.identity()) => {
                return Step::Done(Outcome::CleanupPending(RemoteError::new(ErrorKind::Unreachable)));
            }
            Some(_) => {
                let found = environment.clone();
                let changed = Hold::EnvironmentChanged { pinned: pinned.environment.clone(), found };
                return hold(state, resource, changed, now);
            }
        }
    }
    revert(state, resource, spec, now)
}

/// The finalizer goes when no write of ours can land any more.
fn release(state: &State, why: Release) -> Step {
    match state.unsettled_for() {
        wait if wait.is_zero() => Step::Request(Request::RemoveFinalizer(why)),
        wait => Step::Done(Outcome::Settling(wait)),
    }
}

fn revert(state: &State, resource: &Resource, spec: &ValidatedSpec, now: Timestamp) -> Step {
    let observation = &state.observation;
    let remote = |request| Step::Request(Request::Remote(request));
    let refused = |error| hold(state, resource, Hold::Refused(error), now);
    if let Some((asked, error)) = &observation.failure {
        let about_organization = asked.reads_organization();
        return match error.kind {
            // the policy is set back by then, and a feature that stays on changes nothing of it
            kind if matches!(asked, RemoteRequest::WriteFeatures { .. }) && kind.class().is_terminal() => {
                release(state, Release::Reverted)
            }
            ErrorKind::NotFound if about_organization && observation.not_found < CONFIRMED => remote(asked.clone()),
            // without a pin it is not known to be the organization that was written to
            ErrorKind::NotFound if about_organization && resource.pinned.is_some() => {
                release(state, Release::OrganizationGone)
            }
            kind if kind == ErrorKind::NotFound || kind.class().is_terminal() => refused(error.clone()),
            _ => Step::Done(Outcome::CleanupPending(error.clone())),
        };
    }
    let Some(organization) = &observation.organization else {
        return remote(find(observation, resource, spec));
    };
    let wait = |reason, longest: Duration| {
        let own = longest.min(OWN_WAIT).saturating_sub(leads_for(state));
        let wait = wait(state, resource, reason, longest, own, now).filter(|_| !state.uninstalling);
        wait.map(|(until, left)| Step::Done(Outcome::Waiting { reason, until, left }))
    };
    let delay = match &state.ownership {
        None => return Step::Request(state.find_owner()),
        // nobody takes over while a revert of ours may still land
        Some(Ownership::Succeeded { .. }) if !state.unsettled_for().is_zero() => {
            return Step::Done(Outcome::Settling(state.unsettled_for()));
        }
        Some(Ownership::Succeeded { .. } | Ownership::Conflicted { in_sync: Some(_), .. }) => {
            wait(Reason::HandingOver, HAND_OVER)
        }
        // one that comes and goes does not start the wait anew
        Some(_) if resource.release.as_ref().is_some_and(|r| r.reason == Reason::HandingOver) => {
            wait(Reason::HandingOver, state.settings.revert_delay)
        }
        Some(Ownership::Owner | Ownership::Conflicted { .. }) => wait(Reason::Deleting, state.settings.revert_delay),
    };
    if observation.policy_route_missing {
        return refused(RemoteError::new(ErrorKind::Unsupported));
    }
    let Some(live) = &observation.live else {
        return remote(RemoteRequest::ReadPolicy(organization.id.clone()));
    };
    if let Some(why) = taken_over(state, |in_sync| in_sync.declared.is_satisfied_by(live)) {
        return release(state, why);
    }
    // the owner will write nothing, so what is this one's own would stay for good
    let conflicted = matches!(state.ownership, Some(Ownership::Conflicted { .. })) && !state.progress_reported;
    if conflicted && !is_own(spec, Past::of(resource), live) {
        return release(state, Release::NotOwner);
    }
    if let Some(why) = without_revert(spec, Past::of(resource), Some(live)) {
        let request = disable_feature(state, resource, organization).filter(|_| why == Release::Reverted);
        return request.map_or_else(|| release(state, why), Step::Request);
    }
    if let Some(delay) = delay.filter(|_| !state.progress_reported) {
        return delay;
    }
    let writes = &observation.writes;
    if writes.answered + writes.unknown + writes.conflicts >= TRIES {
        let error = writes.error.clone().unwrap_or_else(|| RemoteError::new(ErrorKind::BadResponse));
        return Step::Done(Outcome::CleanupPending(error));
    }
    if !state.progress_reported {
        return Step::Request(Request::ReportProgress); // from here on nobody else may write
    }
    let (policy, _) = target(spec, resource.adopted);
    remote(RemoteRequest::WritePolicy { organization: organization.id.clone(), policy })
}

/// Why there is nothing to set back, where another resource keeps its own policy live: by
/// its status, which may be about the past, and by what this one can tell (`holds`).
fn taken_over(state: &State, holds: impl Fn(&InSync) -> bool) -> Option<Release> {
    let ownership = state.ownership.as_ref()?;
    let succeeded = matches!(ownership, Ownership::Succeeded { .. });
    let why = if succeeded { Release::HandedOver } else { Release::NotOwner };
    ownership.in_sync().filter(|in_sync| holds(in_sync)).map(|_| why)
}

/// The write that switches off the feature that this operator has switched on,
/// where that is wanted; tried once.
fn disable_feature(state: &State, resource: &Resource, organization: &Organization) -> Option<Request> {
    let wanted = state.settings.disable_feature && resource.enabled_feature && organization.session_policy_enabled();
    if !wanted || state.observation.flag.before.is_some() {
        return None;
    }
    if !state.progress_reported {
        return Some(Request::ReportProgress);
    }
    let features = features::with_session_policy(&organization.features, false, 0, state.goal()?.merges_features)?;
    let request = RemoteRequest::WriteFeatures { organization: organization.id.clone(), features };
    Some(Request::Remote(remote::read_before(&request, &state.observation).unwrap_or(request)))
}

/// The pinned organization, whatever the external id leads to by now.
fn find(observation: &Observation, resource: &Resource, spec: &ValidatedSpec) -> RemoteRequest {
    match &resource.pinned {
        Some(pinned) => RemoteRequest::ReadOrganization(pinned.organization.clone()),
        None => observation.find(&spec.organization),
    }
}

fn without_credentials(state: &State, resource: &Resource, error: &CredentialsError, now: Timestamp) -> Step {
    match state.namespace_terminating {
        None => Step::Request(Request::ReadNamespace),
        Some(true) if matches!(error, CredentialsError::Missing(_)) && !state.last_known_read => {
            Step::Request(Request::ReadLastKnownCredentials)
        }
        Some(_) => hold(state, resource, Hold::Credentials(error.clone()), now),
    }
}

/// Waits for a person, but not for good: as long as the status has announced,
/// counted from when it first said what is missing. Another resource whose policy was
/// just found live on the pinned organization leaves nothing to wait for.
fn hold(state: &State, resource: &Resource, hold: Hold, now: Timestamp) -> Step {
    if state.ownership.is_none() && resource.pinned.is_some() {
        return Step::Request(Request::ReadClaimants);
    }
    if let Some(why) = taken_over(state, |in_sync| in_sync.just_now) {
        return release(state, why);
    }
    let Some(terminating) = state.namespace_terminating else { return Step::Request(Request::ReadNamespace) };
    let grace = if terminating { state.settings.namespace_grace } else { state.settings.grace };
    let own = grace.min(OWN_HOLD).saturating_sub(leads_for(state));
    match wait(state, resource, hold.reason(), grace, own, now) {
        None => Step::Request(Request::RemoveFinalizer(Release::Orphaned(hold))),
        Some((until, left)) => Step::Done(Outcome::Holding { hold, until, left }),
    }
}

fn leads_for(state: &State) -> Duration {
    state.began.saturating_sub(state.term.since)
}

/// When a wait for `reason` ends, as announced or else `longest` from now, and
/// how long that still is; `None`: it is over, by the clock of the status and by
/// that of this process, on which `own` is left in any case.
fn wait(
    state: &State,
    resource: &Resource,
    reason: Reason,
    longest: Duration,
    own: Duration,
    now: Timestamp,
) -> Option<(Timestamp, Duration)> {
    let latest = after(now, longest);
    let announced = resource.release.as_ref().filter(|release| release.reason == reason).map(|release| release.at);
    let until = announced.map_or(latest, |at| at.min(latest));
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let left = left.max(state.history.wait_left(until, state.began)).max(own);
    (!left.is_zero() && !longest.is_zero()).then_some((until, left))
}

/// In whole seconds, as Kubernetes keeps times.
fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    let at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    at.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(at)
}
