//! Reads the bodies of the two PATCH requests.

use super::features::Feature;
use super::policy::{PolicyPatch, Source};
use super::protojson::{Enumeration, Int32, Message, read};
use super::settings::Parsing;
use super::unit::Unit;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Error;

/// The values of the enums by their numbers.
const SOURCES: [(&str, Option<Source>); 3] = [
    ("SESSION_POLICY_TYPE_UNSPECIFIED", None),
    ("APPLICATION", Some(Source::Application)),
    ("CUSTOM", Some(Source::Custom)),
];
/// No unit is minutes.
const UNITS: [(&str, Unit); 4] = [
    ("TIME_UNIT_UNSPECIFIED", Unit::Minutes),
    ("MINUTES", Unit::Minutes),
    ("HOURS", Unit::Hours),
    ("DAYS", Unit::Days),
];

/// `organization_id` is in the path, so in the body it is an unknown field.
#[derive(Deserialize)]
struct PolicyFields {
    #[serde(alias = "policySource")]
    policy_source: Option<Enumeration>,
    #[serde(alias = "absoluteSessionTimeout")]
    absolute_session_timeout: Option<Int32>,
    #[serde(alias = "absoluteSessionTimeoutUnit")]
    absolute_session_timeout_unit: Option<Enumeration>,
    #[serde(alias = "idleSessionTimeoutEnabled")]
    idle_session_timeout_enabled: Option<bool>,
    #[serde(alias = "idleSessionTimeout")]
    idle_session_timeout: Option<Int32>,
    #[serde(alias = "idleSessionTimeoutUnit")]
    idle_session_timeout_unit: Option<Enumeration>,
}

#[derive(Deserialize)]
struct SettingsFields {
    features: Option<Vec<Message<FeatureFields>>>,
}

#[derive(Deserialize)]
struct FeatureFields {
    name: Option<String>,
    enabled: Option<bool>,
}

/// The fields of a policy that are to be changed.
pub(crate) fn policy_patch(body: &[u8], parsing: Parsing) -> Result<PolicyPatch, Error> {
    let fields: PolicyFields = read(body, parsing)?;
    let unit = |unit: Option<Enumeration>| unit.map_or(Ok(Unit::Minutes), |unit| unit.pick(&UNITS, parsing));
    Ok(PolicyPatch {
        source: fields.policy_source.map_or(Ok(None), |source| source.pick(&SOURCES, parsing))?,
        absolute: fields.absolute_session_timeout.map(|number| number.0),
        absolute_unit: unit(fields.absolute_session_timeout_unit)?,
        idle_enabled: fields.idle_session_timeout_enabled,
        idle: fields.idle_session_timeout.map(|number| number.0),
        idle_unit: unit(fields.idle_session_timeout_unit)?,
    })
}

/// The features that are to be switched.
pub(crate) fn feature_list(body: &[u8], parsing: Parsing) -> Result<Vec<Feature>, Error> {
    let features = read::<SettingsFields>(body, parsing)?.features.unwrap_or_default();
    let feature = |message: Message<FeatureFields>| {
        let fields = message.fields(parsing)?;
        let name = fields.name.ok_or_else(|| Error::custom("a feature without a name"))?;
        Ok(Feature { name, enabled: fields.enabled.unwrap_or_default() })
    };
    features.into_iter().map(feature).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG_UNIT: &str =
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":8,"absolute_session_timeout_unit":"hours"}"#;

    #[test]
    fn a_lower_case_unit_is_refused_or_turns_into_minutes() {
        assert!(policy_patch(WRONG_UNIT.as_bytes(), Parsing::Strict).is_err());
        let patch = policy_patch(WRONG_UNIT.as_bytes(), Parsing::DiscardUnknown).unwrap();
        assert_eq!((patch.absolute, patch.absolute_unit), (Some(8), Unit::Minutes));
    }

    #[test]
    fn the_field_that_the_prose_names_is_no_field() {
        let body = br#"{"session_policy":"CUSTOM"}"#;
        assert!(policy_patch(body, Parsing::Strict).is_err());
        assert_eq!(policy_patch(body, Parsing::DiscardUnknown).unwrap(), PolicyPatch::default());
    }

    #[test]
    fn features_are_read_by_name_and_switch() {
        let body = br#"{"features":[{"name":"sso","enabled":true},{"name":"dir_sync"}]}"#;
        let features = feature_list(body, Parsing::Strict).unwrap();
        assert_eq!(features.iter().map(|f| f.enabled).collect::<Vec<_>>(), [true, false]);
        for wrong in [r#"{"features":{}}"#, r#"{"features":[null]}"#, r#"{"features":[{"enabled":true}]}"#] {
            assert!(feature_list(wrong.as_bytes(), Parsing::Strict).is_err(), "{wrong}");
        }
    }
}
