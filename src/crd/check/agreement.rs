//! Tests that the schema with its rules in CEL and the operator's own code agree on random specs, rule
//! by rule.

use super::super::{rules::NEWER, validate::broken_rules};
use super::{OrganizationSessionPolicySpec, RuleId, SCHEMA, Violation, check, rules, structure, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Values near every limit, and others.
fn timeout() -> impl Strategy<Value = Option<i64>> {
    let limits =
        [0i64, 1, 24, 60, 1440, 1_491_308, 35_791_394, 2_147_483_647, i64::MAX / 1440, i64::MAX - 2, i64::MIN + 2];
    let near = (prop::sample::select(limits.to_vec()), -2i64..=2).prop_map(|(limit, off)| limit + off);
    proptest::option::weighted(0.8, prop_oneof![near, 1i64..100, any::<i64>()])
}

type Timeout = (Option<i64>, Option<&'static str>);

/// An absolute and an idle timeout: unrelated, or nearly the same length in any units.
fn timeouts() -> impl Strategy<Value = (Timeout, Timeout)> {
    let units =
        || prop::sample::select(vec![(None, 1), (Some("MINUTES"), 1), (Some("HOURS"), 60), (Some("DAYS"), 1440)]);
    let alike = (1i64..2000, units(), units(), -1i64..=1).prop_map(|(days, (absolute, a), (idle, i), off)| {
        ((Some(days * 1440 / a), absolute), (Some(days * 1440 / i + off), idle))
    });
    prop_oneof![((timeout(), unit()), (timeout(), unit())), alike]
}

fn unit() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(prop::sample::select(vec!["MINUTES", "HOURS", "DAYS"]))
}

fn organization() -> impl Strategy<Value = Value> {
    let id = proptest::option::weighted(0.7, prop_oneof![4 => "org_[0-9A-Za-z]{1,29}", 1 => ".{0,8}"]);
    let external = proptest::option::weighted(0.3, prop_oneof!["[a-z.]{0,2}", "\\PC{1,20}", any::<String>()]);
    (id, external).prop_map(|(id, external)| json!({"id": id, "externalId": external}))
}

fn interval() -> impl Strategy<Value = Option<String>> {
    let numbers = prop::sample::select(vec!["0", "1", "24", "29", "30", "1440", "86400", "86401", "99999", "100000"]);
    let part = (numbers, prop::sample::select(vec!["h", "m", "s", "ms", "", "d"])).prop_map(|(n, u)| format!("{n}{u}"));
    let parts = proptest::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
    proptest::option::of(prop_oneof![4 => parts, 1 => "[0-9hms.]{0,6}", 1 => Just("10m".into())])
}

prop_compose! {
    fn specs()(
        organization in organization(),
        source in prop_oneof![1 => Just("APPLICATION"), 4 => Just("CUSTOM")],
        ((absolute, absolute_unit), (idle, idle_unit)) in timeouts(),
        on in proptest::option::of(any::<bool>()),
        interval in proptest::option::weighted(0.3, interval()),
        secret in proptest::option::weighted(0.2, "[a-z0-9.A-]{0,6}"),
    ) -> Value {
        json!({
            "organization": organization,
            "policy": {
                "policySource": source,
                "absoluteSessionTimeout": absolute, "absoluteSessionTimeoutUnit": absolute_unit,
                "idleSessionTimeoutEnabled": on, "idleSessionTimeout": idle, "idleSessionTimeoutUnit": idle_unit,
            },
            "interval": interval,
            "credentialsSecretRef": secret.map(|name| json!({"name": name})),
        })
    }
}

fn sorted(mut broken: Vec<Violation>) -> Vec<Violation> {
    broken.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
    broken
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn the_rules_in_cel_and_the_operators_own_code_agree(spec in specs()) {
        let document = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "random"}, "spec": spec,
        });
        let raw: OrganizationSessionPolicySpec = serde_json::from_value(spec).unwrap();

        let by_schema = check(&document);
        let by_code = validate(&raw).err().unwrap_or_default();
        let units = |violation: &Violation| matches!(violation.rule, RuleId::Policy(id) if NEWER.contains(&id));
        prop_assert_eq!(by_schema.iter().all(units), by_code.is_empty(), "{:?} / {:?}", by_schema, by_code);

        let schema = SCHEMA.as_ref().unwrap();
        let in_cel = rules(&schema.rules, &structure::as_stored(&schema.plain, &document));
        let in_code = broken_rules(&raw);
        prop_assert_eq!(sorted(in_cel), sorted(in_code));
    }
}
