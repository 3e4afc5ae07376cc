//! A namespace that is deleted with all that is in it, by the real namespace
//! controller (row 78).

use super::{eight_hours, spec};
use crate::{
    cluster::{cluster, eventually},
    world::World,
};
use serde_json::json;

async fn with_secret(arguments: &[&'static str]) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = arguments.to_vec();
    world.start_with(&[]);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
    world
}

fn until_the_namespace_is_gone(world: &World) {
    let there = || cluster().kubectl(&["get", "namespace", &world.namespace]).status.success();
    eventually("the namespace is gone", 60, || (!there()).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_078_a_namespace_goes_at_once_and_its_policy_is_reverted_though_its_secret_went_first() {
    let world = with_secret(&["--resync-interval", "1s"]).await;
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "namespace", &world.namespace, "--wait=false"]);
    until_the_namespace_is_gone(&world);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_078_an_operator_that_never_knew_the_secret_lets_the_namespace_go_after_its_grace() {
    let mut world = with_secret(&["--namespace-deletion-grace", "3s"]).await;
    world.kill_operator();
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "namespace", &world.namespace, "--wait=false"]);
    let calls = world.count("");
    world.start_with(&[]);
    until_the_namespace_is_gone(&world);
    assert_eq!((world.count(""), &world.stored("org_1")["policy"]), (calls, &eight_hours()));
    assert!(world.log().contains("Orphaned"), "the namespace takes no more events, so the log says it");
}
