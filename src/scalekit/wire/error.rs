//! Reads the body of an error response (`scalekit-api.md` §4.1): a few words from known fields, each
//! checked for its form. The message is never read.

use super::numbers::integer;
use crate::scalekit::retry_after::seconds;
use serde_json::{Map, Value};

/// The fields that a validation error can name; others are dropped.
const FIELDS: [&str; 14] = [
    "id",
    "organization_id",
    "external_id",
    "policy_source",
    "absolute_session_timeout",
    "absolute_session_timeout_unit",
    "idle_session_timeout_enabled",
    "idle_session_timeout",
    "idle_session_timeout_unit",
    "settings",
    "features",
    "page_size",
    "page_token",
    "query",
];

/// The error codes of OAuth (RFC 6749 §5.2); other lower-case words are dropped.
const OAUTH: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// What an error body contains.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::scalekit) struct ErrorInfo {
    /// Whether it has an error code of gRPC, Scalekit or OAuth, which another server is unlikely to send.
    pub(in crate::scalekit) is_scalekits: bool,
    /// Whether it is Scalekit's "not found", not a proxy's.
    pub(in crate::scalekit) not_found: bool,
    /// Upper case, digits and `_` only, or one of OAuth's.
    pub(in crate::scalekit) error_code: Option<String>,
    /// Letters, digits and `._-` only.
    pub(in crate::scalekit) request_id: Option<String>,
    /// Names of [`FIELDS`] only.
    pub(in crate::scalekit) fields: Vec<&'static str>,
    /// Seconds.
    pub(in crate::scalekit) retry_after: Option<f64>,
}

/// Reads an error body; empty if it is not JSON.
pub(in crate::scalekit) fn error_info(body: &[u8]) -> ErrorInfo {
    let Ok(root) = super::decode::<Map<String, Value>>(body) else { return ErrorInfo::default() };
    // ErrorInfo is one of the details, or the body itself (`scalekit-api.md` §4.1).
    let details = root.get("details").and_then(Value::as_array).into_iter().flatten();
    let infos: Vec<_> = details.filter_map(Value::as_object).chain([&root]).collect();
    let code = root.get("code").and_then(integer).filter(|code| (1..=16).contains(code));
    let error_code = infos
        .iter()
        .find_map(|info| text(info, "error_code", "errorCode", is_code))
        .or_else(|| text(&root, "error", "error", |error| OAUTH.contains(&error)));
    ErrorInfo {
        is_scalekits: code.is_some() || error_code.is_some(),
        not_found: code == Some(5),
        error_code,
        request_id: infos.iter().find_map(|info| request_id(info)),
        fields: fields(&infos),
        retry_after: infos.iter().find_map(|info| retry_after(info)),
    }
}

fn either<'a>(object: &'a Map<String, Value>, snake: &str, camel: &str) -> Option<&'a Value> {
    object.get(snake).or_else(|| object.get(camel))
}

fn text(object: &Map<String, Value>, snake: &str, camel: &str, fits: fn(&str) -> bool) -> Option<String> {
    either(object, snake, camel)?.as_str().filter(|text| fits(text)).map(str::to_owned)
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=40).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_uppercase)
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn request_id(info: &Map<String, Value>) -> Option<String> {
    let request = either(info, "request_info", "requestInfo")?.as_object()?;
    text(request, "request_id", "requestId", is_request_id)
}

fn fields(infos: &[&Map<String, Value>]) -> Vec<&'static str> {
    let named: Vec<&str> = infos
        .iter()
        .filter_map(|info| either(info, "validation_error_info", "validationErrorInfo")?.as_object())
        .filter_map(|info| either(info, "field_violations", "fieldViolations")?.as_array())
        .flatten()
        .filter_map(|violation| violation.get("field")?.as_str())
        // `policy.idle_session_timeout` names the same field.
        .map(|path| path.rsplit_once('.').map_or(path, |(_, last)| last))
        .collect();
    FIELDS.into_iter().filter(|field| named.contains(field)).collect()
}

fn retry_after(info: &Map<String, Value>) -> Option<f64> {
    match either(info, "retry_after", "retryAfter")? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => seconds(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_scalekits_by_its_code_or_by_the_name_of_one() {
        for (body, scalekits) in [
            (r#"{"code": 7}"#, true),
            (r#"{"error_code": "FORBIDDEN"}"#, true),
            (r#"{"error": "invalid_client"}"#, true),
            (r#"{"error": "by a proxy"}"#, false),
        ] {
            assert_eq!(error_info(body.as_bytes()).is_scalekits, scalekits, "{body}");
        }
    }

    #[test]
    fn the_documented_error_is_read() {
        let body = br#"{"code":3,"message":"validation error","details":[{"@type":"x","error_code":"INVALID_ARGUMENT","request_info":{"request_id":"req-1"},
            "validation_error_info":{"field_violations":[{"field":"policy.idle_session_timeout","description":"canary"},{"field":"canary"},{"field":"organization_id"}]}}]}"#;
        let found = error_info(body);
        assert_eq!(found.error_code.as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(found.request_id.as_deref(), Some("req-1"));
        assert_eq!(found.fields, ["organization_id", "idle_session_timeout"]);
        assert!(!found.not_found);
    }

    #[test]
    fn an_error_info_may_be_the_body_itself() {
        let found =
            error_info(br#"{"error_code":"NOT_FOUND","requestInfo":{"requestId":"r"},"details":null,"code":"5"}"#);
        assert_eq!((found.error_code.as_deref(), found.not_found), (Some("NOT_FOUND"), true));
        assert_eq!(found.request_id.as_deref(), Some("r"));
    }

    #[test]
    fn the_token_endpoint_has_codes_of_its_own() {
        let code =
            |error: &str| error_info(format!(r#"{{"error":"{error}","error_description":"x"}}"#).as_bytes()).error_code;
        assert_eq!(code("invalid_client").as_deref(), Some("invalid_client"));
        assert_eq!(code("secret_canary"), None);
    }

    #[test]
    fn details_may_be_odd() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"details":7}"#,
            r#"{"details":[null,7,[],{}]}"#,
            r#"{"code":404}"#,
            r#"{"code":"x","details":{"error_code":"A_B"}}"#,
        ] {
            assert_eq!(error_info(body.as_bytes()), ErrorInfo::default(), "{body}");
        }
    }

    #[test]
    fn a_word_of_the_wrong_form_stays_unsaid() {
        for bad in ["a", "A", "lower_case", "A B", "A-B", "_AB", "É_É", "A\\nB", &"A".repeat(41)] {
            assert_eq!(error_info(format!(r#"{{"error_code":"{bad}"}}"#).as_bytes()).error_code, None, "{bad}");
        }
        for bad in ["", "a b", "a/b", "a\\nb", &"a".repeat(65)] {
            let body = format!(r#"{{"request_info":{{"request_id":"{bad}"}}}}"#);
            assert_eq!(error_info(body.as_bytes()).request_id, None, "{bad}");
        }
    }

    #[test]
    fn row_011_a_delay_may_be_a_number_or_a_string() {
        let delay = |value: &str| {
            error_info(format!(r#"{{"details":[{{}},{{"retry_after":{value}}}]}}"#).as_bytes()).retry_after
        };
        assert_eq!(delay("30"), Some(30.0));
        assert_eq!(delay(r#""30""#), Some(30.0));
        assert_eq!(delay(r#""30s""#), None);
        assert_eq!(delay("null"), None);
    }
}
