//! A resource that Flux takes away or replaces goes only after the revert of
//! its organization; one that is refused changes nothing.

use super::{
    absolute,
    delivery::{Delivery, message, policy, ready},
    org, outage, source, three,
};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_taken_out_of_the_folder_goes_only_after_its_revert() {
    let world = World::new().await;
    let delivery = Delivery::of(&world, &three(), json!({})).await;
    delivery.until_ready();
    let before = world.resource("one").unwrap();
    world.admin("POST", "faults", &outage("PATCH", "org_2"));
    let [one, _, three] = three();
    let revision = delivery.publish(&[one, three]);
    let pruned = delivery.until_ready_at(&revision);
    assert_eq!(pruned["status"]["inventory"]["entries"].as_array().unwrap().len(), 2);
    let held = world.until_held("two");
    assert_eq!(held["metadata"]["finalizers"], json!(["scalekit.com/session-policy"]));
    assert_eq!(absolute(&world, "org_2"), 480, "not yet reverted");

    world.admin("DELETE", "faults", &Value::Null);
    world.until_gone("two");
    assert_eq!(source(&world, "org_2"), "APPLICATION");
    assert_eq!((absolute(&world, "org_1"), absolute(&world, "org_3")), (json!(480), json!(480)));
    let after = world.resource("one").unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_the_api_server_refuses_stops_the_folder_before_anything_changes() {
    let world = World::new().await;
    let [one, two, _] = three();
    let delivery = Delivery::of(&world, &[one, two], json!({})).await;
    delivery.until_ready();
    let before = (world.resource("one").unwrap(), world.resource("two").unwrap());
    let tighter = policy(
        "one",
        "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}}",
    );
    let moved = policy("two", &org("org_3", ""));
    delivery.publish(&[tighter.clone(), moved.clone()]);
    let refused = delivery.until("refused", |k| ready(k) == ("False", "ReconciliationFailed"));
    assert!(message(&refused, "Ready").contains("the organization cannot be changed"), "{refused}");
    assert_eq!((world.resource("one").unwrap(), world.resource("two").unwrap()), before);
    assert_eq!(world.writes().len(), 4, "the flag and the policy of two organizations");

    // forced by an annotation, Flux deletes and creates: the old organization is reverted first
    let forced =
        moved.1.replace("{name: two}", "{name: two, annotations: {kustomize.toolkit.fluxcd.io/force: Enabled}}");
    let revision = delivery.publish(&[tighter, (moved.0, forced)]);
    delivery.until_ready_at(&revision);
    let after = world.until("two", "True", "InSync");
    assert_ne!(after["metadata"]["uid"], before.1["metadata"]["uid"]);
    assert_eq!((absolute(&world, "org_1"), absolute(&world, "org_3")), (json!(90), json!(480)));
    assert_eq!(source(&world, "org_2"), "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_force_a_mistake_in_the_spec_deletes_and_reverts() {
    let world = World::new().await;
    let forced = |spec: &str| {
        let (file, text) = policy("acme", spec);
        (file, text.replace("{name: acme}", "{name: acme, annotations: {kustomize.toolkit.fluxcd.io/force: Enabled}}"))
    };
    let delivery = Delivery::of(&world, &[forced(&org("org_1", ""))], json!({})).await;
    delivery.until_ready();
    delivery.publish(&[forced("{organization: {id: org_1}, policy: {policySource: CUSTOM}}")]);
    delivery.until("refused", |k| ready(k) == ("False", "ReconciliationFailed"));
    assert!(world.resource("acme").is_none());
    assert_eq!(source(&world, "org_1"), "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_kustomization_that_waits_for_termination_goes_after_every_revert() {
    let world = World::new().await;
    let delivery = Delivery::of(&world, &three(), json!({"deletionPolicy": "WaitForTermination"})).await;
    delivery.until_ready();
    world.admin("POST", "faults", &outage("PATCH", "org_2"));
    world.kubectl(&["delete", "kustomization/policies", "--wait=false"]);
    world.until_gone("one");
    world.until_gone("three");
    world.until_held("two");
    assert!(delivery.kustomization().is_some(), "it waits for the one that is held");

    world.admin("DELETE", "faults", &Value::Null);
    eventually("the end of the Kustomization", 90, || delivery.kustomization().is_none().then_some(()));
    assert!(world.resource("two").is_none());
    for organization in ["org_1", "org_2", "org_3"] {
        assert_eq!(source(&world, organization), "APPLICATION");
    }
}
