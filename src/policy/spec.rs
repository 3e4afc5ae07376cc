//! What one resource asks for, already checked.

use super::{OrganizationRef, Policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use strum::{EnumString, IntoStaticStr};

/// How far the operator may go.
#[derive(
    Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, Debug, Clone, Copy, PartialEq, Eq, Hash, Default,
)]
pub enum Mode {
    /// Make it so.
    #[default]
    Enforce,
    /// Change a field only if that makes it stricter than what is live.
    TightenOnly,
    /// Never write; report drift.
    Observe,
}

/// What becomes of the organization's policy when its resource goes.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeletionPolicy {
    /// Back to the application's policy.
    #[default]
    Revert,
    /// It stays as it is.
    Retain,
    /// Back to what the organization had before the operator first wrote, as
    /// kept in `status.adopted`; to the application's policy if that is unknown.
    Restore,
}

/// A valid spec. Nothing past it reads the raw spec.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValidatedSpec {
    /// Whose policy.
    pub organization: OrganizationRef,
    /// Which policy.
    pub policy: Policy,
    /// How far the operator may go.
    pub mode: Mode,
    /// What happens on delete.
    pub deletion: DeletionPolicy,
    /// Hands off for now; never holds a deletion back.
    pub suspend: bool,
    /// Time between two reconciles; `None`: the operator's default.
    pub interval: Option<Duration>,
    /// The Secret with its credentials, in its own namespace; `None`: the
    /// operator's default credentials.
    pub secret: Option<String>,
}

impl Mode {
    /// Its name, in the resource and in every output.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl ValidatedSpec {
    /// Whether the operator may write for it now.
    pub fn is_active(&self) -> bool {
        !self.suspend && self.mode != Mode::Observe
    }

    /// Whether deleting the resource may have to write to Scalekit.
    pub fn may_revert(&self) -> bool {
        self.deletion != DeletionPolicy::Retain && self.mode != Mode::Observe
    }
}
