//! Reads answers as tolerantly as the contract asks (`scalekit-api.md` §6), and
//! no more: a number that counts and can't be read is an error, never a guess.

use crate::{
    policy::{ApplicationPolicy, Bounds, Idle, Live, Minutes, OrganizationId, Unit},
    reconcile::{Feature, Organization},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The answer is not what the contract promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

type Read<T> = Result<T, Unreadable>;

fn parse<T: DeserializeOwned>(body: &[u8]) -> Read<T> {
    serde_json::from_slice(body).map_err(|_| Unreadable)
}

#[derive(Deserialize)]
struct PolicyEnvelope {
    policy: WirePolicy,
}

#[derive(Deserialize)]
struct ApplicationEnvelope {
    #[serde(alias = "applicationPolicy")]
    application_policy: WirePolicy,
}

/// Both policies; the application's has no source, the organization's no
/// access token.
#[derive(Deserialize)]
struct WirePolicy {
    #[serde(default, alias = "policySource")]
    policy_source: Value,
    #[serde(default, alias = "absoluteSessionTimeout")]
    absolute_session_timeout: Value,
    #[serde(default, alias = "absoluteSessionTimeoutUnit")]
    absolute_session_timeout_unit: Value,
    #[serde(default, alias = "idleSessionTimeoutEnabled")]
    idle_session_timeout_enabled: Value,
    #[serde(default, alias = "idleSessionTimeout")]
    idle_session_timeout: Value,
    #[serde(default, alias = "idleSessionTimeoutUnit")]
    idle_session_timeout_unit: Value,
    #[serde(default, alias = "accessTokenExpiry")]
    access_token_expiry: Value,
}

impl WirePolicy {
    fn absolute(&self) -> Read<Option<Minutes>> {
        timeout(&self.absolute_session_timeout, &self.absolute_session_timeout_unit)
    }

    /// A number beside a switched-off idle limit is stale (§3.8).
    fn idle(&self) -> Read<Idle> {
        if !boolean(&self.idle_session_timeout_enabled)? {
            return Ok(Idle::Off);
        }
        timeout(&self.idle_session_timeout, &self.idle_session_timeout_unit).map(Idle::On)
    }
}

/// The organization's own policy.
pub(super) fn policy(body: &[u8]) -> Read<Live> {
    let PolicyEnvelope { policy } = parse(body)?;
    Ok(match named(&policy.policy_source, &["UNSPECIFIED", "APPLICATION", "CUSTOM"]) {
        Some("APPLICATION") => Live::Application,
        Some("CUSTOM") => Live::Custom { absolute: policy.absolute()?, idle: policy.idle()? },
        _ if is_text(&policy.policy_source, "ENVIRONMENT") => Live::Application,
        _ => Live::Unrecognized,
    })
}

/// The application's policy.
pub(super) fn application_policy(body: &[u8]) -> Read<ApplicationPolicy> {
    let ApplicationEnvelope { application_policy: policy } = parse(body)?;
    let bounds = Bounds { absolute: policy.absolute()?, idle: policy.idle()?.limit() };
    Ok(ApplicationPolicy { bounds, access_token: timeout(&policy.access_token_expiry, &Value::Null)? })
}

#[derive(Deserialize)]
struct OrganizationEnvelope {
    organization: WireOrganization,
}

#[derive(Deserialize)]
struct WireOrganization {
    id: String,
    #[serde(default, alias = "externalId")]
    external_id: Option<String>,
    #[serde(default)]
    settings: Option<WireSettings>,
}

#[derive(Deserialize)]
struct WireSettings {
    #[serde(default)]
    features: Option<Vec<WireFeature>>,
}

#[derive(Deserialize)]
struct WireFeature {
    name: String, // one without a name could not be sent back, so it is no answer
    #[serde(default)]
    enabled: Option<bool>,
}

impl WireOrganization {
    fn read(self) -> Read<Organization> {
        let features = self.settings.and_then(|s| s.features).unwrap_or_default();
        Ok(Organization {
            id: OrganizationId::parse(&self.id).ok_or(Unreadable)?,
            external_id: self.external_id.filter(|id| !id.is_empty()),
            features: features
                .into_iter()
                .map(|f| Feature { name: f.name, enabled: f.enabled.unwrap_or(false) })
                .collect(),
        })
    }
}

/// One organization.
pub(super) fn organization(body: &[u8]) -> Read<Organization> {
    parse::<OrganizationEnvelope>(body)?.organization.read()
}

#[derive(Deserialize)]
struct WirePage {
    #[serde(default)]
    organizations: Option<Vec<WireOrganization>>,
    #[serde(default, alias = "nextPageToken")]
    next_page_token: Option<String>,
}

/// A page of organizations, and the token of the next.
pub(super) fn page(body: &[u8]) -> Read<(Vec<Organization>, Option<String>)> {
    let page: WirePage = parse(body)?;
    let organizations = page.organizations.unwrap_or_default().into_iter().map(WireOrganization::read);
    Ok((organizations.collect::<Read<_>>()?, page.next_page_token.filter(|token| !token.is_empty())))
}

/// A timeout in minutes; absent, null and zero are none.
fn timeout(value: &Value, unit: &Value) -> Read<Option<Minutes>> {
    match number(value)? {
        None | Some(0) => Ok(None),
        Some(value) => {
            let unit = unit_of(unit)?;
            Minutes::of(value, unit).map(Some).ok_or(Unreadable)
        }
    }
}

/// A whole number, written as number, as float without a fraction, or as text.
fn number(value: &Value) -> Read<Option<i64>> {
    let whole = |float: f64| {
        let fits = float.fract() == 0.0 && float.abs() <= f64::from(i32::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "whole and within i32")]
        fits.then_some(float as i64)
    };
    match value {
        Value::Null => Ok(None),
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().and_then(whole)).map(Some).ok_or(Unreadable),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => {
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole)).map(Some).ok_or(Unreadable)
        }
        _ => Err(Unreadable),
    }
}

