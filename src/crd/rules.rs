//! The rules between fields, each written twice side by side: as CEL for the
//! API server and as code for the operator. Message and field are said once.
//!
//! A rule guards itself with `has()` and never errs when another one is
//! broken, so that a person sees every fault at once and never an evaluation
//! error. Bounds of a single field are in the schema (`spec.rs`).

use super::interval;
use super::spec::{OrganizationReference, OrganizationSessionPolicySpec, PolicySource, SessionPolicy};
use crate::policy::Unit;
use kube::core::{Reason, Rule as CelRule};
use schemars::Schema;
use serde_json::json;

/// One rule of a `T`.
pub(super) struct Rule<T> {
    /// The field that is to be changed, relative to the `T`; empty: the `T`
    /// itself.
    pub(super) field: &'static str,
    /// True when the rule holds.
    pub(super) cel: &'static str,
    /// True when it does not.
    pub(super) broken: fn(&T) -> bool,
    /// What to write instead.
    pub(super) message: &'static str,
    /// Decides whether the server says "Required value", "Forbidden" or
    /// "Invalid value" before the message.
    pub(super) reason: Reason,
}

/// Rules of `spec.organization` that need no older version of it.
pub(super) const ORGANIZATION: &[Rule<OrganizationReference>] = &[
    Rule {
        field: "",
        cel: "has(self.id) != has(self.externalId)",
        broken: |o| o.id.is_some() == o.external_id.is_some(),
        message: "name the organization by exactly one of id and externalId",
        reason: Reason::FieldValueInvalid,
    },
    Rule {
        field: ".externalId",
        cel: "!has(self.externalId) || !(self.externalId in ['.', '..'])",
        broken: |o| matches!(o.external_id.as_deref(), Some("." | "..")),
        message: "an externalId of . or .. would be a step in a path and cannot be looked up: use the id instead",
        reason: Reason::FieldValueInvalid,
    },
];

/// The organization never changes: what was set for the old one would be left
/// behind. As a rule of the whole object it also holds between id and
/// externalId.
const IMMUTABLE: (&str, &str) = (
    "self == oldSelf",
    "the organization cannot be changed: delete this resource and create a new one for the other organization",
);

