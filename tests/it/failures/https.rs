//! Row 16, from the other side: the whole main job over https with a private
//! authority, and not one request without trust in it.

use super::spec;
use crate::{
    authority::Authority,
    cluster::eventually,
    world::{World, condition},
};
use serde_json::json;

async fn behind(authority: &Authority, trusted: &Authority) -> World {
    let mut world = World::without_operator(json!({})).await;
    let url = authority.front(world.simulator.address()).await;
    world.start_with(&[
        ("SCALEKIT_ENVIRONMENT_URL", url.as_str()),
        ("SCALEKIT_CLIENT_ID", "skc_simulator"),
        ("SCALEKIT_CLIENT_SECRET", "test_simulator"),
        ("SSL_CERT_FILE", trusted.file("ca.pem").as_str()),
    ]);
    world.apply("acme", &spec(""));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_with_a_trusted_authority_everything_works_over_https() {
    let authority = Authority::new("trusted");
    let world = behind(&authority, &authority).await;
    let resource = world.until("acme", "True", "InSync");
    assert!(resource["status"]["environment"].as_str().unwrap().starts_with("127.0.0.1:"));
    let declared = world.stored("org_1")["policy"].clone();
    assert_eq!(declared["absolute_minutes"], 480);
    world.edit("org_1", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200}}));
    eventually("repair", 30, || (world.stored("org_1")["policy"] == declared).then_some(()));
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.policies("org_1").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_without_a_trusted_authority_not_one_request_is_sent() {
    let (authority, other) = (Authority::new("real"), Authority::new("other"));
    let world = behind(&authority, &other).await;
    let resource = world.until("acme", "Unknown", "TlsError");
    assert!(condition(&resource, "Reconciling").is_some());
    assert!(resource["metadata"]["finalizers"].is_null());
    world.reconcile_now("acme", "again");
    assert_eq!(world.count(""), 0);
}
