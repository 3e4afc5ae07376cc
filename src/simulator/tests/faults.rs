//! Every fault, as it looks on the wire, and whether the write took place.

use super::wire::{Bench, ORGANIZATION, POLICY, custom, eventually, send};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn absolute_minutes(bench: &Bench) -> Value {
    bench.stored().await["policy"]["absolute_minutes"].clone()
}

#[tokio::test]
async fn a_refused_request_is_not_carried_out() {
    let bench = Bench::new().await;
    for (body, kind, start) in [
        (json!("empty"), "application/json", ""),
        (json!("status"), "application/json", "{\"code\":14"),
        (json!("oauth"), "application/json", "{\"error\""),
        (json!("html"), "text/html", "<html>"),
        (json!({"text": "upstream"}), "text/plain", "upstream"),
    ] {
        bench.fault(json!({"kind": "refuse", "status": 503, "body": body})).await;
        let response = bench.call("PATCH", POLICY, &custom(480)).await;
        assert_eq!((response.status, response.header("content-type")), (503, Some(kind)), "{body}");
        assert!(String::from_utf8(response.body).unwrap().starts_with(start), "{body}");
    }
    assert_eq!(absolute_minutes(&bench).await, Value::Null);
}

#[tokio::test]
async fn a_refusal_can_repeat_the_secrets_it_was_sent() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "refuse", "status": 500, "body": "echo"})).await;
    let message = bench.call("PATCH", POLICY, &custom(480)).await.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&bench.token) && message.contains("absolute_session_timeout"));
}

#[tokio::test]
async fn a_redirect_points_to_the_configured_location() {
    let bench = Bench::new().await;
    let headers = json!({"Location": "http://169.254.169.254/latest", "X-Odd": "1"});
    bench.fault(json!({"kind": "refuse", "status": 302, "body": "empty", "headers": headers})).await;
    let response = bench.get(POLICY).await;
    assert_eq!((response.status, response.header("location")), (302, Some("http://169.254.169.254/latest")));
}

#[tokio::test]
async fn a_scripted_401_has_the_documented_body_and_the_token_stays_good() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "refuse", "status": 401, "body": "unauthenticated"})).await;
    let response = bench.get(POLICY).await;
    assert_eq!((response.status, &response.json()["message"]), (401, &json!("Token empty")));
    assert_eq!(bench.get(POLICY).await.status, 200);
}

#[tokio::test]
async fn a_forged_answer_hides_that_the_request_was_carried_out() {
    let bench = Bench::new().await;
    for (minutes, body, expected) in [
        (100, json!("empty"), ""),
        (200, json!({"json": {}}), "{}"),
        (
            300,
            json!({"json": {"policy": {"policy_source": "APPLICATION"}}}),
            r#"{"policy":{"policy_source":"APPLICATION"}}"#,
        ),
        (400, json!("garbled"), r#"{"policy":{"policy_source":"CUS"#),
    ] {
        bench.fault(json!({"kind": "answer", "body": body})).await;
        let response = bench.call("PATCH", POLICY, &custom(minutes)).await;
        assert_eq!((response.status, String::from_utf8(response.body).unwrap().as_str()), (200, expected));
        assert_eq!(absolute_minutes(&bench).await, minutes);
    }
}

#[tokio::test]
async fn an_answer_can_be_deep_or_huge() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "answer", "body": {"deep": 100_000}})).await;
    assert_eq!(bench.get(POLICY).await.body.iter().filter(|byte| **byte == b'{').count(), 100_000);
    bench.fault(json!({"kind": "answer", "body": {"huge": 1_000_000}})).await;
    assert_eq!(bench.get(POLICY).await.body.len(), 1_000_000);
}

#[tokio::test]
async fn a_slow_answer_is_whole() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "slow_headers", "delay_ms": 5})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.json()["policy"]["absolute_session_timeout"], 480);
    bench.fault(json!({"kind": "slow_body", "chunk_bytes": 50, "every_ms": 1})).await;
    let response = bench.get(POLICY).await;
    assert_eq!(
        (response.body.len(), &response.json()["policy"]["absolute_session_timeout"]),
        (response.announced(), &json!(480))
    );
}

