//! Parses the bodies of the two PATCH requests.

use super::features::Feature;
use super::policy::{PolicyPatch, Source, Unit};
use super::protojson::{Message, Unreadable, parse};
use super::settings::Parsing;
use serde_json::Value;

const POLICY_FIELDS: [&str; 6] = [
    "policy_source",
    "absolute_session_timeout",
    "absolute_session_timeout_unit",
    "idle_session_timeout_enabled",
    "idle_session_timeout",
    "idle_session_timeout_unit",
];
const SOURCES: [(&str, i32); 3] = [("SESSION_POLICY_TYPE_UNSPECIFIED", 0), ("APPLICATION", 1), ("CUSTOM", 2)];
const UNITS: [(&str, i32); 4] = [("TIME_UNIT_UNSPECIFIED", 0), ("MINUTES", 1), ("HOURS", 2), ("DAYS", 3)];

/// The body of a session-policy PATCH. `organization_id` belongs in the path
/// and is therefore an unknown field here.
pub(crate) fn policy_patch(body: &[u8], parsing: Parsing) -> Result<PolicyPatch, Unreadable> {
    let mut message = Message::new(parse(body)?, &POLICY_FIELDS, parsing)?;
    Ok(PolicyPatch {
        source: source(&mut message)?,
        absolute: message.int32("absolute_session_timeout")?,
        absolute_unit: unit(&mut message, "absolute_session_timeout_unit")?,
        idle_enabled: message.boolean("idle_session_timeout_enabled")?,
        idle: message.int32("idle_session_timeout")?,
        idle_unit: unit(&mut message, "idle_session_timeout_unit")?,
    })
}

fn source(message: &mut Message) -> Result<Option<Source>, Unreadable> {
    match message.enumeration("policy_source", &SOURCES)? {
        None | Some(0) => Ok(None),
        Some(1) => Ok(Some(Source::Application)),
        Some(2) => Ok(Some(Source::Custom)),
        Some(_) => Err(Unreadable::Value { field: "policy_source", kind: "enum" }),
    }
}

/// No unit is minutes.
fn unit(message: &mut Message, field: &'static str) -> Result<Unit, Unreadable> {
    match message.enumeration(field, &UNITS)? {
        None | Some(0 | 1) => Ok(Unit::Minutes),
        Some(2) => Ok(Unit::Hours),
        Some(3) => Ok(Unit::Days),
        Some(_) => Err(Unreadable::Value { field, kind: "enum" }),
    }
}

/// The body of a settings PATCH: the features it names.
pub(crate) fn feature_list(body: &[u8], parsing: Parsing) -> Result<Vec<Feature>, Unreadable> {
    let mut settings = Message::new(parse(body)?, &["features"], parsing)?;
    let entries = match settings.take("features") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(Unreadable::Value { field: "features", kind: "repeated" }),
    };
    entries.into_iter().map(|entry| feature(entry, parsing)).collect()
}

fn feature(entry: Value, parsing: Parsing) -> Result<Feature, Unreadable> {
    let mut message = Message::new(entry, &["name", "enabled"], parsing)?;
    let name = message.string("name")?.ok_or(Unreadable::Value { field: "name", kind: "string" })?;
    Ok(Feature { name, enabled: message.boolean("enabled")?.unwrap_or(false) })
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
        assert_eq!(policy_patch(body, Parsing::DiscardUnknown), Ok(PolicyPatch::default()));
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
