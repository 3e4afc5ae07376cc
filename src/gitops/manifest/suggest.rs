//! Suggests from the schema what to write instead of what violates a rule.

use crate::{
    crd::{self, RuleId, Violation},
    gitops::Rule,
    terminal::near,
};
use serde_json::Value;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(crd::json_schema);

/// The rule of `osp validate` that `violation` is listed under.
pub(super) const fn rule(violation: &Violation) -> Rule {
    match violation.rule {
        RuleId::Kind => Rule::WrongKind,
        RuleId::KnownFields => Rule::UnknownField,
        RuleId::Metadata | RuleId::Text => Rule::Metadata,
        RuleId::Readable | RuleId::Schema | RuleId::Required(_) => Rule::Schema,
        RuleId::Policy(_) => Rule::Policy,
    }
}

/// What to write instead; `None` where the violation's message says it. `written`: the text of the field.
pub(super) fn suggest(violation: &Violation, written: Option<&str>) -> Option<String> {
    match &violation.rule {
        RuleId::Schema if violation.path.ends_with("SessionTimeout") && written.and_then(duration).is_some() => {
            let (value, unit) = written.and_then(duration)?;
            let field = violation.path.rsplit('.').next().unwrap_or_default();
            Some(format!("write {value} and {field}Unit: {unit}"))
        }
        RuleId::KnownFields => Some(known_fields(&violation.path)),
        RuleId::Text => Some(match written {
            Some("" | "~" | "null" | "Null" | "NULL") => "write \"\" for an empty text, or remove it".into(),
            Some(written) => format!("write \"{written}\""),
            None => "write a text".into(),
        }),
        _ if written.is_some_and(|text| text.contains("{{") && text.contains("}}")) => {
            Some("render the template first: helm template … | osp validate -".into())
        }
        RuleId::Required(field) if field == "organization" => {
            Some("add the field organization; a patch of a kustomization is checked in what it builds".into())
        }
        RuleId::Required(field) => Some(format!("add the field {field}")),
        RuleId::Schema => schema_of(&violation.path).map(allowed),
        RuleId::Readable | RuleId::Kind | RuleId::Metadata | RuleId::Policy(_) => None,
    }
}

/// The schema of the field at `path`; `None` for a path into a list.
fn schema_of(path: &str) -> Option<&'static Value> {
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    steps.try_fold(&*SCHEMA, |schema, step| schema.get("properties")?.get(step))
}

/// Says in words which values the schema allows.
fn allowed(schema: &Value) -> String {
    let word = |word: &str| schema.get(word);
    if let Some(values) = word("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        return format!("write one of {}", values.join(", "));
    }
    match word("type").and_then(Value::as_str) {
        Some("integer") => match (word("minimum").and_then(Value::as_f64), word("maximum").and_then(Value::as_f64)) {
            (Some(least), Some(most)) => format!("write a whole number from {least} to {most}, without quotes"),
            _ => "write a whole number, without quotes".into(),
        },
        Some("boolean") => "write true or false, without quotes".into(),
        Some("object") => "write a map of fields".into(),
        Some("array") => "write a list".into(),
        _ => {
            let about = word("description").and_then(Value::as_str).map(|text| text.replace('\n', " "));
            let length = word("maxLength").map(|most| format!(" of at most {most} characters")).unwrap_or_default();
            let pattern = word("pattern").and_then(Value::as_str).map(|p| format!(" that matches {p}"));
            let about = about.map(|about| format!(": {}", about.trim_end_matches('.'))).unwrap_or_default();
            format!("write a text (in quotes if it looks like a number){length}{}{about}", pattern.unwrap_or_default())
        }
    }
}

/// `8h` as a number and its unit; the largest unit that divides it.
fn duration(text: &str) -> Option<(u64, &'static str)> {
    let minutes = match text.strip_suffix(['d', 'D']) {
        Some(days) => days.trim().parse::<u64>().ok()?.checked_mul(1440)?,
        None => {
            let duration = crd::duration(&text.to_ascii_lowercase().replace(' ', "")).ok()?;
            (duration.as_secs() % 60 == 0).then_some(duration.as_secs() / 60)?
        }
    };
    let units = [(1440, "DAYS"), (60, "HOURS"), (1, "MINUTES")];
    let (size, unit) = units.into_iter().find(|(size, _)| minutes % size == 0)?;
    (minutes > 0).then_some((minutes / size, unit))
}

