//! When to look at a resource again. Whatever the answer, a change of the
//! resource itself is looked at at once.

use super::{Fault, FaultKind, Outcome, Verdict, View};
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
const CAP: Duration = minutes(5);

/// When to look again after `outcome`.
pub fn requeue(view: &View, outcome: &Outcome) -> Requeue {
    match outcome {
        Outcome::Gone | Outcome::Released(_) | Outcome::Suspended | Outcome::InvalidSpec(_) => Requeue::Never,
        // a Secret is read again within a minute, since nothing watches it
        Outcome::Credentials(_) => Requeue::Backoff { cap: minutes(1) },
        Outcome::Holding { .. } => {
            Requeue::After(minutes(1).min(view.settings.namespace_grace).min(view.settings.grace))
        }
        // to see that the other one has stopped
        Outcome::Contended => Requeue::Interval(view.interval()),
        Outcome::Settling(wait) => Requeue::After(*wait),
        Outcome::CleanupPending(fault) => after_fault(fault),
        Outcome::Crashed(_) => Requeue::Backoff { cap: CAP },
        Outcome::Conflict { .. } => Requeue::Interval(view.interval()),
        Outcome::Looked(verdict) => after_look(view, verdict),
    }
}

fn after_look(view: &View, verdict: &Verdict) -> Requeue {
    let unsettled = view.unsettled_for();
    match verdict {
        // a write that may still land, be it of an earlier pass, is looked for when it must have landed
        Verdict::InSync | Verdict::StricterKept if !unsettled.is_zero() => {
            Requeue::After(unsettled.min(view.interval()))
        }
        Verdict::InSync | Verdict::StricterKept | Verdict::Drifted => Requeue::Interval(view.interval()),
        // cured by a change of the application's policy, so worth a look
        Verdict::ChainViolated(_) | Verdict::OrganizationChanged { .. } => Requeue::Interval(view.interval()),
        Verdict::OrganizationNotFound => Requeue::Interval(minutes(10)),
        Verdict::FeatureUnavailable(_)
        | Verdict::FeatureNotEnabled
        | Verdict::NotApplied
        | Verdict::Unrecognized
        | Verdict::Rejected(_)
        | Verdict::Unsupported => Requeue::Interval(minutes(60)),
        Verdict::Fault(fault) => after_fault(fault),
    }
}

fn after_fault(fault: &Fault) -> Requeue {
    match fault.kind {
        FaultKind::RateLimited { retry_after } => Requeue::After(retry_after),
        FaultKind::CredentialsRejected | FaultKind::AuthFailed => Requeue::After(minutes(1)),
        FaultKind::Forbidden => Requeue::Interval(minutes(5)),
        FaultKind::Rejected | FaultKind::Unsupported => Requeue::Interval(minutes(60)),
        _ if fault.held_back => Requeue::NoTry { cap: CAP },
        _ => Requeue::Backoff { cap: CAP },
    }
}
