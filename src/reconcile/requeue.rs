//! When the next reconcile of a resource comes. Whatever the answer, a change
//! of the resource itself is reconciled at once.

use super::{ErrorClass, ErrorKind, Outcome, Reason, RemoteError, RemoteOutcome, State};
use std::time::Duration;

/// When the next reconcile comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requeue {
    /// Only when the resource changes.
    Never,
    /// After this interval, spread so that resources don't come in herds.
    Interval(Duration),
    /// After this time.
    After(Duration),
    /// With delays that grow with each failure in a row.
    Backoff {
        /// The longest delay.
        cap: Duration,
    },
    /// After the current backoff, without counting a failure: the request was
    /// not sent.
    BackoffUncounted {
        /// The longest delay.
        cap: Duration,
    },
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// The longest delay between two tries of something that may work any moment.
pub const MAX_BACKOFF: Duration = minutes(5);

/// Nothing watches a Secret, so it is read again after this time.
const CREDENTIALS: Duration = minutes(1);
const FORBIDDEN: Duration = minutes(5);
const NOT_FOUND: Duration = minutes(10);
/// Where trying again rarely helps: a person, or another Scalekit, is needed.
const TERMINAL: Duration = minutes(60);

/// The time until the next reconcile of a resource whose Ready has this reason;
/// `None` where the resource's interval or a backoff decides.
pub const fn retry_within(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::CredentialsMissing
        | Reason::CredentialsIncomplete
        | Reason::CredentialsUnreadable
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
        | Reason::ApiNotSupported => Some(TERMINAL),
        _ => None,
    }
}

/// When the next reconcile comes after one that ended in `outcome`.
pub fn requeue(state: &State, outcome: &Outcome) -> Requeue {
    match outcome {
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended | Outcome::InvalidSpec(_) => Requeue::Never,
        Outcome::Credentials(_) => Requeue::Backoff { cap: CREDENTIALS },
        Outcome::Holding { .. } => {
            Requeue::After(CREDENTIALS.min(state.settings.namespace_grace).min(state.settings.grace))
        }
        // to see that the other one has stopped
        Outcome::Contended { gives_way: true, .. } => Requeue::Interval(state.interval()),
        Outcome::Contended { next, .. } => Requeue::After((*next).min(state.interval())),
        Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::CleanupPending(error) => after_error(error),
        Outcome::Crashed(_) => Requeue::Backoff { cap: MAX_BACKOFF },
        Outcome::Conflict { .. } => Requeue::Interval(state.interval()),
        Outcome::Reconciled(remote_outcome) => after_reconcile(state, remote_outcome),
    }
}

fn after_reconcile(state: &State, remote_outcome: &RemoteOutcome) -> Requeue {
    let unsettled = state.unsettled_for();
    match remote_outcome {
        // a write that may still land, also one of an earlier reconcile, is read for when it must have landed
        RemoteOutcome::InSync | RemoteOutcome::StricterKept if !unsettled.is_zero() => {
            Requeue::After(unsettled.min(state.interval()))
        }
        RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted => {
            Requeue::Interval(state.interval())
        }
        // cured by a change of the application's policy, so it is tried again
        RemoteOutcome::ChainViolated(_) | RemoteOutcome::OrganizationChanged { .. } => {
            Requeue::Interval(state.interval())
        }
        RemoteOutcome::OrganizationNotFound => Requeue::Interval(NOT_FOUND),
        RemoteOutcome::FeatureUnavailable(_)
        | RemoteOutcome::FeatureNotEnabled
        | RemoteOutcome::NotApplied
        | RemoteOutcome::Unrecognized
        | RemoteOutcome::Rejected(_)
        | RemoteOutcome::Unsupported => Requeue::Interval(TERMINAL),
        RemoteOutcome::Error(error) => after_error(error),
    }
}

fn after_error(error: &RemoteError) -> Requeue {
    match (error.kind, error.kind.class()) {
        (ErrorKind::RateLimited { retry_after }, _) => Requeue::After(retry_after),
        (_, ErrorClass::Unauthenticated) => Requeue::After(CREDENTIALS),
        // permissions are granted sooner than servers are upgraded
        (ErrorKind::Forbidden, _) => Requeue::Interval(FORBIDDEN),
        (_, ErrorClass::Refused) => Requeue::Interval(TERMINAL),
        _ if error.not_sent => Requeue::BackoffUncounted { cap: MAX_BACKOFF },
        _ => Requeue::Backoff { cap: MAX_BACKOFF },
    }
}
