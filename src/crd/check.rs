//! Checks a manifest without a cluster: the schema, unknown fields as strict
//! `kubectl apply` refuses them, the CEL rules through kube's own evaluator, and
//! the operator's own code. The verdict is the API server's.

use super::{OrganizationSessionPolicySpec, Violation, definition, validate};
use kube::core::cel::Validator;
use serde_json::{Value, json};
use thiserror::Error;

/// The definition can't be checked against; a mistake of ours.
#[derive(Debug, Error)]
#[error("the definition's schema is unusable: {0}")]
pub struct Unusable(String);

/// All that the API server would refuse in `manifest`, a document of our kind;
/// `old` is the same resource as it stands, for rules about changes. Empty:
/// it would be accepted.
pub fn check(manifest: &Value, old: Option<&Value>) -> Result<Vec<Violation>, Unusable> {
    let schema = schema()?;
    let mut strict = schema.clone();
    close(&mut strict);
    let validator = jsonschema::validator_for(&strict).map_err(|error| Unusable(error.to_string()))?;
    let mut violations: Vec<Violation> = validator
        .iter_errors(manifest)
        .map(|error| Violation { path: dotted(&error.instance_path().to_string()), message: error.to_string() })
        .collect();
    if !violations.is_empty() {
        return Ok(violations); // rules may not hold on what has another shape
    }
    if let Err(broken) = Validator::new().validate(&schema, manifest, old) {
        violations.extend(broken.iter().map(|e| Violation { path: e.field_path.clone(), message: e.message.clone() }));
    }
    let spec = manifest.get("spec").cloned().unwrap_or_default();
    let own = match serde_json::from_value::<OrganizationSessionPolicySpec>(spec) {
        Ok(spec) => validate(&spec).err().unwrap_or_default(),
        Err(error) => vec![Violation { path: "spec".into(), message: error.to_string() }],
    };
    violations
        .extend(own.into_iter().filter(|own| !violations.iter().any(|v| v.message == own.message)).collect::<Vec<_>>());
    Ok(violations)
}

fn schema() -> Result<Value, Unusable> {
    let version = definition().spec.versions.into_iter().next();
    let schema = version.and_then(|v| v.schema).and_then(|s| s.open_api_v3_schema);
    let schema = schema.ok_or_else(|| Unusable("there is none".into()))?;
    serde_json::to_value(schema).map_err(|error| Unusable(error.to_string()))
}

/// Refuses unknown fields wherever the known ones are listed.
fn close(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(close);
        for (name, of_any_object) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            if properties.contains_key("spec") {
                properties.insert(name.into(), json!({"type": of_any_object}));
            }
        }
        schema.insert("additionalProperties".into(), false.into());
    }
    if let Some(items) = schema.get_mut("items") {
        close(items);
    }
}

/// `/spec/policy` as `spec.policy`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timeouts() -> impl Strategy<Value = Option<i64>> {
        proptest::option::of(prop_oneof![
            Just(0),
            Just(1),
            Just(59),
            Just(60),
            Just(1440),
            Just(1_491_308),
            Just(1_491_309),
            Just(35_791_394),
            Just(35_791_395),
            Just(2_147_483_647),
            Just(2_147_483_648),
            -2i64..5000,
        ])
    }

    fn units() -> impl Strategy<Value = Option<&'static str>> {
        proptest::option::of(prop_oneof![Just("MINUTES"), Just("HOURS"), Just("DAYS")])
    }

    proptest! {
        #[test]
        fn schema_and_cel_refuse_exactly_what_the_operators_code_refuses(
            source in prop_oneof![Just("CUSTOM"), Just("APPLICATION")],
            absolute in timeouts(), absolute_unit in units(),
            enabled in proptest::option::of(any::<bool>()),
            idle in timeouts(), idle_unit in units(),
        ) {
            let mut policy = serde_json::Map::new();
            for (name, value) in [
                ("policySource", Some(json!(source))),
                ("absoluteSessionTimeout", absolute.map(|v| json!(v))),
                ("absoluteSessionTimeoutUnit", absolute_unit.map(|v| json!(v))),
                ("idleSessionTimeoutEnabled", enabled.map(|v| json!(v))),
                ("idleSessionTimeout", idle.map(|v| json!(v))),
                ("idleSessionTimeoutUnit", idle_unit.map(|v| json!(v))),
            ] {
                policy.extend(value.map(|value| (name.to_owned(), value)));
            }
            let manifest = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
                "metadata": {"name": "a"}, "spec": {"organization": {"id": "org_1"}, "policy": policy}});
            let schema = schema().unwrap();
            let mut strict = schema.clone();
            close(&mut strict);
            let structural = jsonschema::validator_for(&strict).unwrap().is_valid(&manifest);
            let cel = Validator::new().validate(&schema, &manifest, None).is_ok();
            let spec: OrganizationSessionPolicySpec = serde_json::from_value(manifest["spec"].clone()).unwrap();
            prop_assert_eq!(structural && cel, validate(&spec).is_ok(), "{}", manifest);
        }
    }
}
