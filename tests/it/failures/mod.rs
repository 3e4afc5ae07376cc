//! The rows of the failure catalogue that can be seen from outside: the
//! operator's real binary on the real API server, and the simulator's journal
//! of what it really sent. A test's name carries its row.

mod claims;
mod conflicts;
mod credentials_for_all;
mod deletion;
mod drift;
mod input;
mod kubernetes;
mod namespaces;
mod secrets;
mod status;
mod uninstall;

use crate::world::{EIGHT_HOURS, World, condition};
use serde_json::{Value, json};

/// A spec of organization `id` with eight hours, and the rest of a spec.
fn spec_of(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// The same of `org_1`.
fn spec(rest: &str) -> String {
    spec_of("org_1", rest)
}

/// What is stored when eight hours are live.
fn eight_hours() -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": 480, "idle_enabled": true, "idle_minutes": 60})
}

/// What somebody else sets.
fn foreign() -> Value {
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
