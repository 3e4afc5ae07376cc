//! A resource that is going: revert what it wrote, make sure that no write of
//! ours can land any more, then let it go. Doubt never lets it go; only proof,
//! or a grace period that the status announces.

use super::{
    CredentialsError, ErrorKind, Hold, Outcome, Ownership, Release, RemoteError, RemoteRequest, Request, Resource,
    State, Step, observation::Observation,
};
use crate::policy::{Live, Mode, Policy, ValidatedSpec, diff};
use jiff::{SignedDuration, Timestamp, Unit};
use std::time::Duration;

/// How often one reconcile writes a revert that the server takes but does not keep,
/// or reads again after one whose outcome is unknown.
const TRIES: u8 = 2;

/// How deleting a resource ends where no revert is written, given the live
/// policy as far as it is known; `None`: the organization is set back to
/// inherit first.
pub fn without_revert(spec: &ValidatedSpec, live: Option<&Live>) -> Option<Release> {
    match live {
        _ if !spec.may_revert() => Some(Release::NothingToRevert),
        Some(Live::Application) => Some(Release::Reverted),
        Some(live) if spec.mode == Mode::TightenOnly && !diff(&spec.policy, live).is_empty() => {
            Some(Release::CustomersOwn)
        }
        _ => None,
    }
}

pub(super) fn next(state: &State, resource: &Resource, now: Timestamp) -> Step {
    if !resource.finalizer {
        let nothing_to_do =
            if state.uninstalling { Outcome::Released(Release::NothingToRevert) } else { Outcome::Gone };
        return Step::Done(state.released.clone().map_or(nothing_to_do, Outcome::Released));
    }
    let Ok(spec) = &resource.spec else { return hold(state, resource, Hold::InvalidSpec, now) };
    if let Some(why) = without_revert(spec, None) {
        return release(state, why);
    }
    let environment = match &state.credentials {
        None => return Step::Request(Request::ReadCredentials { fresh: true }),
        Some(Err(error)) => return without_credentials(state, resource, error, now),
        Some(Ok(access)) => &access.environment,
    };
    if let Some(pinned) = resource.pinned.as_ref().filter(|pinned| pinned.environment != *environment) {
        let changed = Hold::EnvironmentChanged { pinned: pinned.environment.clone(), found: environment.clone() };
        return hold(state, resource, changed, now);
    }
    match revert(state, resource, spec) {
        Revert::Step(step) => step,
        Revert::Release(why) => release(state, why),
        Revert::Refused(error) => hold(state, resource, Hold::Refused(error), now),
    }
}

/// The finalizer goes when no write of ours can land any more.
fn release(state: &State, why: Release) -> Step {
    match state.unsettled_for() {
        wait if wait.is_zero() => Step::Request(Request::RemoveFinalizer(why)),
        wait => Step::Done(Outcome::Settling(wait)),
    }
}

/// How often an organization must be missing before it counts as gone.
const CONFIRMED: u8 = 2;

enum Revert {
    /// This first.
    Step(Step),
    /// Nothing of ours is live any more.
    Release(Release),
    /// The server won't, and will not until somebody changes something.
    Refused(RemoteError),
}

fn revert(state: &State, resource: &Resource, spec: &ValidatedSpec) -> Revert {
    let observation = &state.observation;
    let request = |request| Revert::Step(Step::Request(Request::Remote(request)));
    if let Some((asked, error)) = &observation.failure {
        let about_organization = matches!(asked, RemoteRequest::ReadOrganization(_) | RemoteRequest::LookUp(_));
        return match error.kind {
            ErrorKind::NotFound if about_organization && observation.not_found < CONFIRMED => request(asked.clone()),
            ErrorKind::NotFound if about_organization => Revert::Release(Release::OrganizationGone),
            kind if kind.class().is_terminal() => Revert::Refused(error.clone()),
            _ => Revert::Step(Step::Done(Outcome::CleanupPending(error.clone()))),
        };
    }
    let Some(organization) = &observation.organization else { return request(find(observation, resource, spec)) };
    match &state.ownership {
        None => return Revert::Step(Step::Request(Request::ReadClaimants)),
        Some(Ownership::Conflicted { .. }) => {
            return Revert::Release(Release::NotOwner);
        }
        Some(Ownership::Owner { successor: true }) => return Revert::Release(Release::HandedOver),
        Some(Ownership::Owner { successor: false }) => {}
    }
    if observation.policy_route_missing {
        return Revert::Refused(RemoteError::new(ErrorKind::Unsupported));
    }
    let Some(live) = &observation.live else { return request(RemoteRequest::ReadPolicy(organization.id.clone())) };
    if let Some(why) = without_revert(spec, Some(live)) {
        return Revert::Release(why);
    }
    let writes = &observation.writes;
    if writes.answered + writes.unknown + writes.conflicts >= TRIES {
        let error = writes.error.clone().unwrap_or_else(|| RemoteError::new(ErrorKind::BadResponse));
        return Revert::Step(Step::Done(Outcome::CleanupPending(error)));
    }
    request(RemoteRequest::WritePolicy { organization: organization.id.clone(), policy: Policy::Application })
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
        Some(true) if matches!(error, CredentialsError::Missing(_)) && !state.recalled => {
            Step::Request(Request::RecallCredentials)
        }
        Some(_) => hold(state, resource, Hold::Credentials(error.clone()), now),
    }
}

/// Waits for a person, but not for good: as long as the status has announced,
/// counted from when it first said what is missing.
fn hold(state: &State, resource: &Resource, hold: Hold, now: Timestamp) -> Step {
    let Some(terminating) = state.namespace_terminating else { return Step::Request(Request::ReadNamespace) };
    let reason = hold.reason();
    let announced = resource.release.as_ref().filter(|release| release.reason == reason).map(|release| release.at);
    match announced {
        Some(at) if at <= now => Step::Request(Request::RemoveFinalizer(Release::Orphaned(hold))),
        _ => {
            let settings = &state.settings;
            let grace = if terminating { settings.namespace_grace } else { settings.grace };
            let release_at = announced.map_or_else(|| after(now, grace), |at| at.min(after(now, grace)));
            Step::Done(Outcome::Holding { hold, release_at })
        }
    }
}

/// In whole seconds, as Kubernetes keeps times.
fn after(now: Timestamp, grace: Duration) -> Timestamp {
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
    let at = now.saturating_add(grace).unwrap_or(Timestamp::MAX);
    at.round(Unit::Second).unwrap_or(at)
}
