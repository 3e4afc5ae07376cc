//! A resource that is to stay: what stands between its credentials and a write
//! to Scalekit, and how its finalizer is made to fit at the end. What is done
//! to the organization itself is decided in `remote`.

use super::{
    InSync, Outcome, Ownership, Release, RemoteOutcome, RemoteRequest, RemoteStep, Request, Resource, State, Step,
    contention, deletion::needs_finalizer, recorded, remote,
};
use crate::policy::ValidatedSpec;
use jiff::Timestamp;
use std::time::Duration;

pub(super) fn next(state: &State, resource: &Resource, now: Timestamp) -> Step {
    let done = Step::Done;
    let spec = match &resource.spec {
        Ok(spec) => spec,
        Err(violations) => return done(Outcome::InvalidSpec(violations.clone())),
    };
    let is_suspended = spec.is_suspended(now);
    let left = spec.suspended_until.filter(|_| !spec.suspend).map(|until| until.duration_since(now));
    let suspended = Outcome::Suspended { left: left.map(|left| left.try_into().unwrap_or_default()) };
    // nothing is read, except that others must know whether its claim still holds
    if is_suspended && !state.history.is_contested() {
        return done(suspended);
    }
    match &state.credentials {
        None => return Step::Request(Request::ReadCredentials { fresh: resource.is_awaited() }),
        Some(Err(_)) if is_suspended => return done(suspended),
        Some(Err(problem)) => return done(Outcome::Credentials(problem.clone())),
        Some(Ok(_)) => {}
    }
    let Some(goal) = state.goal() else { return Step::Request(Request::ReadResource { fresh: true }) };
    let step = remote::next(&goal, &state.observation);
    if is_suspended {
        return match step {
            RemoteStep::Request(request) if request.reads_organization() => Step::Request(Request::Remote(request)),
            _ if state.observation.organization.is_some() && state.identity.is_none() => {
                Step::Request(Request::ReadIssuer)
            }
            _ => done(suspended),
        };
    }
    if state.observation.organization.is_some()
        && !matches!(step, RemoteStep::Done(RemoteOutcome::OrganizationChanged { .. }))
    {
        match &state.ownership {
            None => return Step::Request(state.find_owner()),
            Some(Ownership::Conflicted { owner, in_sync }) => {
                let conflict = done(Outcome::Conflict { owner: owner.clone() });
                return in_sync.and_then(|in_sync| let_go(state, resource, &in_sync)).unwrap_or(conflict);
            }
            // nothing is read that would be too old once that is decided
            Some(Ownership::Owner | Ownership::Succeeded { .. }) if spec.is_active() && is_undecided(state) => {
                return done(Outcome::Undecided);
            }
            Some(Ownership::Owner | Ownership::Succeeded { .. }) => {}
        }
    }
    match step {
        RemoteStep::Request(request) if request.writes() => before_write(state, resource, spec, request),
        RemoteStep::Request(request) => Step::Request(Request::Remote(request)),
        RemoteStep::Done(remote_outcome) => finish(state, resource, spec, remote_outcome),
    }
}

/// One that has written stays responsible until the owner's policy is live: it looks itself,
/// since the owner's status may be about the past.
fn let_go(state: &State, resource: &Resource, in_sync: &InSync) -> Option<Step> {
    let observation = &state.observation;
    let organization = observation.organization.as_ref().filter(|_| resource.finalizer)?;
    let may_read = observation.failure.is_none() && !observation.policy_route_missing;
    match &observation.live {
        None => may_read.then(|| Step::Request(Request::Remote(RemoteRequest::ReadPolicy(organization.id.clone())))),
        Some(live) => (in_sync.declared.is_satisfied_by(live) && state.unsettled_for().is_zero())
            .then_some(Step::Request(Request::RemoveFinalizer(Release::NotOwner))),
    }
}

/// How long a resource that has never claimed its organization waits for older
/// ones that name it too. They may be slow, or their credentials bad.
const UNDECIDED: Duration = Duration::from_secs(10);

fn is_undecided(state: &State) -> bool {
    state.undecided && state.history.age(state.began) < UNDECIDED
}

/// A write to Scalekit comes after the organization is pinned in the status, after the
/// status says that it is under way if that takes long, and after the finalizer that will
/// undo it is persisted.
fn before_write(state: &State, resource: &Resource, spec: &ValidatedSpec, request: RemoteRequest) -> Step {
    if state.same_environment_unknown {
        return Step::Done(Outcome::Undecided);
    }
    let delay = contention::correction_delay(state);
    if !delay.is_zero() {
        return Step::Done(Outcome::Contended { gives_way: contention::gives_way(state), next: delay });
    }
    let policy = matches!(request, RemoteRequest::WritePolicy { .. });
    let recorded = state.progress_reported || recorded::is_recorded(state);
    let feature = matches!(request, RemoteRequest::WriteFeatures { .. }) && state.enables_feature(true);
    let feature_is_recorded = resource.enabled_feature || state.feature_reported;
    if !recorded || (policy && !state.live_is_recorded()) || (feature && !feature_is_recorded) {
        return Step::Request(Request::ReportProgress);
    }
    if needs_finalizer(state, spec, true) && !resource.finalizer {
        return Step::Request(Request::AddFinalizer);
    }
    Step::Request(Request::Remote(remote::read_before(&request, &state.observation).unwrap_or(request)))
}

/// Before a reconcile ends, the finalizer is made to fit: there when a custom
/// policy of ours is live, gone when deleting would not revert anything.
fn finish(state: &State, resource: &Resource, spec: &ValidatedSpec, remote_outcome: RemoteOutcome) -> Step {
    let observed =
        matches!(remote_outcome, RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted);
    let needed = needs_finalizer(state, spec, false);
    if observed && needed && !resource.finalizer {
        // what it is to be undone to is written down first
        let recorded = state.live_is_recorded();
        return Step::Request(if recorded { Request::AddFinalizer } else { Request::ReportProgress });
    }
    let unneeded = !needed && (!spec.may_revert() || remote_outcome == RemoteOutcome::InSync);
    if resource.finalizer && unneeded && state.unsettled_for().is_zero() {
        return Step::Request(Request::RemoveFinalizer(Release::NothingToRevert));
    }
    Step::Done(Outcome::Reconciled(remote_outcome))
}
