//! One reconcile of one resource, step by step: fresh read, suspend,
//! spec, credentials, organization, claim, finalizer, flag, policy.

use super::{
    Found, Outcome, Ownership, Release, RemoteOutcome, RemoteRequest, RemoteStep, Request, Resource, State, Step,
    deletion, remote,
};
use crate::policy::{Policy, ValidatedSpec};
use jiff::Timestamp;

/// The next step, given all that this pass has seen. Pure: no clock, no IO.
pub fn next(state: &State, now: Timestamp) -> Step {
    match &state.resource {
        Found::Unread => Step::Request(Request::ReadResource),
        Found::Gone => Step::Done(state.released.clone().map_or(Outcome::Gone, Outcome::Released)),
        Found::Here(resource) if state.deleting() => deletion::next(state, resource, now),
        Found::Here(resource) => keep(state, resource),
    }
}

/// The next step for a resource that is to stay.
fn keep(state: &State, resource: &Resource) -> Step {
    let done = Step::Done;
    let spec = match &resource.spec {
        Ok(spec) => spec,
        Err(violations) => return done(Outcome::InvalidSpec(violations.clone())),
    };
    if spec.suspend {
        return done(Outcome::Suspended);
    }
    match &state.credentials {
        None => return Step::Request(Request::ReadCredentials),
        Some(Err(problem)) => return done(Outcome::Credentials(problem.clone())),
        Some(Ok(_)) => {}
    }
    let Some(goal) = state.goal() else { return Step::Request(Request::ReadResource) };
    let step = remote::next(&goal, &state.observation);
    if state.observation.organization.is_some()
        && !matches!(step, RemoteStep::Done(RemoteOutcome::OrganizationChanged { .. }))
    {
        match &state.ownership {
            None => return Step::Request(Request::ReadClaimants),
            Some(Ownership::Conflicted { .. }) if resource.finalizer => {
                return Step::Request(Request::RemoveFinalizer(Release::NotOwner));
            }
            Some(Ownership::Conflicted { owner }) => return done(Outcome::Conflict { owner: owner.clone() }),
            Some(Ownership::Owner { .. }) => {}
        }
    }
    match step {
        RemoteStep::Request(request) if request.writes() => before_write(state, resource, spec, request),
        RemoteStep::Request(request) => Step::Request(Request::Remote(request)),
        RemoteStep::Done(remote_outcome) => finish(state, resource, spec, remote_outcome),
    }
}

/// A write to Scalekit comes after the user is told, after the organization is
/// pinned, and after the finalizer that will undo it is persisted.
fn before_write(state: &State, resource: &Resource, spec: &ValidatedSpec, request: RemoteRequest) -> Step {
    if state.gives_way() {
        return Step::Done(Outcome::Contended);
    }
    if let Some(update) = state.progress() {
        return Step::Request(Request::ReportProgress(Box::new(update)));
    }
    if spec.may_revert() && spec.policy != Policy::Application && !resource.finalizer {
        return Step::Request(Request::AddFinalizer);
    }
    Step::Request(Request::Remote(request))
}

/// Before a pass ends, the finalizer is made to fit: there when a custom
/// policy of ours is live, gone when deleting would not revert anything.
fn finish(state: &State, resource: &Resource, spec: &ValidatedSpec, remote_outcome: RemoteOutcome) -> Step {
    let looked = matches!(remote_outcome, RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted);
    let custom = spec.policy != Policy::Application;
    if looked && spec.may_revert() && custom && !resource.finalizer {
        // where to undo it is written down first
        let unpinned = resource.pinned.is_none().then(|| state.progress()).flatten();
        return unpinned.map_or(Step::Request(Request::AddFinalizer), |update| {
            Step::Request(Request::ReportProgress(Box::new(update)))
        });
    }
    let inherits = remote_outcome == RemoteOutcome::InSync && !custom && state.unsettled_for().is_zero();
    if resource.finalizer && (!spec.may_revert() || inherits) {
        return Step::Request(Request::RemoveFinalizer(Release::NothingToRevert));
    }
    Step::Done(Outcome::Reconciled(remote_outcome))
}
