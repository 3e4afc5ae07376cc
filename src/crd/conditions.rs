//! The schema of the conditions.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The schema of `status.conditions`: a map by type of `metav1.Condition` with its limits.
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
