//! The rules between fields. Each has one id, field and message, and is written twice: in CEL for the API
//! server and in Rust for the operator.
//!
//! A rule in CEL tests fields with `has()`, so that it evaluates without an error also when another rule
//! is violated, and a person gets all violations at once. The bounds of single fields are in the schema
//! (`spec.rs`).

use super::interval;
use super::spec::{OrganizationSessionPolicySpec, PolicySource};
use crate::policy::Unit;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::ValidationRule;

pub(super) struct Rule {
    /// The id in the output of `osp validate`; it never changes.
    pub(super) id: &'static str,
    pub(super) path: &'static str,
    /// The expression, true if the rule holds; `self` is the object of [`OBJECTS`].
    cel: &'static str,
    pub(super) broken: fn(&OrganizationSessionPolicySpec) -> bool,
    /// What to write instead.
    pub(super) message: &'static str,
    /// The reason that the server reports, which decides on the words before the message: "Required value",
    /// "Forbidden" or "Invalid value".
    reason: &'static str,
}

/// The objects that have rules; inner ones come first, since a field belongs to the innermost.
pub(super) const OBJECTS: [&str; 3] = ["spec.organization", "spec.policy", "spec"];

/// The rule for a field that only a custom policy has.
macro_rules! inherited {
    ($name:literal, $field:ident) => {
        Rule {
            id: "application-without-values",
            path: concat!("spec.policy.", $name),
            cel: concat!("self.policySource != 'APPLICATION' || !has(self.", $name, ")"),
            broken: |s| !custom(s) && s.policy.$field.is_some(),
            message: "policySource APPLICATION inherits the application's policy: remove this field, or write \
                      policySource: CUSTOM",
            reason: FORBIDDEN,
        }
    };
}

/// The rule that a timeout has its unit where it is so small that it may be meant in another one: 8 was
/// 8 minutes. One from [`SURELY_MINUTES`] on is in minutes, as in Scalekit's API.
macro_rules! needs_unit {
    ($name:literal, $id:literal, $value:ident, $unit:ident) => {
        Rule {
            id: $id,
            path: concat!("spec.policy.", $name, "Unit"),
            cel: concat!(
                "self.policySource != 'CUSTOM' || !has(self.",
                $name,
                ") || has(self.",
                $name,
                "Unit) || self.",
                $name,
                " >= 60"
            ),
            broken: |s| custom(s) && s.policy.$value.is_some_and(|v| v < SURELY_MINUTES) && s.policy.$unit.is_none(),
            message: concat!(
                $name,
                " needs its unit, since so small a number may be meant as minutes or hours: add ",
                $name,
                "Unit: MINUTES, HOURS or DAYS"
            ),
            reason: REQUIRED,
        }
    };
}

/// A timeout of so many units or more is in minutes if it has no unit.
const SURELY_MINUTES: i64 = 60;

