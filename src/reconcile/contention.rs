//! Two that set the same policy undo each other for ever: another cluster with
//! the same organization, a script, a customer's admin. A looser value never
//! stays: it is corrected, at the latest after an interval. A stricter one that
//! keeps coming back is given way to, and tried again once an hour. Both are
//! said with the condition Contended (`docs/development/failures.md` rows 35, 48 and 113).

use super::{HOUR, State};
use crate::policy::{Live, tighten};
use std::time::Duration;

/// So often within an [`HOUR`] others undo what we wrote before it counts as
/// contended.
const UNDONE: usize = 5;

pub(super) fn is_contended(state: &State) -> bool {
    let (history, now) = (&state.history, state.began);
    let undone = history.corrections(now) + usize::from(state.corrects() || state.corrected());
    let recent = state.corrected() || history.last_correction_age(now).is_some_and(|age| age < HOUR);
    recent && (undone >= UNDONE || state.here().is_some_and(|resource| resource.was_contended()))
}

/// How long a write that corrects is still delayed; zero: it is made now.
/// Half an interval lets every scheduled reconcile correct, and delays those
/// that are requested in between.
pub(super) fn correction_delay(state: &State) -> Duration {
    if !state.corrects() || !is_contended(state) {
        return Duration::ZERO;
    }
    let (history, now) = (&state.history, state.began);
    let (least, age) = match gives_way(state) {
        true => (HOUR, history.last_correction_age(now)),
        // a restart is no reason to leave a looser one
        false => (state.interval() / 2, history.own_correction_age(now)),
    };
    least.saturating_sub(age.unwrap_or(Duration::MAX))
}

/// Whether the live policy is at least as strict as the declared one in every
/// field, so that leaving it loosens nothing. Not while the feature is off:
/// nobody promises that a policy applies then.
pub(super) fn gives_way(state: &State) -> bool {
    let enabled = state.observation.organization.as_ref().is_some_and(|o| o.session_policy_enabled());
    match (state.spec(), &state.observation.live) {
        (Some(spec), Some(live)) => enabled && *live != Live::Unrecognized && tighten(&spec.policy, live).is_none(),
        _ => false,
    }
}
