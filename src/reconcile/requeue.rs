//! When the next reconcile of a resource comes. Whatever the answer, a change
//! of the resource itself is reconciled at once.

use super::{CredentialsError, ErrorClass, ErrorKind, Outcome, Reason, RemoteError, RemoteOutcome, State};
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
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// The longest delay between two tries of something that may work any moment.
pub const MAX_BACKOFF: Duration = minutes(5);

/// Nothing watches a Secret, so it is read again after this time.
const CREDENTIALS: Duration = minutes(1);
/// The same for the first minute after a refusal: with a moved namespace the right
/// values often come seconds after the wrong ones. No token is asked for meanwhile.
const REFUSED: Duration = Duration::from_secs(5);
/// A resource that is known for less than this may be waiting for a Secret of
/// the same delivery.
const YOUNG: Duration = Duration::from_secs(30);
const FORBIDDEN: Duration = minutes(5);
const NOT_FOUND: Duration = minutes(10);
/// Where trying again rarely helps: a person, or another Scalekit, is needed.
const TERMINAL: Duration = minutes(60);

/// When the next reconcile comes, as far as a status tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextReconcile {
    /// Only when the resource changes, or an operator starts again.
    Never,
    /// One is under way, or due.
    Now,
    /// At the latest after the interval of the resource.
    Interval,
    /// Within this time.
    Within(Duration),
    /// Within this time, or after a longer pause that Scalekit asks for.
    Retry(Duration),
}

/// [`requeue()`] for those who read a status: by the reasons of its conditions
/// Ready and Synced, that of its announced release, and whether the spec is
/// valid.
pub fn next_reconcile(ready: Reason, synced: Option<Reason>, release: Option<Reason>, valid: bool) -> NextReconcile {
    use Reason as R;
    match ready {
        _ if release == Some(ready) => NextReconcile::Within(CREDENTIALS),
        _ if ready == R::ApiServerError || synced == Some(R::ApiServerError) => NextReconcile::Within(CREDENTIALS),
        R::Suspended | R::Uninstalled | R::Released => NextReconcile::Never,
        R::InvalidSpec if !valid => NextReconcile::Never,
        R::NotChecked | R::Progressing => NextReconcile::Now,
        R::CredentialsMissing
        | R::CredentialsIncomplete
        | R::CredentialsUnreadable
        | R::CredentialsNotAllowed
        | R::CredentialsRejected
        | R::AuthFailed => NextReconcile::Within(CREDENTIALS),
        R::Forbidden => NextReconcile::Within(FORBIDDEN),
        R::OrganizationNotFound => NextReconcile::Within(NOT_FOUND),
        R::FeatureUnavailable
        | R::FeatureNotEnabled
        | R::NotApplied
        | R::UnrecognizedLivePolicy
        | R::RejectedByApi
        | R::ApiNotSupported => NextReconcile::Within(TERMINAL),
        R::CleanupPending | R::Deleting | R::InternalError | R::Stale => NextReconcile::Retry(MAX_BACKOFF),
        _ if is_transient(ready) || synced.is_some_and(is_transient) => NextReconcile::Retry(MAX_BACKOFF),
        _ => NextReconcile::Interval,
    }
}

/// The reasons of errors that may be over at the next try.
const fn is_transient(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::BadAuthResponse
            | R::WriteConflict
            | R::RateLimited
            | R::ApiUnavailable
            | R::TimedOut
            | R::ApiUnreachable
            | R::TlsError
            | R::BadResponse
    )
}

/// When the next reconcile comes after one that ended in `outcome`.
pub fn requeue(state: &State, outcome: &Outcome) -> Requeue {
    match outcome {
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended | Outcome::InvalidSpec(_) => Requeue::Never,
        // a Secret often comes seconds after its resource
        Outcome::Credentials(CredentialsError::Missing(_)) if state.history.age(state.began) < YOUNG => {
            Requeue::Backoff { cap: YOUNG / 10 }
        }
        Outcome::Credentials(_) | Outcome::ApiServer(_) => Requeue::Backoff { cap: CREDENTIALS },
        // once its own writes can't land any more, it keeps nobody else out
        Outcome::Holding { left, .. } => match state.unsettled_for() {
            unsettled if unsettled.is_zero() => Requeue::After((*left).min(CREDENTIALS)),
            unsettled => Requeue::After(unsettled.min(*left).min(CREDENTIALS)),
        },
        Outcome::Waiting { left: wait, .. } | Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::Undecided => Requeue::After(Duration::from_secs(1)),
        // to see that the other one has stopped
        Outcome::Contended { gives_way: true, .. } | Outcome::Conflict { .. } => Requeue::Interval(state.interval()),
        Outcome::Contended { next, .. } => Requeue::After((*next).min(state.interval())),
        Outcome::CleanupPending(error) => after_error(state, error),
        Outcome::Crashed(_) => Requeue::Backoff { cap: MAX_BACKOFF },
        Outcome::Reconciled(remote_outcome) => after_reconcile(state, remote_outcome),
    }
}

fn after_reconcile(state: &State, remote_outcome: &RemoteOutcome) -> Requeue {
    let unsettled = if state.takes_over() { state.settings.settle } else { state.unsettled_for() };
    match remote_outcome {
        // a write that may still land, also one of an earlier reconcile or of the owner before, is read for when it must
        // have landed
        RemoteOutcome::InSync | RemoteOutcome::StricterKept if !unsettled.is_zero() => {
            Requeue::After(unsettled.min(state.interval()))
        }
        // a violated chain too: a change of the application's policy cures it
        RemoteOutcome::InSync
        | RemoteOutcome::StricterKept
        | RemoteOutcome::Drifted
        | RemoteOutcome::ChainViolated(_)
        | RemoteOutcome::OrganizationChanged { .. } => Requeue::Interval(state.interval()),
        RemoteOutcome::OrganizationNotFound => Requeue::Interval(NOT_FOUND),
        RemoteOutcome::FeatureUnavailable(_)
        | RemoteOutcome::FeatureNotEnabled
        | RemoteOutcome::NotApplied
        | RemoteOutcome::Unrecognized
        | RemoteOutcome::Rejected(_)
        | RemoteOutcome::Unsupported => Requeue::Interval(TERMINAL),
        RemoteOutcome::Error(error) => after_error(state, error),
    }
}

fn after_error(state: &State, error: &RemoteError) -> Requeue {
    match (error.kind, error.kind.class()) {
        // in a pause longer than the interval nothing is sent, but the status says that nothing was read
        (ErrorKind::RateLimited { retry_after }, _) => Requeue::After(retry_after.min(state.interval())),
        (_, ErrorClass::Unauthenticated) if state.history.refused_for(state.began) < CREDENTIALS => {
            Requeue::After(REFUSED)
        }
        (_, ErrorClass::Unauthenticated) => Requeue::After(CREDENTIALS),
        // permissions are granted sooner than servers are upgraded
        (ErrorKind::Forbidden, _) => Requeue::Interval(FORBIDDEN),
        (_, ErrorClass::Refused) => Requeue::Interval(TERMINAL),
        // whoever's request failed in an outage sends the next probe; all others are woken when one succeeds
        _ => error.probe_after.map_or(Requeue::Backoff { cap: MAX_BACKOFF }, Requeue::After),
    }
}