/// The rules that resources which were stored earlier may break; the API server accepts those as long as
/// their policy does not change. A timeout without its unit is in minutes.
pub(super) const NEWER: [&str; 2] = ["absolute-needs-unit", "idle-needs-unit"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "organization-one-name",
        path: "spec.organization",
        cel: "has(self.id) != has(self.externalId)",
        broken: |s| s.organization.id.is_some() == s.organization.external_id.is_some(),
        message: "name the organization by exactly one of id and externalId",
        reason: INVALID,
    },
    Rule {
        id: "external-id-no-path-step",
        path: "spec.organization.externalId",
        cel: "!has(self.externalId) || !(self.externalId in ['.', '..'])",
        broken: |s| matches!(s.organization.external_id.as_deref(), Some("." | "..")),
        message: "an externalId of . or .. would be a step in a path and cannot be looked up: use the id instead",
        reason: INVALID,
    },
    // The policy of the old organization would not be reverted. A rule of the whole object, so that id can't be
    // replaced by externalId either.
    Rule {
        id: "organization-immutable",
        path: "spec.organization",
        cel: "self == oldSelf",
        broken: |_| false, // takes an older version to break
        message: "the organization cannot be changed: delete this resource and create a new one for the other \
                  organization",
        reason: FORBIDDEN,
    },
    Rule {
        id: "custom-needs-absolute",
        path: "spec.policy.absoluteSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || has(self.absoluteSessionTimeout)",
        broken: |s| custom(s) && s.policy.absolute_session_timeout.is_none(),
        message: "policySource CUSTOM needs an absoluteSessionTimeout, for example absoluteSessionTimeout: 8 with \
                  absoluteSessionTimeoutUnit: HOURS",
        reason: REQUIRED,
    },
    needs_unit!(
        "absoluteSessionTimeout",
        "absolute-needs-unit",
        absolute_session_timeout,
        absolute_session_timeout_unit
    ),
    inherited!("absoluteSessionTimeout", absolute_session_timeout),
    inherited!("absoluteSessionTimeoutUnit", absolute_session_timeout_unit),
    inherited!("idleSessionTimeoutEnabled", idle_session_timeout_enabled),
    inherited!("idleSessionTimeout", idle_session_timeout),
    inherited!("idleSessionTimeoutUnit", idle_session_timeout_unit),
    Rule {
        id: "timeout-too-long",
        path: "spec.policy.absoluteSessionTimeout",
        cel: "!has(self.absoluteSessionTimeout) || self.absoluteSessionTimeout <= \
              (!has(self.absoluteSessionTimeoutUnit) || self.absoluteSessionTimeoutUnit == 'MINUTES' ? 2147483647 : \
              self.absoluteSessionTimeoutUnit == 'HOURS' ? 35791394 : 1491308)",
        broken: |s| past_largest(s.policy.absolute_session_timeout, s.policy.absolute_session_timeout_unit),
        message: TOO_LONG,
        reason: INVALID,
    },
    Rule {
        id: "timeout-too-long",
        path: "spec.policy.idleSessionTimeout",
        cel: "!has(self.idleSessionTimeout) || self.idleSessionTimeout <= \
              (!has(self.idleSessionTimeoutUnit) || self.idleSessionTimeoutUnit == 'MINUTES' ? 2147483647 : \
              self.idleSessionTimeoutUnit == 'HOURS' ? 35791394 : 1491308)",
        broken: |s| past_largest(s.policy.idle_session_timeout, s.policy.idle_session_timeout_unit),
        message: TOO_LONG,
        reason: INVALID,
    },
    Rule {
        id: "idle-needs-timeout",
        path: "spec.policy.idleSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeoutEnabled) || \
              !self.idleSessionTimeoutEnabled || has(self.idleSessionTimeout)",
        broken: |s| custom(s) && idle_on(s) && s.policy.idle_session_timeout.is_none(),
        message: "idleSessionTimeoutEnabled: true needs an idleSessionTimeout, for example idleSessionTimeout: 60 with \
                  idleSessionTimeoutUnit: MINUTES",
        reason: REQUIRED,
    },
    needs_unit!("idleSessionTimeout", "idle-needs-unit", idle_session_timeout, idle_session_timeout_unit),
    Rule {
        id: "idle-timeout-without-effect",
        path: "spec.policy.idleSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeout) || \
              (has(self.idleSessionTimeoutEnabled) && self.idleSessionTimeoutEnabled)",
        broken: |s| custom(s) && !idle_on(s) && s.policy.idle_session_timeout.is_some(),
        message: "an idleSessionTimeout has no effect without idleSessionTimeoutEnabled: true: add that, or remove \
                  the timeout",
        reason: FORBIDDEN,
    },
    Rule {
        id: "idle-unit-needs-timeout",
        path: "spec.policy.idleSessionTimeoutUnit",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeoutUnit) || has(self.idleSessionTimeout)",
        broken: |s| {
            custom(s) && s.policy.idle_session_timeout_unit.is_some() && s.policy.idle_session_timeout.is_none()
        },
        message: "idleSessionTimeoutUnit needs an idleSessionTimeout: add one, or remove the unit",
        reason: FORBIDDEN,
    },
    Rule {
        id: IDLE_BELOW_ABSOLUTE,
        path: "spec.policy.idleSessionTimeout",
        // Above the largest value another rule is violated, and a product might overflow.
        cel: "!has(self.absoluteSessionTimeout) || !has(self.idleSessionTimeout) || \
              self.absoluteSessionTimeout > 2147483647 || self.idleSessionTimeout > 2147483647 || \
              self.absoluteSessionTimeout < 1 || self.idleSessionTimeout < 1 || \
              self.idleSessionTimeout * (!has(self.idleSessionTimeoutUnit) || self.idleSessionTimeoutUnit == \
              'MINUTES' ? 1 : self.idleSessionTimeoutUnit == 'HOURS' ? 60 : 1440) < \
              self.absoluteSessionTimeout * (!has(self.absoluteSessionTimeoutUnit) || \
              self.absoluteSessionTimeoutUnit == 'MINUTES' ? 1 : self.absoluteSessionTimeoutUnit == 'HOURS' ? 60 : \
              1440)",
        broken: |s| {
            let absolute = in_minutes(s.policy.absolute_session_timeout, s.policy.absolute_session_timeout_unit);
            let idle = in_minutes(s.policy.idle_session_timeout, s.policy.idle_session_timeout_unit);
            absolute.zip(idle).is_some_and(|(absolute, idle)| idle >= absolute)
        },
        message: "the idle timeout must be shorter than the absolute timeout (mind the units): shorten \
                  idleSessionTimeout or lengthen absoluteSessionTimeout",
        reason: INVALID,
    },
    Rule {
        id: "interval",
        path: "spec.interval",
        cel: "!has(self.interval) || (self.interval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && \
              duration(self.interval) >= duration('30s') && duration(self.interval) <= duration('24h'))",
        broken: |s| s.interval.as_deref().is_some_and(|text| interval::parse(text).is_none()),
        message: "write a duration from 30s to 24h in hours, minutes and seconds, for example 10m or 1h30m",
        reason: INVALID,
    },
];

