//! The decision, without IO: [`next()`] looks at what a pass has seen and names
//! the one next request, or how the pass ended. The operator, the CLI and the
//! tests run the same code.
//!
//! A pass is: an empty [`View`]; ask `next` for a [`Step`]; carry it out; let
//! the view absorb the [`Answer`]; until the step is [`Step::Done`]. Then
//! [`Report::after`] says what to tell people, [`requeue()`] when to come back.

mod announce;
mod call;
mod condition;
mod contention;
mod deletion;
mod features;
mod lifecycle;
mod outcome;
mod reason;
mod remote;
mod report;
mod requeue;
mod sight;
#[cfg(test)]
mod tests;
mod view;

pub use announce::{Announcement, announcements};
pub use call::{Call, Detail, Fault, FaultKind, Feature, Organization, Reply, SESSION_POLICY};
pub use condition::{Condition, Kind, Truth};
pub use contention::HOUR;
pub use lifecycle::{Step, next};
pub use outcome::{Hold, Outcome, Release};
pub use reason::{Reason, reasons_page};
pub use remote::{Goal, RemoteStep, Verdict, next as next_remote, satisfied};
pub use report::{Report, Seen, problem, reason_of};
pub use requeue::{Requeue, requeue};
pub use sight::{Application, FlagWrites, PolicyWrites, Sight};
pub use view::{
    Access, Answer, ClusterWrite, Corrections, CredentialsFlaw, CredentialsProblem, Found, History, Pinned,
    PlannedRelease, Resource, Settings, Standing, View,
};
