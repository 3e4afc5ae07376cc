//! Each query of the dashboard shows something of what a real operator did, in a real Prometheus.

use super::{known, metrics_in, programs, promtool};
use crate::{
    cluster::{eventually, within},
    failures::{always, foreign, refuse},
    pictures::page,
    world::{EIGHT_HOURS, World, condition},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command},
};

const DASHBOARD: &str = "deploy/chart/files/dashboard.json";
const JOB: &str = "session-policy-operator-metrics";

/// The queries of all panels, with values for the variables.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&page(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let query =
        |target: &Value| target["expr"].as_str().unwrap().replace("$job", JOB).replace("$__rate_interval", "2m");
    targets.map(query).collect()
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

/// A Prometheus that scrapes the operator of a world each second; it ends when it is dropped.
struct Prometheus {
    process: Child,
    address: String,
}

impl Prometheus {
    fn scraping(world: &World) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{}", world.namespace));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        let log = world.log();
        let operator = log.split("/metrics address=").nth(1).and_then(|rest| rest.lines().next()).unwrap().trim();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart/files/alerts.yaml")],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [operator]}]}],
        });
        fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
        let output = folder.join("log");
        let process = Command::new(programs().join("prometheus"))
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(File::create(&output).unwrap())
            .spawn()
            .unwrap();
        let address = eventually("Prometheus listens", 60, || {
            let log = fs::read_to_string(&output).ok()?;
            let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
            Some(line.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
        });
        Self { process, address: format!("http://{address}") }
    }

    /// Whether `query` has a value that is a number; an error if it is no query.
    fn shows(&self, query: &str) -> bool {
        let (understood, said) = promtool(&["query", "instant", &self.address, query]);
        assert!(understood || said.contains("connection refused"), "{query}: {said}");
        said.lines().filter_map(|line| line.rsplit_once("=> ")).any(|(_, value)| !value.starts_with("NaN"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_of_the_dashboard_shows_something_of_what_a_real_operator_did() {
    let mut world = World::without_operator(json!({})).await;
    world.start_operator();
    world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    let prometheus = Prometheus::scraping(&world);
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
