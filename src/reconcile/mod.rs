//! The decision, without IO: [`next()`] takes what a reconcile has seen so far
//! and names the one next [`Request`], or how the reconcile ended. The
//! operator, the CLI and the tests run the same code.
//!
//! A reconcile starts with an empty [`State`]; `next` gives a [`Step`]; the
//! shell carries its request out and the state handles the [`Response`]; until
//! the step is [`Step::Done`]. Then [`StatusUpdate::after`] says what to tell
//! people and [`requeue()`] when to come back.

mod condition;
mod contention;
mod deletion;
mod events;
mod features;
mod lifecycle;
mod observation;
mod outcome;
mod reason;
mod remote;
mod remote_request;
mod request;
mod requeue;
mod state;
mod status_update;
#[cfg(test)]
mod tests;

pub use condition::{Condition, ConditionStatus, ConditionType};
pub use contention::HOUR;
pub use events::{Event, events};
pub use lifecycle::next;
pub use observation::{Application, FlagWrites, Observation, PolicyWrites};
pub use outcome::{Hold, Outcome, Release};
pub use reason::{Reason, reasons_page};
pub use remote::{Goal, RemoteOutcome, RemoteStep, next as next_remote, satisfied};
pub use remote_request::{
    Detail, ErrorKind, Feature, Organization, RemoteError, RemoteRequest, RemoteResponse, SESSION_POLICY,
};
pub use request::{ClusterWrite, Request, Response, Step};
pub use requeue::{MAX_BACKOFF, Requeue, requeue, retry_within};
pub use state::{
    Access, Corrections, CredentialsFlaw, CredentialsProblem, Found, History, Ownership, Pinned, PlannedRelease,
    Resource, Settings, State,
};
pub use status_update::{Observed, StatusUpdate, problem, reason_of};
