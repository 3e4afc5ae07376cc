//! What a reconcile leaves to the next one where a limit of Scalekit ends it (`resume` has the rules).

use super::{Access, Organization};
use std::time::Duration;

/// What is left of a reconcile that a limit has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parked {
    /// Somebody waits for it, though the status has told of the limit.
    pub(super) awaited: bool,
    pub(super) read: Option<Box<Read>>,
}

/// The organization, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Read {
    /// For which generation and request of the resource.
    pub(super) declared: (i64, Option<String>),
    /// With which credentials.
    pub(super) access: Access,
    pub(super) organization: Organization,
    /// When, on the process's monotonic clock.
    pub(super) at: Duration,
}
