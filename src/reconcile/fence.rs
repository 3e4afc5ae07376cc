//! What a leader may not send: a write that its lease may not outlast, and one beside
//! what the leader before may have sent. Reads and statuses go on meanwhile.

use super::{Outcome, Request, State};

/// How the reconcile ends instead of sending `request`.
pub(super) fn ends(state: &State, request: &Request) -> Option<Outcome> {
    let (term, now) = (&state.term, state.clock);
    let remote = matches!(request, Request::Remote(request) if request.writes());
    if (remote || matches!(request, Request::RemoveFinalizer(_))) && !term.admits_write(now, state.settings.deadline) {
        return Some(Outcome::NotLeading);
    }
    // what is announced is not held back any more
    let begins = (remote || *request == Request::ReportProgress) && !state.progress_reported;
    // a status of this term may say by now that nothing is under way
    let beside = begins && (state.under_way || state.history.was_under_way());
    let wait = term.unsettled_for(now, state.settings.settle);
    (beside && !wait.is_zero()).then_some(Outcome::Settling(wait))
}
