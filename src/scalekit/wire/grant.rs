//! Reads the response of the token endpoint (`scalekit-api.md` §1.3).

use super::{Read, decode};
use crate::reconcile::Note;
use crate::scalekit::token::Grant;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// The lifetime of a token if the response has none, in seconds.
const DEFAULT: f64 = 300.0;
/// The shortest and the longest lifetime in seconds; others are clamped.
const SHORTEST: f64 = 30.0;
const LONGEST: f64 = 24.0 * 60.0 * 60.0;
/// The payload of a token is some hundred bytes; a longer one is not decoded.
const LARGEST_PAYLOAD: usize = 16 * 1024;

/// Reads the token, which is required, and its lifetime.
pub(in crate::scalekit) fn grant(body: &[u8]) -> Read<Grant> {
    #[derive(Deserialize)]
    struct Body {
        access_token: Option<String>,
        expires_in: Option<Value>,
    }
    let body = decode::<Body>(body)?;
    let value = body.access_token.ok_or(Note::NoAccessToken)?;
    if !sendable(&value) {
        return Err(Note::BadAccessToken);
    }
    let issuer = issuer(&value);
    Ok(Grant { value: SecretString::from(value), lifetime: lifetime(body.expires_in.as_ref()), issuer })
}

/// The `iss` of a JWT, unchecked; `None` for whatever else a token can be.
fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Payload {
        iss: String,
    }
    let mut parts = token.split('.');
    let payload = parts.nth(1).filter(|payload| payload.len() <= LARGEST_PAYLOAD)?;
    let complete = parts.next().is_some() && parts.next().is_none();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok().filter(|_| complete)?;
    decode::<Payload>(&payload).ok().map(|payload| payload.iss)
}

/// Whether a token can be sent in a header: RFC 6750 §2.1 allows less than visible ASCII.
fn sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0).unwrap_or(DEFAULT);
    Duration::from_secs_f64(seconds.clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    #[test]
    fn row_004_a_lifetime_is_seconds_in_any_form_or_five_minutes() {
        for (expires_in, seconds) in [
            (json!(86399), 86_399),
            (json!("1799"), 1799),
            (json!(1799.5), 1799),
            (json!(1), 30),
            (json!(0.001), 30),
            (json!(1e300), 86_400),
            (json!(u64::MAX), 86_400),
            (json!("99999999999999999999"), 86_400),
            (json!(0), 300),
            (json!(-1), 300),
            (json!("soon"), 300),
            (json!(""), 300),
            (json!("inf"), 300),
            (json!("nan"), 300),
            (json!(null), 300),
            (json!([]), 300),
            (json!(true), 300),
        ] {
            assert_eq!(lifetime(Some(&expires_in)).as_secs(), seconds, "{expires_in}");
        }
        assert_eq!(lifetime(None).as_secs(), 300);
    }

    #[test]
    fn row_123_a_jwt_names_its_issuer_and_no_other_token_does() {
        let jwt = |payload: &str| format!("eyJ.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload));
        let padded = format!("eyJ.{}=.c2ln", BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss":"https://a"}"#));
        assert_eq!(
            issuer(&jwt(r#"{"sub":"x","iss":"https://a.example","exp":1}"#)).as_deref(),
            Some("https://a.example")
        );
        for token in [
            "opaque",
            "a.b",
            "..",
            "a.!.c",
            &jwt(""),
            &jwt("{}"),
            &jwt(r#"["https://a"]"#),
            &jwt(r#"{"iss":7}"#),
            &jwt(r#"{"iss":null}"#),
            &jwt(r#"{"iss":"https://a","iss":"https://b"}"#),
            &jwt(&format!(r#"{{"iss":"https://a","x":{}"#, "[".repeat(10_000))),
            &jwt(&format!(r#"{{"iss":"https://a","x":"{}"}}"#, "x".repeat(LARGEST_PAYLOAD))),
            &format!("{}.c2ln", jwt(r#"{"iss":"https://a"}"#)),
            &padded,
        ] {
            assert_eq!(issuer(token), None, "{}", &token[..token.len().min(80)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_makes_reading_its_issuer_panic(token in "[ -~]{0,80}", payload: Vec<u8>) {
            let _ = issuer(&token);
            let _ = issuer(&format!("a.{}.b", BASE64_URL_SAFE_NO_PAD.encode(payload)));
        }
    }

    #[test]
    fn only_the_token_is_essential() {
        let found = grant(br#"{"access_token":"eyJ.a-b_c","token_type":"Bearer","scope":"openid"}"#).ok().unwrap();
        assert_eq!(found.value.expose_secret(), "eyJ.a-b_c");
    }

    #[test]
    fn row_004_what_is_no_token_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"access_token":null}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"a\r\nx: y"}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"ü"}"#,
            r#"{"access_token":"a","access_token":"b"}"#,
            r#"{"error":"x"}"#,
            "<html>",
        ] {
            assert!(grant(body.as_bytes()).is_err(), "{body}");
        }
    }
}
