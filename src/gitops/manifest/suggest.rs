//! From a violation to its rule and to what to write instead, which the schema
//! knows.

use crate::{
    crd::{self, Violation},
    gitops::Rule,
};
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

static SCHEMA: LazyLock<Value> = LazyLock::new(crd::json_schema);
static POLICY: LazyLock<HashSet<String>> = LazyLock::new(|| crd::rule_messages().into_iter().collect());

/// Which rule `violation` is of.
pub(super) fn rule(violation: &Violation) -> Rule {
    match violation.path.as_str() {
        _ if violation.message == "unknown field" => Rule::UnknownField,
        _ if POLICY.contains(&violation.message) => Rule::Policy,
        "apiVersion" | "kind" => Rule::WrongKind,
        "" if violation.message.starts_with("a manifest is") => Rule::WrongKind,
        path if path.starts_with("metadata") => Rule::Metadata,
        _ => Rule::Schema,
    }
}

/// What to write instead; `None` where the message says it.
pub(super) fn suggest(violation: &Violation) -> Option<String> {
    match rule(violation) {
        Rule::UnknownField => Some(known_fields(&violation.path)),
        Rule::Schema => {
            let schema = schema_of(&violation.path)?;
            let missing = violation.message.strip_suffix(" is a required property");
            Some(missing.map_or_else(|| allowed(schema), |field| format!("add the field {}", field.trim_matches('"'))))
        }
        _ => None,
    }
}

/// The schema of the field at `path`, which goes through maps only.
fn schema_of(path: &str) -> Option<&'static Value> {
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    steps.try_fold(&*SCHEMA, |schema, step| schema.get("properties")?.get(step))
}

/// A value that the schema takes, in words.
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

fn known_fields(path: &str) -> String {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let properties = schema_of(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let known: Vec<&str> = properties.into_iter().flatten().map(|(field, _)| field.as_str()).collect();
    let distances = known.iter().map(|known| (distance(&bare(known), &bare(field)), known));
    match distances.min() {
        Some((letters, near)) if letters <= near.len() / 3 => format!("did you mean {near}?"),
        _ if known.is_empty() => "remove it".into(),
        _ => format!("remove it; there are {}", known.join(", ")),
    }
}

/// `idle_timeout` and `idleTimeout` are meant alike.
fn bare(field: &str) -> Vec<char> {
    field.chars().take(64).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many letters have to change (Levenshtein).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (taken, a) in from.iter().enumerate() {
        let mut diagonal = taken;
        let mut left = taken + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to) {
            let here = (diagonal + usize::from(a != b)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = taken + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn letters_that_differ_are_counted() {
        let count = |a: &str, b: &str| distance(&bare(a), &bare(b));
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("deletion_policy", "deletionPolicy"), 0);
        assert_eq!(count("intervall", "interval"), 1);
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
        let told = crd::check(&document);
        let told: Vec<_> =
            told.iter().map(|v| (v.path.as_str(), rule(v).name(), suggest(v).unwrap_or_default())).collect();
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
            assert!(told.iter().any(|t| t.0 == path && t.1 == rule && t.2.contains(part)), "{path}: {told:#?}");
        }
        let missing = Violation { path: "spec".into(), message: "\"policy\" is a required property".into() };
        assert_eq!(suggest(&missing), Some("add the field policy".into()));
        let between = crd::rule_messages().into_iter().next().unwrap();
        assert_eq!(rule(&Violation { path: "spec".into(), message: between }), Rule::Policy);
    }
}
