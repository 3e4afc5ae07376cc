//! Row 119: etcd goes back to an earlier state while the operator runs.

use super::{eight_hours, organization, spec};
use crate::{
    cluster::{Cluster, eventually},
    world::World,
};
use serde_json::{Value, json};
use std::sync::Arc;

fn until_stored(world: &World, organization: &str, policy: &Value) {
    eventually(&format!("{policy} for {organization}"), 60, || {
        (world.stored(organization)["policy"] == *policy).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn row_119_after_a_restore_of_etcd_all_is_as_its_resources_say_and_new_ones_are_seen() {
    let cluster = Arc::new(Cluster::exclusive());
    let mut world = World::on(Arc::clone(&cluster), World::scalekit(json!({})).await);
    world.arguments = vec!["--resync-interval", "1h"]; // so that nothing is found by the interval alone
    world.start_operator();
    world.apply("acme", &spec(""));
    world.apply("deleted", &organization("org_2", ""));
    world.until("acme", "True", "InSync");
    world.until("deleted", "True", "InSync");
    cluster.save();
    for hours in [9, 10, 11, 12] {
        let patch = json!({"spec": {"policy": {"absoluteSessionTimeout": hours}}}).to_string();
        world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", &patch]);
        world.until("acme", "True", "InSync");
    }
    world.kubectl(&["delete", "osp", "deleted", "--timeout=60s"]);
    assert_eq!(world.stored("org_2")["policy"]["source"], "APPLICATION");
    cluster.restore();
    until_stored(&world, "org_1", &eight_hours());
    until_stored(&world, "org_2", &eight_hours());
    world.apply("new", &organization("org_3", ""));
    world.until("new", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert!(world.log().contains("as after a restore of etcd"));
}
