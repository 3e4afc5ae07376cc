//! The admin endpoints, with which tests control the simulator.
//!
//! They need no authentication, so the simulator listens on loopback only. The journal does not record
//! them.

mod json;
mod organizations;

use super::faults::Rule;
use super::http::{ApiRequest, ApiResponse};
use super::journal::Filter;
use super::server::Server;
use super::settings::Settings;
use super::tokens::Client;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method};
use json::{AdminError, body, no_endpoint, written};
use serde_json::{Value, json};
use std::time::Instant;

const PREFIX: &str = "/_simulator/";

pub(crate) fn is_admin(path: &str) -> bool {
    path.starts_with(PREFIX)
}

pub(crate) fn handle(server: &Server, request: &ApiRequest) -> ApiResponse {
    match dispatch(server, request) {
        Ok(body) => ApiResponse::json(200, &body),
        Err((status, why)) => ApiResponse::json(status, &json!({"error": why})),
    }
}

/// Carries out an admin request without HTTP.
pub(crate) fn direct(server: &Server, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let request = ApiRequest {
        sequence: 0,
        method: Method::from_bytes(method.as_bytes()).unwrap_or_default(),
        uri: target.parse().unwrap_or_default(),
        headers: HeaderMap::new(),
        body: if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) },
    };
    let response = handle(server, &request);
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

fn dispatch(server: &Server, request: &ApiRequest) -> Result<Value, AdminError> {
    let path = request.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    if let Some(rest) = path.strip_prefix("organizations") {
        return organizations::dispatch(server, request, rest);
    }
    match (request.method.as_str(), path) {
        ("GET", "journal") => return written(&server.journal().read(&filter(request)?).collect::<Vec<_>>()),
        ("GET", "journal/count") => return Ok(json!({"count": server.journal().read(&filter(request)?).count()})),
        ("DELETE", "journal") => server.journal().clear(),
        ("GET", "settings") => return written(&server.environment().settings),
        ("PUT", "settings") => return settings(server, request, true),
        ("PATCH", "settings") => return settings(server, request, false),
        ("GET", "faults") => return written(server.faults().pending()),
        ("POST", "faults") => return add_faults(server, request),
        ("DELETE", "faults") => server.faults().clear(),
        ("GET", "tokens") => return Ok(server.environment().tokens.counts(Instant::now())),
        ("POST", "tokens/revoke") => server.environment().tokens.revoke_all(),
        ("PUT", "client") => server.environment().client = body::<Client>(request)?,
        ("POST", "reset") => server.reset().map_err(|error| (500, error.to_string()))?,
        _ => return Err(no_endpoint(request)),
    }
    Ok(json!({}))
}

/// Parses `?method=PATCH&path=/api/v1/**&status=429&after=17`; each is optional.
fn filter(request: &ApiRequest) -> Result<Filter, AdminError> {
    Query::try_from_uri(&request.uri).map(|Query(filter)| filter).map_err(|error| (400, error.body_text()))
}

fn settings(server: &Server, request: &ApiRequest, from_default: bool) -> Result<Value, AdminError> {
    let partial: Value = body(request)?;
    let mut environment = server.environment();
    let base = if from_default { Settings::default() } else { environment.settings.clone() };
    environment.settings = base.overlaid(&partial).map_err(|error| (400, error.to_string()))?;
    written(&environment.settings)
}

/// Adds the fault rules of the body: one rule or a list of them.
fn add_faults(server: &Server, request: &ApiRequest) -> Result<Value, AdminError> {
    let rules = match body::<Value>(request)? {
        list @ Value::Array(_) => serde_json::from_value(list),
        one => serde_json::from_value::<Rule>(one).map(|rule| vec![rule]),
    };
    let mut faults = server.faults();
    faults.add(rules.map_err(|error| (400, error.to_string()))?);
    written(faults.pending())
}
