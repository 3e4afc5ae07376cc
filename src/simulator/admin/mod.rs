//! The back door: everything a test may do that a client of Scalekit may not.
//!
//! No authentication, which is why the stand-in listens on loopback only, and
//! no trace in the journal.

mod organizations;
mod witness;

use super::call::{Call, Reply};
use super::desk::Desk;
use super::faults::Rule;
use super::settings::Settings;
use super::tokens::Client;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Instant;

const PREFIX: &str = "/_simulator/";

pub(crate) fn is_admin(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// A wrong admin call: status and explanation.
type Wrong = (u16, String);

/// Answers one admin call.
pub(crate) fn answer(desk: &Desk, call: &Call) -> Reply {
    match dispatch(desk, call) {
        Ok(body) => Reply::json(200, &body),
        Err((status, why)) => Reply::json(status, &json!({"error": why})),
    }
}

/// The same without HTTP around it.
pub(crate) fn direct(desk: &Desk, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let call = Call {
        sequence: 0,
        method: Method::from_bytes(method.as_bytes()).unwrap_or_default(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) },
    };
    let reply = answer(desk, &call);
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

fn dispatch(desk: &Desk, call: &Call) -> Result<Value, Wrong> {
    let path = call.path.strip_prefix(PREFIX).unwrap_or_default();
    if let Some(rest) = path.strip_prefix("organizations") {
        return organizations::dispatch(desk, call, rest);
    }
    match (call.method.as_str(), path) {
        ("GET", "journal") => witness::read(desk, call),
        ("GET", "journal/count") => witness::count(desk, call),
        ("DELETE", "journal") => {
            desk.journal().clear();
            done()
        }
        ("GET", "settings") => written(&desk.environment().settings),
        ("PUT", "settings") => settings(desk, call, true),
        ("PATCH", "settings") => settings(desk, call, false),
        ("GET", "faults") => written(desk.faults().pending()),
        ("POST", "faults") => add_faults(desk, call),
        ("DELETE", "faults") => {
            desk.faults().clear();
            done()
        }
        ("GET", "tokens") => Ok(desk.environment().tokens.counts(Instant::now())),
        ("POST", "tokens/revoke") => {
            desk.environment().tokens.revoke_all();
            done()
        }
        ("PUT", "client") => {
            desk.environment().client = body::<Client>(call)?;
            done()
        }
        ("POST", "reset") => {
            desk.reset().map_err(|error| (500, error.to_string()))?;
            done()
        }
        _ => Err((404, format!("no admin endpoint {} {}", call.method, call.path))),
    }
}

fn settings(desk: &Desk, call: &Call, from_default: bool) -> Result<Value, Wrong> {
    let partial: Value = body(call)?;
    let mut environment = desk.environment();
    let base = if from_default { Settings::default() } else { environment.settings.clone() };
    environment.settings = base.overlaid(&partial).map_err(|error| (400, error.to_string()))?;
    written(&environment.settings)
}

/// One rule or a list of them.
fn add_faults(desk: &Desk, call: &Call) -> Result<Value, Wrong> {
    let rules = match body::<Value>(call)? {
        list @ Value::Array(_) => serde_json::from_value(list),
        one => serde_json::from_value::<Rule>(one).map(|rule| vec![rule]),
    };
    let mut faults = desk.faults();
    faults.add(rules.map_err(|error| (400, error.to_string()))?);
    written(faults.pending())
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Wrong> {
    serde_json::from_slice(&call.body).map_err(|error| (400, error.to_string()))
}

fn written<T: Serialize + ?Sized>(value: &T) -> Result<Value, Wrong> {
    serde_json::to_value(value).map_err(|error| (500, error.to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
fn done() -> Result<Value, Wrong> {
    Ok(json!({}))
}
