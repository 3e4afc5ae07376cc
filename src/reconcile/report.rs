//! All that follows from the end of a reconcile.

use super::{
    Contest, Drift, ErrorClass, Event, HistoryEvent, Lane, Outcome, RemoteError, RemoteOutcome, Requeue, State,
    StatusUpdate, audit::drift, claims::confirms, claims::is_refused, claims::is_unconfirmed, events, reached, requeue,
};
use std::time::Duration;

/// How often a report's status is written when others keep changing the
/// resource: what the reconcile saw is true all the same.
pub const STATUS_TRIES: usize = 4;

/// What a reconcile leaves behind.
#[derive(Debug, Clone)]
pub struct Report {
    /// The status to write; `None` when no resource is left to say it on, or when it
    /// says that already.
    pub update: Option<StatusUpdate>,
    /// The events to publish.
    pub events: Vec<Event>,
    /// When the next reconcile comes.
    pub requeue: Requeue,
    /// What to remember until then.
    pub history: Vec<HistoryEvent>,
    /// Whose claim is to be confirmed, since it stands before this one's.
    pub contests: Option<Contest>,
    /// The environment that was seen to merge features.
    pub merges: Option<String>,
    /// The drift that it has found.
    pub drift: Option<Drift>,
}

impl Report {
    /// The report of a reconcile that ended in `outcome`.
    pub fn of(state: &State, outcome: &Outcome) -> Self {
        // what the cache has was decided on only if there is nothing new to say (`cached`)
        let update = state.cached.is_none().then(|| StatusUpdate::after(state, outcome)).flatten();
        if *outcome == Outcome::NotLeading {
            let (events, history, contests, merges, drift) = Default::default();
            return Self { update, events, requeue: requeue(state, outcome), history, contests, merges, drift };
        }
        let announced = match outcome {
            Outcome::Waiting { until, left, .. } | Outcome::Holding { until, left, .. } => {
                Some(HistoryEvent::WaitAnnounced(*until, *left))
            }
            _ => None,
        };
        // a release has an event of its own
        let released = matches!(outcome, Outcome::Gone | Outcome::Released(_)) && !state.uninstalling;
        let reached = reached(state, outcome);
        // an outage in between says nothing of the credentials
        let refused = is_refused(outcome).then_some(true).or(reached.filter(|reached| *reached).map(|_| false));
        let unconfirmed = HistoryEvent::Unconfirmed(is_unconfirmed(state, outcome));
        let held_up = is_held_up(state, outcome);
        let confirmed = confirms(state, outcome);
        let in_sync = matches!(outcome, Outcome::Reconciled(RemoteOutcome::InSync | RemoteOutcome::StricterKept));
        let unproven = (state.history.is_contested() && !confirmed).then(|| is_unproven(state, outcome));
        let events = events(state, outcome, update.as_ref().filter(|_| !released));
        Self {
            drift: drift(state, &events, update.as_ref()),
            contests: state.contests.clone(),
            merges: state.access().filter(|_| state.observation.flag.merging_seen).map(|a| a.environment.clone()),
            events,
            requeue: requeue(state, outcome).at_most(unproven.and_then(|unproven| lapse(state, unproven))),
            history: [reached.map(HistoryEvent::Reached), refused.map(HistoryEvent::Refused), announced]
                .into_iter()
                .flatten()
                .chain(confirmed.then_some(HistoryEvent::Confirmed).or(unproven.map(HistoryEvent::Unproven)))
                .chain(in_sync.then_some(HistoryEvent::InSync))
                .chain(state.under_way.then_some(HistoryEvent::UnderWay))
                .chain((held_up != state.history.is_awaited()).then_some(HistoryEvent::HeldUp(held_up)))
                .chain([unconfirmed, HistoryEvent::Ended])
                .collect(),
            update,
        }
    }
}

/// Whether a limit holds up what somebody waits for: the status says so, and with it that it has seen what it is. What
/// fails after that does not end it.
fn is_held_up(state: &State, outcome: &Outcome) -> bool {
    match outcome.remote_error().map(|error| error.kind.class()) {
        Some(ErrorClass::Throttled) => state.lane(false) == Lane::Awaited,
        Some(ErrorClass::Transient) => state.history.is_awaited(),
        _ => matches!(outcome, Outcome::ApiServer(_)) && state.history.is_awaited(),
    }
}

/// When a claim lapses that stays unproven; then the status says so.
fn lapse(state: &State, unproven: bool) -> Option<Duration> {
    Some(state.history.lapses_in(state.began)).filter(|left| unproven && !left.is_zero())
}

/// Whether a reconcile that did not confirm the claim says something about it: not
/// where Scalekit, or the API server, could not be asked. What another environment
/// than the pinned one does is no excuse, nor what another host of it does than the
/// one under which somebody else reaches it, nor what lasts for an hour while others get
/// through.
fn is_unproven(state: &State, outcome: &Outcome) -> bool {
    let error = outcome.remote_error().or(state.observation.failure.as_ref().map(|(_, error)| error));
    let asked = |error: &RemoteError| !matches!(error.kind.class(), ErrorClass::Transient | ErrorClass::Throttled);
    let elsewhere = state.access().is_some() && state.pin_here().is_none();
    let unreadable = match &state.credentials {
        Some(Err(error)) => error.is_transient(),
        _ => matches!(outcome, Outcome::ApiServer(_) | Outcome::Crashed(_)),
    };
    let tells = !unreadable && (elsewhere || state.history.is_contested_elsewhere() || error.is_none_or(asked));
    tells || !state.history.is_excusable(state.began)
}
