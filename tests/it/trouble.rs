//! Bad answers and bad input end in a named condition that tells a person what
//! to do, and lose nothing. Numbers are rows of the failure catalogue.

use crate::world::{EIGHT_HOURS, World, condition};
use serde_json::{Value, json};

fn spec(rest: &str) -> String {
    format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// A fault on every request of this kind.
fn always(method: &str, path: &str, fault: &Value) -> Value {
    json!({"method": method, "path": path, "times": "forever", "fault": fault})
}

const POLICY: &str = "/api/v1/organizations/*/session-policy";
const ORGANIZATION: &str = "/api/v1/organizations/org_1";

async fn troubled(rules: &[Value]) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.admin("POST", "faults", &json!(rules));
    world.start_operator();
    world.apply("acme", &spec(""));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_named_and_nothing_is_written() {
    for (row, path, fault, status, reason) in [
        (5, ORGANIZATION, json!({"kind": "refuse", "status": 403}), "False", "Forbidden"),
        (14, POLICY, json!({"kind": "refuse", "status": 503}), "Unknown", "ApiUnavailable"),
        (18, ORGANIZATION, json!({"kind": "slow_headers", "delay_ms": 30_000}), "Unknown", "TimedOut"),
        (19, POLICY, json!({"kind": "truncated", "keep_bytes": 5}), "Unknown", "BadResponse"),
        (20, ORGANIZATION, json!({"kind": "refuse", "status": 404, "body": "html"}), "Unknown", "BadResponse"),
        (
            91,
            ORGANIZATION,
            json!({"kind": "refuse", "status": 302, "headers": {"location": "http://127.0.0.1:1/"}}),
            "Unknown",
            "BadResponse",
        ),
    ] {
        let world = troubled(&[always("GET", path, &fault)]).await;
        let resource = world.until("acme", status, reason);
        let policies = world.writes().into_iter().filter(|(path, _)| path.ends_with("session-policy")).count();
        assert_eq!(policies, 0, "row {row}");
        assert!(resource["metadata"]["deletionTimestamp"].is_null(), "row {row}");
        world.admin("DELETE", "faults", &Value::Null);
        if status == "Unknown" {
            world.until("acme", "True", "InSync"); // it gets over it by itself
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_006_a_missing_organization_is_named() {
    let world = World::new().await;
    world.apply("acme", &format!("{{organization: {{id: org_404}}, policy: {EIGHT_HOURS}}}"));
    let resource = world.until("acme", "False", "OrganizationNotFound");
    assert!(condition(&resource, "Stalled").is_some());
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_007_a_deleted_organization_lets_its_resource_go() {
    let world = World::new().await;
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    world.admin("DELETE", "organizations/org_1", &Value::Null);
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_010_a_rate_limit_pauses_and_is_survived() {
    let world = troubled(&[json!({"path": "/api/**", "times": 1,
        "fault": {"kind": "refuse", "status": 429, "headers": {"retry-after": "1"}}})])
    .await;
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_025_a_write_whose_answer_is_lost_is_not_repeated() {
    let world = troubled(&[json!({"method": "PATCH", "path": POLICY, "fault": {"kind": "lost_response"}})]).await;
    world.until("acme", "True", "InSync");
    assert_eq!(world.writes().into_iter().filter(|(path, _)| path.ends_with("session-policy")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_029_a_declined_policy_is_named_with_the_servers_code() {
    let refusal = json!({"kind": "refuse", "status": 400});
    let world = troubled(&[always("PATCH", POLICY, &refusal)]).await;
    let resource = world.until("acme", "False", "RejectedByApi");
    assert!(condition(&resource, "Stalled").is_some());
    assert_eq!(world.truth("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_031_a_refused_feature_stops_before_the_policy() {
    let mut world = World::without_operator(json!({"gate": {"mode": "environment", "status": 403}})).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    let resource = world.until("acme", "False", "FeatureUnavailable");
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "False");
    assert!(world.writes().iter().all(|(path, _)| path.ends_with("settings")));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_033_other_features_survive_a_server_that_replaces_the_list() {
    let mut world = World::without_operator(json!({"features": {"patch": "replace"}})).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let features = &world.truth("org_1")["features"];
    assert!(features.as_array().unwrap().contains(&json!({"name": "sso", "enabled": true})), "{features}");
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
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    let resource = world.until("acme", "False", "CredentialsMissing");
    let message = condition(&resource, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("scalekit"), "{message}");
    assert_eq!(world.admin("GET", "journal/count", &Value::Null)["count"], 0);
    world.apply_secret("scalekit", "test_simulator");
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_003_and_041_a_wrong_secret_is_named_and_a_right_one_is_used() {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world.apply_secret("scalekit", "wrong");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    let resource = world.until("acme", "False", "CredentialsRejected");
    let message = condition(&resource, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("scalekit") && !message.contains("wrong"), "{message}");
    world.apply_secret("scalekit", "test_simulator");
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=now"]);
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["status"]["lastHandledReconcileAt"], "now");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_039_an_unusable_secret_is_named_by_its_key() {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world.kubectl(&["create", "secret", "generic", "scalekit", "--from-literal=SCALEKIT_CLIENT_ID=x"]);
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    let resource = world.until("acme", "False", "CredentialsIncomplete");
    let message = condition(&resource, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("SCALEKIT_ENVIRONMENT_URL"), "{message}");
    assert_eq!(world.admin("GET", "journal/count", &Value::Null)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_040_a_rotated_secret_is_used_without_a_restart() {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
    world.apply_secret("scalekit", "rotated");
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    world.admin("POST", "tokens/revoke", &Value::Null);
    world.until_looked(2);
    let resource = world.until("acme", "True", "InSync");
    assert!(!resource.to_string().contains("rotated"));
    assert_eq!(world.writes().len(), 2);
}
