//! SIGKILL in the middle of every request of a creation and of a deletion, with
//! the request carried out and not carried out: a new operator ends where an
//! unharmed one does, and repeats nothing that was applied.

use crate::{
    cluster::eventually,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};

/// The requests of a reconcile, in order: method, path, and how many such came
/// before. The organization is read again right before its features are written.
const CREATION: [(&str, &str, u64); 7] = [
    ("POST", "/oauth/token", 0),
    ("GET", "/api/v1/organizations/org_1", 0),
    ("GET", "/api/v1/organizations/org_1/application-session-policy", 0),
    ("GET", "/api/v1/organizations/org_1", 1),
    ("PATCH", "/api/v1/organizations/org_1/settings", 0),
    ("GET", "/api/v1/organizations/org_1/session-policy", 0),
    ("PATCH", "/api/v1/organizations/org_1/session-policy", 0),
];

/// The same of a deletion by an operator that has a token; the last one is the
/// second read of the policy.
const DELETION: [(&str, &str, u64); 4] = [
    ("GET", "/api/v1/organizations/org_1", 0),
    ("GET", "/api/v1/organizations/org_1/session-policy", 0),
    ("PATCH", "/api/v1/organizations/org_1/session-policy", 0),
    ("GET", "/api/v1/organizations/org_1/session-policy", 1),
];

/// Carried out, or not; either way there is no answer while the operator lives.
fn silence(carried_out: bool) -> Value {
    if carried_out {
        json!({"kind": "slow_headers", "delay_ms": 60_000})
    } else {
        json!({"kind": "late", "then": "silence"})
    }
}

/// Makes the next such request hang, and tells how many there were before.
fn hang(world: &World, method: &str, path: &str, skip: u64, fault: &Value) -> u64 {
    world.admin("POST", "faults", &json!({"method": method, "path": path, "skip": skip, "fault": fault}));
    count(world, method, path)
}

fn count(world: &World, method: &str, path: &str) -> u64 {
    world.admin("GET", &format!("journal/count?method={method}&path={path}"), &Value::Null)["count"].as_u64().unwrap()
}

fn kill_when_hanging(world: &mut World, method: &str, path: &str, arrivals: u64) {
    eventually("the request that hangs", 30, || (count(world, method, path) >= arrivals).then_some(()));
    world.kill_operator();
    world.admin("DELETE", "faults", &Value::Null);
}

async fn creation(carried_out: bool) {
    for (method, path, skip) in CREATION {
        let mut world = World::without_operator(json!({})).await;
        let before = hang(&world, method, path, skip, &silence(carried_out));
        world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
        world.start_operator();
        kill_when_hanging(&mut world, method, path, before + 1 + skip);
        world.start_operator();
        world.until("acme", "True", "InSync");
        assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480, "{method} {path}");
        let repeated = usize::from(method == "PATCH" && !carried_out);
        assert_eq!(world.writes().len(), 2 + repeated, "{method} {path}");
    }
}

async fn deletion(carried_out: bool) {
    for (method, path, skip) in DELETION {
        let mut world = World::new().await;
        // no reconcile of its own comes between
        let spec = format!("{{organization: {{id: org_1}}, interval: 1h, policy: {EIGHT_HOURS}}}");
        world.apply("acme", &spec);
        world.until("acme", "True", "InSync");
        let before = hang(&world, method, path, skip, &silence(carried_out));
        world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
        kill_when_hanging(&mut world, method, path, before + 1 + skip);
        assert!(world.resource("acme").is_some(), "{method} {path}: not gone before it is proven");
        world.start_operator();
        world.until_gone("acme");
        assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "{method} {path}");
        let repeated = usize::from(method == "PATCH" && !carried_out);
        assert_eq!(world.writes().len(), 3 + repeated, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_cut_off_after_any_request_was_carried_out_ends_well() {
    creation(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_cut_off_before_any_request_was_carried_out_ends_well() {
    creation(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cut_off_after_any_request_was_carried_out_ends_well() {
    deletion(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cut_off_before_any_request_was_carried_out_ends_well() {
    deletion(false).await;
}
