//! What may follow from the copy of a resource that the cache has. It may be older than
//! the resource, so it serves a reconcile that finds all in order, and no other: before
//! a write, to either side, and before anything new is said, the resource is read, and
//! the decision is taken again.

use super::{Outcome, Request, Resource, State, StatusUpdate, Step};

/// Whether the cache may say what the resource is like at the start of the reconcile.
pub(super) fn may_serve(state: &State) -> bool {
    !state.uninstalling && !state.history.is_contested()
}

/// Whether the resource must be read before `step`.
pub(super) fn is_too_little_for(state: &State, step: &Step) -> bool {
    let (Some(reported), Some(resource)) = (state.cached, state.here()) else { return false };
    let step_needs_it = match step {
        Step::Request(Request::Remote(request)) => request.writes(),
        Step::Request(Request::ReadCredentials { .. } | Request::ReadIssuer | Request::ReadClaimants) => false,
        Step::Request(_) => true,
        Step::Done(outcome) => is_news(state, resource, outcome, reported),
    };
    step_needs_it || !resource.at_rest()
}

/// Whether the status would say something else than it does.
fn is_news(state: &State, resource: &Resource, outcome: &Outcome, reported: u64) -> bool {
    let Some(update) = StatusUpdate::after(state, outcome) else { return true };
    update.digest() != reported && update != StatusUpdate::unchanged(resource)
}
