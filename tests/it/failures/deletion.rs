//! Resources that go, in every order (rows 42, 52–55).

use super::{eight_hours, journal::message, organization, ready_world, says, spec};
use crate::world::World;
use serde_json::{Value, json};

const BY_SECRET: &str = ", credentialsSecretRef: {name: scalekit}";

async fn with_secret(arguments: &[&'static str]) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = arguments.to_vec();
    world.start_with(&[]);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_042_without_its_secret_a_deletion_waits_and_says_until_when() {
    let world = with_secret(&[]).await;
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let held = world.until("acme", "False", "CredentialsMissing");
    assert_eq!(says(&held, "Reconciling"), "True CredentialsMissing");
    assert!(!held["metadata"]["finalizers"].is_null());
    let release = held["status"]["release"]["at"].as_str().unwrap();
    let ran = message(&held, "Ready");
    assert!(ran.contains(release) && ran.contains("deletionPolicy: Retain"), "{ran}");
    world.until_event("CredentialsMissing", "Warning");
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
    world.apply_secret("scalekit", "test_simulator");
    world.until_gone("acme");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_042_after_the_announced_time_the_resource_goes_and_its_policy_is_said_to_stay() {
    let world = with_secret(&["--deletion-grace", "4s"]).await;
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!((world.policies("org_1").len(), world.stored("org_1")["policy"].clone()), (1, eight_hours()));
    let event = world.until_event("PolicyOrphaned", "Warning");
    let ran = event["note"].as_str().unwrap();
    assert!(ran.contains("still live") && ran.contains("scalekit"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_042_retaining_lets_a_held_resource_go_at_once() {
    let world = with_secret(&[]).await;
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.until("acme", "False", "CredentialsMissing");
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec":{"deletionPolicy":"Retain"}}"#]);
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_052_a_deletion_waits_for_an_api_that_is_down_and_for_an_operator_too() {
    let mut world = ready_world("").await;
    let down = json!({"path": "/api/**", "times": "forever", "fault": {"kind": "refuse", "status": 503}});
    world.admin("POST", "faults", &down);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let held = world.until("acme", "False", "CleanupPending");
    assert_eq!(says(&held, "Reconciling"), "True CleanupPending");
    assert!(message(&held, "Ready").contains("ApiUnavailable"));
    assert!(!held["metadata"]["finalizers"].is_null() && held["status"]["release"].is_null(), "no outage releases it");
    assert_eq!(world.policies("org_1").len(), 1);
    world.kill_operator();
    world.admin("DELETE", "faults", &Value::Null);
    world.start_operator();
    world.until_gone("acme");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_053_what_is_deleted_before_its_first_reconcile_was_never_anybodys_business() {
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &spec(""));
    world.kubectl(&["delete", "osp", "acme", "--timeout=10s"]);
    world.apply("bystander", "{organization: {id: org_2}, policy: {policySource: APPLICATION}}");
    world.start_operator();
    world.until("bystander", "True", "InSync");
    assert_eq!(world.count("path=/api/v1/organizations/org_1**"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_054_a_namesake_made_anew_is_another_resource_and_is_never_reverted() {
    let mut world = ready_world("").await;
    world.kill_operator();
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    world.until_gone("acme");
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}}");
    world.start_operator();
    world.until("acme", "True", "InSync");
    world.until_reconciled(2);
    let sources: Vec<_> = world.policies("org_1").iter().map(|body| body["policy_source"].clone()).collect();
    assert_eq!(sources, ["CUSTOM", "CUSTOM"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_055_a_finalizer_stripped_by_hand_leaves_the_policy_and_costs_no_call() {
    let mut world = ready_world("").await;
    world.kill_operator();
    let before = world.count("");
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    world.kubectl(&["delete", "osp", "acme", "--timeout=10s"]);
    world.start_with(&[]); // without credentials: whatever it sent would be for acme
    world.apply("bystander", &organization("org_2", ""));
    world.until("bystander", "False", "CredentialsMissing");
    assert_eq!((world.count(""), &world.stored("org_1")["policy"]), (before, &eight_hours()));
}
