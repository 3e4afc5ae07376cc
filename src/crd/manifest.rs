//! The definition that is installed in a cluster.

use super::spec::OrganizationSessionPolicy;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// The definition as it is installed.
///
/// Differs from what the derive gives in two ways: no field is nullable, so
/// that the server drops a null instead of storing it; and a new resource has
/// `status.observedGeneration: -1`, so that tools that wait for it see that
/// nothing was looked at yet.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = OrganizationSessionPolicy::crd();
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        forbid_null(schema);
        if let Some(status) = schema.properties.as_mut().and_then(|p| p.get_mut("status")) {
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        }
    }
    definition
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

/// The schema of `status.conditions`: `metav1.Condition` with its own limits,
/// one per type.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "description": "What the condition is about.",
                    "type": "string", "maxLength": 316, "minLength": 1,
                },
                "status": {
                    "description": "True, False or Unknown.",
                    "type": "string", "maxLength": 7, "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, in one word.",
                    "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "description": "What happened and what to do about it.",
                    "type": "string", "maxLength": 32768,
                },
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string", "format": "date-time", "maxLength": 64,
                },
                "observedGeneration": {
                    "description": "The generation of the spec that it is about.",
                    "type": "integer", "format": "int64", "minimum": 0,
                },
            },
        },
    })
}
