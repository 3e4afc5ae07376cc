//! Who owns an organization: of all that claim it the oldest, then the first
//! by namespace and name. A total order that every observer sees alike.

use super::{index::Entry, resource_ref::ResourceRef};
use crate::reconcile::Ownership;
use jiff::Timestamp;

/// The standing of `reference`, created at `created`, among `rivals`: the other
/// resources that mean the same organization in the same environment.
pub(super) fn ownership(reference: &ResourceRef, created: Timestamp, rivals: &[Entry]) -> Ownership {
    let rank = |created: Timestamp, s: &ResourceRef| (created, s.namespace.clone(), s.name.clone(), s.uid.clone());
    let own = rank(created, reference);
    let first = rivals.iter().min_by_key(|rival| rank(rival.created, &rival.reference));
    match first.filter(|rival| rank(rival.created, &rival.reference) < own) {
        None => Ownership::Owner { successor: rivals.iter().any(|rival| rival.claim.takes_over) },
        Some(owner) => {
            let here = owner.reference.namespace == reference.namespace;
            Ownership::Conflicted { owner: here.then(|| owner.reference.name.to_string()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::OrganizationSessionPolicy;
    use kube::core::error_boundary::DeserializeGuard;
    use serde_json::{Value, json};

    /// A resource of organization org_1, created at this second of a minute.
    fn entry(namespace: &str, name: &str, second: u8, mode: &str) -> Entry {
        with(namespace, name, second, &json!({"mode": mode}))
    }

    /// The same with this in its spec.
    fn with(namespace: &str, name: &str, second: u8, rest: &Value) -> Entry {
        let mut object = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": namespace, "name": name, "uid": format!("{namespace}-{name}"),
                "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
        });
        rest.as_object().unwrap().iter().for_each(|(field, value)| object["spec"][field] = value.clone());
        let object: OrganizationSessionPolicy = serde_json::from_value(object).unwrap();
        Entry::of(&DeserializeGuard(Ok(object))).unwrap()
    }

    fn of(own: &Entry, rivals: &[Entry]) -> Ownership {
        ownership(&own.reference, own.created, rivals)
    }

    #[test]
    fn the_oldest_owns_and_then_the_first_by_name() {
        let (old, young) = (entry("b", "z", 1, "Enforce"), entry("b", "a", 2, "Enforce"));
        assert_eq!(of(&old, std::slice::from_ref(&young)), Ownership::Owner { successor: true });
        assert_eq!(of(&young, std::slice::from_ref(&old)), Ownership::Conflicted { owner: Some("z".into()) });
        let twin = entry("b", "y", 1, "Enforce");
        assert_eq!(of(&twin, std::slice::from_ref(&old)), Ownership::Owner { successor: true });
        assert_eq!(of(&old, std::slice::from_ref(&twin)), Ownership::Conflicted { owner: Some("y".into()) });
    }

    #[test]
    fn every_observer_names_the_same_owner() {
        let all = [entry("a", "x", 3, "Enforce"), entry("b", "x", 1, "Observe"), entry("c", "x", 1, "Enforce")];
        let owners = all.iter().filter(|own| {
            let rivals: Vec<Entry> = all.iter().filter(|e| e != own).cloned().collect();
            matches!(of(own, &rivals), Ownership::Owner { .. })
        });
        assert_eq!(owners.map(|e| &*e.reference.namespace).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_winner_is_named_only_inside_its_own_namespace() {
        let (old, young) = (entry("a", "x", 1, "Enforce"), entry("b", "x", 2, "Enforce"));
        assert_eq!(of(&young, &[old]), Ownership::Conflicted { owner: None });
    }

    #[test]
    fn one_that_would_write_nothing_is_no_heir_and_still_owns() {
        for rest in [json!({"mode": "Observe"}), json!({"suspend": true})] {
            let (old, young) = (entry("a", "x", 1, "Enforce"), with("a", "y", 2, &rest));
            assert_eq!(of(&old, &[young]), Ownership::Owner { successor: false }, "{rest}");
            let (old, young) = (with("a", "x", 1, &rest), entry("a", "y", 2, "Enforce"));
            assert_eq!(of(&young, &[old]), Ownership::Conflicted { owner: Some("x".into()) }, "{rest}");
        }
    }
}