/// Rules of `spec.policy`.
pub(super) const POLICY: &[Rule<SessionPolicy>] = &[
    Rule {
        field: ".absoluteSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || has(self.absoluteSessionTimeout)",
        broken: |p| custom(p) && p.absolute_session_timeout.is_none(),
        message: "policySource CUSTOM needs an absoluteSessionTimeout, for example absoluteSessionTimeout: 8 with \
                  absoluteSessionTimeoutUnit: HOURS",
        reason: Reason::FieldValueRequired,
    },
    Rule {
        field: ".absoluteSessionTimeout",
        cel: "self.policySource != 'APPLICATION' || !has(self.absoluteSessionTimeout)",
        broken: |p| !custom(p) && p.absolute_session_timeout.is_some(),
        message: INHERITED,
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".absoluteSessionTimeoutUnit",
        cel: "self.policySource != 'APPLICATION' || !has(self.absoluteSessionTimeoutUnit)",
        broken: |p| !custom(p) && p.absolute_session_timeout_unit.is_some(),
        message: INHERITED,
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".idleSessionTimeoutEnabled",
        cel: "self.policySource != 'APPLICATION' || !has(self.idleSessionTimeoutEnabled)",
        broken: |p| !custom(p) && p.idle_session_timeout_enabled.is_some(),
        message: INHERITED,
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".idleSessionTimeout",
        cel: "self.policySource != 'APPLICATION' || !has(self.idleSessionTimeout)",
        broken: |p| !custom(p) && p.idle_session_timeout.is_some(),
        message: INHERITED,
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".idleSessionTimeoutUnit",
        cel: "self.policySource != 'APPLICATION' || !has(self.idleSessionTimeoutUnit)",
        broken: |p| !custom(p) && p.idle_session_timeout_unit.is_some(),
        message: INHERITED,
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".absoluteSessionTimeout",
        cel: "!has(self.absoluteSessionTimeout) || self.absoluteSessionTimeout <= \
              (!has(self.absoluteSessionTimeoutUnit) || self.absoluteSessionTimeoutUnit == 'MINUTES' ? 2147483647 : \
              self.absoluteSessionTimeoutUnit == 'HOURS' ? 35791394 : 1491308)",
        broken: |p| past_largest(p.absolute_session_timeout, p.absolute_session_timeout_unit),
        message: TOO_LONG,
        reason: Reason::FieldValueInvalid,
    },
    Rule {
        field: ".idleSessionTimeout",
        cel: "!has(self.idleSessionTimeout) || self.idleSessionTimeout <= \
              (!has(self.idleSessionTimeoutUnit) || self.idleSessionTimeoutUnit == 'MINUTES' ? 2147483647 : \
              self.idleSessionTimeoutUnit == 'HOURS' ? 35791394 : 1491308)",
        broken: |p| past_largest(p.idle_session_timeout, p.idle_session_timeout_unit),
        message: TOO_LONG,
        reason: Reason::FieldValueInvalid,
    },
    Rule {
        field: ".idleSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeoutEnabled) || \
              !self.idleSessionTimeoutEnabled || has(self.idleSessionTimeout)",
        broken: |p| custom(p) && idle_on(p) && p.idle_session_timeout.is_none(),
        message: "idleSessionTimeoutEnabled: true needs an idleSessionTimeout, for example idleSessionTimeout: 60",
        reason: Reason::FieldValueRequired,
    },
    Rule {
        field: ".idleSessionTimeout",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeout) || \
              (has(self.idleSessionTimeoutEnabled) && self.idleSessionTimeoutEnabled)",
        broken: |p| custom(p) && !idle_on(p) && p.idle_session_timeout.is_some(),
        message: "an idleSessionTimeout has no effect without idleSessionTimeoutEnabled: true: add that, or remove \
                  the timeout",
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".idleSessionTimeoutUnit",
        cel: "self.policySource != 'CUSTOM' || !has(self.idleSessionTimeoutUnit) || has(self.idleSessionTimeout)",
        broken: |p| custom(p) && p.idle_session_timeout_unit.is_some() && p.idle_session_timeout.is_none(),
        message: "idleSessionTimeoutUnit needs an idleSessionTimeout: add one, or remove the unit",
        reason: Reason::FieldValueForbidden,
    },
    Rule {
        field: ".idleSessionTimeout",
        // Past the largest value another rule is broken, and a product might
        // overflow.
        cel: "!has(self.absoluteSessionTimeout) || !has(self.idleSessionTimeout) || \
              self.absoluteSessionTimeout > 2147483647 || self.idleSessionTimeout > 2147483647 || \
              self.absoluteSessionTimeout < 1 || self.idleSessionTimeout < 1 || \
              self.idleSessionTimeout * (!has(self.idleSessionTimeoutUnit) || self.idleSessionTimeoutUnit == \
              'MINUTES' ? 1 : self.idleSessionTimeoutUnit == 'HOURS' ? 60 : 1440) < \
              self.absoluteSessionTimeout * (!has(self.absoluteSessionTimeoutUnit) || \
              self.absoluteSessionTimeoutUnit == 'MINUTES' ? 1 : self.absoluteSessionTimeoutUnit == 'HOURS' ? 60 : \
              1440)",
        broken: |p| {
            let absolute = in_minutes(p.absolute_session_timeout, p.absolute_session_timeout_unit);
            let idle = in_minutes(p.idle_session_timeout, p.idle_session_timeout_unit);
            absolute.zip(idle).is_some_and(|(absolute, idle)| idle >= absolute)
        },
        message: "the idle timeout must be shorter than the absolute timeout (mind the units; MINUTES when absent): \
                  shorten idleSessionTimeout or lengthen absoluteSessionTimeout",
        reason: Reason::FieldValueInvalid,
    },
];

