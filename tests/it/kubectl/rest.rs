//! At rest nothing is written, and a condition's time tells when its status
//! flipped. Numbers are rows of `docs/development/failures.md`.

use super::org;
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};

/// Starts an operator that logs each of its requests to the API server.
fn start(world: &mut World) {
    let url = world.simulator.base_url();
    world.start_with(&[
        ("SCALEKIT_ENVIRONMENT_URL", url.as_str()),
        ("SCALEKIT_CLIENT_ID", "skc_simulator"),
        ("SCALEKIT_CLIENT_SECRET", "test_simulator"),
        ("RUST_LOG", "info,kube_client=debug"),
        ("OSP_LOG_FORMAT", "json"),
    ]);
}

/// The requests to the API server so far: method and URL.
fn requests(world: &World) -> Vec<(String, String)> {
    let log = world.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let sent = lines.filter(|line| line["fields"]["message"] == "requesting").map(|line| {
        let text = |key: &str| line["span"][key].as_str().unwrap().to_owned();
        (text("http.method"), text("http.url"))
    });
    sent.collect()
}

/// The requests after the first `before` that change something, or try to.
fn writes(world: &World, before: usize) -> Vec<(String, String)> {
    requests(world)
        .into_iter()
        .skip(before)
        .filter(|(method, url)| method != "GET" && !url.contains("/leases"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn row_074_at_rest_no_status_is_written_in_any_state_nor_by_a_new_operator() {
    let mut world = World::without_operator(json!({})).await;
    start(&mut world);
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply("younger", &org("org_1", ""));
    world.apply("watched", &org("org_2", ", mode: Observe"));
    world.apply("idle", &org("org_3", ", suspend: true"));
    world.apply("missing", &org("org_404", ""));
    let states = [
        ("acme", "True", "InSync"),
        ("younger", "False", "Conflict"),
        ("watched", "True", "Observing"),
        ("idle", "Unknown", "Suspended"),
        ("missing", "False", "OrganizationNotFound"),
    ];
    let versions = |world: &World| -> Vec<Value> {
        let version = |(name, status, reason): &(&str, &str, &str)| {
            world.until(name, status, reason)["metadata"]["resourceVersion"].clone()
        };
        states.iter().map(version).collect()
    };
    versions(&world);
    world.until_reconciled(4); // the events of the last change are out, too
    let (before, begun) = (versions(&world), requests(&world).len());
    assert!(writes(&world, 0).iter().any(|(_, url)| url.contains("/acme/status")), "writes are seen");

    world.until_reconciled(6);
    assert_eq!(writes(&world, begun), [], "by a resync");
    world.kill_operator();
    let restarted = requests(&world).len();
    start(&mut world);
    let read = |name: &str| {
        let url = format!("/organizationsessionpolicies/{name}");
        requests(&world).iter().skip(restarted).any(|(_, sent)| sent.ends_with(&url))
    };
    eventually("a read of each", 60, || states.iter().all(|(name, ..)| read(name)).then_some(()));
    world.until_reconciled(6);
    assert_eq!(writes(&world, begun), [], "by a new operator");
    assert_eq!(versions(&world), before);
}

/// When a condition last flipped, as it says.
fn flipped(resource: &Value, kind: &str) -> jiff::Timestamp {
    condition(resource, kind).unwrap()["lastTransitionTime"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn row_077_a_transition_time_moves_with_the_status_and_with_nothing_else() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ", mode: Observe"));
    let first = world.until("acme", "True", "Observing");
    world.until_reconciled(2); // a second and more later

    // another message, the same statuses
    let custom = |idle: u32| json!({"policy": {"source": "CUSTOM", "absolute_minutes": 480, "idle_enabled": true, "idle_minutes": idle}});
    world.edit("org_1", &custom(30));
    world.until_reconciled(2);
    let second = world.until("acme", "True", "Observing");
    let said = |resource: &Value, kind| condition(resource, kind).unwrap()["message"].clone();
    assert_ne!(said(&first, "Ready"), said(&second, "Ready"), "the drift is another one");
    for kind in ["Ready", "Synced", "FeatureEnabled", "Effective"] {
        assert_eq!(flipped(&first, kind), flipped(&second, kind), "{kind}");
    }

    // Synced and Effective flip; Ready has another reason and stays True
    world.edit("org_1", &custom(60));
    let third = world.until("acme", "True", "InSync");
    for kind in ["Synced", "Effective"] {
        assert!(flipped(&third, kind) > flipped(&second, kind), "{kind}");
    }
    for kind in ["Ready", "FeatureEnabled"] {
        assert_eq!(flipped(&second, kind), flipped(&third, kind), "{kind}");
    }

    // another generation, and the same statuses again
    world.until_reconciled(2);
    world.apply("acme", &org("org_1", ", mode: Observe, deletionPolicy: Retain"));
    let fourth = world.until("acme", "True", "InSync");
    for kind in ["Ready", "Synced", "FeatureEnabled", "Effective"] {
        assert_eq!(flipped(&third, kind), flipped(&fourth, kind), "{kind}");
    }

    // Ready flips
    world.apply("acme", &org("org_1", ", mode: TightenOnly, suspend: true"));
    let fifth = world.until("acme", "Unknown", "Suspended");
    assert!(flipped(&fifth, "Ready") > flipped(&first, "Ready"));
    assert!(flipped(&fifth, "Synced") > flipped(&third, "Synced"));
}
