//! Whatever is declared and whatever is live: after an apply there is nothing
//! left to plan, and nothing was written that the plan did not show.

use super::{
    Pipeline,
    case::{cases, servers},
    manifest,
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

fn rows(plan: &Value) -> &Vec<Value> {
    plan["organizations"].as_array().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_after_an_apply_is_empty(cases in vec(cases(), 1..16), server in prop::sample::select(servers())) {
        let tells = server["emission"]["settings"] != "never";
        let pipeline = Pipeline::new(cases.len() + 1, server); // one more, whose features are reported if any are
        let all: String =
            cases.iter().zip(1..).map(|(c, n)| format!("---\n{}", manifest(&format!("o{n}"), &c.spec(n)))).collect();
        pipeline.file("policies/all.yaml", &all);
        for (case, n) in cases.iter().zip(1..) {
            pipeline.edit(&format!("org_{n}"), &case.live());
        }
        let before = pipeline.plan();
        prop_assert!(pipeline.writes().is_empty(), "a plan writes nothing");
        let planned: usize = rows(&before).iter().map(|row| row["writes"].as_array().map_or(0, Vec::len)).sum();
        let problems = rows(&before).iter().any(|row| !row["problem"].is_null());
        let changes = rows(&before).iter().any(|row| row["result"] == "change");
        let code = pipeline.osp(&["plan", "policies"]).code;
        prop_assert_eq!(code, if problems { 1 } else if changes { 2 } else { 0 });

        let run = pipeline.osp(&["apply", "policies", "--yes"]);
        prop_assert_eq!(run.code, i32::from(problems), "{}", run.all());
        prop_assert_eq!(pipeline.writes().len(), planned, "{}", run.all());

        let after = pipeline.plan();
        for (was, is) in rows(&before).iter().zip(rows(&after)) {
            prop_assert!(is["result"] != "change", "{} then {}", was, is);
            if was["result"] == "change" && was["problem"].is_null() {
                // the planned end is the end
                prop_assert_eq!(&is["live"]["policy"], &was["planned"]["policy"]);
                prop_assert_eq!(&is["live"]["effective"], &was["planned"]["effective"]);
                // a custom policy needs the feature; for one that is to inherit it stays as it was
                let on = was["live"]["sessionPolicyEnabled"] == true || was["declared"]["policySource"] == "CUSTOM";
                prop_assert_eq!(is["live"]["sessionPolicyEnabled"] == true, tells && on);
            }
        }
    }
}
