//! What a reconcile publishes an event for: what was changed, and every change of
//! the reason for Ready.

use super::{
    ConditionStatus, ConditionType, Outcome, Reason, Release, RemoteOutcome, State, StatusUpdate, condition::cut,
    wording::hold_message,
};
use crate::policy::{DeletionPolicy, Live};

/// One event to publish.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// Of type Warning: a person should see it.
    pub warning: bool,
    /// Its reason.
    pub reason: Reason,
    /// At most 512 bytes.
    pub note: String,
}

/// The events of a reconcile that ended in `outcome` and is reported as `update`.
pub fn events(state: &State, outcome: &Outcome, update: Option<&StatusUpdate>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut say = |warning, reason, note: String| {
        events.push(Event { warning, reason, note: cut(note) });
    };
    let flag = &state.observation.flag;
    match state.observation.organization.as_ref().filter(|_| flag.before.is_some()) {
        Some(organization) if organization.session_policy_enabled() && !state.deleting() => {
            say(false, Reason::FeatureEnabled, Reason::FeatureEnabled.means().into());
        }
        Some(organization) if !organization.session_policy_enabled() && state.deleting() => {
            say(false, Reason::FeatureDisabled, Reason::FeatureDisabled.means().into());
        }
        _ => {}
    }
    if !flag.changed_others.is_empty() {
        let names = flag.changed_others.join(", ");
        say(true, Reason::FeaturesChanged, format!("{} They are: {names}", Reason::FeaturesChanged.means()));
    }
    let applied = matches!(outcome, Outcome::Reconciled(RemoteOutcome::InSync | RemoteOutcome::StricterKept));
    if let Some(before) = state.observation.writes.before.filter(|_| applied && state.observation.wrote_policy()) {
        let now = state.observation.live.map(|live| live.to_string()).unwrap_or_default();
        let (warning, reason) = if state.here().is_some_and(|r| r.was_ready() || r.was_contended()) {
            (true, Reason::DriftCorrected)
        } else {
            (false, Reason::PolicyApplied)
        };
        say(warning, reason, format!("was {before}; is {now}"));
    }
    if let Outcome::Released(release) = outcome {
        match (release, release.reason()) {
            (Release::Orphaned(hold), Some(reason)) => {
                say(true, reason, format!("{} Cause: {}", reason.means(), hold_message(hold)));
            }
            (_, Some(reason)) => match not_restored(state).filter(|_| *release == Release::Reverted) {
                Some(live) => say(true, reason, format!("{} It had {live}, which can't be written.", reason.means())),
                None => say(false, reason, reason.means().to_owned()),
            },
            (_, None) => {}
        }
    }
    if let (Some(update), Some(before)) = (update, state.here().and_then(|r| r.pinned.as_ref()))
        && let Some(now) = update.pinned.as_ref().filter(|now| !now.is_in(&before.environment, before.identity()))
    {
        let (from, to) = (&before.environment, &now.environment);
        let note = format!("{} Was {from}, is {to}.", Reason::EnvironmentMoved.means());
        say(true, Reason::EnvironmentMoved, note);
    }
    let ready = |conditions: &[super::Condition]| {
        conditions.iter().find(|c| c.type_ == ConditionType::Ready).map(|c| (c.reason, c.status, c.message.clone()))
    };
    if let (Some(update), Some(resource)) = (update, state.here())
        && let Some((reason, status, message)) = ready(&update.conditions)
        && ready(&resource.conditions).is_none_or(|(before, ..)| before != reason)
    {
        // what was found, not that it is only observed
        let reason = if reason == Reason::Observing { Reason::DriftDetected } else { reason };
        let waits = matches!(outcome, Outcome::Waiting { .. } | Outcome::Settling(_));
        say(status == ConditionStatus::False && !waits, reason, message);
    }
    events
}

/// What was to be restored and is no policy that can be declared.
fn not_restored(state: &State) -> Option<Live> {
    let restore = state.spec().is_some_and(|spec| spec.deletion == DeletionPolicy::Restore);
    state.here()?.adopted.filter(|live| restore && live.declarable().is_none())
}
