//! The JSON Schema for editors and kubeconform, made from the schema of the API server.

use super::{OrganizationSessionPolicy, manifest::structural_schema};
use kube::Resource;
use serde_json::{Value, json};

/// The JSON Schema (draft 7) of the resource. It does not have the rules in CEL, since no editor
/// evaluates them; unlike the server's schema, it refuses unknown fields.
pub fn json_schema() -> Value {
    let kind = OrganizationSessionPolicy::kind(&());
    let mut schema = structural_schema().unwrap_or_default();
    plain(&mut schema);
    let Some(root) = schema.as_object_mut() else { return schema };
    root.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    root.insert("title".into(), json!(kind));
    root.insert("required".into(), json!(["apiVersion", "kind", "metadata", "spec"]));
    if let Some(fields) = root.get_mut("properties").and_then(Value::as_object_mut) {
        let api_version = OrganizationSessionPolicy::api_version(&());
        fields.insert("apiVersion".into(), json!({"type": "string", "enum": [api_version]}));
        fields.insert("kind".into(), json!({"type": "string", "enum": [kind]}));
        let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let metadata = json!({
            "name": {"type": "string"}, "namespace": {"type": "string"}, "labels": texts, "annotations": texts,
        });
        fields.insert("metadata".into(), json!({"type": "object", "required": ["name"], "properties": metadata}));
    }
    schema
}

/// [`json_schema`] as text: the file below `schemas/`.
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

/// Drops the extensions of Kubernetes, and refuses unknown fields in every object.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            words.retain(|word, _| !word.starts_with("x-kubernetes-"));
            if words.get("properties").is_some_and(Value::is_object) && words.contains_key("type") {
                words.insert("additionalProperties".into(), Value::Bool(false));
            }
            words.values_mut().for_each(plain);
        }
        Value::Array(values) => values.iter_mut().for_each(plain),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_reports_what_the_server_would_say_of_the_structure() {
        let validator = jsonschema::draft7::new(&json_schema()).unwrap();
        let good = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "a", "labels": {"any": "thing"}},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
        });
        assert!(validator.is_valid(&good));
        for (pointer, value) in [
            ("/kind", json!("Secret")),
            ("/metadata", json!({})),
            ("/spec/organization/id", json!("1")),
            ("/spec/policy", json!({"policySource": "APPLICATION", "idle": 1})),
            ("/spec", json!(null)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(!validator.is_valid(&bad), "{pointer}");
        }
    }
}
