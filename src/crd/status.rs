//! The status. Every field is optional, and a value of the wrong shape counts as absent, so that a
//! resource with a status of another version can be read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// What the operator observed and did at its last reconcile.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSessionPolicyStatus {
    /// The generation of the spec that this status is about; -1 before the
    /// first reconcile.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Scalekit's id of the organization. Once resolved it stays: should the
    /// external id come to mean another organization, nothing is written.
    // Strict on purpose: if it were taken as absent, a write could reach another organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub organization_id: Option<String>,

    /// The host of the Scalekit environment.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262))]
    pub environment: Option<String>,

    /// What the environment calls itself: the issuer of its access tokens, in
    /// the form of `environment`. Two host names of one environment have the
    /// same, so resources behind both know of each other. Absent where it is
    /// `environment`, where tokens name none, and where it could not be
    /// verified: then the host counts.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub issuer: Option<String>,

    /// Verified: the resource's own credentials have read the organization, so
    /// it takes part in who owns it. Reverting: it is being deleted, and sets
    /// the organization back. Absent: it claims nothing; the credentials are
    /// missing or refused, or a deletion lets another resource take over.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub claim: Option<String>,

    /// The operator has switched the feature session_policy on for the
    /// organization.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub enabled_feature: Option<bool>,

    /// The policy that the organization had before the operator first wrote one
    /// for this resource; `deletionPolicy: Restore` puts it back if it is custom.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub adopted: Option<ReportedPolicy>,

    /// The policy that the operator wrote last for this resource. In mode
    /// TightenOnly it may be stricter than the declared one.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub written: Option<ReportedPolicy>,

    /// The policy as last found in Scalekit.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub policy: Option<ReportedPolicy>,

    /// The application's limits; absent when they cannot be read.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub application_policy: Option<ApplicationLimits>,

    /// What applies to new sessions: of both policies the stricter value of
    /// each field. Absent when the application's policy cannot be read.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub effective_policy: Option<EffectiveLimits>,

    /// The fields in which the live policy is not the declared one.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["field"]))]
    pub drift: Vec<DriftedField>,

    /// `drift` in one line, for `kubectl get -o wide`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub drift_summary: Option<String>,

    /// Ready, Synced, FeatureEnabled, Effective; Reconciling or Stalled only
    /// while True.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "super::conditions::conditions")]
    pub conditions: Vec<Condition>,

    /// The value of the annotation reconcile.fluxcd.io/requestedAt that was
    /// last acted upon.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,

    /// Only while a deletion waits, for another resource or for a person.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub release: Option<ReportedRelease>,
}

/// What a deletion waits for, and until when.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportedRelease {
    /// The reason of the condition Ready while it waits.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// When the wait ends. Deleting and HandingOver: then the organization is
    /// reverted. Any other reason: then the resource is released, and the policy
    /// stays in Scalekit.
    #[schemars(length(max = 64), extend("format" = "date-time"))]
    pub at: String,
}

/// The organization's own policy as Scalekit reports it, in minutes.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ReportedPolicy {
    /// APPLICATION, CUSTOM, or UNRECOGNIZED for a source that this version does
    /// not know.
    #[schemars(length(max = 64))]
    pub policy_source: String,

    /// How long a session may live, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_session_timeout: Option<i32>,

    /// Whether a session also ends when it is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_session_timeout_enabled: Option<bool>,

    /// How long a session may go unused, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_session_timeout: Option<i32>,

    /// The absolute timeout as a person reads it: `8h`, or `unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub absolute: Option<String>,

    /// The idle timeout as a person reads it: `1h`, `off`, or `unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub idle: Option<String>,
}

/// The limits that the application sets for all its organizations, in minutes.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationLimits {
    /// How long a session may live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_session_timeout: Option<i32>,

    /// How long it may go unused; absent when idle sessions do not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_session_timeout: Option<i32>,

    /// How long an access token lives; every timeout must be longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_expiry: Option<i32>,
}

