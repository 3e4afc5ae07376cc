//! What a wait shows while policies become ready, and when one never does.

use super::{
    absolute,
    delivery::{Delivery, message, policy, ready},
    documented, org, outage, source, three, writes,
};
use crate::world::{World, condition};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The shortest wait that Flux has; a shorter timeout is taken for this one.
const SHORTEST: &str = "30s";

/// What is said of a folder whose policy `acme` was still in progress at the end.
fn assert_in_progress(world: &World, said: &str) {
    let named = format!("OrganizationSessionPolicy/{}/acme status: 'InProgress'", world.namespace);
    assert!(said.ends_with(&format!(": timeout waiting for: [{named}]")), "{said}");
}

/// What is said of a folder whose policy `lost` is Stalled.
fn assert_failed_early(world: &World, said: &str) {
    let named = format!("OrganizationSessionPolicy/{}/lost status: 'Failed'", world.namespace);
    assert!(said.ends_with(&format!(": failed early due to stalled resources: [{named}]")), "{said}");
}

/// When Ready flipped last; such times compare as text.
fn since(resource: &Value) -> &str {
    condition(resource, "Ready").unwrap()["lastTransitionTime"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_policies_is_ready_only_when_all_of_them_are() {
    let world = World::new().await;
    world.admin("POST", "faults", &outage("GET", "org_3"));
    let delivery = Delivery::of(&world, &three(), json!({})).await;
    delivery.until_waiting();
    world.until("one", "True", "InSync");
    world.until("two", "True", "InSync");
    let third = world.until("three", "Unknown", "ApiUnavailable");
    assert!(condition(&third, "Reconciling").is_some());
    let waiting = delivery.kustomization().unwrap();
    assert_eq!(ready(&waiting), ("Unknown", "Progressing"));
    assert_eq!(source(&world, "org_3"), "APPLICATION");

    world.admin("DELETE", "faults", &Value::Null);
    let whole = delivery.until_ready();
    assert_eq!(condition(&whole, "Healthy").unwrap()["status"], "True");
    assert!(condition(&whole, "Reconciling").is_none() && condition(&whole, "Stalled").is_none());
    assert_eq!(whole["status"]["inventory"]["entries"].as_array().unwrap().len(), 3);
    for (name, organization) in [("one", "org_1"), ("two", "org_2"), ("three", "org_3")] {
        let resource = world.resource(name).unwrap();
        assert_eq!(ready(&resource), ("True", "InSync"));
        assert!(since(&resource) <= since(&whole), "{name} became Ready after the Kustomization");
        assert_eq!(absolute(&world, organization), 480);
        assert_eq!(writes(&world, organization), 2, "the flag and the policy, once each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_no_operator_has_reconciled_is_not_taken_for_ready() {
    let mut world = World::without_operator(json!({})).await;
    let delivery = Delivery::of(&world, &[policy("acme", &org("org_1", ""))], json!({"timeout": SHORTEST})).await;
    assert_in_progress(&world, &delivery.until_failed());
    drop(delivery);
    world.start_operator();
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_policy_fails_the_folder_long_before_its_timeout_and_by_name() {
    let world = World::new().await;
    let lost = policy("lost", &org("org_404", ""));
    let [one, two, _] = three();
    let delivery = Delivery::of(&world, &[one.clone(), lost, two.clone()], json!({"timeout": "5m"})).await;
    delivery.until_waiting();
    let began = Instant::now();
    let said = delivery.until_failed();
    assert!(began.elapsed() < Duration::from_secs(60), "of five minutes: {:?}", began.elapsed());
    assert_failed_early(&world, &said);
    let resource = world.until("lost", "False", "OrganizationNotFound");
    assert!(condition(&resource, "Stalled").is_some() && condition(&resource, "Reconciling").is_none());
    // the others are not held up by it
    world.until("one", "True", "InSync");
    world.until("two", "True", "InSync");
    assert_eq!((absolute(&world, "org_1"), absolute(&world, "org_2")), (json!(480), json!(480)));

    let found = policy("found", &org("org_3", ""));
    let revision = delivery.publish(&[one, found, two]);
    delivery.until_ready_at(&revision);
    assert_eq!(absolute(&world, "org_3"), 480);
    world.until_gone("lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_scalekit_gives_no_answer_for_is_in_progress_until_it_does() {
    let world = World::new().await;
    world.admin("POST", "faults", &outage("GET", "org_1"));
    let delivery = Delivery::of(&world, &[policy("acme", &org("org_1", ""))], json!({"timeout": SHORTEST})).await;
    let waiting = delivery.until_waiting();
    assert_eq!(condition(&waiting, "Healthy").unwrap()["status"], "Unknown");
    assert_in_progress(&world, &delivery.until_failed());
    let resource = world.until("acme", "Unknown", "ApiUnavailable");
    assert!(condition(&resource, "Reconciling").is_some() && condition(&resource, "Stalled").is_none());
    assert_eq!(source(&world, "org_1"), "APPLICATION");

    world.admin("DELETE", "faults", &Value::Null);
    // after so many failures the next try may be minutes away
    world.kubectl(&["annotate", "osp/acme", "reconcile.fluxcd.io/requestedAt=1"]);
    delivery.until_ready();
    assert_eq!(absolute(&world, "org_1"), 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_policy_is_in_progress_unless_an_expression_accepts_it() {
    let world = World::new().await;
    let delivery =
        Delivery::of(&world, &[policy("acme", &org("org_1", ", suspend: true"))], json!({"timeout": SHORTEST})).await;
    assert_in_progress(&world, &delivery.until_failed());
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(world.writes(), []);

    let expressions = documented("healthCheckExprs:");
    let patch = format!("spec:\n{}", expressions.lines().fold(String::new(), |all, line| all + "  " + line + "\n"));
    world.kubectl(&["patch", "kustomization/policies", "--type=merge", "-p", &patch]);
    delivery.until_ready();
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(message(&delivery.kustomization().unwrap(), "Stalled"), "");

    // and what it does not let pass
    let lost = policy("lost", &org("org_404", ""));
    delivery.publish(&[policy("acme", &org("org_1", ", suspend: true")), lost]);
    assert_failed_early(&world, &delivery.until_failed());
}
