//! The decision, without IO: [`next()`] takes what a reconcile has seen so far
//! and names the one next [`Request`], or how the reconcile ended. The
//! operator, the CLI and the tests run the same code.
//!
//! A reconcile starts with an empty [`State`]; `next` gives a [`Step`]; the
//! shell carries its request out and the state handles the [`Response`]; until
//! the step is `Step::Done`. What is remembered until the next reconcile is
//! [`History`]. Arrows between the files go one way: the state knows no words,
//! decisions read no words, and the wording (`status`, `events`) reads both.

mod apply;
mod claims;
mod condition;
mod contention;
mod credentials;
mod deletion;
mod error;
mod events;
mod features;
mod history;
mod note;
mod observation;
mod outages;
mod outcome;
mod ownership;
mod reason;
mod remote;
mod remote_request;
mod report;
mod request;
mod requeue;
mod resource;
mod settings;
mod state;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod watched;
mod wording;

pub use condition::{Condition, ConditionStatus, ConditionType};
pub use credentials::{Access, CredentialsError, CredentialsKey, CredentialsSource, InvalidValue, ReadError};
pub use deletion::without_revert;
pub use error::{Detail, ErrorClass, ErrorKind, RemoteError};
pub use events::{Event, events};
pub use history::{HOUR, History, HistoryEvent};
pub use note::{Crash, Note};
pub use observation::{Application, FlagWrites, Observation, PolicyWrites};
pub use outages::{Outages, reached};
pub use outcome::{Hold, Outcome, Release};
pub use ownership::{Claim, ClaimKey, Claimant, Ownership, owner, ownership};
pub use reason::{Reason, reasons_page};
pub use remote::{Goal, RemoteOutcome, RemoteStep, next as next_remote, read_before, satisfied};
pub use remote_request::{Feature, Organization, RemoteRequest, RemoteResponse, SESSION_POLICY};
pub use report::{Report, STATUS_TRIES};
pub use request::{ClusterWrite, Request, Response, Step};
pub use requeue::{NextReconcile, Requeue, next_reconcile, requeue};
pub use resource::{ClaimState, Found, Pinned, PlannedRelease, Resource, requested};
pub use settings::Settings;
pub use state::State;
pub use status::{Observed, StatusUpdate};
pub use step::MAX_STEPS;
pub use watched::{Trigger, Watched};
pub use wording::{hold_message, problem, violations_message};

use jiff::Timestamp;
use state::Refusal;

/// The next step, given all that this reconcile has seen. No IO; `now` only
/// for times that the status has announced. The order of it all:
///
/// | step | of a resource that stays (`apply`) | of one being deleted (`deletion`) |
/// |---|---|---|
/// | read | the resource, from the API server | the same |
/// | validate | invalid or suspended: done | invalid: hold; nothing to revert: remove the finalizer |
/// | credentials | the Secret or the default ones; none: done | none: hold, released after the announced grace |
/// | observe | the organization, by id or external id, and the application's policy (`remote`) | the pinned organization; gone twice: released |
/// | own | the other claimants; conflicted: done; an older one not heard yet: wait | conflicted: released; another takes over: wait until its policy is live |
/// | finalizer | pin in the status, then the finalizer, before any write | stays until the revert is confirmed |
/// | flag | `session_policy` on, all other features as read | stays on, unless `--disable-feature-on-delete` |
/// | policy | the live one; at most two writes; verify | after the announced delay set back, confirmed by a read, settled |
/// | report | [`Report::of`]: status, events, requeue, history | the same, while the resource is there |
pub fn next(state: &State, now: Timestamp) -> Step {
    match &state.resource {
        Found::Unread | Found::Outdated { .. } => Step::Request(Request::ReadResource),
        Found::Gone => Step::Done(state.released.clone().map_or(Outcome::Gone, Outcome::Released)),
        Found::Here(_) if state.refusal == Refusal::Pending => Step::Request(Request::ReadCredentials { fresh: true }),
        Found::Here(resource) if state.deleting() => deletion::next(state, resource, now),
        Found::Here(resource) => apply::next(state, resource),
    }
}
