//! When one reconcile has read what it has seen.

use std::time::Duration;

/// When a reconcile has read what, on the process's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reads {
    /// The resource.
    pub resource: Duration,
    /// The organization.
    pub organization: Duration,
    /// Its policy.
    pub policy: Duration,
    /// How often one of them was read again because it had become too old.
    pub refreshes: u8,
}

impl Reads {
    /// When Scalekit last answered.
    pub(super) fn latest(&self) -> Duration {
        self.organization.max(self.policy)
    }
}