fn boolean(value: &Value) -> Read<bool> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(value) => Ok(*value),
        _ => Err(Unreadable),
    }
}

fn unit_of(value: &Value) -> Read<Unit> {
    let absent = value.is_null() || is_text(value, "");
    match named(value, &["UNSPECIFIED", "MINUTES", "HOURS", "DAYS"]) {
        _ if absent => Ok(Unit::Minutes),
        Some("UNSPECIFIED" | "MINUTES") => Ok(Unit::Minutes),
        Some("HOURS") => Ok(Unit::Hours),
        Some("DAYS") => Ok(Unit::Days),
        _ => Err(Unreadable),
    }
}

/// The one of `names` that an enum value means: by name in any case, bare or
/// behind the enum's own name, or by its number.
fn named<'a>(value: &Value, names: &[&'a str]) -> Option<&'a str> {
    match value {
        Value::Number(number) => names.get(usize::try_from(number.as_u64()?).ok()?).copied(),
        Value::String(text) => {
            let text = text.to_ascii_uppercase();
            names
                .iter()
                .copied()
                .find(|name| text.strip_suffix(name).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('_')))
        }
        _ => None,
    }
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn live(policy: Value) -> Read<Live> {
        super::policy(json!({"policy": policy}).to_string().as_bytes())
    }

    fn custom(absolute: Option<i64>, idle: Idle) -> Read<Live> {
        Ok(Live::Custom { absolute: absolute.and_then(Minutes::new), idle })
    }

    #[test]
    fn every_documented_spelling_of_a_policy_is_read() {
        let hour = Idle::On(Minutes::new(60));
        for (told, expected) in [
            (json!({"policy_source": "APPLICATION"}), Ok(Live::Application)),
            (json!({"policySource": "application"}), Ok(Live::Application)),
            (json!({"policy_source": "environment"}), Ok(Live::Application)),
            (json!({"policy_source": 1, "absolute_session_timeout": -7}), Ok(Live::Application)),
            (
                json!({"policy_source": "APPLICATION", "absolute_session_timeout": 0, "idle_session_timeout_enabled": false,
                "absolute_session_timeout_unit": "SESSION_TIMEOUT_UNIT_UNSPECIFIED"}),
                Ok(Live::Application),
            ),
            (
                json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480, "absolute_session_timeout_unit": "MINUTES",
                "idle_session_timeout_enabled": true, "idle_session_timeout": 60}),
                custom(Some(480), hour),
            ),
            (
                json!({"policySource": 2, "absoluteSessionTimeout": "8", "absoluteSessionTimeoutUnit": "hours",
                "idleSessionTimeoutEnabled": true, "idleSessionTimeout": 60.0, "idleSessionTimeoutUnit": 1}),
                custom(Some(480), hour),
            ),
            (
                json!({"policy_source": "CUSTOM", "absolute_session_timeout": 1, "absolute_session_timeout_unit": 3}),
                custom(Some(1440), Idle::Off),
            ),
            (
                json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480, "idle_session_timeout_enabled": false,
                "idle_session_timeout": -1, "idle_session_timeout_unit": "YEARS"}),
                custom(Some(480), Idle::Off),
            ),
            (
                json!({"policy_source": "CUSTOM", "absolute_session_timeout": null, "idle_session_timeout_enabled": null}),
                custom(None, Idle::Off),
            ),
            (
                json!({"policy_source": "CUSTOM", "absolute_session_timeout": 0, "idle_session_timeout_enabled": true,
                "idle_session_timeout": 0}),
                custom(None, Idle::On(None)),
            ),
            (json!({"policy_source": "SESSION_POLICY_TYPE_UNSPECIFIED"}), Ok(Live::Unrecognized)),
            (json!({"policy_source": "INHERITED", "new": {}}), Ok(Live::Unrecognized)),
            (json!({}), Ok(Live::Unrecognized)),
        ] {
            assert_eq!(live(told.clone()), expected, "{told}");
        }
    }

    #[test]
    fn a_number_that_counts_is_never_guessed() {
        for number in
            [json!(-1), json!(480.5), json!(2_147_483_648_i64), json!("eight"), json!(true), json!(1e300), json!([])]
        {
            let told = json!({"policy_source": "CUSTOM", "absolute_session_timeout": number});
            assert_eq!(live(told.clone()), Err(Unreadable), "{told}");
        }
        let years =
            json!({"policy_source": "CUSTOM", "absolute_session_timeout": 1, "absolute_session_timeout_unit": "YEARS"});
        assert_eq!(live(years), Err(Unreadable));
        let overflow = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 1_491_309, "absolute_session_timeout_unit": "DAYS"});
        assert_eq!(live(overflow), Err(Unreadable));
    }

    #[test]
    fn an_answer_without_its_envelope_is_no_answer() {
        for body in ["", "{}", "null", "[]", "<html>", r#"{"policy":null}"#, r#"{"policy_source":"CUSTOM"}"#] {
            assert_eq!(super::policy(body.as_bytes()), Err(Unreadable), "{body}");
            assert!(organization(body.as_bytes()).is_err() && application_policy(body.as_bytes()).is_err());
        }
        let twice = r#"{"policy":{"policy_source":"CUSTOM","policySource":"APPLICATION"}}"#;
        assert_eq!(super::policy(twice.as_bytes()), Err(Unreadable));
    }

    #[test]
    fn the_applications_policy_may_use_any_unit_and_a_disabled_idle_is_none() {
        let body = br#"{"application_policy":{"absolute_session_timeout":7,"absolute_session_timeout_unit":"DAYS",
            "idle_session_timeout_enabled":false,"idle_session_timeout":0,"access_token_expiry":5}}"#;
        let expected = ApplicationPolicy {
            bounds: Bounds { absolute: Minutes::new(10_080), idle: None },
            access_token: Minutes::new(5),
        };
        assert_eq!(application_policy(body), Ok(expected));
    }

    #[test]
    fn features_may_be_absent_null_or_without_a_value() {
        let features = |settings: &str| {
            let body = format!(r#"{{"organization":{{"id":"org_1","create_time":"x"{settings}}}}}"#);
            organization(body.as_bytes())
                .map(|o| o.features.into_iter().map(|f| (f.name, f.enabled)).collect::<Vec<_>>())
        };
        for none in ["", r#","settings":null"#, r#","settings":{}"#, r#","settings":{"features":null}"#] {
            assert_eq!(features(none), Ok(vec![]));
        }
        let some = r#","settings":{"features":[{"name":"sso","enabled":true},{"name":"session_policy"}]}"#;
        assert_eq!(features(some), Ok(vec![("sso".into(), true), ("session_policy".into(), false)]));
        assert_eq!(features(r#","settings":{"features":[{"enabled":true}]}"#), Err(Unreadable));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (super::policy(&body), organization(&body), application_policy(&body), page(&body));
        }

        #[test]
        fn a_number_is_read_exactly_or_refused(n: i64) {
            let told = live(json!({"policy_source": "CUSTOM", "absolute_session_timeout": n}));
            if n == 0 {
                prop_assert_eq!(told, custom(None, Idle::Off));
            } else {
                prop_assert_eq!(told, Minutes::new(n).map_or(Err(Unreadable), |_| custom(Some(n), Idle::Off)));
            }
        }
    }
}
