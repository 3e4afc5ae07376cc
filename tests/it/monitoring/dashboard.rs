//! Each query of the dashboard shows something of what a real operator did, in a real Prometheus.

use super::{
    known, metrics_in,
    prometheus::{JOB, Prometheus, Scrape},
};
use crate::{
    cluster::{eventually, within},
    failures::{always, foreign, refuse},
    pictures::page,
    world::{EIGHT_HOURS, World, condition},
};
use serde_json::{Value, json};

const DASHBOARD: &str = "deploy/chart/files/dashboard.json";

/// The panels, of which some are only headings.
pub fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&page(DASHBOARD)).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// The queries of a panel.
pub fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().map_or(&[], Vec::as_slice)
}

/// A query with values for the variables. The Prometheus of the tests gives no namespaces, which is Grafana's empty one.
pub fn filled_in(expression: &Value, rate_interval: &str) -> String {
    let variables = [("$job", JOB), ("$namespace", ""), ("$__rate_interval", rate_interval)];
    variables.iter().fold(expression.as_str().unwrap().to_owned(), |query, (name, value)| query.replace(name, value))
}

/// The queries of all panels.
fn queries() -> Vec<String> {
    let all = |panel: &Value| targets(panel).iter().map(|target| filled_in(&target["expr"], "2m")).collect::<Vec<_>>();
    panels().iter().flat_map(all).collect()
}

#[test]
fn each_query_of_the_dashboard_names_metrics_that_there_are_and_leaves_no_variable() {
    let queries = queries();
    assert!(queries.len() > 30);
    for query in queries {
        let metrics = metrics_in(&query);
        assert!(!metrics.is_empty() && metrics.is_subset(known()) && !query.contains('$'), "{query}");
    }
}

#[test]
fn of_releases_of_one_name_in_several_namespaces_each_query_of_the_dashboard_selects_one() {
    let selected = r#"{namespace="$namespace",job="$job""#;
    for target in panels().iter().flat_map(|panel| targets(panel).to_vec()) {
        let query = target["expr"].as_str().unwrap();
        assert_eq!(query.matches(selected).count(), query.matches('{').count(), "{query}");
    }
    let dashboard: Value = serde_json::from_str(&page(DASHBOARD)).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "job", "namespace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_of_the_dashboard_shows_something_of_what_a_real_operator_did() {
    let mut world = World::without_operator(json!({})).await;
    world.start_operator();
    world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    let log = world.log();
    let operator = log.split("/metrics address=").nth(1).and_then(|rest| rest.lines().next()).unwrap().trim();
    let prometheus = Prometheus::start(&world.namespace, Scrape { targets: &[operator], interval: "1s" });
    world.admin("PUT", "organizations/org_2", &json!({"id": "org_2"}));
    world.apply("watched", &format!("{{organization: {{id: org_2}}, mode: Observe, policy: {EIGHT_HOURS}}}"));
    eventually("a policy out of sync", 60, || {
        let resource = world.resource("watched")?;
        (condition(&resource, "Synced")?["status"] == "False").then_some(())
    });
    world.edit("org_1", &json!({"policy": foreign()}));
    eventually("a correction", 60, || (world.stored("org_1")["policy"] != foreign()).then_some(()));
    world.inject(&always("GET", "/api/**", refuse(503)));
    let not_sent = "sum(session_policy_operator_scalekit_requests_not_sent_total)";
    eventually("an outage", 60, || prometheus.shows(not_sent).then_some(()));
    world.clear_faults();
    let mut silent = queries();
    let all = within(90, || {
        silent.retain(|query| !prometheus.shows(query));
        silent.is_empty().then_some(())
    });
    assert!(all.is_some(), "nothing is shown by {silent:#?}");
    let alerts = "count(ALERTS{alertname=\"SessionPolicyOperatorAbsent\"})";
    assert!(!prometheus.shows(alerts), "the alerts are loaded, and the operator is there");
}
