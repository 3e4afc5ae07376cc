//! The spec. Its documentation comments become the descriptions of `kubectl explain`; the rules
//! between fields are in `rules.rs`.

use super::status::OrganizationSessionPolicyStatus;
pub use crate::policy::{DeletionPolicy, Mode, Unit as TimeoutUnit};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The group of its `apiVersion`.
pub const GROUP: &str = "scalekit.com";
/// Its version.
pub const VERSION: &str = "v1alpha1";
/// The resource as URLs and permissions name it.
pub const PLURAL: &str = "organizationsessionpolicies";

/// The session policy that one Scalekit organization is to have.
#[allow(clippy::duplicated_attributes, reason = "each column has a type of its own")]
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[kube(
    group = "scalekit.com",
    version = "v1alpha1",
    kind = "OrganizationSessionPolicy",
    plural = "organizationsessionpolicies",
    shortname = "osp",
    category = "scalekit",
    doc = "Keeps the session policy of one Scalekit organization as declared.",
    namespaced,
    derive = "PartialEq",
    status = "OrganizationSessionPolicyStatus",
    printcolumn(
        name = "Organization",
        type_ = "string",
        json_path = ".spec.organization['id','externalId']",
        description = "The organization as declared: its id, or the customer's own name for it"
    ),
    printcolumn(
        name = "Effective",
        type_ = "string",
        json_path = ".status.effectivePolicy.brief",
        description = "What applies to new sessions: absolute / idle, with (app) after a limit of the application"
    ),
    printcolumn(
        name = "Mode",
        type_ = "string",
        json_path = ".spec.mode",
        description = "What the operator may write"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the operator did its job"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is Ready or not"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Source",
        type_ = "string",
        priority = 1,
        json_path = ".status.policy.policySource",
        description = "Whose policy is live: the organization's own (CUSTOM) or the application's (APPLICATION)"
    ),
    printcolumn(
        name = "Absolute",
        type_ = "string",
        priority = 1,
        json_path = ".status.policy.absolute",
        description = "The live absolute timeout: how long a session may live"
    ),
    printcolumn(
        name = "Idle",
        type_ = "string",
        priority = 1,
        json_path = ".status.policy.idle",
        description = "The live idle timeout: how long a session may idle"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        priority = 1,
        json_path = ".status.conditions[?(@.type==\"Synced\")].status",
        description = "Whether the live policy is the declared one"
    ),
    printcolumn(
        name = "Drift",
        type_ = "string",
        priority = 1,
        json_path = ".status.driftSummary",
        description = "How the live policy differs from the declared one"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        description = "What happened, and what to do about it"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSessionPolicySpec {
    /// Whose policy. Cannot be changed: to move to another organization,
    /// create a new resource.
    pub organization: OrganizationReference,

    /// Which policy. The fields are those of Scalekit's own API.
    pub policy: SessionPolicy,

    /// What the operator may write. Enforce: the declared policy. TightenOnly:
    /// a field only if that makes it stricter than the live one. Observe:
    /// nothing; it reports drift.
    #[serde(default)]
    pub mode: Mode,

    /// What becomes of the organization's policy when this resource is
    /// deleted. Revert: back to the application's policy. Retain: it stays as
    /// it is. Restore: back to the custom policy that the organization had
    /// before, if it had one that can be declared (it has an absolute timeout).
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// While true, the operator neither reads nor writes the policy. A deletion
    /// goes on all the same.
    #[serde(default)]
    pub suspend: bool,

    /// Time between two reconciles, from 30s to 24h, for example 10m or
    /// 1h30m. When absent, the operator's --resync-interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = super::interval::PATTERN))]
    pub interval: Option<String>,

    /// The Secret with the credentials of the Scalekit environment, in the
    /// namespace of this resource. Its keys: SCALEKIT_ENVIRONMENT_URL,
    /// SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET. When absent, the operator's
    /// default credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
}

/// Names an organization by exactly one of its two names.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationReference {
    /// Scalekit's id of the organization, `org_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^org_[0-9A-Za-z]{1,28}$"))]
    pub id: Option<String>,

    /// Your own name for the organization, as stored in Scalekit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    pub external_id: Option<String>,
}

/// A session policy in the words of Scalekit's API (`scalekit-api.md` §2.8).
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SessionPolicy {
    /// CUSTOM: the values below. APPLICATION: inherit the application's
    /// policy; no value may be given, and the feature session_policy is not
    /// needed.
    pub policy_source: PolicySource,

    /// How long a session may live, whatever its user does; a whole number of
    /// the unit. Needed with CUSTOM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub absolute_session_timeout: Option<i64>,

    /// The unit of absoluteSessionTimeout. Needed with a number below 60; MINUTES if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TimeoutUnit")] // an Option would lose the sentence above
    pub absolute_session_timeout_unit: Option<TimeoutUnit>,

    /// Whether a session also ends when it is not used; false when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_session_timeout_enabled: Option<bool>,

    /// How long a session may go unused. Needed when
    /// idleSessionTimeoutEnabled is true, and only allowed then. Must be
    /// shorter than the absolute timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub idle_session_timeout: Option<i64>,

    /// The unit of idleSessionTimeout. Needed with a number below 60; MINUTES if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TimeoutUnit")] // an Option would lose the sentence above
    pub idle_session_timeout_unit: Option<TimeoutUnit>,
}

/// A Secret in the resource's own namespace; no other can be named.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = super::names::SUBDOMAIN))]
    pub name: String,
}

/// Whose values apply.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicySource {
    /// The application's.
    Application,
    /// The organization's own.
    Custom,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::Resource;

    #[test]
    fn the_names_of_the_resource_are_those_of_its_definition() {
        type Ours = OrganizationSessionPolicy;
        assert_eq!(
            (Ours::group(&()), Ours::version(&()), Ours::plural(&())),
            (GROUP.into(), VERSION.into(), PLURAL.into())
        );
    }
}
