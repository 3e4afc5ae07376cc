//! Argo CD's buttons on a live resource: what Argo CD sends, and what the
//! operator makes of it.

use super::lua::{health, run};
use crate::{
    cluster::eventually,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Map, Value, json};

/// The resource as Argo CD reads it, managed fields and all.
fn live(world: &World) -> Value {
    let text = world.kubectl(&["get", "osp", "acme", "-o", "json", "--show-managed-fields"]);
    serde_json::from_str(&text).unwrap()
}

/// The buttons that can be pressed.
fn enabled(object: &Value) -> Vec<String> {
    let buttons = run("actions/discovery.lua", object);
    let buttons = buttons.as_object().unwrap();
    assert_eq!(buttons.len(), 3);
    let enabled = |(name, button): (&String, &Value)| (button["disabled"] == false).then(|| name.clone());
    buttons.iter().filter_map(enabled).collect()
}

/// What is different, as a JSON merge patch (RFC 7386); Argo CD sends no more.
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else { return after.clone() };
    let mut patch = Map::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in new {
        match old.get(name) {
            Some(same) if same == value => {}
            Some(other) => drop(patch.insert(name.clone(), merge_patch(other, value))),
            None => drop(patch.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(patch)
}

/// Presses a button; returns the patch that it sent.
fn press(world: &World, action: &str) -> Value {
    let object = live(world);
    assert!(enabled(&object).contains(&action.to_owned()), "{action} can't be pressed");
    let patch = merge_patch(&object, &run(&format!("actions/{action}/action.lua"), &object));
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", &patch.to_string()]);
    patch
}

async fn in_sync() -> World {
    let world = World::new().await;
    // no reconcile of its own comes between
    world.apply("acme", &format!("{{organization: {{id: org_1}}, interval: 1h, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_makes_the_operator_reconcile_now() {
    let world = in_sync().await;
    assert_eq!(enabled(&live(&world)), ["refresh", "suspend"]);
    let reads = world.policy_reads();
    let patch = press(&world, "refresh");
    let at = patch["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str().unwrap();
    assert_eq!(patch, json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}}), "nothing else");
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    eventually("the echo", 60, || (live(&world)["status"]["lastHandledReconcileAt"] == at).then_some(()));
    assert!(world.policy_reads() > reads);
    assert_eq!(health(&live(&world)).0, "Healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_echoed_when_it_is_done_and_not_before() {
    let mut world = in_sync().await;
    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
    let path = "/api/v1/organizations/org_1/session-policy";
    let silence = json!({"kind": "late", "then": "silence"});
    world.admin("POST", "faults", &json!({"method": "PATCH", "path": path, "fault": silence}));
    let count = format!("journal/count?method=PATCH&path={path}");
    let writes = |world: &World| world.admin("GET", &count, &Value::Null)["count"].as_u64().unwrap();
    let before = writes(&world);
    let patch = press(&world, "refresh");
    let at = &patch["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
    eventually("the repair that gets no answer", 60, || (writes(&world) > before).then_some(()));
    world.kill_operator();
    let cut_off = live(&world);
    assert!(cut_off["status"]["lastHandledReconcileAt"].is_null(), "{:#}", cut_off["status"]);

    world.start_operator();
    eventually("the echo", 60, || (live(&world)["status"]["lastHandledReconcileAt"] == *at).then_some(()));
    assert_eq!(health(&live(&world)).0, "Healthy");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_without_annotations_can_be_refreshed_too() {
    let world = in_sync().await;
    world.kubectl(&["annotate", "osp", "acme", "kubectl.kubernetes.io/last-applied-configuration-"]);
    assert!(live(&world)["metadata"]["annotations"].is_null());
    let patch = press(&world, "refresh");
    let at = &patch["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
    eventually("the echo", 60, || (live(&world)["status"]["lastHandledReconcileAt"] == *at).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_stops_the_operator_and_resume_lets_it_go_on() {
    let world = in_sync().await;
    assert_eq!(press(&world, "suspend"), json!({"spec": {"suspend": true}}));
    let suspended = world.until("acme", "Unknown", "Suspended");
    assert_eq!(health(&suspended).0, "Suspended");
    assert_eq!(enabled(&suspended), ["resume"]);

    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
    assert_eq!(press(&world, "resume"), json!({"spec": {"suspend": false}}));
    let resumed = world.until("acme", "True", "InSync");
    assert_eq!(health(&resumed).0, "Healthy");
    assert_eq!(enabled(&resumed), ["refresh", "suspend"]);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480, "it is at work again");
}

#[test]
fn a_deletion_can_be_hurried_and_not_suspended() {
    for suspend in [json!(null), json!(false), json!(true)] {
        let object = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"suspend": suspend}});
        assert_eq!(enabled(&object), ["refresh"]);
    }
}
