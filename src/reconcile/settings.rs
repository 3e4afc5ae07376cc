//! How this operator is set up, as far as a decision depends on it.

use std::time::Duration;

/// How this operator is set up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Settings {
    /// Time between two reconciles where a resource does not say.
    pub interval: Duration,
    /// The longest time that one request may take.
    pub deadline: Duration,
    /// How long after a write with an unknown outcome was decided on it may still
    /// be applied (`scalekit-api.md` §4.4).
    pub settle: Duration,
    /// How long a deletion waits for a resource that takes over, before it sets
    /// the policy back.
    pub revert_delay: Duration,
    /// A deletion that sets the organization back to the application's policy
    /// switches the feature session_policy off too, where this operator has
    /// switched it on.
    pub disable_feature: bool,
    /// How long a deletion waits for credentials.
    pub grace: Duration,
    /// How long it waits where the whole namespace is being deleted.
    pub namespace_grace: Duration,
}
