//! The CustomResourceDefinition.

use super::{rules, spec::OrganizationSessionPolicy};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

/// The CustomResourceDefinition.
///
/// Differs from the derived one in three ways: it has the rules between fields; no field is nullable, so
/// that the server drops a null; and a new resource has `status.observedGeneration: -1`, so that tools
/// that wait for it know that it was not reconciled yet.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = OrganizationSessionPolicy::crd();
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        forbid_null(schema);
        for path in rules::OBJECTS {
            if let Some(object) = at(schema, path) {
                object.x_kubernetes_validations = Some(rules::in_cel(path));
            }
        }
        if let Some(status) = at(schema, "status") {
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        }
    }
    definition
}

fn at<'a>(schema: &'a mut JSONSchemaProps, path: &str) -> Option<&'a mut JSONSchemaProps> {
    path.split('.').try_fold(schema, |schema, field| schema.properties.as_mut()?.get_mut(field))
}

/// The schema in [`definition`]. It is always there, as a test shows.
pub(super) fn structural_schema() -> Option<Value> {
    let schema = definition().spec.versions.into_iter().next()?.schema?.open_api_v3_schema?;
    serde_json::to_value(schema).ok()
}

/// [`definition`] as YAML: the file `crds/organizationsessionpolicies.yaml`.
pub fn manifest() -> Result<String, serde_yaml::ser::Error> {
    Ok(format!("# Generated from src/crd; do not edit.\n{}", serde_yaml::to_string(&definition())?))
}

fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        forbid_null(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        forbid_null(items);
    }
}