fn known_fields(path: &str) -> String {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let properties = schema_of(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let known: Vec<&str> = properties.into_iter().flatten().map(|(field, _)| field.as_str()).collect();
    match near(field, known.iter().copied()).join(" or ") {
        meant if !meant.is_empty() => format!("did you mean {meant}?"),
        _ if known.is_empty() => "remove it".into(),
        _ => format!("remove it; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_field_that_was_meant_is_named_or_else_those_that_there_are() {
        assert_eq!(known_fields("spec.deletion_polici"), "did you mean deletionPolicy?");
        assert!(known_fields("spec.kitten").starts_with("remove it; there are "));
    }

    #[test]
    fn a_duration_in_place_of_a_number_is_written_with_its_unit() {
        let violation = |field: &str| Violation::new(RuleId::Schema, format!("spec.policy.{field}"), "");
        for (written, meant) in [
            ("8h", "write 8 and absoluteSessionTimeoutUnit: HOURS"),
            ("30m", "write 30 and absoluteSessionTimeoutUnit: MINUTES"),
            ("1h30m", "write 90 and absoluteSessionTimeoutUnit: MINUTES"),
            ("24h", "write 1 and absoluteSessionTimeoutUnit: DAYS"),
            ("7d", "write 7 and absoluteSessionTimeoutUnit: DAYS"),
            ("8 H", "write 8 and absoluteSessionTimeoutUnit: HOURS"),
        ] {
            assert_eq!(
                suggest(&violation("absoluteSessionTimeout"), Some(written)).as_deref(),
                Some(meant),
                "{written}"
            );
        }
        let idle = suggest(&violation("idleSessionTimeout"), Some("15m"));
        assert_eq!(idle.as_deref(), Some("write 15 and idleSessionTimeoutUnit: MINUTES"));
        for other in ["lots", "8", "0h", "30s", "8w", ""] {
            let fix = suggest(&violation("absoluteSessionTimeout"), Some(other)).unwrap();
            assert!(fix.starts_with("write a whole number"), "{other}: {fix}");
        }
    }

    #[test]
    fn every_violation_has_its_rule_and_a_fix_or_says_it_itself() {
        let document = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "A", "namspace": "a"},
            "spec": {
                "organization": {"id": "1"}, "mode": "No", "suspend": "x", "intervall": 1, "else": 1,
                "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 0},
            },
        });
        let reported = crd::check(&document);
        let reported: Vec<_> =
            reported.iter().map(|v| (v.path.as_str(), rule(v).name(), suggest(v, None).unwrap_or_default())).collect();
        for (path, rule, part) in [
            ("metadata.name", "metadata", ""),
            ("metadata.namspace", "unknown-field", "did you mean namespace?"),
            ("spec.intervall", "unknown-field", "did you mean interval?"),
            ("spec.else", "unknown-field", "there are credentialsSecretRef, deletionPolicy"),
            ("spec.organization.id", "schema", "org_"),
            ("spec.mode", "schema", "write one of Enforce, TightenOnly, Observe"),
            ("spec.suspend", "schema", "true or false"),
            ("spec.policy.absoluteSessionTimeout", "schema", "from 1 to 2147483647"),
        ] {
            assert!(reported.iter().any(|t| t.0 == path && t.1 == rule && t.2.contains(part)), "{path}: {reported:#?}");
        }
        let rest = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "metadata": {"name": "a"},
            "spec": {"organization": {"id": "org_1", "externalId": "a"}},
        });
        let rest = crd::check(&rest);
        let rest: Vec<_> = rest.iter().map(|v| (v.path.as_str(), rule(v).name(), suggest(v, None))).collect();
        assert_eq!(rest, [("spec", "schema", Some("add the field policy".into()))]);
        let between = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "metadata": {"name": "a"},
            "spec": {"organization": {"id": "org_1", "externalId": "a"}, "policy": {"policySource": "APPLICATION"}},
        });
        assert!(crd::check(&between).iter().all(|v| rule(v) == Rule::Policy && suggest(v, None).is_none()));
        assert_eq!(crd::check(&between).len(), 1);
    }

    /// Messages are for people: a rule is known by its id, whatever is said.
    #[test]
    fn no_rule_is_recognised_by_its_english() {
        let violation = |rule, message: &str| Violation { rule, path: "spec.mode".into(), message: message.into() };
        for (id, expected) in [
            (RuleId::Kind, Rule::WrongKind),
            (RuleId::Metadata, Rule::Metadata),
            (RuleId::Policy("interval"), Rule::Policy),
        ] {
            let violation = violation(id, "unknown field");
            assert_eq!((rule(&violation), suggest(&violation, None)), (expected, None));
        }
        let missing = violation(RuleId::Required("policy".into()), "fehlt");
        assert_eq!((rule(&missing), suggest(&missing, None)), (Rule::Schema, Some("add the field policy".into())));
        assert_eq!(rule(&violation(RuleId::KnownFields, "\"x\" is a required property")), Rule::UnknownField);
    }
}
