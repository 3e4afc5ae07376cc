//! The validated spec of a resource.

use super::{OrganizationRef, Policy, RuleId, Violation};
use jiff::Timestamp;
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
    /// The same until this time, which an annotation names.
    pub suspended_until: Option<Timestamp>,
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

/// The annotation that suspends a resource until the time that it names. It is no field of the spec, so no GitOps
/// tool sets it back.
pub const SUSPENDED_UNTIL: &str = "scalekit.com/suspended-until";

impl ValidatedSpec {
    /// The same with the value of the annotation [`SUSPENDED_UNTIL`]. One that is no time is a violation: somebody
    /// wants nothing to be written, and it is not known until when.
    pub fn until(self, annotation: Option<&str>) -> Result<Self, Vec<Violation>> {
        let time = annotation.map(str::parse).transpose().map_err(|_| {
            let place = format!("metadata.annotations.{SUSPENDED_UNTIL}");
            vec![Violation::new(RuleId::Metadata, place, "must be a time such as 2026-11-27T18:00:00Z")]
        })?;
        Ok(Self { suspended_until: time, ..self })
    }

    /// Whether the operator neither reads nor writes the policy now.
    pub fn is_suspended(&self, now: Timestamp) -> bool {
        self.suspend || self.suspended_until.is_some_and(|until| now < until)
    }

    /// Whether the operator may write the policy now.
    pub fn is_active(&self) -> bool {
        !self.suspend && self.mode != Mode::Observe
    }

    /// Whether deleting the resource may have to revert the policy.
    pub fn may_revert(&self) -> bool {
        self.deletion != DeletionPolicy::Retain && self.mode != Mode::Observe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_called_as_in_a_manifest() {
        let modes = [Mode::Enforce, Mode::TightenOnly, Mode::Observe];
        assert_eq!(modes.map(Mode::name), ["Enforce", "TightenOnly", "Observe"]);
    }
}
