//! Of any random spec the schema with its rules in CEL says what the operator's
//! own code says.

use super::{check, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Values around every limit, and some far away.
fn timeout() -> impl Strategy<Value = Option<i64>> {
    let limits =
        [0i64, 1, 24, 60, 1440, 1_491_308, 35_791_394, 2_147_483_647, i64::MAX / 1440, i64::MAX - 2, i64::MIN + 2];
    let near = (prop::sample::select(limits.to_vec()), -2i64..=2).prop_map(|(limit, off)| limit + off);
    proptest::option::weighted(0.8, prop_oneof![near, 1i64..100, any::<i64>()])
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
        absolute in timeout(), absolute_unit in unit(),
        on in proptest::option::of(any::<bool>()), idle in timeout(), idle_unit in unit(),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn the_rules_in_cel_and_the_operators_own_code_agree(spec in specs()) {
        let document = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "random"}, "spec": spec.clone(),
        });
        let violations = validate(&serde_json::from_value(spec).unwrap()).err().unwrap_or_default();
        let findings = check(&document);
        prop_assert_eq!(findings.is_empty(), violations.is_empty(), "{:?} / {:?}", findings, violations);
    }
}
