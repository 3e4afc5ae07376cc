//! The operator's own check of a spec: the rules of `rules.rs`, then the bounds of each field. It is the
//! only way to make a [`ValidatedSpec`], so it holds even if the API server did not check.

use super::interval;
use super::names;
use super::rules::{IDLE_BELOW_ABSOLUTE, NEWER, RULES};
use super::spec::{OrganizationReference, OrganizationSessionPolicySpec, PolicySource, SessionPolicy};
use crate::policy::{
    ExternalId, Minutes, OrganizationId, OrganizationRef, Policy, RuleId, Session, Unit, ValidatedSpec, Violation,
};

/// The validated spec, or its violations (at least one). A stored spec may break a newer rule
/// ([`without_unit`]).
pub fn validate(spec: &OrganizationSessionPolicySpec) -> Result<ValidatedSpec, Vec<Violation>> {
    let (_, violations) = split(spec);
    if !violations.is_empty() {
        return Err(violations);
    }
    match (organization(&spec.organization), policy(&spec.policy), secret(spec)) {
        (Ok(organization), Ok(policy), Ok(secret)) => Ok(ValidatedSpec {
            organization,
            policy,
            mode: spec.mode,
            deletion: spec.deletion_policy,
            suspend: spec.suspend,
            suspended_until: None,
            interval: spec.interval.as_deref().and_then(interval::parse),
            secret,
        }),
        (organization, policy, secret) => {
            Err([organization.err(), policy.err(), secret.err()].into_iter().flatten().collect())
        }
    }
}

/// The violations of a stored spec that the operator accepts: a timeout without its unit, which is in
/// minutes. The API server asks for the unit when the policy is changed.
pub fn without_unit(spec: &OrganizationSessionPolicySpec) -> Vec<Violation> {
    split(spec).0
}

fn split(spec: &OrganizationSessionPolicySpec) -> (Vec<Violation>, Vec<Violation>) {
    let newer = |violation: &Violation| matches!(violation.rule, RuleId::Policy(id) if NEWER.contains(&id));
    broken_rules(spec).into_iter().partition(newer)
}

pub(super) fn broken_rules(spec: &OrganizationSessionPolicySpec) -> Vec<Violation> {
    let broken = RULES.iter().filter(|rule| (rule.broken)(spec));
    broken.map(|rule| Violation::new(RuleId::Policy(rule.id), rule.path, rule.message)).collect()
}

fn organization(named: &OrganizationReference) -> Result<OrganizationRef, Violation> {
    let found = match (&named.id, &named.external_id) {
        (Some(id), None) => OrganizationId::parse(id).map(OrganizationRef::Id).ok_or((".id", OrganizationId::EXPECTED)),
        (None, Some(id)) => ExternalId::parse(id)
            .map(OrganizationRef::External)
            .ok_or((".externalId", "must be 1 to 256 characters, none of them a control character")),
        _ => Err(("", "must have exactly one name")),
    };
    found.map_err(|(field, message)| Violation::new(RuleId::Schema, format!("spec.organization{field}"), message))
}

fn policy(policy: &SessionPolicy) -> Result<Policy, Violation> {
    if policy.policy_source == PolicySource::Application {
        return Ok(Policy::Application);
    }
    let idle_field = "spec.policy.idleSessionTimeout";
    let absolute = policy.absolute_session_timeout.unwrap_or(0);
    let absolute = timeout("spec.policy.absoluteSessionTimeout", absolute, policy.absolute_session_timeout_unit)?;
    let idle = policy.idle_session_timeout.map(|idle| timeout(idle_field, idle, policy.idle_session_timeout_unit));
    Session::new(absolute, idle.transpose()?)
        .map(Policy::Custom)
        .map_err(|error| Violation::new(RuleId::Policy(IDLE_BELOW_ABSOLUTE), idle_field, error.to_string()))
}

fn timeout(field: &str, value: i64, unit: Option<Unit>) -> Result<Minutes, Violation> {
    let unit = unit.unwrap_or_default();
    Minutes::of(value, unit).ok_or_else(|| {
        Violation::new(RuleId::Schema, field, format!("must be a whole number from 1 to {}", unit.largest()))
    })
}

