//! When the next reconcile of a resource comes. Whatever the answer, a change
//! of the resource itself is reconciled at once.

use super::{CredentialsError, ErrorClass, ErrorKind, Hold, Outcome, Reason, RemoteError, RemoteOutcome, State};
use std::time::Duration;
use strum::IntoEnumIterator;

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
const MAX_BACKOFF: Duration = minutes(5);

/// Nothing watches a Secret, so it is read again after this time.
const CREDENTIALS: Duration = minutes(1);
/// In the first minute after a refusal a Secret is read again after this time: with
/// a moved namespace the right values often come seconds after the wrong ones. No
/// token is asked for meanwhile.
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

impl Requeue {
    /// After a failure that may be over any moment.
    pub const AFTER_FAILURE: Self = Self::Backoff { cap: MAX_BACKOFF };
    /// The same, but not later than after `longest`; a delay that grows stays short anyway.
    pub(super) fn at_most(self, longest: Option<Duration>) -> Self {
        match (self, longest) {
            (requeue, None) => requeue,
            (Self::Never, Some(longest)) => Self::After(longest),
            (Self::Interval(time) | Self::After(time), Some(longest)) if time > longest => Self::After(longest),
            (requeue, _) => requeue,
        }
    }

    /// After the API server failed, which costs it one small read to find out.
    pub const AFTER_API_SERVER: Self = Self::Backoff { cap: CREDENTIALS };
}

/// [`requeue()`] for those who read a status: by the reasons of its conditions
/// Ready and Synced, that of its announced release, and whether the spec is
/// valid.
pub fn next_reconcile(ready: Reason, synced: Option<Reason>, release: Option<Reason>, valid: bool) -> NextReconcile {
    use Reason as R;
    match ready {
        _ if release == Some(ready) => NextReconcile::Within(CREDENTIALS),
        R::Suspended | R::Uninstalled | R::Released => NextReconcile::Never,
        R::InvalidSpec if !valid => NextReconcile::Never,
        R::NotChecked | R::Progressing => NextReconcile::Now,
        R::CleanupPending | R::Deleting => NextReconcile::Retry(MAX_BACKOFF),
        // an outage shows in Synced alone
        _ => match synced.and_then(after_reason).or_else(|| after_reason(ready)) {
            None | Some(Requeue::Never) => NextReconcile::Interval,
            Some(Requeue::AFTER_FAILURE) => NextReconcile::Retry(MAX_BACKOFF),
            Some(Requeue::Interval(time) | Requeue::After(time) | Requeue::Backoff { cap: time }) => {
                NextReconcile::Within(time)
            }
        },
    }
}

/// When the next reconcile comes after one that ended for `reason`; `None`: after
/// the interval of the resource, or as the outcome says.
fn after_reason(reason: Reason) -> Option<Requeue> {
    use Reason as R;
    match reason {
        R::CredentialsMissing
        | R::CredentialsIncomplete
        | R::CredentialsUnreadable
        | R::CredentialsNotAllowed
        | R::ApiServerError => Some(Requeue::AFTER_API_SERVER),
        R::OrganizationNotFound => Some(Requeue::Interval(NOT_FOUND)),
        R::FeatureUnavailable | R::FeatureNotEnabled | R::NotApplied | R::UnrecognizedLivePolicy => {
            Some(Requeue::Interval(TERMINAL))
        }
        R::InternalError => Some(Requeue::AFTER_FAILURE),
        _ => ErrorKind::iter().find(|kind| kind.reason() == reason).map(after_kind),
    }
}

/// When the next reconcile comes after an error, as far as its kind tells.
fn after_kind(kind: ErrorKind) -> Requeue {
    match kind.class() {
        ErrorClass::Unauthenticated => Requeue::After(CREDENTIALS),
        // permissions are granted sooner than servers are upgraded
        ErrorClass::Refused if kind == ErrorKind::Forbidden => Requeue::Interval(FORBIDDEN),
        ErrorClass::Refused => Requeue::Interval(TERMINAL),
        ErrorClass::Absent | ErrorClass::Throttled | ErrorClass::Transient => Requeue::AFTER_FAILURE,
    }
}

