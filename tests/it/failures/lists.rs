//! How the operator lists its resources: as a stream, and in pages where the API server has no streams.

use super::organization;
use crate::{cluster::Cluster, world::World};
use serde_json::{Value, json};
use std::sync::Arc;

/// More than fit on one page.
const MANY: usize = 130;
const PAGED: &str = "the API server has no streaming lists; listing in pages";

/// A world of many suspended resources, and one that is not.
async fn crowded(cluster: Cluster) -> World {
    let mut world = World::on(Arc::new(cluster), World::scalekit(json!({})).await);
    world.arguments = vec!["--relist-interval", "2s"];
    let suspended = |nth: usize| {
        json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": format!("a-{nth:03}"), "namespace": world.namespace},
            "spec": {"organization": {"id": format!("org_9{nth}")}, "suspend": true,
                "policy": {"policySource": "APPLICATION"}},
        })
    };
    let items: Vec<Value> = (0..MANY).map(suspended).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let (applied, said) = world.with_input(&["apply", "-f", "-"], &list);
    assert!(applied, "{said}");
    world.apply("z", &organization("org_2", ""));
    world.start_operator();
    world
}

/// What was there is known, and what comes and goes is followed, with many lists in between.
fn follows(world: &mut World) {
    world.until("z", "True", "InSync");
    world.until("a-000", "Unknown", "Suspended");
    world.until(&format!("a-{:03}", MANY - 1), "Unknown", "Suspended");
    world.apply("new", &organization("org_1", ""));
    world.until("new", "True", "InSync");
    world.kubectl(&["delete", "osp", "new", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_a_stream_that_goes_on_as_the_watch() {
    let mut world = crowded(Cluster::exclusive()).await;
    follows(&mut world);
    assert!(!world.log().contains(PAGED), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_without_streaming_lists_is_listed_in_pages() {
    let mut world = crowded(Cluster::without_streaming_lists()).await;
    follows(&mut world);
    assert_eq!(world.log().matches(PAGED).count(), 1, "once for all lists: {}", world.log());
}
