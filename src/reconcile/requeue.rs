//! When to look at a resource again. Whatever the answer, a change of the
//! resource itself is looked at at once.

use super::{ErrorKind, Outcome, Reason, RemoteError, RemoteOutcome, State};
use std::time::Duration;

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requeue {
    /// Only when the resource changes.
    Never,
    /// After this interval, spread so that resources don't come in herds.
    Interval(Duration),
    /// After this time.
    After(Duration),
    /// With growing pauses, at most this long.
    Backoff {
        /// The longest pause.
        cap: Duration,
    },
    /// The same without growing: this was no try.
    NoTry {
        /// The longest pause.
        cap: Duration,
    },
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// The longest pause between two tries of something that may work any moment.
pub const MAX_BACKOFF: Duration = minutes(5);

/// Nothing watches a Secret, so it is read again after this time.
const CREDENTIALS: Duration = minutes(1);
const FORBIDDEN: Duration = minutes(5);
const NOT_FOUND: Duration = minutes(10);
/// Where trying again rarely helps: a person, or another Scalekit, is needed.
const HOPELESS: Duration = minutes(60);

/// The time until the next reconcile of a resource whose Ready has this reason;
/// `None` where the resource's interval or a backoff decides.
pub const fn retry_within(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::CredentialsMissing
        | Reason::CredentialsIncomplete
        | Reason::CredentialsNotAllowed
        | Reason::CredentialsRejected
        | Reason::AuthFailed => Some(CREDENTIALS),
        Reason::Forbidden => Some(FORBIDDEN),
        Reason::OrganizationNotFound => Some(NOT_FOUND),
        Reason::FeatureUnavailable
        | Reason::FeatureNotEnabled
        | Reason::NotApplied
        | Reason::UnrecognizedLivePolicy
        | Reason::RejectedByApi
        | Reason::ApiNotSupported => Some(HOPELESS),
        _ => None,
    }
}

/// When to look again after `outcome`.
pub fn requeue(state: &State, outcome: &Outcome) -> Requeue {
    match outcome {
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended | Outcome::InvalidSpec(_) => Requeue::Never,
        Outcome::Credentials(_) => Requeue::Backoff { cap: CREDENTIALS },
        Outcome::Holding { .. } => {
            Requeue::After(CREDENTIALS.min(state.settings.namespace_grace).min(state.settings.grace))
        }
        // to see that the other one has stopped
        Outcome::Contended => Requeue::Interval(state.interval()),
        Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::CleanupPending(error) => after_fault(error),
        Outcome::Crashed(_) => Requeue::Backoff { cap: MAX_BACKOFF },
        Outcome::Conflict { .. } => Requeue::Interval(state.interval()),
        Outcome::Reconciled(remote_outcome) => after_look(state, remote_outcome),
    }
}

fn after_look(state: &State, remote_outcome: &RemoteOutcome) -> Requeue {
    let unsettled = state.unsettled_for();
    match remote_outcome {
        // a write that may still land, be it of an earlier pass, is looked for when it must have landed
        RemoteOutcome::InSync | RemoteOutcome::StricterKept if !unsettled.is_zero() => {
            Requeue::After(unsettled.min(state.interval()))
        }
        RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted => {
            Requeue::Interval(state.interval())
        }
        // cured by a change of the application's policy, so worth a look
        RemoteOutcome::ChainViolated(_) | RemoteOutcome::OrganizationChanged { .. } => {
            Requeue::Interval(state.interval())
        }
        RemoteOutcome::OrganizationNotFound => Requeue::Interval(NOT_FOUND),
        RemoteOutcome::FeatureUnavailable(_)
        | RemoteOutcome::FeatureNotEnabled
        | RemoteOutcome::NotApplied
        | RemoteOutcome::Unrecognized
        | RemoteOutcome::Rejected(_)
        | RemoteOutcome::Unsupported => Requeue::Interval(HOPELESS),
        RemoteOutcome::Error(error) => after_fault(error),
    }
}

fn after_fault(error: &RemoteError) -> Requeue {
    match error.kind {
        ErrorKind::RateLimited { retry_after } => Requeue::After(retry_after),
        ErrorKind::CredentialsRejected | ErrorKind::AuthFailed => Requeue::After(CREDENTIALS),
        ErrorKind::Forbidden => Requeue::Interval(FORBIDDEN),
        ErrorKind::Rejected | ErrorKind::Unsupported => Requeue::Interval(HOPELESS),
        _ if error.not_sent => Requeue::NoTry { cap: MAX_BACKOFF },
        _ => Requeue::Backoff { cap: MAX_BACKOFF },
    }
}
