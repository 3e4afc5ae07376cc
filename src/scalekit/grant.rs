//! Reads the token endpoint's answer (`scalekit-api.md` §1.3–1.4).

use super::{exchange::Answer, token::Grant, verdict};
use crate::reconcile::{Fault, FaultKind};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Assumed where the endpoint tells no usable lifetime.
const UNTOLD: f64 = 300.0;
/// Tokens are renewed at least every 30 s and at most daily (row 4).
const SHORTEST: f64 = 30.0;
const LONGEST: f64 = 24.0 * 60.0 * 60.0;

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: Value,
}

pub(super) fn grant(answer: &Answer, secrets: &[&str]) -> Result<Grant, Fault> {
    match answer.status {
        200 | 201 => issued(&answer.body),
        400 | 401 | 403 => {
            Err(Fault { kind: FaultKind::CredentialsRejected, ..verdict::fault(answer, false, secrets) })
        }
        429 | 408 | 499 | 500..=599 => Err(verdict::fault(answer, false, secrets)),
        _ => Err(Fault { kind: FaultKind::BadAuthResponse, ..verdict::fault(answer, false, secrets) }),
    }
}

fn issued(body: &[u8]) -> Result<Grant, Fault> {
    let bad = || Fault::new(FaultKind::BadAuthResponse);
    let wire: Wire = serde_json::from_slice(body).map_err(|_| bad())?;
    let sendable = !wire.access_token.is_empty() && wire.access_token.bytes().all(|b| b.is_ascii_graphic());
    if !sendable {
        return Err(bad());
    }
    let told = match &wire.expires_in {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => super::pause::seconds(text),
        _ => None,
    };
    let seconds = told.filter(|s| *s > 0.0).unwrap_or(UNTOLD).clamp(SHORTEST, LONGEST);
    Ok(Grant { value: SecretString::from(wire.access_token), lifetime: Duration::from_secs_f64(seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_believed_within_bounds() {
        let lifetime = |expires: &str| {
            let body = format!(r#"{{"access_token":"t","expires_in":{expires}}}"#);
            issued(body.as_bytes()).map(|grant| grant.lifetime.as_secs()).map_err(|fault| fault.kind)
        };
        for (told, seconds) in [
            ("86399", 86_399),
            ("\"3600\"", 3600),
            ("1e300", 86_400),
            ("1", 30),
            ("0", 300),
            ("-5", 300),
            ("null", 300),
            ("\"soon\"", 300),
            ("[]", 300),
        ] {
            assert_eq!(lifetime(told), Ok(seconds), "{told}");
        }
    }

    #[test]
    fn what_is_no_token_is_said_to_be_none() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a\r\nb"}"#,
            r#"{"access_token":1}"#,
        ] {
            assert_eq!(issued(body.as_bytes()).err().map(|f| f.kind), Some(FaultKind::BadAuthResponse), "{body}");
        }
    }
}
