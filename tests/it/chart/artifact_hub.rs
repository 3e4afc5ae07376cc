//! What the chart says of itself to Artifact Hub, in the tree and in a release.

use super::{CHART, helm, programs};
use crate::{pictures::page, release::folder};
use serde_json::{Value, json};
use session_policy_operator::crd;
use std::{fs, path::Path, process::Command};

const IMAGE: &str = "registry.example/owner/name";
const REPOSITORY: &str = "https://github.example/owner/name";

fn parsed(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap()
}

/// An annotation of the chart that is YAML itself.
fn annotation(chart: &Value, name: &str) -> Value {
    parsed(chart["annotations"][format!("artifacthub.io/{name}")].as_str().unwrap())
}

#[test]
fn artifact_hub_gets_the_definition_the_example_and_the_licence_that_are_shipped() {
    let chart = parsed(&fs::read_to_string(format!("{CHART}/Chart.yaml")).unwrap());
    let definition = parsed(&crd::manifest().unwrap());
    let spec = &definition["spec"];
    let crds = annotation(&chart, "crds");
    assert_eq!(crds.as_array().unwrap().len(), 1);
    let said = |name: &str| crds[0][name].clone();
    assert_eq!(
        (said("name"), said("kind"), said("version")),
        (definition["metadata"]["name"].clone(), spec["names"]["kind"].clone(), spec["versions"][0]["name"].clone())
    );
    assert_eq!(spec["versions"].as_array().unwrap().len(), 1, "each version has an entry");
    assert_eq!(annotation(&chart, "crdsExamples"), json!([parsed(&page("examples/acme.yaml"))]));
    let text = |name: &str| chart["annotations"][format!("artifacthub.io/{name}")].as_str();
    assert_eq!(text("license"), Some(env!("CARGO_PKG_LICENSE")));
    assert_eq!((text("operator"), text("operatorCapabilities")), (Some("true"), Some("Seamless Upgrades")));
    let is_alpha = spec["versions"][0]["name"].as_str().unwrap().contains("alpha");
    assert_eq!(text("prerelease"), Some(if is_alpha { "true" } else { "false" }));
}

/// The chart that `.ci/chart` packs.
fn packed(name: &str) -> String {
    programs();
    let mut pack = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/chart"));
    pack.args([IMAGE, "sha256:0123"]).arg(folder(name)).env("REPOSITORY", REPOSITORY);
    let output = pack.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_chart_of_a_release_names_its_image_its_changes_and_where_it_is_from() {
    let archive = packed("chart-of-a-release");
    let chart = parsed(&helm(&["show", "chart", &archive], &json!({}), None).unwrap());
    assert_eq!(
        annotation(&chart, "images"),
        json!([{"name": "session-policy-operator", "image": format!("{IMAGE}@sha256:0123")}])
    );
    assert_eq!((&chart["home"], &chart["sources"]), (&json!(REPOSITORY), &json!([REPOSITORY])));
    let links = annotation(&chart, "links");
    let paths: Vec<_> =
        links.as_array().unwrap().iter().map(|link| &link["url"].as_str().unwrap()[REPOSITORY.len()..]).collect();
    let documentation = format!("/blob/v{}/docs/index.md", env!("CARGO_PKG_VERSION"));
    assert_eq!(paths, [documentation.as_str(), "/issues"]);

    let changelog = page("CHANGELOG.md");
    let of_this_version = format!("\n## [{}]", env!("CARGO_PKG_VERSION"));
    let section = changelog.split_once(of_this_version.as_str()).or_else(|| changelog.split_once("\n## [Unreleased]"));
    let section = section.unwrap().1.split("\n## ").next().unwrap();
    let changes = annotation(&chart, "changes");
    let changes = changes.as_array().unwrap();
    assert_eq!(changes.len(), section.lines().filter(|line| line.starts_with("- ")).count());
    let kinds = ["added", "changed", "deprecated", "removed", "fixed", "security"];
    for change in changes {
        assert!(kinds.iter().any(|kind| change["kind"] == *kind), "{change}");
        let description = change["description"].as_str().unwrap();
        assert!(description.ends_with('.') && !description.contains("]("), "{description}");
    }
}

#[test]
fn the_chart_of_a_release_needs_no_value_and_is_the_one_in_the_tree_with_its_image() {
    let archive = packed("chart-without-values");
    helm(&["lint", "--strict", &archive], &json!({}), None).unwrap();
    let render = |chart: &str, values: &Value| helm(&["template", "r", chart, "-f", "-"], values, None).unwrap();
    assert_eq!(render(&archive, &json!({})), render(CHART, &json!({"image": {"repository": IMAGE}})));
    let alerts = json!({"networkPolicy": {"metricsFrom": [{"podSelector": {}}]},
        "metrics": {"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}});
    let template = ["template", "r", &archive, "--api-versions", "monitoring.coreos.com/v1", "-f", "-"];
    let objects = super::documents(&helm(&template, &alerts, None).unwrap());
    let rule = super::find(&objects, "PrometheusRule/r-session-policy-operator").unwrap();
    let runbook = rule["spec"]["groups"][0]["rules"][0]["annotations"]["runbook_url"].as_str().unwrap();
    let page = format!("{REPOSITORY}/blob/v{}/docs/operations.md#", env!("CARGO_PKG_VERSION"));
    assert!(runbook.starts_with(&page), "the alerts link to the page of their version: {runbook}");
    let values = helm(&["show", "values", &archive], &json!({}), None).unwrap();
    assert!(!values.contains("No image is published"), "{values}");
}
