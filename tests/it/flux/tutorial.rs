//! The tutorial of `docs/flux.md`, with the YAML that stands there.

use super::{
    absolute,
    delivery::{Delivery, message, ready},
    documented, source,
};
use crate::{cluster::cluster, world::World};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_gets_a_policy_from_git_to_ready_through_a_mistake_and_away_again() {
    let world = World::new().await;
    world.apply_secret("scalekit", "test_simulator");
    let shown = documented("apiVersion: source").replace("customers", &world.namespace);
    let kustomization: Value = serde_yaml::from_str(shown.split("---\n").nth(1).unwrap()).unwrap();
    let observing = documented("apiVersion: scalekit.com");
    let file = |text: &str| [("acme.yaml".to_owned(), text.to_owned())];

    let delivery = Delivery::of(&world, &file(&observing), kustomization["spec"].clone()).await;
    delivery.until_ready();
    world.until("acme", "True", "Observing");
    assert_eq!(source(&world, "org_1"), "APPLICATION", "nothing is written");

    let enforced = observing.replace("  mode: Observe\n", "");
    assert_ne!(enforced, observing);
    delivery.until_ready_at(&delivery.publish(&file(&enforced)));
    world.until("acme", "True", "InSync");
    assert_eq!(absolute(&world, "org_1"), 480);

    let mistaken = enforced.replace("    absoluteSessionTimeoutUnit: HOURS\n", "");
    assert_ne!(mistaken, enforced);
    delivery.publish(&file(&mistaken));
    let refused = delivery.until("refused", |k| ready(k) == ("False", "ReconciliationFailed"));
    assert!(message(&refused, "Ready").contains("absoluteSessionTimeout needs its unit"), "{refused:#}");
    assert_eq!(absolute(&world, "org_1"), 480);

    cluster().ok(&["-n", &world.namespace, "delete", "kustomization", "policies", "--timeout=60s"]);
    assert!(world.resource("acme").is_none());
    assert_eq!(source(&world, "org_1"), "APPLICATION");
}
