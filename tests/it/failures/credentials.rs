//! Rows 38 to 41: the Secret that credentials come from; and that answers are
//! understood however they are written.

use super::{spec, witness::message};
use crate::world::World;
use serde_json::{Value, json};

const FROM_SECRET: &str = ", credentialsSecretRef: {name: scalekit}";

/// An operator without credentials of its own.
async fn world() -> World {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_an_answer_is_understood() {
    for emission in [json!({"unset": "omit"}), json!({"unset": "zero"}), json!({"unset": "null"})] {
        let mut world = World::without_operator(json!({"emission": emission, "gate": {"mode": "flag"},
            "parsing": "strict"}))
        .await;
        world.start_operator();
        world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90}}");
        world.until("acme", "True", "InSync");
        let writes = world.writes().len();
        world.until_looked(2);
        assert_eq!(world.writes().len(), writes, "{emission}: at rest nothing is written");
        world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_038_a_missing_secret_costs_no_call_and_is_found_when_it_comes() {
    let world = world().await;
    world.apply("acme", &spec(FROM_SECRET));
    let resource = world.until("acme", "False", "CredentialsMissing");
    assert!(message(&resource, "Ready").contains("scalekit"));
    assert_eq!(world.admin("GET", "journal/count", &Value::Null)["count"], 0);
    world.apply_secret("scalekit", "test_simulator");
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_039_an_unusable_secret_is_named_by_its_key() {
    let world = world().await;
    world.kubectl(&["create", "secret", "generic", "scalekit", "--from-literal=SCALEKIT_CLIENT_ID=x"]);
    world.apply("acme", &spec(FROM_SECRET));
    let resource = world.until("acme", "False", "CredentialsIncomplete");
    assert!(message(&resource, "Ready").contains("SCALEKIT_ENVIRONMENT_URL"));
    assert_eq!(world.admin("GET", "journal/count", &Value::Null)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_040_a_rotated_secret_is_used_without_a_restart() {
    let world = world().await;
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(FROM_SECRET));
    world.until("acme", "True", "InSync");
    world.apply_secret("scalekit", "rotated");
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    world.admin("POST", "tokens/revoke", &Value::Null);
    world.until_looked(2);
    let resource = world.until("acme", "True", "InSync");
    assert!(!resource.to_string().contains("rotated"));
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_041_a_wrong_secret_is_named_and_a_right_one_is_used() {
    let world = world().await;
    world.apply_secret("scalekit", "wrong");
    world.apply("acme", &spec(FROM_SECRET));
    let resource = world.until("acme", "False", "CredentialsRejected");
    let said = message(&resource, "Ready");
    assert!(said.contains("scalekit") && !said.contains("wrong"), "{said}");
    world.apply_secret("scalekit", "test_simulator");
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=now"]);
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["status"]["lastHandledReconcileAt"], "now");
}