/// The id of the rule that the domain checks as well.
pub(super) const IDLE_BELOW_ABSOLUTE: &str = "idle-below-absolute";

const TOO_LONG: &str = "at most 2147483647 MINUTES, 35791394 HOURS or 1491308 DAYS";

const INVALID: &str = "FieldValueInvalid";
const REQUIRED: &str = "FieldValueRequired";
const FORBIDDEN: &str = "FieldValueForbidden";

fn custom(spec: &OrganizationSessionPolicySpec) -> bool {
    spec.policy.policy_source == PolicySource::Custom
}

fn idle_on(spec: &OrganizationSessionPolicySpec) -> bool {
    spec.policy.idle_session_timeout_enabled == Some(true)
}

fn past_largest(value: Option<i64>, unit: Option<Unit>) -> bool {
    value.is_some_and(|value| value > unit.unwrap_or_default().largest())
}

/// `None` also for a value outside of the schema, which has a violation of its own.
fn in_minutes(value: Option<i64>, unit: Option<Unit>) -> Option<i64> {
    let value = value.filter(|value| (1..=i64::from(i32::MAX)).contains(value))?;
    Some(value * unit.unwrap_or_default().in_minutes())
}

/// The id of the rule with this CEL expression.
pub(super) fn id_of(cel: &str) -> &'static str {
    RULES.iter().find(|rule| rule.cel == cel).map_or("policy", |rule| rule.id)
}

/// The rules of one of [`OBJECTS`], in CEL for its schema.
pub(super) fn in_cel(object: &str) -> Vec<ValidationRule> {
    let field = |rule: &Rule| {
        let (of, field) = OBJECTS.iter().find_map(|of| Some((*of, rule.path.strip_prefix(of)?)))?;
        (of == object).then_some(field)
    };
    let as_cel = |(rule, field): (&Rule, &str)| ValidationRule {
        rule: rule.cel.into(),
        field_path: (!field.is_empty()).then(|| field.into()),
        message: Some(rule.message.into()),
        reason: Some(rule.reason.into()),
        ..ValidationRule::default()
    };
    RULES.iter().filter_map(|rule| Some((rule, field(rule)?))).map(as_cel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_numbers_in_the_rules_are_those_of_the_domain() {
        let limits: Vec<_> = RULES.iter().filter(|rule| rule.id == "timeout-too-long").collect();
        for unit in [Unit::Minutes, Unit::Hours, Unit::Days] {
            let largest = unit.largest().to_string();
            assert!(limits.iter().all(|rule| rule.message.contains(&largest)), "{largest}");
            assert_eq!(limits.iter().filter(|rule| rule.cel.contains(&largest)).count(), 2, "{largest}");
        }
        assert!(RULES.iter().any(|rule| rule.path == "spec.interval" && rule.cel.contains(interval::PATTERN)));
    }

    #[test]
    fn every_message_is_one_line_that_says_what_to_write() {
        for Rule { message, .. } in RULES {
            assert!(message.len() < 200 && !message.contains('\n') && !message.contains("  "), "{message}");
        }
    }

    /// Scripts know the ids: add to the list, but never change what is there.
    #[test]
    fn an_id_is_of_one_message_and_never_changes() {
        let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
        let known = [
            "absolute-needs-unit",
            "application-without-values",
            "custom-needs-absolute",
            "external-id-no-path-step",
            "idle-below-absolute",
            "idle-needs-timeout",
            "idle-needs-unit",
            "idle-timeout-without-effect",
            "idle-unit-needs-timeout",
            "interval",
            "organization-immutable",
            "organization-one-name",
            "timeout-too-long",
        ];
        assert_eq!(ids.iter().copied().collect::<Vec<_>>(), known);
        let messages: BTreeSet<_> = RULES.iter().map(|rule| (rule.id, rule.message)).collect();
        assert_eq!(messages.len(), ids.len());
        let expressions: BTreeSet<_> = RULES.iter().map(|rule| rule.cel).collect();
        assert_eq!(expressions.len(), RULES.len(), "a rule is known by its expression");
    }

    #[test]
    fn every_rule_is_in_the_schema_of_one_object() {
        assert_eq!(OBJECTS.map(|object| in_cel(object).len()).iter().sum::<usize>(), RULES.len());
    }
}
