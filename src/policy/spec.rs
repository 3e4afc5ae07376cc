//! The validated spec of a resource.

use super::{OrganizationRef, Policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use strum::{EnumString, IntoStaticStr};

/// What the operator may write.
#[derive(
    Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, Debug, Clone, Copy, PartialEq, Eq, Hash, Default,
)]
pub enum Mode {
    /// The declared policy.
    #[default]
    Enforce,
    /// A field only if that makes it stricter than the live one.
    TightenOnly,
    /// Nothing; it reports drift.
    Observe,
}

/// What deleting the resource does to the organization's policy.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeletionPolicy {
    /// It becomes the application's policy again.
    #[default]
    Revert,
    /// It stays as it is.
    Retain,
    /// It becomes the policy that the organization had before the operator first wrote
    /// (`status.adopted`), or the application's if that is unknown.
    Restore,
}

/// A valid spec.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValidatedSpec {
    /// The organization.
    pub organization: OrganizationRef,
    /// The declared policy.
    pub policy: Policy,
    /// What the operator may write.
    pub mode: Mode,
    /// What deleting the resource does.
    pub deletion: DeletionPolicy,
    /// Whether the operator neither reads nor writes the policy; a deletion goes on.
    pub suspend: bool,
    /// The time between two reconciles; `None`: the operator's default.
    pub interval: Option<Duration>,
    /// The name of the Secret with the credentials; `None`: the default credentials.
    pub secret: Option<String>,
}

impl Mode {
    /// The name in the resource and in outputs.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl ValidatedSpec {
    /// Whether the operator may write the policy now.
    pub fn is_active(&self) -> bool {
        !self.suspend && self.mode != Mode::Observe
    }

    /// Whether deleting the resource may have to revert the policy.
    pub fn may_revert(&self) -> bool {
        self.deletion != DeletionPolicy::Retain && self.mode != Mode::Observe
    }
}
