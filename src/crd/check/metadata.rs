//! Checks the `metadata` of a manifest.

use super::{super::names, owners};
use crate::crd::{RuleId, Violation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
    if !metadata.is_object() && !metadata.is_null() {
        violations.push(Violation::new(RuleId::Metadata, "metadata", "must be a map with the name of the resource"));
        return violations;
    }
    let mut readable = ObjectMeta { name: Some(String::new()), ..ObjectMeta::default() };
    for (field, value) in fields {
        let path = format!("metadata.{field}");
        match (field.as_str(), value) {
            ("labels", Value::Object(map)) => readable.labels = Some(texts(map, &path, &mut violations)),
            ("annotations", Value::Object(map)) => readable.annotations = Some(texts(map, &path, &mut violations)),
            ("labels" | "annotations", Value::Null) => {}
            ("labels" | "annotations", _) => {
                violations.push(Violation::new(RuleId::Metadata, path, "must be a map of texts"))
            }
            ("name", _) => readable.name = text(value, path, &mut violations),
            ("namespace", _) => readable.namespace = text(value, path, &mut violations),
            _ => violations.extend(shape(field, value).map(|why| Violation::new(RuleId::Metadata, path, why))),
        }
    }
    if let Some(Value::Array(owners)) = fields.get("ownerReferences") {
        violations.extend(owners::check(owners));
    }
    if let Some(name) = fields.get("generateName").and_then(Value::as_str) {
        // the server ends it with letters of its own
        let fits = name.is_empty() || names::is_subdomain(&format!("{}x", name.trim_end_matches('-')));
        let path = "metadata.generateName";
        violations.extend((!fits).then(|| Violation::new(RuleId::Metadata, path, names::NOT_A_SUBDOMAIN)));
    }
    for (index, name) in fields.get("finalizers").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let fits = name.as_str().is_none_or(names::is_qualified); // another type has a violation already
        let path = format!("metadata.finalizers[{index}]");
        violations.extend((!fits).then(|| Violation::new(RuleId::Metadata, path, names::NOT_QUALIFIED)));
    }
    violations.extend(values(&readable));
    violations
}

/// The fields of `metav1.ListMeta`.
const LIST_FIELDS: [&str; 4] = ["continue", "remainingItemCount", "resourceVersion", "selfLink"];

/// The violations of what a list has beside its items. kubectl decodes the `metadata` of each as that of a resource, and
/// checks the fields of a list that is `typed`, `OrganizationSessionPolicyList`, against its schema.
pub(super) fn check_list(list: &Map<String, Value>, typed: bool) -> Vec<Violation> {
    let unknown = |path: String| Violation::new(RuleId::KnownFields, path, "unknown field");
    let mut violations = Vec::new();
    for field in list.keys().filter(|_| typed) {
        if !["apiVersion", "kind", "metadata", "items"].contains(&field.as_str()) {
            violations.push(unknown(field.clone()));
        }
    }
    let fields = match list.get("metadata") {
        None | Some(Value::Null) => return violations,
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            violations.push(Violation::new(RuleId::Metadata, "metadata", "must be a map, or left out"));
            return violations;
        }
    };
    for (field, value) in fields {
        let path = format!("metadata.{field}");
        let why = match (field.as_str(), value) {
            (field, _) if typed && !LIST_FIELDS.contains(&field) => {
                violations.push(unknown(path));
                continue;
            }
            ("remainingItemCount", value) if typed => {
                (!value.is_number() && !value.is_null()).then(|| "must be a number".to_owned())
            }
            ("continue", Value::Array(_) | Value::Object(_)) if typed => Some("must be a text".to_owned()),
            (field, _) if !FIELDS.contains(&field) => None,
            ("labels" | "annotations", Value::Object(map)) => {
                texts(map, &path, &mut violations);
                None
            }
            (field, value) => shape(field, value),
        };
        violations.extend(why.map(|why| Violation::new(RuleId::Metadata, path, why)));
    }
    violations
}

