//! Checks the `metadata` of a manifest.

use super::super::names;
use crate::crd::{RuleId, Violation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

/// The fields of `metav1.ObjectMeta`.
const FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

pub(super) fn check(document: &Value) -> Vec<Violation> {
    let empty = Map::new();
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let fields = metadata.as_object().unwrap_or(&empty);
    let unknown = fields.keys().filter(|field| !FIELDS.contains(&field.as_str()));
    let mut violations: Vec<_> = unknown
        .map(|field| Violation::new(RuleId::KnownFields, format!("metadata.{field}"), "unknown field"))
        .collect();
    match serde_json::from_value::<ObjectMeta>(metadata.clone()) {
        Ok(metadata) => violations.extend(values(&metadata)),
        Err(_) if metadata.is_null() => violations.push(Violation::new(RuleId::Metadata, "metadata.name", NAMELESS)),
        Err(error) => violations.push(Violation::new(RuleId::Metadata, "metadata", error.to_string())),
    }
    violations
}

const NAMELESS: &str = "a resource needs a name";

fn values(metadata: &ObjectMeta) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut expect = |holds: bool, path: String, message: &str| {
        if !holds {
            violations.push(Violation::new(RuleId::Metadata, path, message));
        }
    };
    match metadata.name.as_deref().unwrap_or_default() {
        "" => expect(false, "metadata.name".into(), NAMELESS),
        name => expect(names::is_subdomain(name), "metadata.name".into(), names::NOT_A_SUBDOMAIN),
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let labelled = namespace.is_empty() || names::is_label(namespace);
    expect(labelled, "metadata.namespace".into(), names::NOT_A_LABEL);
    for (key, value) in metadata.labels.iter().flatten() {
        expect(names::is_qualified(key), format!("metadata.labels.{key}"), names::NOT_QUALIFIED);
        let fits = value.is_empty() || names::is_qualified_part(value);
        expect(fits, format!("metadata.labels.{key}"), "a label's value has at most 63 letters, digits, -, _ or .");
    }
    for key in metadata.annotations.iter().flatten().map(|(key, _)| key) {
        let lower = key.to_lowercase(); // as the server does
        expect(names::is_qualified(&lower), format!("metadata.annotations.{key}"), names::NOT_QUALIFIED);
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn good_metadata_has_no_finding() {
        let labels = json!({"app": "x", "example.com/team": "", "a_b.c": "V1.0_x"});
        let metadata = json!({"name": "acme", "namespace": "customers", "labels": labels, "annotations": {"A/b": "…"}});
        assert_eq!(check(&json!({"metadata": metadata})), []);
    }

    #[test]
    fn bad_metadata_is_reported_by_field() {
        for (metadata, path) in [
            (json!(null), "metadata.name"),
            (json!({}), "metadata.name"),
            (json!({"name": ""}), "metadata.name"),
            (json!({"name": "Acme"}), "metadata.name"),
            (json!({"name": "a", "namespace": "a.b"}), "metadata.namespace"),
            (json!({"name": "a", "nmespace": "b"}), "metadata.nmespace"),
            (json!({"name": "a", "labels": {"a": "b c"}}), "metadata.labels.a"),
            (json!({"name": "a", "labels": {"a/b/c": "x"}}), "metadata.labels.a/b/c"),
            (json!({"name": "a", "annotations": {"": "x"}}), "metadata.annotations."),
            (json!({"name": "a", "labels": {"a": 1}}), "metadata"),
            (json!("a"), "metadata"),
        ] {
            let violations = check(&json!({"metadata": metadata}));
            assert_eq!(violations.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [path], "{metadata}");
        }
    }
}
