//! On a policy that Flux delivers.

use super::{org, osp};
use crate::{
    flux::delivery::{Delivery, policy},
    world::World,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_flux_delivers_can_be_reconciled_and_suspended_and_stays_so() {
    let world = World::new().await;
    let delivery =
        Delivery::of(&world, &[policy("acme", &org("org_1", ", interval: 1h"))], json!({"wait": false})).await;
    delivery.until_ready();
    let said = osp(&world, &["reconcile", "acme"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = osp(&world, &["suspend", "acme"]).lines().join(" ");
    let named =
        format!("Flux (Kustomization {}/policies) delivers it: where Git declares spec.suspend", world.namespace);
    assert!(said.contains(&named), "{said}");
    let before = world.until("acme", "Unknown", "Suspended");

    // Git says nothing of either, and the next sync leaves both
    let revision = delivery.publish(&[policy("acme", &org("org_1", ", interval: 2h"))]);
    let applied = || world.resource("acme").filter(|resource| resource["spec"]["interval"] == "2h");
    let after = crate::cluster::eventually(&format!("{revision} is applied"), 90, applied);
    let asked = |resource: &serde_json::Value| {
        resource["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str().unwrap().to_owned()
    };
    assert_eq!((&after["spec"]["suspend"], asked(&after)), (&json!(true), asked(&before)));

    // Git declares it, and wins
    delivery.publish(&[policy("acme", &org("org_1", ", interval: 2h, suspend: false"))]);
    world.until("acme", "True", "InSync");
}