/// The most bytes of all annotations, keys and values.
const ANNOTATIONS: usize = 256 << 10;

const NAMELESS: &str = "a resource needs a name";

/// Why a field of metadata can't be read, if so.
fn shape(field: &str, value: &Value) -> Option<String> {
    let alone = Value::Object(Map::from_iter([(field.to_owned(), value.clone())]));
    serde_json::from_value::<ObjectMeta>(alone).err().map(|error| error.to_string())
}

/// The text of a value, empty for null; a violation and `None` if it is none.
fn text(value: &Value, path: String, violations: &mut Vec<Violation>) -> Option<String> {
    match value {
        Value::String(text) => return Some(text.clone()),
        Value::Null => return Some(String::new()),
        _ => violations.push(no_text(value, path)),
    }
    None
}

/// The entries of a map of texts; a violation for each of the others.
fn texts(map: &Map<String, Value>, path: &str, violations: &mut Vec<Violation>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (key, value) in map {
        match value {
            Value::String(text) => drop(texts.insert(key.clone(), text.clone())),
            _ => violations.push(no_text(value, format!("{path}.{key}"))),
        }
    }
    texts
}

fn no_text(value: &Value, path: String) -> Violation {
    let is = match value {
        Value::Number(number) => format!("{number} without quotes is a number"),
        Value::Bool(boolean) => format!("{boolean} without quotes is a boolean"),
        Value::Null => "nothing, null or ~ without quotes is no text".to_owned(),
        Value::Array(_) => "this is a list".to_owned(),
        _ => "this is a map".to_owned(),
    };
    Violation::new(RuleId::Text, path, format!("must be a text, and {is}"))
}

fn values(metadata: &ObjectMeta) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut expect = |holds: bool, path: String, message: &str| {
        if !holds {
            violations.push(Violation::new(RuleId::Metadata, path, message));
        }
    };
    match metadata.name.as_deref() {
        None => {} // it is there, and has a violation already
        Some("") => expect(false, "metadata.name".into(), NAMELESS),
        Some(name) => expect(names::is_subdomain(name), "metadata.name".into(), names::NOT_A_SUBDOMAIN),
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
    let annotations = metadata.annotations.iter().flatten().map(|(key, value)| key.len() + value.len());
    if annotations.sum::<usize>() > ANNOTATIONS {
        let message = format!("all annotations together have at most {ANNOTATIONS} bytes");
        violations.push(Violation::new(RuleId::Metadata, "metadata.annotations", message));
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
        let metadata = json!({"name": "acme", "namespace": "customers", "labels": labels, "annotations": {"A/b": "…"},
            "generateName": "acme-", "finalizers": ["a", "example.com/b"]});
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
            (json!({"name": "a", "labels": {"a": 1}}), "metadata.labels.a"),
            (json!({"name": "a", "labels": {"a": null}}), "metadata.labels.a"),
            (json!({"name": "a", "annotations": {"a.b/c": true}}), "metadata.annotations.a.b/c"),
            (json!({"name": "a", "labels": ["b"]}), "metadata.labels"),
            (json!({"name": 1}), "metadata.name"),
            (json!({"name": "a", "namespace": 1}), "metadata.namespace"),
            (json!({"name": "a", "finalizers": "b"}), "metadata.finalizers"),
            (json!({"name": "a", "finalizers": ["a", ""]}), "metadata.finalizers[1]"),
            (json!({"name": "a", "finalizers": ["a b/c"]}), "metadata.finalizers[0]"),
            (json!({"name": "a", "generateName": "X_"}), "metadata.generateName"),
            (json!({"name": "a", "annotations": {"a": "x".repeat(ANNOTATIONS)}}), "metadata.annotations"),
            (json!({"name": "a", "generation": "b"}), "metadata.generation"),
            (json!("a"), "metadata"),
        ] {
            let violations = check(&json!({"metadata": metadata}));
            assert_eq!(violations.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [path], "{metadata}");
        }
    }
}
