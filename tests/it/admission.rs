//! Bad specs are refused at the door, with the message a person needs.

use crate::world::World;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn bad_specs_are_refused_with_what_to_write_instead() {
    let world = World::without_operator(json!({})).await;
    let policy = |p: &str| format!("{{organization: {{id: org_1}}, policy: {p}}}");
    for (spec, said) in [
        ("{organization: {id: \"../../x\"}, policy: {policySource: APPLICATION}}".to_owned(), "spec.organization.id"),
        ("{organization: {id: org_1, externalId: a}, policy: {policySource: APPLICATION}}".into(), "exactly one"),
        ("{organization: {}, policy: {policySource: APPLICATION}}".into(), "exactly one"),
        ("{organization: {externalId: \"..\"}, policy: {policySource: APPLICATION}}".into(), "externalId"),
        (policy("{policySource: CUSTOM}"), "absoluteSessionTimeout"),
        (policy("{policySource: APPLICATION, absoluteSessionTimeout: 5}"), "APPLICATION"),
        (policy("{policySource: OTHER}"), "policySource"),
        (policy("{policySource: CUSTOM, absoluteSessionTimeout: 0}"), "greater than or equal to 1"),
        (
            policy("{policySource: CUSTOM, absoluteSessionTimeout: 1491309, absoluteSessionTimeoutUnit: DAYS}"),
            "1491308",
        ),
        (
            policy("{policySource: CUSTOM, absoluteSessionTimeout: 35791395, absoluteSessionTimeoutUnit: HOURS}"),
            "35791394",
        ),
        (
            policy("{policySource: CUSTOM, absoluteSessionTimeout: 60, idleSessionTimeoutEnabled: true}"),
            "idleSessionTimeout",
        ),
        (policy("{policySource: CUSTOM, absoluteSessionTimeout: 60, idleSessionTimeout: 5}"), "idleSessionTimeout"),
        (
            policy(
                "{policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: HOURS, \
            idleSessionTimeoutEnabled: true, idleSessionTimeout: 60}",
            ),
            "shorter",
        ),
        (policy("{policySource: APPLICATION}, interval: 5s"), "interval"),
        (policy("{policySource: APPLICATION}, credentialsSecretRef: {name: a, namespace: b}"), "unknown field"),
    ] {
        let (accepted, answer) = world.try_apply("bad", &spec);
        assert!(!accepted, "accepted: {spec}");
        assert!(answer.contains(said), "{spec}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_never_changed_in_place() {
    let world = World::without_operator(json!({})).await;
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: APPLICATION}}");
    let (accepted, answer) =
        world.try_apply("acme", "{organization: {id: org_2}, policy: {policySource: APPLICATION}}");
    assert!(!accepted && answer.contains("cannot be changed"), "{answer}");
}