/// What applies to new sessions; a field is absent where nobody sets a limit.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveLimits {
    /// How long a session may live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_session_timeout: Option<EffectiveLimit>,

    /// How long it may go unused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_session_timeout: Option<EffectiveLimit>,

    /// Both in one line, absolute then idle: `8h (organization) / 1h
    /// (application)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub summary: Option<String>,

    /// The same for a narrow column, with `(app)` after a limit of the
    /// application: `8h / 1h (app)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub brief: Option<String>,
}

/// One limit, and who set it.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
pub struct EffectiveLimit {
    /// The limit in minutes.
    pub minutes: i32,
    /// Whose value it is: `organization` or `application`.
    #[schemars(length(max = 32))]
    pub from: String,
}

/// A field that is not as declared.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
pub struct DriftedField {
    /// The field's name in `spec.policy`.
    #[schemars(length(max = 64))]
    pub field: String,
    /// As declared.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub declared: String,
    /// The same as `declared`, under an older name.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub desired: String,
    /// As found; `unset` when Scalekit reports none.
    #[schemars(length(max = 64))]
    pub live: String,
}

impl DriftedField {
    /// As declared, under whichever name.
    pub fn wanted(&self) -> &str {
        if self.declared.is_empty() { &self.desired } else { &self.declared }
    }
}

/// Reads a value of the wrong shape as absent.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::{Mode, OrganizationSessionPolicy};
    use super::*;
    use serde_json::{Value, json};

    fn stored(status: Value) -> Result<OrganizationSessionPolicy, serde_json::Error> {
        serde_json::from_value(json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "acme", "fromTheFuture": 1},
            "spec": {
                "organization": {"id": "org_1", "region": "eu"},
                "policy": {"policySource": "APPLICATION", "maxSessions": 3},
                "fromTheFuture": {"a": []},
            },
            "status": status,
        }))
    }

    #[test]
    fn a_resource_of_a_newer_version_without_a_status_can_be_read() {
        let resource = stored(Value::Null).unwrap();
        assert_eq!(resource.status, None);
        assert_eq!(resource.spec.mode, Mode::Enforce);
        assert!(!resource.spec.suspend);
    }

    #[test]
    fn an_odd_value_in_the_status_costs_only_itself() {
        let odd = json!({
            "observedGeneration": "seven", "environment": [1], "organizationId": "org_1",
            "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 99_999_999_999_i64},
            "applicationPolicy": "none", "effectivePolicy": 3, "drift": {"field": "x"},
            "conditions": [{"type": "Ready"}], "lastHandledReconcileAt": 1, "fromTheFuture": {"a": 1},
        });
        let expected = OrganizationSessionPolicyStatus { organization_id: Some("org_1".into()), ..Default::default() };
        assert_eq!(stored(odd).unwrap().status, Some(expected));
    }

    #[test]
    fn a_huge_status_can_be_read() {
        let long = "x".repeat(1 << 20);
        let field = json!({"field": long, "declared": long, "desired": long, "live": long});
        let huge = json!({"driftSummary": long, "drift": vec![field; 20], "environment": long});
        let status = stored(huge).unwrap().status.unwrap();
        assert_eq!((status.drift.len(), status.drift_summary), (20, Some(long)));
    }

    #[test]
    fn drift_is_read_under_its_older_name_and_its_newer_one() {
        for name in ["declared", "desired"] {
            let status =
                stored(json!({"drift": [{"field": "mode", name: "8h", "live": "1h"}]})).unwrap().status.unwrap();
            assert_eq!(status.drift.iter().map(DriftedField::wanted).collect::<Vec<_>>(), ["8h"], "{name}");
        }
    }

    #[test]
    fn a_pinned_organization_never_gets_lost_silently() {
        assert!(stored(json!({"organizationId": 7})).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let status = OrganizationSessionPolicyStatus {
            observed_generation: Some(3),
            drift: vec![DriftedField { field: "policySource".into(), ..Default::default() }],
            effective_policy: Some(EffectiveLimits {
                idle_session_timeout: Some(EffectiveLimit { minutes: 5, from: "application".into() }),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(stored(serde_json::to_value(&status).unwrap()).unwrap().status, Some(status));
    }
}