#[tokio::test]
async fn a_slow_answer_is_carried_out_even_if_nobody_waits() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "slow_headers", "delay_ms": 3_600_000})).await;
    let mut stream = TcpStream::connect(bench.simulator.address()).await.unwrap();
    let body = custom(480).to_string();
    let (token, length) = (&bench.token, body.len());
    let request = format!(
        "PATCH {POLICY} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    eventually("the write lands", || async { absolute_minutes(&bench).await == 480 }).await;
    drop(stream);
    assert_eq!(bench.journal("?method=PATCH").await[0]["status"], Value::Null);
}

#[tokio::test]
async fn a_truncated_answer_breaks_its_promise() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "truncated", "keep_bytes": 10})).await;
    let response = bench.call("PATCH", POLICY, &custom(480)).await;
    assert_eq!((response.status, response.body.len()), (200, 10));
    assert!(response.announced() > 10);
    assert_eq!(absolute_minutes(&bench).await, 480);
}

#[tokio::test]
async fn a_lost_request_leaves_nothing_and_a_lost_response_leaves_the_write() {
    let bench = Bench::new().await;
    for (kind, after) in [("lost_request", Value::Null), ("lost_response", json!(480))] {
        bench.fault(json!({"kind": kind})).await;
        let response = bench.call("PATCH", POLICY, &custom(480)).await;
        assert_eq!((response.status, response.head.as_str()), (0, ""), "not a byte comes back");
        assert_eq!(absolute_minutes(&bench).await, after);
    }
    let patches = bench.journal("?method=PATCH").await;
    assert_eq!(patches.iter().map(|e| e["status"].clone()).collect::<Vec<_>>(), [Value::Null, Value::Null]);
    assert_eq!(patches[1]["fault"], "lost_response");
}

#[tokio::test]
async fn a_late_write_lands_after_the_connection_is_gone() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "late", "after_ms": 20, "then": "hang_up"})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 0);
    eventually("the write lands", || async { absolute_minutes(&bench).await == 480 }).await;
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up() {
    let bench = Bench::new().await;
    bench.fault(json!({"kind": "late", "then": "silence"})).await;
    let mut stream = TcpStream::connect(bench.simulator.address()).await.unwrap();
    stream.write_all(format!("GET {ORGANIZATION} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    eventually("the fault strikes", || async { bench.journal("").await.last().unwrap()["fault"] == "late" }).await;
    stream.shutdown().await.unwrap();
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw).await;
    assert_eq!(raw, b"", "closed without an answer");
}

#[tokio::test]
async fn rules_match_by_method_path_and_number_of_requests() {
    let bench = Bench::new().await;
    let rules = json!([
        {"method": "PATCH", "path": "/api/v1/organizations/*/session-policy", "skip": 1,
            "fault": {"kind": "refuse", "status": 409}},
        {"path": "/oauth/token", "times": "forever", "fault": {"kind": "refuse", "status": 500, "body": "empty"}},
    ]);
    bench.admin("POST", "faults", &rules).await;
    assert_eq!(bench.get(POLICY).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(bench.call("PATCH", POLICY, &custom(480)).await.status);
    }
    assert_eq!(statuses, [200, 409, 200]);
    assert_eq!([bench.grant("").await.status, bench.grant("").await.status], [500, 500]);
    assert_eq!(bench.admin("GET", "faults", &Value::Null).await.as_array().unwrap().len(), 1);
    bench.admin("DELETE", "faults", &Value::Null).await;
    assert_eq!(bench.grant("").await.status, 400);
}

#[tokio::test]
async fn a_rule_that_is_wrong_is_refused() {
    let bench = Bench::new().await;
    for rule in [json!({"fault": {"kind": "earthquake"}}), json!([{"fault": {"kind": "refuse"}}]), json!(5)] {
        let response = send(bench.simulator.address(), "POST", "/_simulator/faults", "", &rule.to_string()).await;
        assert_eq!(response.status, 400, "{rule}");
    }
}
