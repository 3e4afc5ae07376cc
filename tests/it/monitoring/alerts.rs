//! The alerts: they fire and stay silent as their tests say, name metrics that there are, and each has a
//! section of the manual.

use super::{known, metrics_in, promtool};
use crate::pictures::page;
use serde_json::Value;
use std::collections::BTreeSet;

const ALERTS: &str = "deploy/chart/files/alerts.yaml";
const TESTS: &str = "tests/monitoring/alerts.yaml";
const MANUAL: &str = "docs/operations.md";

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&page(file)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn alerts() -> Vec<Value> {
    yaml(ALERTS)["groups"][0]["rules"].as_array().unwrap().clone()
}

fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| text(&alert["alert"])).collect()
}

#[test]
fn the_alerts_fire_and_stay_silent_as_their_tests_say() {
    let (passed, said) = promtool(&["test", "rules", TESTS]);
    assert!(passed, "{said}");
}

#[test]
fn each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let tests = yaml(TESTS);
    let cases = |fires: bool| -> BTreeSet<String> {
        let all =
            tests["tests"].as_array().unwrap().iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap());
        let of_kind = all.filter(|case| case["exp_alerts"].as_array().is_some_and(|alerts| alerts.is_empty() != fires));
        of_kind.map(|case| text(&case["alertname"])).collect()
    };
    assert_eq!((cases(true), cases(false)), (names(), names()));
}

#[test]
fn each_alert_names_metrics_that_there_are_and_a_section_of_the_manual_and_none_is_missing_there() {
    let manual = page(MANUAL);
    let sections: BTreeSet<String> =
        manual.lines().filter_map(|line| Some(line.strip_prefix("### ")?.to_owned())).collect();
    assert_eq!(sections, names(), "the sections of {MANUAL} below the third level are the alerts");
    let about = |name: &str| manual.split(&format!("\n### {name}\n")).nth(1).unwrap().split("\n### ").next().unwrap();
    for alert in alerts() {
        let (name, query) = (text(&alert["alert"]), text(&alert["expr"]));
        let link = format!("{MANUAL}#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"], link);
        assert!(about(&name).contains("```console\n$ kubectl "), "{MANUAL} does not say what to run at {name}");
        let metrics = metrics_in(&query);
        assert!(!metrics.is_empty() || query.contains("up{"), "{query}");
        assert_eq!(metrics.difference(known()).count(), 0, "{name}: {metrics:?}");
    }
}

#[test]
fn what_a_tenants_secret_or_resource_can_bring_about_pages_nobody() {
    let critical = alerts().into_iter().filter(|alert| alert["labels"]["severity"] == "critical");
    let names: Vec<String> = critical.map(|alert| text(&alert["alert"])).collect();
    let for_all = [
        "SessionPolicyOperatorAbsent",
        "SessionPolicyOperatorHasNoLeader",
        "SessionPolicyOperatorHasTwoLeaders",
        "SessionPolicyOperatorStandsStill",
        "SessionPoliciesAreNotKept",   // more than half of all
        "SessionPolicyScalekitIsDown", // no environment is left that answers
    ];
    assert_eq!(names, for_all);
}
