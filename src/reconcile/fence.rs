//! What a leader may not send: a write that its lease may not outlast, and one beside
//! what the leader before may have sent. Reads and statuses go on meanwhile.

use super::{Outcome, Request, State};
use std::time::Duration;

/// How the reconcile ends instead of sending `request`.
pub(super) fn ends(state: &State, request: &Request) -> Option<Outcome> {
    let (term, now) = (&state.term, state.clock);
    let writes = match request {
        Request::Remote(request) => request.writes(),
        Request::RemoveFinalizer(_) => true,
        _ => false,
    };
    if writes && !term.admits_write(now, state.settings.deadline) {
        return Some(Outcome::NotLeading);
    }
    // what is announced is not held back any more
    let begins = *request == Request::ReportProgress || (writes && matches!(request, Request::Remote(_)));
    let resource = state.here().filter(|_| begins && !state.progress_reported)?;
    match term.unsettled_for(resource, now, state.settings.settle) {
        Duration::ZERO => None,
        wait => Some(Outcome::Settling(wait)),
    }
}