fn secret(spec: &OrganizationSessionPolicySpec) -> Result<Option<String>, Violation> {
    match &spec.credentials_secret_ref {
        Some(secret) if !names::is_subdomain(&secret.name) => {
            Err(Violation::new(RuleId::Schema, "spec.credentialsSecretRef.name", names::NOT_A_SUBDOMAIN))
        }
        secret => Ok(secret.as_ref().map(|secret| secret.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{DeletionPolicy, Mode, SecretReference, TimeoutUnit};
    use super::*;
    use crate::policy;
    use std::time::Duration;

    fn spec() -> OrganizationSessionPolicySpec {
        OrganizationSessionPolicySpec {
            organization: OrganizationReference { id: Some("org_12345".into()), external_id: None },
            policy: SessionPolicy {
                policy_source: PolicySource::Custom,
                absolute_session_timeout: Some(8),
                absolute_session_timeout_unit: Some(TimeoutUnit::Hours),
                idle_session_timeout_enabled: Some(true),
                idle_session_timeout: Some(60),
                idle_session_timeout_unit: None,
            },
            mode: Mode::TightenOnly,
            deletion_policy: DeletionPolicy::Retain,
            suspend: true,
            interval: Some("10m".into()),
            credentials_secret_ref: Some(SecretReference { name: "scalekit".into() }),
        }
    }

    #[test]
    fn a_valid_spec_becomes_a_validated_spec() {
        let minutes = |n| Minutes::new(n).unwrap();
        let expected = ValidatedSpec {
            organization: OrganizationRef::Id(OrganizationId::parse("org_12345").unwrap()),
            policy: Policy::Custom(Session::new(minutes(480), Some(minutes(60))).unwrap()),
            mode: policy::Mode::TightenOnly,
            deletion: policy::DeletionPolicy::Retain,
            suspend: true,
            suspended_until: None,
            interval: Some(Duration::from_secs(600)),
            secret: Some("scalekit".into()),
        };
        assert_eq!(validate(&spec()), Ok(expected));
    }

    #[test]
    fn every_broken_rule_is_named_with_its_field() {
        let mut spec = spec();
        spec.organization.external_id = Some("..".into());
        spec.policy.absolute_session_timeout = None;
        spec.interval = Some("1s".into());
        let paths: Vec<_> = validate(&spec).unwrap_err().into_iter().map(|v| v.path).collect();
        assert_eq!(
            paths,
            [
                "spec.organization",
                "spec.organization.externalId",
                "spec.policy.absoluteSessionTimeout",
                "spec.interval"
            ]
        );
    }

    #[test]
    fn a_stored_timeout_without_its_unit_is_in_minutes_and_named() {
        let mut spec = spec();
        assert_eq!(without_unit(&spec).len(), 0, "an hour and more can only be meant in minutes");
        spec.policy.idle_session_timeout = Some(30);
        assert_eq!(
            without_unit(&spec).into_iter().map(|v| v.path).collect::<Vec<_>>(),
            ["spec.policy.idleSessionTimeoutUnit"]
        );
        spec.policy.absolute_session_timeout = Some(45);
        spec.policy.absolute_session_timeout_unit = None;
        let minutes = |n| Minutes::new(n).unwrap();
        let policy = Policy::Custom(Session::new(minutes(45), Some(minutes(30))).unwrap());
        assert_eq!(validate(&spec).unwrap().policy, policy);
        assert_eq!(without_unit(&spec).len(), 2);
    }

    #[test]
    fn what_the_schema_would_have_refused_is_refused_too() {
        let refused = |change: fn(&mut OrganizationSessionPolicySpec)| {
            let mut spec = spec();
            change(&mut spec);
            validate(&spec).unwrap_err().into_iter().map(|v| v.path).collect::<Vec<_>>()
        };
        assert_eq!(refused(|s| s.organization.id = Some("../../x".into())), ["spec.organization.id"]);
        assert_eq!(
            refused(|s| s.organization = OrganizationReference { id: None, external_id: Some("a\r\nb".into()) }),
            ["spec.organization.externalId"]
        );
        assert_eq!(refused(|s| s.policy.absolute_session_timeout = Some(0)), ["spec.policy.absoluteSessionTimeout"]);
        assert_eq!(refused(|s| s.policy.idle_session_timeout = Some(-1)), ["spec.policy.idleSessionTimeout"]);
        assert_eq!(
            refused(|s| s.policy.absolute_session_timeout = Some(i64::MAX)),
            ["spec.policy.absoluteSessionTimeout"]
        );
        assert_eq!(
            refused(|s| s.credentials_secret_ref = Some(SecretReference { name: "../other".into() })),
            ["spec.credentialsSecretRef.name"]
        );
    }
}
