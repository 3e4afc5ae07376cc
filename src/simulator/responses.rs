//! Writes the JSON of successful responses, with the marshal options of the settings.

use super::features::Feature;
use super::organizations::Organization;
use super::policy::{Policy, Source};
use super::settings::{AfterRevert, Application, Emission, Shown, Unset};
use serde_json::{Map, Value, json};

/// Builds a JSON object with these marshal options.
struct Fields<'a> {
    object: Map<String, Value>,
    emission: &'a Emission,
}

impl<'a> Fields<'a> {
    fn new(emission: &'a Emission) -> Self {
        Self { object: Map::new(), emission }
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.object.insert(name.to_owned(), value.into());
    }

    /// Adds a field with presence: proto3 `optional`, or a message.
    fn optional(&mut self, name: &str, value: Option<impl Into<Value>>, zero: impl Into<Value>) {
        match (value, self.emission.unset) {
            (Some(value), _) => self.put(name, value),
            (None, Unset::Omit) => {}
            (None, Unset::Zero) => self.put(name, zero),
            (None, Unset::Null) => self.put(name, Value::Null),
        }
    }

    /// Adds a field without presence, which may be left out if it is zero.
    fn plain(&mut self, name: &str, value: impl Into<Value>, is_zero: bool) {
        if !(is_zero && self.emission.drop_plain_zeros) {
            self.put(name, value);
        }
    }

    fn number(&self, value: i64) -> Value {
        if self.emission.numbers_as_strings { Value::from(value.to_string()) } else { Value::from(value) }
    }
}

const UNSPECIFIED_UNIT: &str = "SESSION_TIMEOUT_UNIT_UNSPECIFIED";

/// `{"policy": …}` (`scalekit-api.md` §2.7), always in minutes.
pub(crate) fn session_policy(policy: &Policy, after_revert: AfterRevert, emission: &Emission) -> Value {
    let mut fields = Fields::new(emission);
    let custom = policy.source == Source::Custom;
    let word = if custom { "CUSTOM" } else { emission.application.as_str() };
    fields.put("policy_source", word);
    let visible = custom || after_revert == AfterRevert::Show;
    let absolute = policy.absolute_minutes.filter(|_| visible);
    timeout(&mut fields, "absolute_session_timeout", absolute);
    let enabled = policy.idle_enabled.filter(|_| visible);
    fields.optional("idle_session_timeout_enabled", enabled, false);
    let shown = visible && (enabled == Some(true) || emission.stale_idle);
    timeout(&mut fields, "idle_session_timeout", policy.idle_minutes.filter(|_| shown));
    json!({"policy": fields.object})
}

fn timeout(fields: &mut Fields<'_>, name: &str, minutes: Option<i64>) {
    let zero = fields.number(0);
    let number = minutes.map(|minutes| fields.number(minutes));
    fields.optional(name, number, zero);
    let word = fields.emission.minutes.clone();
    if minutes.is_none() || !word.is_empty() {
        fields.optional(&format!("{name}_unit"), minutes.map(|_| word), UNSPECIFIED_UNIT);
    }
}

/// `{"application_policy": …}` (`scalekit-api.md` §2.9), in the configured units.
pub(crate) fn application_policy(application: &Application, emission: &Emission) -> Value {
    let mut fields = Fields::new(emission);
    fields.put("absolute_session_timeout", fields.number(application.absolute));
    fields.put("absolute_session_timeout_unit", json!(application.absolute_unit));
    let enabled = application.idle_enabled;
    fields.plain("idle_session_timeout_enabled", enabled, !enabled);
    fields.plain("idle_session_timeout", fields.number(application.idle), application.idle == 0);
    let unit = enabled.then(|| json!(application.idle_unit));
    fields.optional("idle_session_timeout_unit", unit, UNSPECIFIED_UNIT);
    fields.put("access_token_expiry", fields.number(application.access_token_expiry));
    json!({"application_policy": fields.object})
}

