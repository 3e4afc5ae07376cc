//! Flux and the operator on one resource: requests to either, edits in the
//! cluster, drift at Scalekit, and rest.

use super::{
    absolute,
    delivery::{Delivery, policy, ready},
    org, writes,
};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_asked_for_on_the_policy_happens_at_once_whatever_flux_does_with_the_request() {
    let world = World::new().await;
    let delivery = Delivery::of(&world, &[policy("acme", &org("org_1", ", interval: 1h"))], json!({})).await;
    delivery.until_ready();
    let ask = |token: &str, manager: &str| {
        // the next reconcile is an hour away, so only the request can lead to the repair
        world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
        let request = format!("reconcile.fluxcd.io/requestedAt={token}");
        world.kubectl(&["annotate", "osp/acme", "--overwrite", manager, &request]);
        let handled = || world.resource("acme").filter(|r| r["status"]["lastHandledReconcileAt"] == token);
        let resource = eventually("the request is handled", 30, handled);
        assert_eq!((absolute(&world, "org_1"), ready(&resource)), (json!(480), ("True", "InSync")));
        resource
    };
    let request = |resource: &Value| resource["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].clone();

    // what kubectl wrote is taken away by the next reconciliation of Flux, and nothing comes of it
    let asked = ask("first", "--field-manager=kubectl-annotate");
    delivery.reconcile("second");
    let after = world.resource("acme").unwrap();
    assert_eq!((request(&asked), request(&after)), (json!("first"), Value::Null));
    assert_eq!(after["status"], asked["status"]);

    // what Flux' own command line would write stays
    let asked = ask("third", "--field-manager=flux-client-side-apply");
    delivery.reconcile("fourth");
    let after = world.resource("acme").unwrap();
    assert_eq!(request(&after), "third");
    assert_eq!(after["metadata"]["resourceVersion"], asked["metadata"]["resourceVersion"]);
    assert_eq!(writes(&world, "org_1"), 4, "the flag, the policy, and a repair for each request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_requested_of_the_kustomization_restores_what_was_edited_in_the_cluster() {
    let world = World::new().await;
    let delivery = Delivery::of(&world, &[policy("acme", &org("org_1", ""))], json!({})).await;
    delivery.until_ready();
    let looser = r#"{"spec":{"policy":{"absoluteSessionTimeout":24}}}"#;
    world.kubectl(&["patch", "osp/acme", "--type=merge", "-p", looser]);
    eventually("the edit at Scalekit", 30, || (absolute(&world, "org_1") == 1440).then_some(()));
    delivery.reconcile("now");
    delivery.until_ready();
    assert_eq!(world.until("acme", "True", "InSync")["spec"]["policy"]["absoluteSessionTimeout"], 8);
    assert_eq!(absolute(&world, "org_1"), 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_and_the_operator_do_not_fight_at_rest_nor_over_drift() {
    let world = World::new().await;
    let delivery = Delivery::of(&world, &[policy("acme", &org("org_1", ""))], json!({"interval": "1s"})).await;
    delivery.until_ready();
    let version = || world.resource("acme").unwrap()["metadata"]["resourceVersion"].clone();
    let at_rest = |writes: usize| {
        let before = version();
        delivery.until_reconciled(4);
        world.until_reconciled(2);
        assert_eq!((version(), world.writes().len()), (before, writes), "somebody wrote at rest");
    };
    at_rest(2);

    world.edit("org_1", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200, "idle_enabled": false}}));
    eventually("the repair", 30, || (absolute(&world, "org_1") == 480).then_some(()));
    let resource = world.until("acme", "True", "InSync");
    assert!(world.kubectl(&["get", "events.events.k8s.io"]).contains("DriftCorrected"));
    at_rest(3);

    assert_eq!(resource["metadata"]["generation"], 1);
    let history = delivery.kustomization().unwrap()["status"]["history"].clone();
    assert_eq!(history.as_array().unwrap().len(), 1, "one folder, one outcome: {history}");
    assert_eq!(history[0]["lastReconciledStatus"], "ReconciliationSucceeded");
    let events = world.kubectl(&["get", "events", "-o", "jsonpath={range .items[*]}{.message}{\"\\n\"}{end}"]);
    assert!(events.contains("OrganizationSessionPolicy") && events.contains("created"), "{events}");
    assert!(!events.contains("configured"), "Flux saw a difference: {events}");
}
