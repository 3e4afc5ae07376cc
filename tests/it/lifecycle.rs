//! A policy from YAML to Scalekit and back, on the real API server: the end
//! state and the requests that led there.

use crate::{
    cluster::{cluster, eventually},
    world::{EIGHT_HOURS, World, condition},
};
use serde_json::{Value, json};

fn org(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

fn custom(absolute: i64, idle: i64) -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": absolute, "idle_enabled": true, "idle_minutes": idle})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_goes_from_yaml_to_ready_and_the_flag_comes_first() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"], custom(480, 60));
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "True");
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "True");
    assert!(condition(&resource, "Reconciling").is_none() && condition(&resource, "Stalled").is_none());
    assert_eq!(resource["status"]["organizationId"], "org_1");
    let writes = world.writes();
    let paths: Vec<&str> = writes.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["org_1/settings", "org_1/session-policy"]);
    assert_eq!(writes[0].1["features"].as_array().unwrap().len(), 3, "the complete list: {}", writes[0].1);
    assert_eq!(world.stored("org_1")["features"][0], json!({"name": "sso", "enabled": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_scalekit() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}}");
    world.until("acme", "True", "InSync");
    let policy = &world.stored("org_1")["policy"];
    assert_eq!((&policy["absolute_minutes"], &policy["idle_enabled"]), (&json!(90), &json!(false)));
    assert_eq!(world.writes().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_resource_reverts_its_organization_and_leaves_the_flag() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.writes().last().unwrap().1, json!({"policy_source": "APPLICATION"}));
    let features = &world.stored("org_1")["features"];
    assert!(features.as_array().unwrap().contains(&json!({"name": "session_policy", "enabled": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_leaves_the_policy_and_needs_no_finalizer() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ", deletionPolicy: Retain"));
    let resource = world.until("acme", "True", "InSync");
    assert!(resource["metadata"]["finalizers"].is_null());
    let writes = world.writes().len();
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"], custom(480, 60));
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn tighten_only_keeps_what_the_customer_made_stricter() {
    let world = World::new().await;
    world.edit("org_1", &json!({"policy": custom(240, 120)}));
    world.apply("acme", &org("org_1", ", mode: TightenOnly"));
    let resource = world.until("acme", "True", "StricterKept");
    assert_eq!(world.stored("org_1")["policy"], custom(240, 60), "only the idle timeout was looser");
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "False");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"], custom(240, 60), "it is not exactly ours, so it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spec_is_never_changed_and_no_secret_is_in_anything_a_person_reads() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["metadata"]["generation"], 1);
    let events = world.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
    assert!(!format!("{resource}{events}").contains("test_simulator"));
    assert!(cluster().ok(&["get", "osp", "-A", "-o", "wide"]).contains("8h / 1h"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_middle_of_a_reconcile_is_applied_without_delay() {
    let mut world = World::without_operator(json!({"latency_ms": 500})).await;
    world.start_operator();
    let minutes = |minutes: u32| {
        format!(
            "{{organization: {{id: org_1}}, policy: {{policySource: CUSTOM, absoluteSessionTimeout: {minutes}, absoluteSessionTimeoutUnit: MINUTES}}}}"
        )
    };
    world.apply("acme", &minutes(480));
    let application = "path=/api/v1/organizations/org_1/application-session-policy";
    eventually("a reconcile is in the middle", 30, || (world.count(application) > 0).then_some(()));
    world.apply("acme", &minutes(240));
    let applied = || world.stored("org_1")["policy"]["absolute_minutes"] == 240;
    // far below the minute after which a reconcile that waits for itself is ended
    eventually("the edit", 30, || applied().then_some(()));
}
