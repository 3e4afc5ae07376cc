//! Injects a fault while a request is handled.

use super::fault::{Fault, Then};
use crate::simulator::http::{ApiRequest, ApiResponse, respond};
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use std::io;
use std::time::Duration;

/// What the client gets.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Response),
    HangUp,
    /// No response; the connection stays open.
    Silence,
}

/// Handles `request` with `fault` injected. `handle` carries the request out; it is called only if the
/// fault allows it.
pub(crate) async fn inject<H>(fault: Fault, request: &ApiRequest, handle: H) -> Outcome
where
    H: FnOnce() -> ApiResponse + Send + 'static,
{
    match fault {
        Fault::Refuse { status, body, headers } => Outcome::Response(body.respond(status, &headers, request)),
        Fault::Answer { status, body, headers } => {
            let genuine = handle();
            Outcome::Response(body.respond(status.unwrap_or(genuine.status), &headers, request))
        }
        Fault::SlowHeaders { delay_ms } => {
            let response = handle();
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            Outcome::Response(response.into_response())
        }
        Fault::SlowBody { chunk_bytes, every_ms } => {
            Outcome::Response(slow_body(handle(), chunk_bytes, Duration::from_millis(every_ms)))
        }
        Fault::Truncated { keep_bytes } => Outcome::Response(truncated(handle(), keep_bytes)),
        Fault::LostRequest => Outcome::HangUp,
        Fault::LostResponse => {
            handle();
            Outcome::HangUp
        }
        Fault::Late { after_ms, then } => {
            if let Some(after_ms) = after_ms {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    handle();
                });
            }
            match then {
                Then::HangUp => Outcome::HangUp,
                Then::Silence => Outcome::Silence,
            }
        }
    }
}

/// Sends the body of a response in chunks of `chunk_bytes`.
fn slow_body(response: ApiResponse, chunk_bytes: usize, every: Duration) -> Response {
    let body = Bytes::from(response.body);
    let headers = with_content_length(response.headers, body.len());
    let chunks = stream::unfold(body, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let chunk = left.split_to(chunk_bytes.clamp(1, left.len()));
        Some((Ok::<_, io::Error>(chunk), left))
    });
    respond(response.status, &headers, Body::from_stream(chunks))
}

/// Sends the beginning of a body, then an error that makes the server close the connection.
fn truncated(response: ApiResponse, keep_bytes: usize) -> Response {
    let headers = with_content_length(response.headers, response.body.len());
    let mut kept = Bytes::from(response.body);
    // at least one byte less, or it would not be truncated
    kept.truncate(keep_bytes.min(kept.len().saturating_sub(1)));
    let parts = stream::unfold(Some(kept), |kept| async move {
        match kept {
            Some(kept) => Some((Ok(kept), None)),
            None => {
                // the kept bytes must be sent before the connection closes
                tokio::task::yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
        }
    });
    respond(response.status, &headers, Body::from_stream(parts))
}

fn with_content_length(mut headers: Vec<(String, String)>, length: usize) -> Vec<(String, String)> {
    headers.push(("content-length".to_owned(), length.to_string()));
    headers
}
