//! Checks `metadata.ownerReferences` of a manifest.

use crate::crd::{RuleId, Violation};
use serde_json::Value;

/// The fields of `metav1.OwnerReference`; the first four are required.
const FIELDS: [&str; 6] = ["apiVersion", "kind", "name", "uid", "blockOwnerDeletion", "controller"];

/// What the server refuses. An owner that is no map, or a field of another type, has a violation already.
pub(super) fn check(owners: &[Value]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut controllers = 0;
    for (index, owner) in owners.iter().enumerate() {
        let Some(fields) = owner.as_object() else { continue };
        let path = |field: &str| format!("metadata.ownerReferences[{index}].{field}");
        let unknown = fields.keys().filter(|field| !FIELDS.contains(&field.as_str()));
        violations.extend(unknown.map(|field| Violation::new(RuleId::KnownFields, path(field), "unknown field")));
        let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
        for field in FIELDS.iter().take(4).filter(|field| text(field).is_empty()) {
            violations.push(Violation::new(
                RuleId::Metadata,
                path(field),
                "an owner needs it, and it may not be empty",
            ));
        }
        let (version, kind) = (text("apiVersion"), text("kind"));
        if version.matches('/').count() > 1 || version.ends_with('/') {
            violations.push(Violation::new(RuleId::Metadata, path("apiVersion"), "must be VERSION or GROUP/VERSION"));
        }
        if (version, kind) == ("v1", "Event") {
            violations.push(Violation::new(RuleId::Metadata, path("kind"), "an Event may not be an owner"));
        }
        let is_controller = fields.get("controller") == Some(&Value::Bool(true));
        controllers += usize::from(is_controller);
        if is_controller && controllers > 1 {
            let message = "only one owner may be the controller";
            violations.push(Violation::new(RuleId::Metadata, path("controller"), message));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_owner_has_the_fields_that_the_server_asks_for_and_no_other() {
        let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "uid": "u", "controller": true});
        let with = |field: &str, value: Value| {
            let mut other = owner.clone();
            other[field] = value;
            other
        };
        let controlled_twice = [owner.clone(), owner.clone()];
        for (owners, fields) in [
            (vec![], &[][..]),
            (vec![owner.clone(), with("controller", json!(false))], &[]),
            (vec![json!({})], &["[0].apiVersion", "[0].kind", "[0].name", "[0].uid"]),
            (vec![with("name", json!(""))], &["[0].name"]),
            (vec![with("foo", json!(1))], &["[0].foo"]),
            (vec![with("apiVersion", json!("a/b/c"))], &["[0].apiVersion"]),
            (vec![json!({"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "u"})], &["[0].kind"]),
            (controlled_twice.to_vec(), &["[1].controller"]),
        ] {
            let found: Vec<_> = check(&owners).into_iter().map(|violation| violation.path).collect();
            let expected: Vec<_> = fields.iter().map(|field| format!("metadata.ownerReferences{field}")).collect();
            assert_eq!(found, expected, "{owners:?}");
        }
    }
}
