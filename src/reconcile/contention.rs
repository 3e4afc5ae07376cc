//! Two that set the same policy undo each other for ever: another cluster with
//! the same organization, or a script. After some rounds ours gives way, says
//! so, and tries once an hour (`docs/failures.md` rows 35 and 48).

use super::State;
use std::time::Duration;

/// So often within an [`HOUR`] others undo what we wrote before it counts as a
/// fight.
const UNDONE: u32 = 5;
/// The window of the count, and the time between two tries after that.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

impl State {
    /// Whether a write now would be the first of its pass and undo what
    /// somebody else did to an own one that was seen to hold.
    pub fn corrects(&self) -> bool {
        let written = self.observation.wrote_policy() || self.observation.flag.before.is_some();
        !written && (self.was_ready() || self.was_contended())
    }

    /// Whether such a write is not made, for now.
    pub(super) fn gives_way(&self) -> bool {
        let corrections = self.history.corrections;
        let contended = corrections.contended || self.was_contended() || corrections.lately + 1 >= UNDONE;
        self.corrects() && contended && corrections.last.is_some_and(|age| age < HOUR)
    }
}
