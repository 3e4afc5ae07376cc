//! When to look at a resource again. Whatever the answer, a change of the
//! resource itself is looked at at once.

use super::{ErrorClass, ErrorKind, Outcome, RemoteError, RemoteOutcome, State};
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

/// The longest pause between two tries of something that may work any moment.
const CAP: Duration = minutes(5);

/// When to look again after `outcome`.
pub fn requeue(state: &State, outcome: &Outcome) -> Requeue {
    match outcome {
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended | Outcome::InvalidSpec(_) => Requeue::Never,
        // a Secret is read again within a minute, since nothing watches it
        Outcome::Credentials(_) => Requeue::Backoff { cap: minutes(1) },
        Outcome::Holding { .. } => {
            Requeue::After(minutes(1).min(state.settings.namespace_grace).min(state.settings.grace))
        }
        // to see that the other one has stopped
        Outcome::Contended => Requeue::Interval(state.interval()),
        Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::CleanupPending(error) => after_error(error),
        Outcome::Crashed(_) => Requeue::Backoff { cap: CAP },
        Outcome::Conflict { .. } => Requeue::Interval(state.interval()),
        Outcome::Reconciled(remote_outcome) => after_reconcile(state, remote_outcome),
    }
}

fn after_reconcile(state: &State, remote_outcome: &RemoteOutcome) -> Requeue {
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
        RemoteOutcome::OrganizationNotFound => Requeue::Interval(minutes(10)),
        RemoteOutcome::FeatureUnavailable(_)
        | RemoteOutcome::FeatureNotEnabled
        | RemoteOutcome::NotApplied
        | RemoteOutcome::Unrecognized
        | RemoteOutcome::Rejected(_)
        | RemoteOutcome::Unsupported => Requeue::Interval(minutes(60)),
        RemoteOutcome::Error(error) => after_error(error),
    }
}

fn after_error(error: &RemoteError) -> Requeue {
    match (error.kind, error.kind.class()) {
        (ErrorKind::RateLimited { retry_after }, _) => Requeue::After(retry_after),
        (_, ErrorClass::Unauthenticated) => Requeue::After(minutes(1)),
        // permissions are granted sooner than servers are upgraded
        (ErrorKind::Forbidden, _) => Requeue::Interval(minutes(5)),
        (_, ErrorClass::Refused) => Requeue::Interval(minutes(60)),
        _ if error.not_sent => Requeue::BackoffUncounted { cap: CAP },
        _ => Requeue::Backoff { cap: CAP },
    }
}
