//! Two that set the same policy undo each other for ever: another cluster with
//! the same organization, or a script. After some rounds ours gives way, says
//! so, and tries once an hour (`docs/failures.md` rows 35 and 48).

use super::{HOUR, State};

/// So often within an [`HOUR`] others undo what we wrote before it counts as a
/// fight.
const UNDONE: usize = 5;

/// Whether a write that corrects is not made, for now.
pub(super) fn gives_way(state: &State) -> bool {
    let (history, now) = (&state.history, state.began);
    let was_contended = state.here().is_some_and(|resource| resource.was_contended());
    let contended = history.is_contended() || was_contended || history.corrections(now) + 1 >= UNDONE;
    state.corrects() && contended && history.last_correction_age(now).is_some_and(|age| age < HOUR)
}
