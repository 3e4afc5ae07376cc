//! Whatever is declared and whatever is live: after an apply there is nothing
//! left to plan, and nothing was written that the plan did not show.

use super::{Pipeline, manifest};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Case {
    mode: &'static str,
    suspend: bool,
    external: bool,
    declared: Option<(u32, Option<u32>)>,
    live: Option<(u32, Option<u32>)>,
    enabled: bool,
}

fn policies() -> impl Strategy<Value = Option<(u32, Option<u32>)>> {
    let custom = (2u32..12, option::of(1u32..11)).prop_filter("idle below absolute", |(a, i)| i.is_none_or(|i| i < *a));
    option::weighted(0.8, custom)
}

fn cases() -> impl Strategy<Value = Case> {
    let mode = prop_oneof![3 => Just("Enforce"), 2 => Just("TightenOnly"), 1 => Just("Observe")];
    (mode, prop::bool::weighted(0.1), any::<bool>(), policies(), policies(), any::<bool>()).prop_map(
        |(mode, suspend, external, declared, live, enabled)| Case { mode, suspend, external, declared, live, enabled },
    )
}

impl Case {
    fn spec(&self, n: usize) -> String {
        let name = if self.external { format!("externalId: tenant-{n}") } else { format!("id: org_{n}") };
        let policy = match self.declared {
            None => "policySource: APPLICATION".to_owned(),
            Some((absolute, idle)) => {
                let idle = idle.map(|i| format!(", idleSessionTimeoutEnabled: true, idleSessionTimeout: {i}"));
                format!("policySource: CUSTOM, absoluteSessionTimeout: {absolute}{}", idle.unwrap_or_default())
            }
        };
        format!("{{organization: {{{name}}}, mode: {}, suspend: {}, policy: {{{policy}}}}}", self.mode, self.suspend)
    }

    fn live(&self) -> Value {
        let policy = match self.live {
            None => json!({"source": "APPLICATION"}),
            Some((absolute, idle)) => json!({"source": "CUSTOM", "absolute_minutes": absolute,
                "idle_enabled": idle.is_some(), "idle_minutes": idle}),
        };
        json!({"policy": policy, "features": [{"name": "session_policy", "enabled": self.enabled}]})
    }
}

fn rows(plan: &Value) -> &Vec<Value> {
    plan["organizations"].as_array().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_after_an_apply_is_empty(cases in vec(cases(), 1..16), replace: bool) {
        let patch = if replace { "replace" } else { "merge" };
        let pipeline = Pipeline::new(cases.len(), json!({"features": {"patch": patch}}));
        let all: String =
            cases.iter().zip(1..).map(|(c, n)| format!("---\n{}", manifest(&format!("o{n}"), &c.spec(n)))).collect();
        pipeline.file("policies/all.yaml", &all);
        for (case, n) in cases.iter().zip(1..) {
            pipeline.edit(&format!("org_{n}"), &case.live());
        }
        let before = pipeline.plan();
        prop_assert!(pipeline.writes().is_empty(), "a plan writes nothing");
        let planned: usize = rows(&before).iter().map(|row| row["writes"].as_array().map_or(0, Vec::len)).sum();
        let problems = rows(&before).iter().any(|row| row["result"] == "problem");
        let changes = rows(&before).iter().any(|row| row["result"] == "change");
        let code = pipeline.osp(&["plan", "policies"]).code;
        prop_assert_eq!(code, if problems { 1 } else if changes { 2 } else { 0 });

        let run = pipeline.osp(&["apply", "policies", "--yes"]);
        prop_assert_eq!(run.code, i32::from(problems), "{}", run.all());
        prop_assert_eq!(pipeline.writes().len(), planned, "{}", run.all());

        let after = pipeline.plan();
        for (was, is) in rows(&before).iter().zip(rows(&after)) {
            prop_assert!(is["result"] != "change", "{} then {}", was, is);
            if was["result"] == "change" {
                // the planned end is the end
                prop_assert_eq!(&is["before"], &was["after"]);
            }
        }
    }
}