/// When the next reconcile comes after one that ended in `outcome`.
pub fn requeue(state: &State, outcome: &Outcome) -> Requeue {
    let after_reason = |reason| after_reason(reason).unwrap_or(Requeue::Interval(state.interval()));
    let unsettled = if state.takes_over() { state.settings.settle } else { state.unsettled_for() };
    match outcome {
        Outcome::Suspended { left: Some(left) } => Requeue::After(before_the_end(*left)),
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended { left: None } | Outcome::InvalidSpec(_) => {
            Requeue::Never
        }
        // a Secret often comes seconds after its resource
        Outcome::Credentials(CredentialsError::Missing(_)) if state.history.age(state.began) < YOUNG => {
            Requeue::Backoff { cap: YOUNG / 10 }
        }
        Outcome::Credentials(error) => after_reason(error.reason()),
        Outcome::ApiServer(_) => after_reason(Reason::ApiServerError),
        // the API server failed, which says nothing of the credentials
        Outcome::Holding { hold: Hold::Credentials(error), .. } if error.is_transient() => Requeue::AFTER_API_SERVER,
        // the other one is reconciled now, and shows whether its policy is live
        Outcome::Holding { .. } if state.is_succeeded() => Requeue::Backoff { cap: CREDENTIALS },
        // once its own writes can't land any more, it keeps nobody else out
        Outcome::Holding { left, .. } => match state.unsettled_for() {
            unsettled if unsettled.is_zero() => Requeue::After((*left).min(CREDENTIALS)),
            unsettled => Requeue::After(unsettled.min(*left).min(CREDENTIALS)),
        },
        Outcome::Waiting { left: wait, .. } | Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::Undecided if state.same_environment_unknown => Requeue::After(YOUNG),
        // if it still leads, the lease is renewed by then
        Outcome::Undecided | Outcome::NotLeading => Requeue::After(Duration::from_secs(1)),
        // to see that the other one has stopped
        Outcome::Contended { gives_way: true, .. } | Outcome::Conflict { .. } => Requeue::Interval(state.interval()),
        Outcome::Contended { next, .. } => Requeue::After((*next).min(state.interval())),
        Outcome::Crashed(_) => after_reason(Reason::InternalError),
        Outcome::CleanupPending(error) | Outcome::Reconciled(RemoteOutcome::Error(error)) => after_error(state, error),
        // a write that may still land, also one of an earlier reconcile or of the owner before, is read for when it must
        // have landed
        Outcome::Reconciled(RemoteOutcome::InSync | RemoteOutcome::StricterKept) if !unsettled.is_zero() => {
            Requeue::After(unsettled.min(state.interval()))
        }
        // a violated chain after the interval: a change of the application's policy cures it
        Outcome::Reconciled(remote_outcome) => after_reason(remote_outcome.reason()),
    }
}

/// When to come back for the end of a suspension. [`Requeue::After`] may take a tenth longer, so of a long time it is
/// nine tenths first: it ends some seconds late at most.
fn before_the_end(left: Duration) -> Duration {
    if left > CREDENTIALS { left * 9 / 10 } else { left }
}

fn after_error(state: &State, error: &RemoteError) -> Requeue {
    match (error.kind, after_kind(error.kind)) {
        // in a pause longer than the interval nothing is sent, but the status says that nothing was read
        (ErrorKind::RateLimited { retry_after }, _) => Requeue::After(retry_after.min(state.interval())),
        (_, Requeue::After(_)) if state.history.refused_for(state.began) < CREDENTIALS => Requeue::After(REFUSED),
        // whoever's request failed in an outage sends the next probe; all others are woken when one succeeds
        (_, Requeue::Backoff { .. }) => error.probe_after.map_or(Requeue::AFTER_FAILURE, Requeue::After),
        (_, requeue) => requeue,
    }
}
