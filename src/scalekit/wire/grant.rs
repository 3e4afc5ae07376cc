//! The token endpoint's response (`scalekit-api.md` §1.3).

use super::{Read, decode};
use crate::reconcile::Note;
use crate::scalekit::token::Grant;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How long a token is used whose lifetime is not given, in seconds.
const DEFAULT: f64 = 300.0;
/// Lifetimes are clamped: a shorter one would be all renewals, a longer one is
/// never promised.
const SHORTEST: f64 = 30.0;
const LONGEST: f64 = 24.0 * 60.0 * 60.0;

/// Only the token is essential.
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
    let value = SecretString::from(value);
    Ok(Grant { value, lifetime: lifetime(body.expires_in.as_ref()) })
}

/// A bearer token is visible ASCII (RFC 6750 §2.1, generously).
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
