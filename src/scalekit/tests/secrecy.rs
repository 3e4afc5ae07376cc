//! A server that gives back every secret it was sent, wherever it can.

use super::{
    alone, id, look_up, read_policy,
    server::{ReceivedRequest, SECRET, Server, json},
    write_policy,
};
use crate::reconcile::RemoteRequest;
use std::{
    io,
    sync::{Arc, Mutex},
};

/// An error body with everything that came in, in every field that is read.
fn echo(received: &ReceivedRequest) -> String {
    let words = ["canary", SECRET, "CANARY_CODE", received.bearer().unwrap_or(SECRET), &received.body, &received.head];
    let infos: Vec<_> = words
        .iter()
        .map(|word| {
            serde_json::json!({
                "error_code": word, "message": word, "description": word,
                "request_info": {"request_id": word, "serving_data": word},
                "validation_error_info": {"field_violations": [{"field": word, "description": word}]},
                "debug_info": {"detail": word, "stack_entries": [word]},
                "retry_after": word,
            })
        })
        .collect();
    serde_json::json!({"code": 3, "message": words, "error": SECRET, "error_description": words, "details": infos})
        .to_string()
}

async fn shown(server: &Server) -> String {
    let client = server.client();
    let mut shown = format!("{client:?}");
    let features = RemoteRequest::WriteFeatures { organization: id(), features: vec![] };
    for request in [read_policy(), write_policy(), look_up("t"), RemoteRequest::ReadOrganization(id()), features] {
        let error = client.request(&request).await.unwrap_err();
        shown += &format!("{error:?} {}", error.detail);
    }
    shown
}

/// The request id is only safe because it is compared with the secrets, and the
/// word "canary" alone is part of both.
#[tokio::test]
async fn no_fault_of_a_call_shows_a_secret() {
    for status in [400, 401, 403, 404, 409, 429, 500, 501, 503, 302, 200] {
        let server = Server::api(move |received, _| json(status, &echo(received))).await;
        let shown = shown(&server).await;
        assert!(!shown.contains("canary"), "{status} {shown}");
    }
}

#[tokio::test]
async fn no_fault_of_a_token_request_shows_a_secret() {
    for status in [400, 401, 403, 404, 409, 429, 500, 501, 503, 302, 200] {
        let server = Server::start(move |received, _| json(status, &echo(received))).await;
        let shown = shown(&server).await;
        assert!(!shown.contains("canary"), "{status} {shown}");
    }
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_has_a_line_per_request_and_no_secret() {
    assert!(alone("secrecy::log", &[]).await);
}

/// Alone, because other threads' tests decide which log lines are cached as
/// not wanted.
#[tokio::test]
#[ignore = "a part of the one above"]
async fn log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let server = Server::api(move |received, _| json(400, &echo(received))).await;
    let client = server.client();
    for request in [read_policy(), write_policy(), look_up("canary-tenant")] {
        let _ = client.request(&request).await;
    }
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("canary"), "{log}");
    for path in ["/oauth/token", "/organizations/org_1/session-policy", "/organizations:external/{external_id}"] {
        assert!(log.contains(&format!("path=\"{path}\"")), "{log}");
    }
}
