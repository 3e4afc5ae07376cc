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

fn stored(absolute: i64, idle: i64) -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": absolute, "idle_enabled": true, "idle_minutes": idle})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_goes_from_yaml_to_ready_and_the_flag_comes_first() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(world.truth("org_1")["policy"], stored(480, 60));
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "True");
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "True");
    assert!(condition(&resource, "Reconciling").is_none() && condition(&resource, "Stalled").is_none());
    assert_eq!(resource["status"]["organizationId"], "org_1");
    let writes = world.writes();
    let paths: Vec<&str> = writes.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["org_1/settings", "org_1/session-policy"]);
    assert_eq!(writes[0].1["features"].as_array().unwrap().len(), 3, "the complete list: {}", writes[0].1);
    assert_eq!(world.truth("org_1")["features"][0], json!({"name": "sso", "enabled": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_written_to_either_side() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let before = world.until("acme", "True", "InSync");
    let writes = world.writes().len();
    world.until_looked(4);
    assert_eq!(world.writes().len(), writes);
    let after = world.resource("acme").unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_scalekit() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90}}");
    world.until("acme", "True", "InSync");
    let policy = &world.truth("org_1")["policy"];
    assert_eq!((&policy["absolute_minutes"], &policy["idle_enabled"]), (&json!(90), &json!(false)));
    assert_eq!(world.writes().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_repaired_with_one_write() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.edit("org_1", &json!({"policy": stored(43_200, 600)}));
    eventually("repair", 30, || (world.truth("org_1")["policy"] == stored(480, 60)).then_some(()));
    world.until("acme", "True", "InSync");
    world.until_looked(2);
    assert_eq!(world.writes().len(), 3);
    let events = world.kubectl(&["get", "events.events.k8s.io"]);
    assert!(events.contains("DriftCorrected"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_switched_off_behind_our_back_is_switched_on_again() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.edit("org_1", &json!({"features": [{"name": "sso", "enabled": true}]}));
    let on = || {
        world.truth("org_1")["features"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["name"] == "session_policy" && f["enabled"] == true)
    };
    eventually("the flag", 30, || on().then_some(()));
    world.until("acme", "True", "InSync");
    let paths: Vec<String> = world.writes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["org_1/settings", "org_1/session-policy", "org_1/settings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_resource_reverts_its_organization_and_leaves_the_flag() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.truth("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.writes().last().unwrap().1, json!({"policy_source": "APPLICATION"}));
    let features = &world.truth("org_1")["features"];
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
    assert_eq!(world.truth("org_1")["policy"], stored(480, 60));
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_reports_drift_and_writes_nothing() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ", mode: Observe"));
    let resource = world.until("acme", "True", "DriftDetected");
    assert_eq!(condition(&resource, "Synced").unwrap()["reason"], "DriftDetected");
    assert_eq!(resource["status"]["drift"][0]["field"], "policySource");
    assert!(resource["metadata"]["finalizers"].is_null());
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn tighten_only_keeps_what_the_customer_made_stricter() {
    let world = World::new().await;
    world.edit("org_1", &json!({"policy": stored(240, 120)}));
    world.apply("acme", &org("org_1", ", mode: TightenOnly"));
    let resource = world.until("acme", "True", "StricterKept");
    assert_eq!(world.truth("org_1")["policy"], stored(240, 60), "only the idle timeout was looser");
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "False");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.truth("org_1")["policy"], stored(240, 60), "it is not exactly ours, so it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_stops_everything_but_a_deletion() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply(
        "acme",
        "{organization: {id: org_1}, suspend: true, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90}}",
    );
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(world.truth("org_1")["policy"], stored(480, 60));
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.truth("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_of_two_resources_owns_the_organization_and_the_younger_takes_over() {
    let world = World::new().await;
    world.apply("older", &org("org_1", ""));
    world.until("older", "True", "InSync");
    let two_hours = "policy: {policySource: CUSTOM, absoluteSessionTimeout: 120}";
    world.apply("younger", &format!("{{organization: {{externalId: tenant-1}}, {two_hours}}}"));
    let loser = world.until("younger", "False", "Conflict");
    assert!(condition(&loser, "Stalled").is_some());
    assert!(condition(&loser, "Ready").unwrap()["message"].as_str().unwrap().contains("older"));
    assert!(loser["metadata"]["finalizers"].is_null());
    assert_eq!(world.writes().len(), 2, "the loser wrote nothing");
    world.kubectl(&["delete", "osp", "older", "--timeout=60s"]);
    world.until("younger", "True", "InSync");
    assert_eq!(world.truth("org_1")["policy"]["absolute_minutes"], 120);
    let reverts = world.writes().iter().filter(|(_, body)| body["policy_source"] == "APPLICATION").count();
    assert_eq!(reverts, 0, "no revert in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_resources_by_id_have_one_owner_and_the_loser_writes_nothing() {
    let mut world = World::without_operator(json!({})).await;
    world.apply("a", &org("org_1", ""));
    world.apply("b", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 120}}");
    world.start_operator();
    world.until("a", "True", "InSync");
    world.until("b", "False", "Conflict");
    world.until_looked(2);
    let policies: Vec<Value> =
        world.writes().into_iter().filter(|(path, _)| path.ends_with("session-policy")).map(|(_, body)| body).collect();
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0]["absolute_session_timeout"], 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_survives_an_outage_and_a_killed_operator() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    let down = json!({"path": "/api/**", "times": "forever", "fault": {"kind": "refuse", "status": 503}});
    world.admin("POST", "faults", &down);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let held = world.until("acme", "False", "CleanupPending");
    assert!(condition(&held, "Reconciling").is_some());
    world.kill_operator();
    world.admin("DELETE", "faults", &Value::Null);
    world.start_operator();
    world.until_gone("acme");
    assert_eq!(world.truth("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spec_is_never_changed_and_no_secret_is_in_anything_a_person_reads() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["metadata"]["generation"], 1);
    let events = world.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
    assert!(!format!("{resource}{events}").contains("test_simulator"));
    assert!(cluster().ok(&["get", "osp", "-A", "-o", "wide"]).contains("8h (organization) / 1h (organization)"));
}