/// An organization with these features, in a list or alone, without the envelope.
pub(crate) fn organization(
    organization: &Organization,
    features: &[Feature],
    emission: &Emission,
    in_list: bool,
) -> Value {
    let mut fields = Fields::new(emission);
    fields.put("id", organization.id.as_str());
    fields.put("create_time", organization.created.to_string());
    fields.put("update_time", organization.updated.to_string());
    fields.put("display_name", organization.display_name.as_str());
    fields.put("region_code", "US");
    fields.optional("external_id", organization.external_id.as_deref(), "");
    fields.optional("metadata", None::<Value>, json!({}));
    let shown = match emission.settings {
        Shown::Always => true,
        Shown::NotInLists => !in_list,
        Shown::NotIfEmpty => !features.is_empty(),
        Shown::Never => false,
    };
    if shown {
        let features: Value = features.iter().map(|entry| feature(entry, emission)).collect();
        fields.put("settings", json!({"features": features}));
    }
    fields.optional("slug", None::<&str>, "");
    fields.optional("logo_url", None::<&str>, "");
    Value::Object(fields.object)
}

fn feature(feature: &Feature, emission: &Emission) -> Value {
    let mut fields = Fields::new(emission);
    fields.put("name", feature.name.as_str());
    fields.plain("enabled", feature.enabled, !feature.enabled);
    Value::Object(fields.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(source: Source, idle_enabled: Option<bool>) -> Policy {
        Policy { source, absolute_minutes: Some(480), idle_enabled, idle_minutes: Some(60) }
    }

    fn written(policy: &Policy, emission: &Emission) -> Value {
        session_policy(policy, AfterRevert::Drop, emission)["policy"].clone()
    }

    #[test]
    fn the_documented_samples_are_written_by_default() {
        let plain = Emission::default();
        assert_eq!(written(&Policy::default(), &plain), json!({"policy_source": "APPLICATION"}));
        assert_eq!(
            written(&policy(Source::Custom, Some(false)), &plain),
            json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480,
                "absolute_session_timeout_unit": "MINUTES", "idle_session_timeout_enabled": false})
        );
        assert_eq!(
            application_policy(&Application::default(), &plain)["application_policy"],
            json!({"absolute_session_timeout": 7, "absolute_session_timeout_unit": "DAYS",
                "idle_session_timeout_enabled": false, "idle_session_timeout": 0, "access_token_expiry": 5})
        );
    }

    #[test]
    fn unset_values_are_zero_or_null_on_request() {
        let zero = written(&Policy::default(), &Emission { unset: Unset::Zero, ..Emission::default() });
        assert_eq!(zero["absolute_session_timeout"], 0);
        assert_eq!(zero["idle_session_timeout_enabled"], false);
        assert_eq!(zero["idle_session_timeout_unit"], UNSPECIFIED_UNIT);
        let null = written(&Policy::default(), &Emission { unset: Unset::Null, ..Emission::default() });
        assert_eq!(null["absolute_session_timeout"], Value::Null);
        assert_eq!(null.as_object().unwrap().len(), 6);
    }

    #[test]
    fn words_and_numbers_can_be_spelled_otherwise() {
        let emission = Emission {
            minutes: "minutes".into(),
            application: "environment".into(),
            numbers_as_strings: true,
            stale_idle: true,
            ..Emission::default()
        };
        let custom = written(&policy(Source::Custom, Some(false)), &emission);
        assert_eq!(custom["absolute_session_timeout"], "480");
        assert_eq!(custom["absolute_session_timeout_unit"], "minutes");
        assert_eq!(custom["idle_session_timeout"], "60");
        assert_eq!(written(&Policy::default(), &emission)["policy_source"], "environment");
        let no_unit = Emission { minutes: String::new(), ..Emission::default() };
        assert_eq!(written(&policy(Source::Custom, None), &no_unit).get("absolute_session_timeout_unit"), None);
    }

    #[test]
    fn remembered_numbers_are_shown_only_on_request() {
        let reverted = policy(Source::Application, Some(true));
        let plain = Emission::default();
        assert_eq!(
            session_policy(&reverted, AfterRevert::Hide, &plain),
            json!({"policy": {"policy_source": "APPLICATION"}})
        );
        let shown = session_policy(&reverted, AfterRevert::Show, &plain);
        assert_eq!(shown["policy"]["absolute_session_timeout"], 480);
    }

    #[test]
    fn plain_zeros_can_be_dropped() {
        let emission = Emission { drop_plain_zeros: true, ..Emission::default() };
        assert_eq!(feature(&Feature { name: "sso".into(), enabled: false }, &emission), json!({"name": "sso"}));
        let application = application_policy(&Application::default(), &emission);
        assert_eq!(application["application_policy"].get("idle_session_timeout"), None);
    }
}
