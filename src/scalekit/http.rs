//! Sends one HTTP request and reads its response within a deadline and a size limit, with an error for
//! each way in which that can fail.

use super::{
    deadline::within,
    retry_after::{Allowance, RetryHint},
};
use crate::reconcile::{ErrorKind, Note};
use reqwest::{Response, header::HeaderMap};
use std::{error::Error, io, time::SystemTime};
use tokio::time::{Instant, timeout_at};

/// The largest body that is read. A page of 100 organizations has about 60 KiB.
const LARGEST_BODY: usize = 256 * 1024;

/// A response, perhaps without a complete body.
pub(super) struct HttpResponse {
    pub(super) status: u16,
    /// What the headers say about how long to wait.
    pub(super) retry_hint: RetryHint,
    /// What they say about how much is left.
    pub(super) allowance: Option<Allowance>,
    /// The server's clock.
    pub(super) date: Option<SystemTime>,
    pub(super) body: Body,
}

/// The body of a response, or why there is none.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// The complete body.
    Whole(Vec<u8>),
    /// Above 256 KiB.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
    /// The deadline passed before the body ended.
    TimedOut,
}

/// Why there is no response.
#[derive(Debug, PartialEq)]
pub(super) struct TransportError {
    pub(super) kind: ErrorKind,
    pub(super) note: Note,
    /// Whether the server may have seen the request.
    pub(super) sent: bool,
}

pub(super) async fn send(request: reqwest::RequestBuilder, deadline: Instant) -> Result<HttpResponse, TransportError> {
    match within(Some(deadline), request.send()).await {
        None => Err(TransportError { kind: ErrorKind::TimedOut, note: Note::NoAnswer, sent: true }),
        Some(Err(error)) => Err(transport_error(&error)),
        Some(Ok(response)) => Ok(HttpResponse {
            status: response.status().as_u16(),
            retry_hint: retry_hint(response.headers()),
            allowance: allowance(response.headers()),
            date: text(response.headers(), "date").and_then(|date| httpdate::parse_http_date(date).ok()),
            body: timeout_at(deadline, read(response)).await.unwrap_or(Body::TimedOut),
        }),
    }
}

async fn read(mut response: Response) -> Body {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => return Body::TooLarge,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(body),
            Err(_) => return Body::Truncated,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn retry_hint(headers: &HeaderMap) -> RetryHint {
    let text = |name| text(headers, name).map(str::to_owned);
    RetryHint { retry_after: text("retry-after"), detail: None, reset: text("x-ratelimit-reset") }
}

fn allowance(headers: &HeaderMap) -> Option<Allowance> {
    let text = |name| text(headers, name);
    let (left, limit) = (text("x-ratelimit-remaining"), text("x-ratelimit-limit"));
    Allowance::parse(left, limit, text("x-ratelimit-reset"), SystemTime::now())
}

fn transport_error(error: &reqwest::Error) -> TransportError {
    let mut chain = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
    // the innermost one has no URL; whether a status may show it is decided elsewhere, so here it is for the log
    if let Some(cause) = chain.clone().last() {
        tracing::debug!(%cause, "no response");
    }
    let (kind, note, sent) = if error.is_builder() {
        (ErrorKind::BadResponse, Note::NotBuilt, false)
    } else if !error.is_connect() {
        (ErrorKind::Unreachable, Note::ConnectionLost, true)
    } else if chain.any(is_tls) {
        (ErrorKind::Tls, Note::NoTrustedConnection, false)
    } else if error.is_timeout() {
        (ErrorKind::Unreachable, Note::NoConnectionInTime, false)
    } else {
        (ErrorKind::Unreachable, Note::NoConnection, false)
    };
    TransportError { kind, note, sent }
}

/// Whether a connection failed because of TLS. The handshake returns an `io::Error`, whose inner error
/// is not its source; an end of file during the connection means that the peer closed it at the
/// handshake.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    let Some(error) = error.downcast_ref::<io::Error>() else { return false };
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        || error.get_ref().is_some_and(|inner| is_tls(inner))
}
