//! The operator built with the feature `otlp` exports its spans to a stand-in for a collector.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    dead_code,
    reason = "as in tests/it/main.rs, whose cluster and world these are; not all of them is used here"
)]

#[path = "it/canary.rs"]
mod canary;
#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/lifeline.rs"]
mod lifeline;
#[path = "it/world.rs"]
mod world;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use cluster::eventually;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::KeyValue, common::v1::any_value::Value as Any,
    trace::v1::Span,
};
use prost::Message;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use world::{EIGHT_HOURS, World, default_credentials};

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Collector {
    /// Its endpoint.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let keep = async |State(collector): State<Self>, headers: HeaderMap, body: Bytes| {
            collector.0.lock().unwrap().push((headers, body));
        };
        let router = Router::new().route("/v1/traces", post(keep)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    fn received(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().unwrap().clone()
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An operator whose variables name this collector, and a resource that is Ready.
async fn ready(endpoint: &str) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.arguments.extend(["--log-format", "json"]);
    let url = world.simulator.base_url();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer of-the-collector"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"), // so that the end exports what there is, and nothing before
    ];
    world.start_with(&[&default_credentials(&url)[..], &variables].concat());
    world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_each_reconcile_with_its_requests_and_the_log_has_the_same_ids_and_no_secret_is_sent() {
    let collector = Collector::default();
    let mut world = ready(&collector.listen().await).await;
    assert!(collector.received().is_empty());
    assert!(world.stop_operator(60));
    let received = collector.received();
    let exported: Vec<_> =
        received.iter().map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect();

    let resources: Vec<_> = exported.iter().flat_map(|batch| &batch.resource_spans).collect();
    let attributes = &resources[0].resource.as_ref().unwrap().attributes;
    let named = ["service.name", "service.version", "deployment.environment.name"].map(|name| text(attributes, name));
    assert_eq!(named, [Some("session-policy-operator"), Some(env!("CARGO_PKG_VERSION")), Some("test")]);
    let spans: Vec<&Span> =
        resources.iter().flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect();
    let resource = format!("{}/acme", world.namespace);
    let reconciles: Vec<_> = spans.iter().filter(|span| span.name == "reconcile").collect();
    for span in &reconciles {
        assert!(span.parent_span_id.is_empty() && span.end_time_unix_nano > span.start_time_unix_nano, "{span:?}");
        assert_eq!(text(&span.attributes, "resource"), Some(resource.as_str()));
        assert_eq!(text(&span.attributes, "organization"), Some("org_1"));
    }
    let requests: Vec<_> = spans.iter().filter(|span| span.name == "request").collect();
    for span in &requests {
        let parent = reconciles.iter().find(|parent| parent.span_id == span.parent_span_id);
        assert_eq!(parent.unwrap().trace_id, span.trace_id, "{span:?}");
        assert!(text(&span.attributes, "route").is_some(), "{span:?}");
    }
    assert_eq!(spans.len(), reconciles.len() + requests.len());

    let log: Vec<Value> = world.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let says = |message: &str| log.iter().filter(|line| line["fields"]["message"] == message).collect::<Vec<_>>();
    let writes = says("wrote to Scalekit");
    assert!(!writes.is_empty());
    for write in writes {
        let is_its =
            |span: &&&&Span| write["span_id"] == hex(&span.span_id) && write["trace_id"] == hex(&span.trace_id);
        assert!(reconciles.iter().any(|span| is_its(&span)), "{write}");
    }
    // those to the API server, which have no span, have this message too
    let to_scalekit = |line: &&Value| line["target"].as_str().unwrap().starts_with("session_policy_operator::scalekit");
    let sent: Vec<_> = says("request").into_iter().filter(to_scalekit).collect();
    assert!(!requests.is_empty() && sent.len() == requests.len());
    for line in sent {
        let span = requests.iter().find(|span| line["span_id"] == hex(&span.span_id)).unwrap();
        assert_eq!(line["span"]["id"].as_str(), text(&span.attributes, "id"));
    }
    for (headers, body) in &received {
        assert_eq!(headers["authorization"], "Bearer of-the-collector");
        let body = String::from_utf8_lossy(body);
        assert!(!["test_simulator", "Bearer", "eyJ"].iter().any(|secret| body.contains(secret)), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_delays_no_policy_and_costs_a_line_of_the_log() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut world = ready(&format!("http://{nobody}")).await;
    assert!(world.stop_operator(60));
    let told = |line: &str| line.contains("\"ERROR\"") && line.contains("\"opentelemetry_sdk\"");
    eventually("a line about the collector", 10, || world.log().lines().any(told).then_some(()));
}
