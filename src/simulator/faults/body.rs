//! Response bodies that a correct server would not send.

use crate::simulator::api_error::{ApiError, error_info, status_response};
use crate::simulator::http::{ApiRequest, respond};
use crate::simulator::tokens::oauth_error;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// The body of an injected response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Forgery {
    Empty,
    /// A `google.rpc.Status` that fits the HTTP status.
    #[default]
    Status,
    /// The documented body of a 401, whatever the status.
    Unauthenticated,
    /// `{"error": …}` as from a token endpoint.
    Oauth,
    /// An HTML page, as from a proxy or a captive portal.
    Html,
    /// A Status whose message repeats the request's Authorization and body.
    Echo,
    Garbled,
    /// Objects nested this deep; valid JSON.
    Deep(usize),
    /// So many bytes of white space, a valid beginning of JSON, as fast as they are read.
    Huge(u64),
    Json(Value),
    /// As text/plain.
    Text(String),
}

impl Forgery {
    pub(crate) fn respond(&self, status: u16, headers: &BTreeMap<String, String>, request: &ApiRequest) -> Response {
        let json = "application/json";
        let (kind, body) = match self {
            Self::Empty => (json, Body::empty()),
            Self::Status => (json, status_json(status, &format!("simulated {status}"))),
            Self::Unauthenticated => (json, ApiError::UNAUTHENTICATED.response(request.sequence).body.into()),
            Self::Oauth => {
                let error = if status < 500 { "invalid_client" } else { "server_error" };
                (json, oauth_error(status, error, "simulated").body.into())
            }
            Self::Html => ("text/html", Body::from("<html><head><title>Sign in</title></head></html>")),
            Self::Echo => {
                let sent = String::from_utf8_lossy(&request.body);
                (json, status_json(status, &format!("{} {sent}", request.authorization().unwrap_or_default())))
            }
            Self::Garbled => (json, Body::from("{\"policy\":{\"policy_source\":\"CUS")),
            Self::Deep(depth) => (json, format!("{}1{}", "{\"a\":".repeat(*depth), "}".repeat(*depth)).into()),
            Self::Huge(bytes) => (json, huge(*bytes)),
            Self::Json(value) => (json, value.to_string().into()),
            Self::Text(text) => ("text/plain", text.clone().into()),
        };
        let mut all = BTreeMap::from([("content-type".to_owned(), kind.to_owned())]);
        all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
        respond(status, &Vec::from_iter(all), body)
    }
}

fn status_json(status: u16, message: &str) -> Body {
    let (code, error_code) = match status {
        400 => (3, "INVALID_ARGUMENT"),
        401 => (16, "UNAUTHENTICATED"),
        403 => (7, "PERMISSION_DENIED"),
        404 => (5, "NOT_FOUND"),
        409 => (10, "ABORTED"),
        429 => (8, "RATE_LIMITED"),
        499 => (1, "CANCELLED"),
        501 => (12, "UNIMPLEMENTED"),
        503 => (14, "UNAVAILABLE"),
        504 => (4, "DEADLINE_EXCEEDED"),
        _ => (13, "INTERNAL"),
    };
    status_response(status, code, message, [error_info(error_code)]).body.into()
}

/// Streamed, so that neither side needs the memory.
fn huge(bytes: u64) -> Body {
    const CHUNK: u64 = 64 * 1024;
    let chunks = stream::unfold(bytes, |left| async move {
        let size = usize::try_from(left.min(CHUNK)).ok().filter(|size| *size > 0)?;
        Some((Ok::<_, Infallible>(Bytes::from(vec![b' '; size])), left.saturating_sub(CHUNK)))
    });
    Body::from_stream(chunks)
}
