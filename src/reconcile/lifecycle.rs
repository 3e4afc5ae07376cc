//! One pass over one resource, step by step (design §3): fresh read, suspend,
//! spec, credentials, organization, claim, finalizer, flag, policy.

use super::{Call, Found, Outcome, Release, RemoteStep, Report, Resource, Standing, Verdict, View, deletion, remote};
use crate::policy::{Declaration, Policy};
use jiff::Timestamp;

/// The next thing to do about a resource: one request, or none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the resource from the API server, not from a cache.
    ReadResource,
    /// Read its namespace.
    ReadNamespace,
    /// Read its Secret, or the operator's own credentials.
    ReadCredentials,
    /// Take the credentials that were last used, though they are gone: in a
    /// namespace that goes, the Secret usually goes before the resource.
    RecallCredentials,
    /// Find the other resources that claim the organization just read.
    ReadClaims,
    /// Write the status: work is under way, on this organization.
    ReportProgress(Box<Report>),
    /// Add our finalizer, if the uid is still this one.
    AddFinalizer,
    /// Remove our finalizer, if the uid is still this one.
    RemoveFinalizer(Release),
    /// Call Scalekit.
    Scalekit(Call),
    /// The pass is over.
    Done(Outcome),
}

/// The next step, given all that this pass has seen. Pure: no clock, no IO.
pub fn next(view: &View, now: Timestamp) -> Step {
    match &view.resource {
        Found::Unread => Step::ReadResource,
        Found::Gone => Step::Done(view.released.clone().map_or(Outcome::Gone, Outcome::Released)),
        Found::Here(resource) if view.deleting() => deletion::next(view, resource, now),
        Found::Here(resource) => keep(view, resource),
    }
}

/// The next step for a resource that is to stay.
fn keep(view: &View, resource: &Resource) -> Step {
    let done = Step::Done;
    let declaration = match &resource.declaration {
        Ok(declaration) => declaration,
        Err(violations) => return done(Outcome::InvalidSpec(violations.clone())),
    };
    if declaration.suspend {
        return done(Outcome::Suspended);
    }
    match &view.credentials {
        None => return Step::ReadCredentials,
        Some(Err(problem)) => return done(Outcome::Credentials(problem.clone())),
        Some(Ok(_)) => {}
    }
    let Some(goal) = view.goal() else { return Step::ReadResource };
    let step = remote::next(&goal, &view.sight);
    if view.sight.organization.is_some() && !matches!(step, RemoteStep::Done(Verdict::OrganizationChanged { .. })) {
        match &view.standing {
            None => return Step::ReadClaims,
            Some(Standing::Loser { .. }) if resource.finalizer => return Step::RemoveFinalizer(Release::NotOwner),
            Some(Standing::Loser { winner }) => return done(Outcome::Conflict { winner: winner.clone() }),
            Some(Standing::Owner { .. }) => {}
        }
    }
    match step {
        RemoteStep::Call(call) if call.writes() => before_write(view, resource, declaration, call),
        RemoteStep::Call(call) => Step::Scalekit(call),
        RemoteStep::Done(verdict) => finish(view, resource, declaration, verdict),
    }
}

/// A write to Scalekit comes after the user is told, after the organization is
/// pinned, and after the finalizer that will undo it is persisted.
fn before_write(view: &View, resource: &Resource, declaration: &Declaration, call: Call) -> Step {
    if view.gives_way() {
        return Step::Done(Outcome::Contended);
    }
    if let Some(report) = view.progress() {
        return Step::ReportProgress(Box::new(report));
    }
    if declaration.may_revert() && declaration.policy != Policy::Application && !resource.finalizer {
        return Step::AddFinalizer;
    }
    Step::Scalekit(call)
}

/// Before a pass ends, the finalizer is made to fit: there when a custom
/// policy of ours is live, gone when deleting would not revert anything.
fn finish(view: &View, resource: &Resource, declaration: &Declaration, verdict: Verdict) -> Step {
    let looked = matches!(verdict, Verdict::InSync | Verdict::StricterKept | Verdict::Drifted);
    let custom = declaration.policy != Policy::Application;
    if looked && declaration.may_revert() && custom && !resource.finalizer {
        // where to undo it is written down first
        let unpinned = resource.pinned.is_none().then(|| view.progress()).flatten();
        return unpinned.map_or(Step::AddFinalizer, |report| Step::ReportProgress(Box::new(report)));
    }
    let inherits = verdict == Verdict::InSync && !custom && view.unsettled_for().is_zero();
    if resource.finalizer && (!declaration.may_revert() || inherits) {
        return Step::RemoveFinalizer(Release::NothingToRevert);
    }
    Step::Done(Outcome::Looked(verdict))
}
