//! How a reconcile of a resource ended.

use super::{Crash, CredentialsError, Reason, RemoteError, RemoteOutcome};
use crate::policy::Violation;
use jiff::Timestamp;
use std::time::Duration;
use strum::IntoStaticStr;

/// How a reconcile ended. [`super::StatusUpdate`] says it to people,
/// [`super::requeue()`] says when the next one comes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, IntoStaticStr)]
pub enum Outcome {
    /// There is no such resource, or nothing to do before it goes.
    Gone,
    /// The user suspended it.
    Suspended {
        /// How long it stays so; `None`: until somebody resumes it.
        left: Option<Duration>,
    },
    /// The spec can't be acted on.
    InvalidSpec(Vec<Violation>),
    /// No credentials, or unusable ones.
    Credentials(CredentialsError),
    /// Another resource owns the organization.
    Conflict {
        /// Its name, when it is in the same namespace.
        owner: Option<String>,
    },
    /// Nothing was written yet: an older resource that names the same
    /// organization is to be reconciled first.
    Undecided,
    /// The organization was reconciled.
    Reconciled(RemoteOutcome),
    /// Others keep undoing what we write, so this reconcile did not.
    Contended {
        /// The live policy is at least as strict as the declared one, so it may
        /// stay for now; a looser one is corrected as soon as `next` is over.
        gives_way: bool,
        /// Until the next write.
        next: Duration,
    },
    /// Deleting: our finalizer is off.
    Released(Release),
    /// Deleting: the policy is set back at the given time, unless another
    /// resource has taken over until then.
    Waiting {
        /// `Deleting`, or `HandingOver` where another one is about to take over.
        reason: Reason,
        /// When it is set back.
        until: Timestamp,
        /// How long that is from now on.
        left: Duration,
    },
    /// Deleting: a person is needed; released at the given time.
    Holding {
        /// What is missing.
        hold: Hold,
        /// When the resource goes all the same.
        until: Timestamp,
        /// How long that is from now on.
        left: Duration,
    },
    /// Deleting: Scalekit did not do its part yet.
    CleanupPending(RemoteError),
    /// An earlier write may still land, so a deletion that has reverted is not over; or
    /// one of the leader before may, so nothing is written beside it.
    Settling(Duration),
    /// This process does not lead any more, or the lease may end before a write does:
    /// nothing is written, no status either.
    NotLeading,
    /// The API server failed or refused a request that the reconcile needs.
    ApiServer(String),
    /// The operator itself failed; that costs this reconcile only.
    Crashed(Crash),
}

/// Why our finalizer came off.
#[derive(Debug, Clone, PartialEq, Eq, Hash, IntoStaticStr)]
pub enum Release {
    /// The organization inherits the application's policy again.
    Reverted,
    /// `deletionPolicy: Restore`, and the organization has the policy again that
    /// it had before.
    Restored,
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

impl Outcome {
    /// A short name, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Credentials(error) => error.reason().name(),
            Self::Reconciled(RemoteOutcome::Error(error)) => error.kind.reason().name(),
            Self::Reconciled(remote) => remote.into(),
            Self::Released(release) => release.into(),
            other => other.into(),
        }
    }

    /// What went wrong, for logs.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::ApiServer(error) => Some(error.clone()),
            Self::Credentials(error) => Some(error.to_string()),
            _ => self.remote_error().map(ToString::to_string),
        }
    }

    /// The error of Scalekit that ended the reconcile, where one did.
    pub const fn remote_error(&self) -> Option<&RemoteError> {
        match self {
            Self::Reconciled(RemoteOutcome::Error(error)) | Self::CleanupPending(error) => Some(error),
            _ => None,
        }
    }
}

impl Release {
    /// The reason that it is published with; `None` where nothing was at stake.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Reverted => Some(Reason::Reverted),
            Self::Restored => Some(Reason::Restored),
            Self::CustomersOwn => Some(Reason::StricterKept),
            Self::HandedOver => Some(Reason::HandedOver),
            Self::OrganizationGone => Some(Reason::OrganizationGone),
            Self::Orphaned(_) => Some(Reason::PolicyOrphaned),
            Self::NothingToRevert | Self::NotOwner => None,
        }
    }
}

impl Hold {
    /// The reason that it is reported with.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Credentials(error) => error.reason(),
            Self::EnvironmentChanged { .. } => Reason::EnvironmentChanged,
            Self::InvalidSpec => Reason::InvalidSpec,
            Self::Refused(error) => error.kind.reason(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{CredentialsSource, ErrorKind};

    #[test]
    fn the_log_names_the_cause_of_an_end_and_not_that_there_is_one() {
        let missing = Outcome::Credentials(CredentialsError::Missing(CredentialsSource::DefaultFolder));
        let down = || RemoteError::new(ErrorKind::Unavailable);
        let ends = [
            (Outcome::Undecided, "Undecided"),
            (missing, "CredentialsMissing"),
            (Outcome::Reconciled(RemoteOutcome::InSync), "InSync"),
            (Outcome::Reconciled(RemoteOutcome::Error(down())), ErrorKind::Unavailable.reason().name()),
            (Outcome::Released(Release::HandedOver), "HandedOver"),
        ];
        for (end, name) in ends {
            assert_eq!(end.name(), name);
        }
    }

    #[test]
    fn the_log_has_the_error_that_ended_a_reconcile() {
        let source = CredentialsSource::DefaultFolder;
        let (missing, down) = (CredentialsError::Missing(source), RemoteError::new(ErrorKind::Unavailable));
        let said = |error: &dyn ToString| Some(error.to_string());
        assert_eq!(Outcome::ApiServer("timed out".into()).error(), said(&"timed out"));
        assert_eq!(Outcome::Credentials(missing.clone()).error(), said(&missing));
        assert_eq!(Outcome::CleanupPending(down.clone()).error(), said(&down));
        assert_eq!(Outcome::Undecided.error(), None);
    }
}
