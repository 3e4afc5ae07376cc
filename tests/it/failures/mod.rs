//! Every fault of the failure catalogue that can be seen from outside, each
//! with its number: the operator's real binary on the real API server, what the
//! resource says then, what was sent, and what was not. `catalogue` makes
//! `docs/development/failures.md` of them.

mod answers;
mod blind;
mod catalogue;
mod claims;
mod conflicts;
mod contest;
mod credentials_for_all;
pub mod crowd;
mod deletion;
mod drift;
mod feature;
mod https;
mod input;
mod issuer;
mod journal;
mod kubernetes;
mod limits;
mod lists;
mod namespaces;
mod network;
mod numbers;
mod restore;
mod restructure;
mod rows;
mod secrets;
mod servers;
mod status;
mod tenants;
mod token;
mod uninstall;
mod watches;
mod writes;

use crate::world::{EIGHT_HOURS, World, condition};
use serde_json::{Value, json};

const TOKEN: &str = "/oauth/token";
const ORGANIZATION: &str = "/api/v1/organizations/org_1";
const SETTINGS: &str = "/api/v1/organizations/org_1/settings";
const POLICY: &str = "/api/v1/organizations/org_1/session-policy";

/// Eight hours and one hour for org_1, and whatever else.
fn spec(rest: &str) -> String {
    organization("org_1", rest)
}

/// The same for another organization.
fn organization(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// This absolute timeout and no idle one, for org_1.
fn minutes(absolute: u32) -> String {
    let policy =
        format!("{{policySource: CUSTOM, absoluteSessionTimeout: {absolute}, absoluteSessionTimeoutUnit: MINUTES}}");
    format!("{{organization: {{id: org_1}}, policy: {policy}}}")
}

/// A fault on the next such request.
fn once(method: &str, path: &str, fault: Value) -> Value {
    json!({"method": method, "path": path, "fault": fault})
}

/// A fault on every such request.
pub fn always(method: &str, path: &str, fault: Value) -> Value {
    json!({"method": method, "path": path, "times": "forever", "fault": fault})
}

/// An answer with this status and nothing done.
pub fn refuse(status: u16) -> Value {
    json!({"kind": "refuse", "status": status})
}

/// This answer, whatever is true.
fn forged(body: &Value) -> Value {
    json!({"kind": "answer", "status": 200, "body": {"json": body}})
}

/// Faults from the start, and `acme` for org_1.
async fn world_with_faults(rules: &[Value]) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.admin("POST", "faults", &json!(rules));
    world.start_operator();
    world.apply("acme", &spec(""));
    world
}

/// `acme` and, for another organization, `neighbour`: both in order, and then
/// these faults.
async fn at_rest(rules: &[Value]) -> World {
    let world = World::new().await;
    world.apply("acme", &spec(""));
    world.apply("neighbour", &organization("org_2", ""));
    world.until("acme", "True", "InSync");
    world.until("neighbour", "True", "InSync");
    world.admin("POST", "faults", &json!(rules));
    world
}

/// What is stored when eight hours are live.
fn eight_hours() -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": 480, "idle_enabled": true, "idle_minutes": 60})
}

/// What somebody else sets.
pub fn foreign() -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": 43_200, "idle_enabled": false, "idle_minutes": null})
}

fn says(resource: &Value, kind: &str) -> String {
    let of = |field: &str| condition(resource, kind).and_then(|c| c[field].as_str()).unwrap_or("absent").to_owned();
    format!("{} {}", of("status"), of("reason"))
}

/// A world with its operator, and `acme` of `org_1` ready in it.
async fn ready_world(rest: &str) -> World {
    let world = World::new().await;
    world.apply("acme", &spec(rest));
    world.until("acme", "True", "InSync");
    world
}
