//! How a pass over a resource ended.

use super::{CredentialsError, RemoteError, RemoteOutcome};
use jiff::Timestamp;
use std::time::Duration;

/// How a pass ended. [`super::StatusUpdate`] says it to people, [`super::requeue()`]
/// says when to look again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// There is no such resource, or nothing to do before it goes.
    Gone,
    /// The user asked for hands off.
    Suspended,
    /// The spec can't be acted on.
    InvalidSpec(Vec<String>),
    /// No credentials, or unusable ones.
    Credentials(CredentialsError),
    /// Another resource owns the organization.
    Conflict {
        /// Its name, when it is in the same namespace.
        owner: Option<String>,
    },
    /// The organization was looked at.
    Reconciled(RemoteOutcome),
    /// Others keep undoing what we write, so for now we don't.
    Contended,
    /// Deleting: our finalizer is off.
    Released(Release),
    /// Deleting: a person is needed; released at the given time.
    Holding {
        /// What is missing.
        hold: Hold,
        /// When the resource goes all the same.
        release_at: Timestamp,
    },
    /// Deleting: Scalekit did not do its part yet.
    CleanupPending(RemoteError),
    /// Deleting: reverted, but an earlier write may still land.
    Settling(Duration),
    /// The step panicked or ran out of time; that costs this pass only.
    Crashed(&'static str),
}

/// Why our finalizer came off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Release {
    /// The organization inherits the application's policy again.
    Reverted,
    /// `deletionPolicy: Retain`, `mode: Observe`, or nothing custom is left
    /// that could need a revert.
    NothingToRevert,
    /// TightenOnly, and the live policy is the customer's own.
    CustomersOwn,
    /// Another resource takes over, so its policy comes next.
    HandedOver,
    /// This resource never owned the organization.
    NotOwner,
    /// The organization does not exist any more.
    OrganizationGone,
    /// Nobody brought what the revert needs; the policy stays at Scalekit.
    Orphaned(Hold),
}

/// What a deletion waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hold {
    /// No credentials, or unusable ones.
    Credentials(CredentialsError),
    /// The credentials lead to another environment than the policy was written
    /// to, so nothing found there proves anything.
    EnvironmentChanged {
        /// Where it was written to.
        pinned: String,
        /// Where they lead now.
        found: String,
    },
    /// The spec can't be read, so it is unknown what to revert.
    InvalidSpec,
    /// Scalekit refuses the revert, and will until somebody changes something.
    Refused(RemoteError),
}