/// Rules of the `spec` itself.
pub(super) const SPEC: &[Rule<OrganizationSessionPolicySpec>] = &[Rule {
    field: ".interval",
    cel: "!has(self.interval) || (self.interval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && \
          duration(self.interval) >= duration('30s') && duration(self.interval) <= duration('24h'))",
    broken: |s| s.interval.as_deref().is_some_and(|text| interval::parse(text).is_none()),
    message: "write a duration from 30s to 24h in hours, minutes and seconds, for example 10m or 1h30m",
    reason: Reason::FieldValueInvalid,
}];

const INHERITED: &str =
    "policySource APPLICATION inherits the application's policy: remove this field, or write policySource: CUSTOM";

const TOO_LONG: &str = "at most 2147483647 MINUTES, 35791394 HOURS or 1491308 DAYS";

fn custom(policy: &SessionPolicy) -> bool {
    policy.policy_source == PolicySource::Custom
}

fn idle_on(policy: &SessionPolicy) -> bool {
    policy.idle_session_timeout_enabled == Some(true)
}

fn past_largest(value: Option<i64>, unit: Option<Unit>) -> bool {
    value.is_some_and(|value| value > unit.unwrap_or_default().largest())
}

/// `None` as well for a value outside the schema, which another rule names.
fn in_minutes(value: Option<i64>, unit: Option<Unit>) -> Option<i64> {
    let value = value.filter(|value| (1..=i64::from(i32::MAX)).contains(value))?;
    Some(value * unit.unwrap_or_default().in_minutes())
}

/// Adds the rules of `spec.organization` to its schema.
pub(super) fn of_organization(schema: &mut Schema) {
    let (cel, message) = IMMUTABLE;
    add(schema, ORGANIZATION, Some(CelRule::new(cel).message(message).reason(Reason::FieldValueForbidden)));
}

/// Adds the rules of `spec.policy` to its schema.
pub(super) fn of_policy(schema: &mut Schema) {
    add(schema, POLICY, None);
}

/// Adds the rules of `spec` to its schema.
pub(super) fn of_spec(schema: &mut Schema) {
    add(schema, SPEC, None);
}

fn add<T>(schema: &mut Schema, rules: &[Rule<T>], one_more: Option<CelRule>) {
    let as_cel = |rule: &Rule<T>| {
        let cel = CelRule::new(rule.cel).message(rule.message).reason(rule.reason.clone());
        if rule.field.is_empty() { cel } else { cel.field_path(rule.field) }
    };
    let all: Vec<_> = rules.iter().map(as_cel).chain(one_more).collect();
    schema.insert("x-kubernetes-validations".into(), json!(all));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_the_rules_are_those_of_the_domain() {
        for unit in [Unit::Minutes, Unit::Hours, Unit::Days] {
            let largest = unit.largest().to_string();
            assert!(TOO_LONG.contains(&largest), "{largest}");
            let limits = POLICY.iter().filter(|rule| rule.message == TOO_LONG);
            assert_eq!(limits.filter(|rule| rule.cel.contains(&largest)).count(), 2, "{largest}");
        }
        for rule in SPEC {
            assert!(rule.cel.contains(interval::PATTERN));
        }
    }

    #[test]
    fn every_message_is_one_line_that_says_what_to_write() {
        let messages = POLICY
            .iter()
            .map(|r| r.message)
            .chain(ORGANIZATION.iter().map(|r| r.message))
            .chain(SPEC.iter().map(|r| r.message))
            .chain([IMMUTABLE.1]);
        for message in messages {
            assert!(message.len() < 200 && !message.contains('\n') && !message.contains("  "), "{message}");
        }
    }
}
