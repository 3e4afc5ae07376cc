//! Rows 16 and 121: environments that no trusted connection leads to, and hosts
//! that are no Scalekit.

use super::{journal::message, organization, says, spec};
use crate::{
    cluster::cluster,
    world::{World, condition},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

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
        ("refused", refused()),
        ("unknown", "https://no-such-host.invalid".to_owned()),
        ("stranger", stranger),
        ("plain", plain),
    ];
    world.start_with(&[]);
    for (number, (name, url)) in cases.iter().enumerate() {
        world.secret_for(name, url, "test_simulator");
        let rest = format!(", credentialsSecretRef: {{name: {name}}}");
        world.apply(name, &organization(&format!("org_{}", number + 1), &rest));
    }
    for (name, url) in &cases {
        let resource = world.until(name, "Unknown", "ApiUnreachable");
        assert!(condition(&resource, "Reconciling").is_some(), "{url}: it goes on trying");
        assert!(condition(&resource, "Synced").unwrap()["status"] == "Unknown", "{url}");
        assert!(resource["metadata"]["finalizers"].is_null(), "{url}: nothing was written");
    }
    assert_eq!(world.count(""), 0, "not one byte over plain http");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_of_the_operators_own_environment_a_person_reads_what_is_wrong() {
    for (url, reason) in [(refused(), "ApiUnreachable"), ("https://no-such-host.invalid".to_owned(), "ApiUnreachable")]
    {
        let mut world = World::without_operator(json!({})).await;
        world.start_with(&crate::world::default_credentials(&url));
        world.apply("acme", &spec(""));
        world.until("acme", "Unknown", reason);
    }
    let mut world = World::without_operator(json!({})).await;
    let plain = world.simulator.base_url().replace("http://", "https://");
    world.start_with(&crate::world::default_credentials(&plain));
    world.apply("acme", &spec(""));
    world.until("acme", "Unknown", "TlsError");
}

/// A port that sends these bytes to everyone, for as long as the test runs.
async fn internal(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn row_121_ports_and_services_of_the_network_all_look_the_same_to_who_writes_a_secret() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--allowed-host", "any"];
    world.start_with(&[]);
    let body =
        r#"{"kind":"Status","error_code":"","request_info":{"request_id":"canary-1"},"code":403,"message":"canary"}"#;
    let forbidden: &'static str =
        format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{body}", body.len()).leak();
    let urls = [
        refused(),
        refused().replace("https", "http"),
        "https://no-such-host.invalid".to_owned(),
        internal("SSH-2.0-canary\r\n\r\n").await,
        internal("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary").await,
        internal("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").await,
        internal(forbidden).await,
        internal("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await,
    ];
    for (nth, url) in urls.iter().enumerate() {
        world.secret_for(&format!("secret-{nth}"), url, "test_simulator");
        let rest = format!(", credentialsSecretRef: {{name: secret-{nth}}}");
        world.apply(&format!("case-{nth}"), &organization(&format!("org_{}", nth + 1), &rest));
    }
    let mut statuses = Vec::new();
    for (nth, url) in urls.iter().enumerate() {
        let resource = world.until(&format!("case-{nth}"), "Unknown", "ApiUnreachable");
        assert!(!resource["status"].to_string().contains("canary"), "{url}: {resource:#}");
        let of = |kind: &str| (says(&resource, kind), message(&resource, kind).to_owned());
        statuses.push(["Ready", "Reconciling"].map(of));
    }
    assert!(statuses.iter().all(|said| *said == statuses[0]), "{statuses:#?}");
    let notes: Vec<Value> = world.events("ApiUnreachable").iter().map(|event| event["note"].clone()).collect();
    assert!(notes.iter().all(|note| *note == notes[0] && !note.to_string().contains("canary")), "{notes:#?}");
}
