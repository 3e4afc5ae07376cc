//! Reads and writes session policies, the organization's and the application's (`scalekit-api.md`
//! §2.7–2.9).

use super::{
    Object, Read, decode,
    numbers::{enumerator, timeout},
};
use crate::policy::{ApplicationPolicy, Bounds, Idle, Live, Minutes, Policy};
use crate::reconcile::Note;
use serde::Deserialize;
use serde_json::Value;

/// The fields of both policies. They are values, since what each means, if anything, depends on the
/// others.
#[derive(Deserialize)]
struct Fields {
    #[serde(alias = "policySource")]
    policy_source: Option<Value>,
    #[serde(alias = "absoluteSessionTimeout")]
    absolute_session_timeout: Option<Value>,
    #[serde(alias = "absoluteSessionTimeoutUnit")]
    absolute_session_timeout_unit: Option<Value>,
    #[serde(alias = "idleSessionTimeoutEnabled")]
    idle_session_timeout_enabled: Option<Value>,
    #[serde(alias = "idleSessionTimeout")]
    idle_session_timeout: Option<Value>,
    #[serde(alias = "idleSessionTimeoutUnit")]
    idle_session_timeout_unit: Option<Value>,
    #[serde(alias = "accessTokenExpiry")]
    access_token_expiry: Option<Value>,
}

pub(in crate::scalekit) fn live_policy(body: &[u8]) -> Read<Live> {
    #[derive(Deserialize)]
    struct Envelope {
        policy: Option<Object<Fields>>,
    }
    let Object(fields) = decode::<Envelope>(body)?.policy.ok_or(Note::NoPolicy)?;
    // The numbers are those of the enum's declaration (`scalekit-api.md` §6).
    match enumerator(fields.policy_source.as_ref(), "_TYPE_").as_deref() {
        Some("APPLICATION" | "ENVIRONMENT" | "1") => Ok(Live::Application),
        Some("CUSTOM" | "2") => Ok(Live::Custom { absolute: fields.absolute()?, idle: fields.idle()? }),
        _ => Ok(Live::Unrecognized),
    }
}

/// Reads the policy that the organization inherits.
pub(in crate::scalekit) fn application_policy(body: &[u8]) -> Read<ApplicationPolicy> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(alias = "applicationPolicy")]
        application_policy: Option<Object<Fields>>,
    }
    let policy = decode::<Envelope>(body)?.application_policy;
    let Object(fields) = policy.ok_or(Note::NoApplicationPolicy)?;
    Ok(ApplicationPolicy {
        bounds: Bounds { absolute: fields.absolute()?, idle: fields.idle()?.limit() },
        access_token: timeout(fields.access_token_expiry.as_ref(), None)?,
    })
}

impl Fields {
    fn absolute(&self) -> Read<Option<Minutes>> {
        timeout(self.absolute_session_timeout.as_ref(), self.absolute_session_timeout_unit.as_ref())
    }

    /// If the flag is off, the number is stale and not read (`scalekit-api.md` §3.8).
    fn idle(&self) -> Read<Idle> {
        match &self.idle_session_timeout_enabled {
            None | Some(Value::Bool(false)) => Ok(Idle::Off),
            Some(Value::Bool(true)) => {
                timeout(self.idle_session_timeout.as_ref(), self.idle_session_timeout_unit.as_ref()).map(Idle::On)
            }
            Some(_) => Err(Note::BadIdleFlag),
        }
    }
}

