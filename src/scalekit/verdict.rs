//! What an error answer means (`scalekit-api.md` §4.1–4.2), and what of it may
//! be shown.

use super::exchange::Answer;
use crate::reconcile::{Detail, Fault, FaultKind};
use serde_json::Value;
use std::time::Duration;

/// The field names that may be shown; anything else in an answer could be a
/// secret that the server repeats (failure-catalogue row 93).
const FIELDS: [&str; 10] = [
    "organization_id",
    "external_id",
    "policy_source",
    "absolute_session_timeout",
    "absolute_session_timeout_unit",
    "idle_session_timeout_enabled",
    "idle_session_timeout",
    "idle_session_timeout_unit",
    "features",
    "settings",
];

/// The fault that `answer`, which is no 2xx, means. `secrets` are never shown.
pub(super) fn fault(answer: &Answer, writes: bool, secrets: &[&str]) -> Fault {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = match answer.status {
        403 => FaultKind::Forbidden,
        404 if code(&body) == Some(5) => FaultKind::NotFound,
        404 => FaultKind::BadResponse,
        409 => FaultKind::Conflict,
        429 => FaultKind::RateLimited { retry_after: Duration::ZERO },
        408 | 499 => FaultKind::Unavailable,
        400..=499 => FaultKind::Rejected,
        501 => FaultKind::Unsupported,
        500..=599 => FaultKind::Unavailable,
        _ => FaultKind::BadResponse,
    };
    let open = matches!(kind, FaultKind::Unavailable);
    Fault { kind, may_have_landed: writes && open, detail: detail(answer.status, &body, secrets) }
}

/// The delay in the body of a 429, seconds.
pub(super) fn retry_after(body: &[u8]) -> Option<f64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    infos(&body).find_map(|info| match info.get("retry_after")? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => super::pause::seconds(text),
        _ => None,
    })
}

fn detail(status: u16, body: &Value, secrets: &[&str]) -> Detail {
    let shown = |text: &&str| !secrets.iter().any(|secret| text.contains(secret) || secret.contains(*text));
    let text = |info: &Value, name: &str| info.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = infos(body)
        .find_map(|info| text(info, "error_code"))
        .filter(|code| is_code(code))
        .or_else(|| oauth(body))
        .filter(|code| shown(&code.as_str()));
    let request_id = infos(body)
        .find_map(|info| text(info.get("request_info")?, "request_id"))
        .filter(|id| is_request_id(id) && shown(&id.as_str()));
    let violated = infos(body)
        .filter_map(|info| info.get("validation_error_info")?.get("field_violations")?.as_array())
        .flatten()
        .filter_map(|violation| violation.get("field")?.as_str());
    let mut fields: Vec<String> = FIELDS
        .iter()
        .filter(|known| violated.clone().any(|field| field == **known))
        .map(|known| (*known).to_owned())
        .collect();
    fields.sort_unstable();
    let note = (300..400).contains(&status).then_some("a redirect, which is not followed");
    Detail { status: Some(status), code, request_id, fields, note }
}

/// The typed details of a Status; some routes send a bare ErrorInfo.
fn infos(body: &Value) -> impl Iterator<Item = &Value> + Clone {
    let details = body.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    std::iter::once(body).chain(details)
}

fn code(body: &Value) -> Option<i64> {
    match body.get("code")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The error of the token endpoint, if it is one that RFC 6749 knows.
fn oauth(body: &Value) -> Option<String> {
    let error = body.get("error")?.as_str()?;
    let known = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    known.contains(&error).then(|| error.to_owned())
}

fn is_code(text: &str) -> bool {
    (2..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::super::pause::Told;
    use super::*;

    fn of(status: u16, body: &str) -> Fault {
        let answer = Answer { status, told: Told::default(), body: body.as_bytes().to_vec() };
        fault(&answer, true, &["s3cret-value", "tok-en"])
    }

    #[test]
    fn a_404_proves_a_missing_organization_only_in_scalekits_words() {
        assert_eq!(of(404, r#"{"code":5,"message":"Not Found","details":[]}"#).kind, FaultKind::NotFound);
        assert_eq!(of(404, "<html>not found</html>").kind, FaultKind::BadResponse);
        assert_eq!(of(404, "").kind, FaultKind::BadResponse);
        assert_eq!(of(404, r#"{"code":7}"#).kind, FaultKind::BadResponse);
    }

    #[test]
    fn only_a_server_error_leaves_a_write_open() {
        for (status, open) in [
            (400, false),
            (403, false),
            (409, false),
            (429, false),
            (501, false),
            (500, true),
            (503, true),
            (408, true),
        ] {
            assert_eq!(of(status, "").may_have_landed, open, "{status}");
        }
    }

    #[test]
    fn what_helps_is_shown_and_secrets_are_not() {
        let body = r#"{"code":3,"message":"s3cret-value","details":[{"error_code":"INVALID_ARGUMENT",
            "request_info":{"request_id":"req-1"},"debug_info":{"detail":"tok-en"},
            "validation_error_info":{"field_violations":[{"field":"idle_session_timeout"},{"field":"s3cret-value"}]}}]}"#;
        let shown = of(400, body).detail.to_string();
        assert_eq!(shown, "HTTP 400 INVALID_ARGUMENT, fields: idle_session_timeout, request req-1");
        let echo = r#"{"code":3,"details":[{"error_code":"TOK","request_info":{"request_id":"x-s3cret-value"}}]}"#;
        assert_eq!(of(400, echo).detail.to_string(), "HTTP 400 TOK");
    }

    #[test]
    fn the_delay_of_a_429_may_stand_in_its_body() {
        let body = |value: &str| format!(r#"{{"details":[{{"retry_after":{value}}}]}}"#);
        assert_eq!(retry_after(body("30").as_bytes()), Some(30.0));
        assert_eq!(retry_after(body("\"30\"").as_bytes()), Some(30.0));
        assert_eq!(retry_after(body("null").as_bytes()), None);
        assert_eq!(retry_after(b"<html>"), None);
    }
}
