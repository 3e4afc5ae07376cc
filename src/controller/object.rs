//! A resource as the API server sends it, without what the operator never uses. The managed fields and
//! kubectl's last applied configuration are most of its text: they are skipped, not decoded. (Kube's own
//! `DeserializeGuard` decodes an object into a tree of all its values first, and copies that.)

use crate::crd::{
    OrganizationSessionPolicy, OrganizationSessionPolicySpec, OrganizationSessionPolicyStatus, REQUESTED_AT,
    SUSPENDED_UNTIL,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;

/// A resource. A spec that does not decode, as one of a newer version, costs nothing of the status.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) metadata: ObjectMeta,
    /// Or why it, or the status, does not decode.
    pub(super) spec: Result<OrganizationSessionPolicySpec, String>,
    pub(super) status: Option<OrganizationSessionPolicyStatus>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Sent { metadata, spec, status } = Sent::deserialize(deserializer)?;
        let metadata = ObjectMeta::from(metadata);
        // values can be tried: one resource that does not decode must not fail a list
        let (status, broken) = match serde_json::from_value(status) {
            Ok(status) => (status, None),
            Err(error) => (None, Some(error)),
        };
        let spec = broken.map_or_else(|| serde_json::from_value(spec), Err);
        Ok(Self { metadata, spec: spec.map_err(|error| error.to_string()), status })
    }
}

#[derive(Deserialize)]
struct Sent {
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    /// That of [`REQUESTED_AT`].
    #[serde(rename = "reconcile.fluxcd.io/requestedAt")]
    requested_at: Option<String>,
    /// That of [`SUSPENDED_UNTIL`].
    #[serde(rename = "scalekit.com/suspended-until")]
    suspended_until: Option<String>,
}

impl From<Metadata> for ObjectMeta {
    fn from(sent: Metadata) -> Self {
        let annotations = sent.annotations.map(|sent| {
            let known = [(REQUESTED_AT, sent.requested_at), (SUSPENDED_UNTIL, sent.suspended_until)];
            known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        });
        Self {
            name: sent.name,
            namespace: sent.namespace,
            uid: sent.uid,
            resource_version: sent.resource_version,
            generation: sent.generation,
            creation_timestamp: sent.creation_timestamp,
            deletion_timestamp: sent.deletion_timestamp,
            finalizers: sent.finalizers,
            annotations,
            ..Self::default()
        }
    }
}

impl Resource for Object {
    type DynamicType = ();
    type Scope = <OrganizationSessionPolicy as Resource>::Scope;

    fn kind(dt: &()) -> Cow<'_, str> {
        OrganizationSessionPolicy::kind(dt)
    }

    fn group(dt: &()) -> Cow<'_, str> {
        OrganizationSessionPolicy::group(dt)
    }

    fn version(dt: &()) -> Cow<'_, str> {
        OrganizationSessionPolicy::version(dt)
    }

    fn plural(dt: &()) -> Cow<'_, str> {
        OrganizationSessionPolicy::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::{api::WatchEvent, core::error_boundary::DeserializeGuard};
    use serde_json::json;

    fn sent(spec: &Value) -> Value {
        json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {
                "name": "x", "namespace": "a", "uid": "1", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                "finalizers": ["b/c"], "labels": {"d": "e"},
                "annotations": {REQUESTED_AT: "now", SUSPENDED_UNTIL: "then", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
                "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": spec,
            "status": {"observedGeneration": 1, "claim": "Verified", "drift": "odd"},
        })
    }

    #[test]
    fn all_is_read_that_the_operator_uses_and_nothing_that_grows_with_the_managers() {
        let sent = sent(&json!({"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}}));
        let read: Object = serde_json::from_value(sent.clone()).unwrap();
        let DeserializeGuard::<OrganizationSessionPolicy>(whole) = serde_json::from_value(sent).unwrap();
        let OrganizationSessionPolicy { metadata, spec, status } = whole.unwrap();
        assert_eq!(
            read.metadata,
            ObjectMeta {
                managed_fields: None,
                labels: None,
                annotations: Some(
                    [(REQUESTED_AT, "now"), (SUSPENDED_UNTIL, "then")]
                        .map(|(k, v)| (k.to_owned(), v.to_owned()))
                        .into()
                ),
                ..metadata
            }
        );
        assert_eq!((read.spec, read.status), (Ok(spec), status));
    }

    #[test]
    fn one_that_does_not_decode_still_has_its_metadata() {
        for spec in [json!({"organization": 7}), Value::Null] {
            let line = json!({"type": "ADDED", "object": sent(&spec)}).to_string();
            let Ok(WatchEvent::Added(read)) = serde_json::from_str::<WatchEvent<Object>>(&line) else { panic!() };
            assert_eq!(read.meta().uid.as_deref(), Some("1"));
            assert!(read.spec.unwrap_err().contains("invalid type"));
            assert!(read.status.unwrap().claim.is_some(), "its status does");
        }
    }
}
