//! The structural steps of the API server: unknown fields, the stored form, and the schema.

use crate::crd::{RuleId, Violation};
use serde_json::{Map, Value};

/// The fields of `document` that the schema does not have, except those of metadata.
pub(super) fn unknown_fields(schema: &Value, document: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    walk(schema, document, "", &mut violations);
    violations.retain(|violation| !matches!(&*violation.path, "apiVersion" | "kind" | "metadata"));
    violations
}

fn walk(schema: &Value, value: &Value, path: &str, violations: &mut Vec<Violation>) {
    if let (Some(properties), Value::Object(fields)) = (properties(schema), value) {
        for (field, value) in fields {
            let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
            match properties.get(field) {
                Some(schema) => walk(schema, value, &path, violations),
                None => violations.push(Violation::new(RuleId::KnownFields, path, "unknown field")),
            }
        }
    }
    if let (Some(items), Value::Array(values)) = (schema.get("items"), value) {
        for (index, value) in values.iter().enumerate() {
            walk(items, value, &format!("{path}[{index}]"), violations);
        }
    }
}

/// `document` as the server stores it and checks it: without metadata, status, unknown fields and nulls,
/// and with `8.0` as `8`.
pub(super) fn as_stored(schema: &Value, document: &Value) -> Value {
    let mut object = known(schema, document);
    object.as_object_mut().and_then(|fields| fields.remove("status"));
    object
}

fn known(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let Some(properties) = properties(schema) else { return value.clone() };
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.filter_map(|(field, value)| Some((field.clone(), known(properties.get(field)?, value))));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(values) => {
            let Some(items) = schema.get("items") else { return value.clone() };
            Value::Array(values.iter().map(|value| known(items, value)).collect())
        }
        Value::Number(number) => whole(number.as_f64()).filter(|_| number.is_f64()).unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

/// The limit up to which every integer is exact in f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(number: Option<f64>) -> Option<Value> {
    let number = number.filter(|n| n.fract() == 0.0 && n.abs() < EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    Some(Value::from(number as i64))
}

/// The violations of the schema, and whether the rules in CEL are evaluated as well: the server does so
/// after violations of bounds and patterns, but not if a value has the wrong shape.
pub(super) fn violations(schema: &jsonschema::Validator, object: &Value) -> (Vec<Violation>, bool) {
    use jsonschema::error::ValidationErrorKind::{Enum, MaxItems, MaxLength, Required, Type};
    let errors: Vec<_> = schema.iter_errors(object).collect();
    let shape = |error: &jsonschema::ValidationError<'_>| {
        matches!(error.kind(), Type { .. } | Required { .. } | Enum { .. } | MaxLength { .. } | MaxItems { .. })
    };
    let violations = errors.iter().map(|error| {
        let rule = match error.kind() {
            Required { property } => RuleId::Required(property.as_str().unwrap_or_default().to_owned()),
            _ => RuleId::Schema,
        };
        let path = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        Violation::new(rule, path, error.to_string())
    });
    (violations.collect(), !errors.iter().any(shape))
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"properties": {
            "spec": {"properties": {"number": {"type": "integer"}, "list": {"items": {"properties": {"a": {}}}}}},
            "status": {"properties": {"seen": {}}},
        }})
    }

    #[test]
    fn an_unknown_field_is_named_at_any_depth() {
        let document = json!({
            "kind": "x", "metadata": {"any": 1}, "sepc": {},
            "spec": {"list": [{"a": 1}, {"b": 1}]}, "status": {"unseen": 1},
        });
        let paths: Vec<_> = unknown_fields(&schema(), &document).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["sepc", "spec.list[1].b", "status.unseen"]);
    }

    #[test]
    fn nulls_status_and_unknown_fields_are_not_stored() {
        let document = json!({"kind": "x", "spec": {"number": 8.0, "list": null, "more": 1}, "status": {"seen": 1}});
        assert_eq!(as_stored(&schema(), &document), json!({"spec": {"number": 8}}));
        let odd = json!({"spec": {"number": 1.5}});
        assert_eq!(as_stored(&schema(), &odd), odd);
    }
}
