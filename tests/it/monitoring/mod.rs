//! What an operator's owner sees of it: metrics and alerts with the real Prometheus, the dashboard's
//! queries on what the real operator did, and the log.

mod alerts;
mod dashboard;
mod log;
mod picture;
mod prometheus;
mod recording;

use crate::{cluster::parts, pictures::page};
use session_policy_operator::telemetry::metrics_page;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The folder with Prometheus and promtool.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| parts(&["prometheus"]))
}

/// Runs promtool at the top of the repository; whether it succeeded, and what it printed.
fn promtool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(programs().join("promtool"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), out + &error)
}

/// The metrics that a query names, without what a histogram adds to its name.
pub fn metrics_in(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| {
        ["session_policy_operator_", "controller_runtime_", "workqueue_"].iter().any(|prefix| word.starts_with(*prefix))
    };
    let base = |word: &str| {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(*suffix));
        histogram.filter(|base| known().contains(*base)).unwrap_or(word).to_owned()
    };
    words.filter(ours).map(base).collect()
}

/// The names on the page of metrics, which is generated from what the operator registers.
pub fn known() -> &'static BTreeSet<String> {
    static KNOWN: OnceLock<BTreeSet<String>> = OnceLock::new();
    let rows = || {
        metrics_page()
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
            .collect()
    };
    KNOWN.get_or_init(rows)
}

#[test]
fn the_committed_page_of_metrics_is_the_generated_one() {
    crate::manifests::assert_committed("docs/metrics.md", &metrics_page());
    assert!(page("docs/operations.md").contains("(metrics.md)"));
}

#[test]
fn names_of_metrics_are_found_in_a_query() {
    let query =
        "sum(rate(workqueue_queue_duration_seconds_bucket{job=\"a\"}[1m])) / session_policy_operator_leader > time()";
    let found: Vec<String> = metrics_in(query).into_iter().collect();
    assert_eq!(found, ["session_policy_operator_leader", "workqueue_queue_duration_seconds"]);
}
