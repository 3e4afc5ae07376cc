//! What an operator's owner wants to be told of each write, and of policies that others changed: for the
//! log and the metrics.

use super::{
    Condition, ConditionStatus, ConditionType, Event, Feature, Organization, Outcome, Reason, RemoteError,
    RemoteRequest, RemoteResponse, State, StatusUpdate,
};
use crate::policy::{Direction, Live, Mode, OrganizationId, changes};
use strum::IntoStaticStr;

/// What the log says of each write, and who reads the log looks for.
pub const WROTE: &str = "wrote to Scalekit";

/// One write to Scalekit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Whose policy or features.
    pub organization: OrganizationId,
    /// `policy` or `features`.
    pub what: &'static str,
    /// What was live, as last read before; of features those that change.
    pub before: String,
    /// What is live now, as the response shows; without one, what was to be.
    pub after: String,
    /// Whether it makes sessions shorter or longer.
    pub direction: Direction,
    /// How much the resource allows.
    pub mode: Mode,
    /// It sets back what was written for a resource that is being deleted.
    pub reverts: bool,
    /// What came of it.
    pub result: WriteResult,
    /// The reason of an error.
    pub reason: Option<Reason>,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum WriteResult {
    /// It was applied.
    Applied,
    /// It may have been applied, or may be still.
    Unknown,
    /// Scalekit did not take it.
    Refused,
    /// The operator kept it back.
    NotSent,
}

impl Audit {
    /// The write that `request` is, if it is one; it was sent in this state.
    pub fn of(state: &State, request: &RemoteRequest, response: &Result<RemoteResponse, RemoteError>) -> Option<Self> {
        let error = response.as_ref().err();
        let result = match error {
            None => WriteResult::Applied,
            Some(error) if error.not_sent => WriteResult::NotSent,
            Some(error) if error.outcome_unknown => WriteResult::Unknown,
            Some(_) => WriteResult::Refused,
        };
        let reason = error.map(|error| error.kind.reason());
        let (mode, reverts) = (state.spec().map(|spec| spec.mode).unwrap_or_default(), state.deleting());
        match request {
            RemoteRequest::WritePolicy { organization, policy } => {
                let before = state.observation.live;
                let after = match response {
                    Ok(RemoteResponse::Policy(live)) => *live,
                    _ => Live::from(*policy),
                };
                Some(Self {
                    organization: organization.clone(),
                    what: "policy",
                    before: before.map_or("unknown".into(), |live| live.to_string()),
                    after: after.to_string(),
                    direction: before.map_or(Direction::Unknown, |before| direction(&before, &after)),
                    mode,
                    reverts,
                    result,
                    reason,
                })
            }
            RemoteRequest::WriteFeatures { organization, features } => {
                let before = state.observation.organization.as_ref().map(|seen| &*seen.features).unwrap_or_default();
                let after = match response {
                    Ok(RemoteResponse::Organization(Organization { features, .. })) => features,
                    _ => features,
                };
                Some(Self {
                    organization: organization.clone(),
                    what: "features",
                    before: differing(before, after),
                    after: differing(after, before),
                    direction: Direction::Neutral,
                    mode,
                    reverts,
                    result,
                    reason,
                })
            }
            _ => None,
        }
    }
}

fn direction(before: &Live, after: &Live) -> Direction {
    changes(before, after, None).iter().fold(Direction::Neutral, |all, change| all.and(change.direction))
}

/// Those of `features` that `others` don't have so; one that is absent is off.
fn differing(features: &[Feature], others: &[Feature]) -> String {
    let on = |all: &[Feature], name: &str| all.iter().any(|feature| feature.name == name && feature.enabled);
    let mut names: Vec<&str> = features.iter().chain(others).map(|feature| feature.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| on(features, name) != on(others, name));
    let shown: Vec<String> =
        names.iter().map(|name| format!("{name}={}", if on(features, name) { "on" } else { "off" })).collect();
    shown.join(" ")
}

/// Whether the log need not tell how the reconcile of this resource ended: it told that the environment
/// is down, or pauses, once for all resources; or it may be over in a moment.
pub fn is_told_for_all(state: &State, outcome: &Outcome) -> bool {
    let is_short = state.history.unreachable_for(state.began) < state.interval();
    let told = |error: &RemoteError| error.not_sent || error.probe_after.is_some();
    outcome.remote_error().is_some_and(|error| told(error) || (is_short && error.kind.is_outage()))
}

/// That another policy than the declared one is live where the declared one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// It stays so for now.
    Seen,
    /// This reconcile has written the declared one again.
    Corrected,
}

/// The drift that a reconcile with these events and this status has found.
pub(super) fn drift(state: &State, events: &[Event], update: Option<&StatusUpdate>) -> Option<Drift> {
    if events.iter().any(|event| event.reason == Reason::DriftCorrected) {
        return Some(Drift::Corrected);
    }
    let resource = state.here().filter(|resource| resource.observed_generation == resource.generation)?;
    let synced = |conditions: &[Condition], status| {
        conditions.iter().any(|condition| condition.type_ == ConditionType::Synced && condition.status == status)
    };
    let was = synced(&resource.conditions, ConditionStatus::True) && !state.deleting();
    (was && synced(&update?.conditions, ConditionStatus::False)).then_some(Drift::Seen)
}