/// The body that writes the organization's policy: always complete, since it is unknown what the server
/// does with fields that are left out (`scalekit-api.md` §3.6), and always in minutes (§3.5). It is a
/// literal, because a server may silently drop a misspelled name (§2).
pub(in crate::scalekit) fn write_policy(policy: &Policy) -> String {
    let Policy::Custom(session) = policy else {
        return r#"{"policy_source":"APPLICATION"}"#.to_owned();
    };
    let idle = match session.idle() {
        None => r#""idle_session_timeout_enabled":false"#.to_owned(),
        Some(idle) => format!(
            r#""idle_session_timeout_enabled":true,"idle_session_timeout":{},"idle_session_timeout_unit":"MINUTES""#,
            idle.get()
        ),
    };
    format!(
        r#"{{"policy_source":"CUSTOM","absolute_session_timeout":{},"absolute_session_timeout_unit":"MINUTES",{idle}}}"#,
        session.absolute().get()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Session;

    fn m(minutes: i64) -> Minutes {
        Minutes::new(minutes).unwrap()
    }

    fn live(policy: &str) -> Read<Live> {
        live_policy(format!(r#"{{"policy":{policy}}}"#).as_bytes())
    }

    fn custom(fields: &str) -> Read<Live> {
        live(&format!(r#"{{"policy_source":"CUSTOM"{fields}}}"#))
    }

    #[test]
    fn the_documented_answers_are_read() {
        assert_eq!(live(r#"{"policy_source":"APPLICATION"}"#), Ok(Live::Application));
        assert_eq!(
            custom(
                r#","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":true,"idle_session_timeout":60,"idle_session_timeout_unit":"MINUTES""#
            ),
            Ok(Live::Custom { absolute: Some(m(480)), idle: Idle::On(Some(m(60))) })
        );
        assert_eq!(
            custom(
                r#","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":false"#
            ),
            Ok(Live::Custom { absolute: Some(m(480)), idle: Idle::Off })
        );
        assert_eq!(
            live(
                r#"{"policySource":"custom","absoluteSessionTimeout":"8","absoluteSessionTimeoutUnit":"hours","idleSessionTimeoutEnabled":true,"idleSessionTimeout":60.0,"idleSessionTimeoutUnit":1,"newField":{"a":[1]}}"#
            ),
            Ok(Live::Custom { absolute: Some(m(480)), idle: Idle::On(Some(m(60))) })
        );
    }

    #[test]
    fn row_022_a_source_may_be_written_in_many_ways() {
        for source in
            [r#""application""#, r#""ENVIRONMENT""#, r#""environment""#, "1", r#""SESSION_POLICY_TYPE_APPLICATION""#]
        {
            assert_eq!(live(&format!(r#"{{"policy_source":{source}}}"#)), Ok(Live::Application), "{source}");
        }
        for source in [r#""Custom""#, "2", "2.0"] {
            let expected = Live::Custom { absolute: None, idle: Idle::Off };
            assert_eq!(live(&format!(r#"{{"policy_source":{source}}}"#)), Ok(expected), "{source}");
        }
        for source in
            [r#""SESSION_POLICY_TYPE_UNSPECIFIED""#, r#""INHERITED""#, r#""""#, "0", "3", "null", "{}", "true"]
        {
            assert_eq!(live(&format!(r#"{{"policy_source":{source}}}"#)), Ok(Live::Unrecognized), "{source}");
        }
        assert_eq!(live("{}"), Ok(Live::Unrecognized));
    }

    #[test]
    fn beside_the_applications_source_nothing_else_is_read() {
        let garbage = r#"{"policy_source":"APPLICATION","absolute_session_timeout":-5,"absolute_session_timeout_unit":"eons","idle_session_timeout_enabled":"maybe","idle_session_timeout":[]}"#;
        assert_eq!(live(garbage), Ok(Live::Application));
    }

    #[test]
    fn null_absent_and_zero_are_the_same() {
        for fields in [
            "",
            r#","absolute_session_timeout":null"#,
            r#","absolute_session_timeout":0,"idle_session_timeout_enabled":null"#,
        ] {
            assert_eq!(custom(fields), Ok(Live::Custom { absolute: None, idle: Idle::Off }), "{fields}");
        }
        for fields in ["", r#","idle_session_timeout":null"#, r#","idle_session_timeout":0"#] {
            let fields = format!(r#","idle_session_timeout_enabled":true{fields}"#);
            assert_eq!(custom(&fields), Ok(Live::Custom { absolute: None, idle: Idle::On(None) }), "{fields}");
        }
    }

    #[test]
    fn a_number_beside_an_idle_limit_that_is_off_is_ignored() {
        for flag in ["false", "null"] {
            let fields = format!(
                r#","idle_session_timeout_enabled":{flag},"idle_session_timeout":-3,"idle_session_timeout_unit":"eons""#
            );
            assert_eq!(custom(&fields), Ok(Live::Custom { absolute: None, idle: Idle::Off }));
        }
    }

    #[test]
    fn what_cannot_be_understood_safely_is_refused() {
        for fields in [
            r#","absolute_session_timeout":-1"#,
            r#","absolute_session_timeout":1.5"#,
            r#","absolute_session_timeout":1e400"#,
            r#","absolute_session_timeout":2147483648"#,
            r#","absolute_session_timeout":{"value":5}"#,
            r#","absolute_session_timeout":5,"absolute_session_timeout_unit":"eons""#,
            r#","absolute_session_timeout":5,"absolute_session_timeout":6"#,
            r#","absolute_session_timeout":5,"absoluteSessionTimeout":5"#,
            r#","idle_session_timeout_enabled":"true""#,
            r#","idle_session_timeout_enabled":1"#,
            r#","idle_session_timeout_enabled":true,"idle_session_timeout":"soon""#,
        ] {
            assert!(custom(fields).is_err(), "{fields}");
        }
    }

    #[test]
    fn the_envelope_is_required() {
        for body in [
            "",
            "{}",
            "null",
            "[]",
            r#"{"policy":null}"#,
            r#"{"policy":[]}"#,
            r#"{"policy":["CUSTOM"]}"#,
            r#"{"policy_source":"CUSTOM"}"#,
            r#"{"policy":{}} x"#,
            r#"{"policy":{}"#,
            r#"{"policy":{},"policy":{}}"#,
            "<html></html>",
        ] {
            assert!(live_policy(body.as_bytes()).is_err(), "{body}");
            assert!(application_policy(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_applications_policy_is_read_in_any_unit() {
        let read = |fields: &str| application_policy(format!(r#"{{"application_policy":{{{fields}}}}}"#).as_bytes());
        let bounds = |absolute: i64, idle: Option<i64>| Bounds { absolute: Some(m(absolute)), idle: idle.map(m) };
        assert_eq!(
            read(
                r#""absolute_session_timeout":1440,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":true,"idle_session_timeout":60,"idle_session_timeout_unit":"MINUTES","access_token_expiry":5"#
            ),
            Ok(ApplicationPolicy { bounds: bounds(1440, Some(60)), access_token: Some(m(5)) })
        );
        assert_eq!(
            read(
                r#""absolute_session_timeout":7,"absolute_session_timeout_unit":"DAYS","idle_session_timeout_enabled":false,"idle_session_timeout":9,"accessTokenExpiry":0"#
            ),
            Ok(ApplicationPolicy { bounds: bounds(10_080, None), access_token: None })
        );
        assert_eq!(read(""), Ok(ApplicationPolicy::default()));
        assert!(read(r#""access_token_expiry":-1"#).is_err());
    }

    #[test]
    fn a_written_policy_is_complete_and_in_minutes() {
        let body = |policy: Policy| write_policy(&policy);
        let custom = |absolute, idle: Option<i64>| Policy::Custom(Session::new(m(absolute), idle.map(m)).unwrap());
        assert_eq!(body(Policy::Application), r#"{"policy_source":"APPLICATION"}"#);
        assert_eq!(
            body(custom(480, Some(60))),
            r#"{"policy_source":"CUSTOM","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":true,"idle_session_timeout":60,"idle_session_timeout_unit":"MINUTES"}"#
        );
        assert_eq!(
            body(custom(480, None)),
            r#"{"policy_source":"CUSTOM","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":false}"#
        );
    }
}
