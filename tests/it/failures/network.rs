//! Row 16: environments that no trusted connection leads to.

use super::organization;
use crate::{
    cluster::cluster,
    world::{World, condition},
};
use serde_json::json;

/// A URL at which nobody listens, as far as that can be promised.
fn refused() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("https://127.0.0.1:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_an_environment_that_cannot_be_reached_is_named_and_never_asked_over_plain_http() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--allowed-host", "any"];
    // speaks https, and nobody here trusts its certificate
    let stranger = cluster().ok(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let plain = world.simulator.base_url().replace("http://", "https://");
    let cases = [
        ("refused", refused(), "ApiUnreachable"),
        ("unknown", "https://no-such-host.invalid".to_owned(), "ApiUnreachable"),
        ("stranger", stranger, "TlsError"),
        ("plain", plain, "TlsError"),
    ];
    world.start_with(&[]);
    for (number, (name, url, _)) in cases.iter().enumerate() {
        world.secret_for(name, url, "test_simulator");
        let rest = format!(", credentialsSecretRef: {{name: {name}}}");
        world.apply(name, &organization(&format!("org_{}", number + 1), &rest));
    }
    for (name, url, reason) in &cases {
        let resource = world.until(name, "Unknown", reason);
        assert!(condition(&resource, "Reconciling").is_some(), "{url}: it goes on trying");
        assert!(condition(&resource, "Synced").unwrap()["status"] == "Unknown", "{url}");
        assert!(resource["metadata"]["finalizers"].is_null(), "{url}: nothing was written");
    }
    assert_eq!(world.count(""), 0, "not one byte over plain http");
}
