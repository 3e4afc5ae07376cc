//! A resource that is going: revert what it wrote, make sure that no write of
//! ours can land any more, then let it go. Doubt never lets it go; only proof,
//! or a grace period that the status announces.

use super::{
    Call, CredentialsFlaw, CredentialsProblem, Fault, FaultKind, Hold, Outcome, Release, Resource, Standing, Step,
    View, report::hold_reason, sight::Sight,
};
use crate::policy::{Declaration, Live, Mode, Policy, diff};
use jiff::{SignedDuration, Timestamp, Unit};
use std::time::Duration;

/// How often one pass writes a revert that the server takes but does not keep,
/// or reads again after one whose outcome is unknown.
const TRIES: u8 = 2;

pub(super) fn next(view: &View, resource: &Resource, now: Timestamp) -> Step {
    if !resource.finalizer {
        let nothing_to_do = if view.letting_go { Outcome::Released(Release::NothingToRevert) } else { Outcome::Gone };
        return Step::Done(view.released.clone().map_or(nothing_to_do, Outcome::Released));
    }
    let Ok(declaration) = &resource.declaration else { return hold(view, resource, Hold::InvalidSpec, now) };
    if !declaration.may_revert() {
        return Step::RemoveFinalizer(Release::NothingToRevert);
    }
    let environment = match &view.credentials {
        None => return Step::ReadCredentials,
        Some(Err(problem)) => return without_credentials(view, resource, problem, now),
        Some(Ok(access)) => &access.environment,
    };
    if let Some(pinned) = resource.pinned.as_ref().filter(|pinned| pinned.environment != *environment) {
        let changed = Hold::EnvironmentChanged { pinned: pinned.environment.clone(), found: environment.clone() };
        return hold(view, resource, changed, now);
    }
    match revert(view, resource, declaration) {
        Revert::Step(step) => step,
        Revert::Release(release) => match view.unsettled_for() {
            wait if wait.is_zero() => Step::RemoveFinalizer(release),
            wait => Step::Done(Outcome::Settling(wait)),
        },
        Revert::Refused(fault) => hold(view, resource, Hold::Refused(fault), now),
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
    Refused(Fault),
}

fn revert(view: &View, resource: &Resource, declaration: &Declaration) -> Revert {
    let sight = &view.sight;
    let call = |call| Revert::Step(Step::Scalekit(call));
    if let Some((asked, fault)) = &sight.failure {
        let about_organization = matches!(asked, Call::ReadOrganization(_) | Call::LookUp(_));
        return match fault.kind {
            FaultKind::NotFound if about_organization && sight.not_found < CONFIRMED => call(asked.clone()),
            FaultKind::NotFound if about_organization => Revert::Release(Release::OrganizationGone),
            FaultKind::Forbidden
            | FaultKind::Rejected
            | FaultKind::Unsupported
            | FaultKind::CredentialsRejected
            | FaultKind::AuthFailed => Revert::Refused(fault.clone()),
            _ => Revert::Step(Step::Done(Outcome::CleanupPending(fault.clone()))),
        };
    }
    let Some(organization) = &sight.organization else { return call(find(sight, resource, declaration)) };
    match &view.standing {
        None => return Revert::Step(Step::ReadClaims),
        Some(Standing::Loser { .. }) => return Revert::Step(Step::RemoveFinalizer(Release::NotOwner)),
        Some(Standing::Owner { heir: true }) => return Revert::Release(Release::HandedOver),
        Some(Standing::Owner { heir: false }) => {}
    }
    if sight.policy_route_missing {
        return Revert::Refused(Fault::new(FaultKind::Unsupported));
    }
    let Some(live) = &sight.live else { return call(Call::ReadPolicy(organization.id.clone())) };
    if *live == Live::Application {
        return Revert::Release(Release::Reverted);
    }
    if declaration.mode == Mode::TightenOnly && !diff(&declaration.policy, live).is_empty() {
        return Revert::Release(Release::CustomersOwn);
    }
    let writes = &sight.writes;
    if writes.answered + writes.unknown + writes.conflicts >= TRIES {
        let fault = writes.fault.clone().unwrap_or_else(|| Fault::new(FaultKind::BadResponse));
        return Revert::Step(Step::Done(Outcome::CleanupPending(fault)));
    }
    call(Call::WritePolicy { organization: organization.id.clone(), policy: Policy::Application })
}

/// The pinned organization, whatever the external id leads to by now.
fn find(sight: &Sight, resource: &Resource, declaration: &Declaration) -> Call {
    match &resource.pinned {
        Some(pinned) => Call::ReadOrganization(pinned.organization.clone()),
        None => sight.find(&declaration.organization),
    }
}

fn without_credentials(view: &View, resource: &Resource, problem: &CredentialsProblem, now: Timestamp) -> Step {
    match view.namespace_terminating {
        None => Step::ReadNamespace,
        Some(true) if problem.flaw == CredentialsFlaw::Missing && !view.recalled => Step::RecallCredentials,
        Some(_) => hold(view, resource, Hold::Credentials(problem.clone()), now),
    }
}

/// Waits for a person, but not for good: as long as the status has announced,
/// counted from when it first said what is missing.
fn hold(view: &View, resource: &Resource, hold: Hold, now: Timestamp) -> Step {
    let Some(terminating) = view.namespace_terminating else { return Step::ReadNamespace };
    let (reason, _) = hold_reason(&hold);
    let announced = resource.release.as_ref().filter(|release| release.reason == reason).map(|release| release.at);
    match announced {
        Some(at) if at <= now => Step::RemoveFinalizer(Release::Orphaned(hold)),
        _ => {
            let settings = &view.settings;
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
