//! What the status records of a resource, so that whoever goes on after a crash knows
//! of a write to Scalekit: which organization it went to, that the resource claims it,
//! and that the feature is switched on for it.

use super::{Pinned, State, claims};
use std::time::Duration;

/// A reconcile that takes longer than this says in the status that it is under way,
/// before it writes to Scalekit.
const QUICK: Duration = Duration::from_secs(1);

/// Whether a write to Scalekit may come before the next write of the status: all that
/// is to be recorded before it was recorded by an earlier reconcile, and this one is
/// quick. So an edit costs one write of the status, that of its outcome.
pub(super) fn is_recorded(state: &State) -> bool {
    let quick = state.clock.saturating_sub(state.began) < QUICK;
    let current = state.here().filter(|_| quick);
    current.is_some_and(|resource| {
        resource.pinned == pin(state)
            && resource.claim == claims::claim(state, None)
            && resource.enabled_feature == state.enables_feature(true)
    })
}

/// The organization this reconcile found, unless another one was pinned here: a pin
/// is moved by a person, never by us.
pub(super) fn pin(state: &State) -> Option<Pinned> {
    let pinned = state.here().and_then(|resource| resource.pinned.clone());
    let here = state.access().zip(state.observation.resolved.clone());
    let issuer = |before| match &state.identity {
        Some(identity) => Some(identity.clone()).filter(|name| state.access().is_none_or(|a| a.environment != *name)),
        None => before,
    };
    match (pinned, here) {
        (Some(pinned), Some(_)) if state.alleged.as_deref() == Some(pinned.identity()) => Some(pinned),
        (Some(pinned), Some((access, _))) if state.pin_here().is_some() => {
            Some(Pinned { environment: access.environment.clone(), issuer: issuer(pinned.issuer), ..pinned })
        }
        (Some(pinned), _) if !state.pin_moves() => Some(pinned),
        (_, here) => here.map(|(access, organization)| Pinned {
            environment: access.environment.clone(),
            issuer: issuer(None),
            organization,
        }),
    }
}
