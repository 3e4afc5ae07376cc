//! Checks manifests as the API server would, without one: for pipelines that check a change before it
//! reaches a cluster.
//!
//! It does what the server does, in the same order: refuse unknown fields (`kubectl apply` validates
//! strictly), drop nulls, set defaults, check the schema, evaluate the rules in CEL. It does not use
//! the operator's own [`validate`], since tests compare the two.

#[cfg(test)]
mod agreement;
mod metadata;
mod owners;
mod structure;

use super::{
    OrganizationSessionPolicy, OrganizationSessionPolicySpec, RuleId, SUSPENDED_UNTIL, Violation,
    manifest::structural_schema, rules::id_of, validate,
};
use crate::policy::ValidatedSpec;
use kube::{
    Resource,
    core::cel::{CompiledSchema, Validator, compile_schema},
};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// All violations of one document of our kind; empty if the API server would create it. Rules that
/// compare with an older version are not evaluated.
pub fn check(document: &Value) -> Vec<Violation> {
    stored(document).err().unwrap_or_default()
}

/// All violations of what a list has beside its items.
pub fn check_list(list: &Map<String, Value>, typed: bool) -> Vec<Violation> {
    metadata::check_list(list, typed)
}

/// The document as the API server would store it, or all its violations.
fn stored(document: &Value) -> Result<Value, Vec<Violation>> {
    let mut violations = kind(document);
    if !violations.is_empty() {
        return Err(violations);
    }
    let Some(schema) = &*SCHEMA else {
        return Err(vec![Violation::new(RuleId::Schema, "", "the schema of this program is broken; please report it")]);
    };
    violations.extend(metadata::check(document));
    violations.extend(structure::unknown_fields(&schema.plain, document));
    let object = structure::as_stored(&schema.plain, document);
    let (bounds, shaped) = structure::violations(&schema.structural, &object);
    violations.extend(bounds);
    if shaped {
        violations.extend(rules(&schema.rules, &object));
    }
    if violations.is_empty() { Ok(object) } else { Err(violations) }
}

/// The validated spec of a document of our kind, or its violations (at least one): [`check`], then the
/// operator's own [`validate`].
pub fn read(document: &Value) -> Result<ValidatedSpec, Vec<Violation>> {
    let spec = stored(document)?.get_mut("spec").map(Value::take).unwrap_or_default();
    let spec = serde_json::from_value::<OrganizationSessionPolicySpec>(spec)
        .map_err(|error| vec![Violation::new(RuleId::Readable, "spec", error.to_string())])?;
    let annotation = document.pointer("/metadata/annotations").and_then(|all| all.get(SUSPENDED_UNTIL)?.as_str());
    validate(&spec)?.until(annotation)
}

/// The generated schema: as JSON, as a validator of structure, and its rules.
struct Schema {
    plain: Value,
    structural: jsonschema::Validator,
    rules: CompiledSchema,
}

static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    let plain = structural_schema()?;
    let structural = jsonschema::validator_for(&plain).ok()?;
    let rules = compile_schema(&plain);
    Some(Schema { plain, structural, rules })
});

fn kind(document: &Value) -> Vec<Violation> {
    if !document.is_object() {
        return vec![Violation::new(RuleId::Kind, "", "a manifest is a map with apiVersion, kind, metadata and spec")];
    }
    let expected =
        [("apiVersion", OrganizationSessionPolicy::api_version(&())), ("kind", OrganizationSessionPolicy::kind(&()))];
    let differs = expected.iter().filter(|(field, value)| document.get(field).and_then(Value::as_str) != Some(value));
    differs.map(|(field, value)| Violation::new(RuleId::Kind, *field, format!("must be {value}"))).collect()
}

fn rules(rules: &CompiledSchema, object: &Value) -> Vec<Violation> {
    thread_local! { // making one takes longer than using it
        static VALIDATOR: Validator = Validator::new();
    }
    let broken = VALIDATOR.with(|validator| validator.validate_compiled(rules, object, None)).err();
    let broken = broken.into_iter().flat_map(|errors| errors.into_vec());
    broken.map(|error| Violation::new(RuleId::Policy(id_of(&error.rule)), error.field_path, error.message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_generated_schema_and_all_its_rules_compile() {
        assert!(SCHEMA.as_ref().is_some_and(|schema| !schema.rules.has_errors()));
    }

    #[test]
    fn each_violation_is_reported_once_with_its_path() {
        let document = json!({
            "apiVersion": "scalekit.com/v1alpha1",
            "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "acme"},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "CUSTOM"}, "intervall": "10m"},
        });
        let shown: Vec<_> = check(&document).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "spec.intervall: unknown field",
                "spec.policy.absoluteSessionTimeout: policySource CUSTOM needs an absoluteSessionTimeout, for example \
                 absoluteSessionTimeout: 8 with absoluteSessionTimeoutUnit: HOURS",
            ]
        );
    }

    #[test]
    fn a_document_of_another_kind_is_not_checked() {
        for document in [json!(null), json!([]), json!({}), json!({"apiVersion": "v1", "kind": "Secret"})] {
            assert!(!check(&document).is_empty(), "{document}");
        }
    }
}
