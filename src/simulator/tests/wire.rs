//! A client that sees what is on the wire: one request per connection, read
//! to the end of the connection, nothing repaired.

use crate::simulator::{Config, Simulator};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back; `status` 0 when nothing did.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Response {
    fn parse(raw: &[u8]) -> Self {
        let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self { status: 0, head: String::from_utf8_lossy(raw).into_owned(), body: Vec::new() };
        };
        let head = String::from_utf8_lossy(&raw[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Self { status, head, body: raw[end + 4..].to_vec() };
        if response.header("transfer-encoding").is_some() {
            response.body = unchunked(&response.body);
        }
        response
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body; `null` if it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The length that was promised.
    pub(super) fn announced(&self) -> usize {
        self.header("content-length").unwrap().parse().unwrap()
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    whole
}

/// Sends one request and reads until the server closes.
pub(super) async fn send(address: SocketAddr, method: &str, target: &str, headers: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    // A killed connection may end in a reset; what came before it counts.
    let _ = stream.read_to_end(&mut raw).await;
    Response::parse(&raw)
}

/// A simulator and an authenticated client of it.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) simulator: Simulator,
    pub(super) token: String,
}

pub(super) const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
pub(super) const GRANT: &str = "grant_type=client_credentials&client_id=skc_simulator&client_secret=test_simulator";

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(super) async fn with(settings: Value) -> Self {
        let simulator = Simulator::start(Config { settings, ..Config::default() }).await.unwrap();
        let mut bench = Self { simulator, token: String::new() };
        let granted = bench.grant(GRANT).await;
        bench.token = granted.json()["access_token"].as_str().unwrap().to_owned();
        bench
    }

    pub(super) async fn grant(&self, body: &str) -> Response {
        send(self.simulator.address(), "POST", "/oauth/token", FORM, body).await
    }

    /// An authenticated call; `null` sends no body.
    pub(super) async fn call(&self, method: &str, target: &str, body: &Value) -> Response {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call_text(method, target, &text).await
    }

    pub(super) async fn call_text(&self, method: &str, target: &str, body: &str) -> Response {
        let authorization = format!("authorization: Bearer {}\r\n", self.token);
        send(self.simulator.address(), method, target, &authorization, body).await
    }

    pub(super) async fn get(&self, target: &str) -> Response {
        self.call("GET", target, &Value::Null).await
    }

    /// An admin call over the wire that must succeed.
    pub(super) async fn admin(&self, method: &str, target: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let response = send(self.simulator.address(), method, &format!("/_simulator/{target}"), "", &text).await;
        assert_eq!(response.status, 200, "{method} {target}: {}", String::from_utf8_lossy(&response.body));
        response.json()
    }

    pub(super) async fn set(&self, partial: Value) {
        self.admin("PATCH", "settings", &partial).await;
    }

    pub(super) async fn fault(&self, fault: Value) {
        self.admin("POST", "faults", &json!({"path": "/api/v1/**", "fault": fault})).await;
    }

    /// What is really stored of `org_1`.
    pub(super) async fn stored(&self) -> Value {
        self.admin("GET", "organizations/org_1", &Value::Null).await
    }

    pub(super) async fn journal(&self, filter: &str) -> Vec<Value> {
        self.admin("GET", &format!("journal{filter}"), &Value::Null).await.as_array().unwrap().clone()
    }
}

pub(super) const POLICY: &str = "/api/v1/organizations/org_1/session-policy";
pub(super) const APPLICATION_POLICY: &str = "/api/v1/organizations/org_1/application-session-policy";
pub(super) const SETTINGS: &str = "/api/v1/organizations/org_1/settings";
pub(super) const ORGANIZATION: &str = "/api/v1/organizations/org_1";

/// CUSTOM, in minutes, idle off.
pub(super) fn custom(minutes: i64) -> Value {
    json!({"policy_source": "CUSTOM", "absolute_session_timeout": minutes,
        "absolute_session_timeout_unit": "MINUTES", "idle_session_timeout_enabled": false})
}

/// Asks again until it is true.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_true: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_true().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}
