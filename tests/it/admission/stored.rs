//! A resource that was stored before a rule was there.

use super::super::cluster::Cluster;
use crate::world::World;
use serde_json::{Value, json};
use std::{process::Command, sync::Arc};

const CRD: &str = "organizationsessionpolicies.scalekit.com";
const RULES: &str =
    "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/policy/x-kubernetes-validations";

/// A server whose definition does not ask for units.
fn without_units() -> Arc<Cluster> {
    let cluster = Cluster::exclusive();
    let definition = cluster.ok(&["get", "crd", CRD, "-o", "json"]);
    let definition: Value = serde_json::from_str(&definition).unwrap();
    let rules = definition.pointer(RULES).unwrap().as_array().unwrap();
    let is_kept = |rule: &&Value| !rule["message"].as_str().unwrap().contains("needs its unit");
    let kept: Vec<&Value> = rules.iter().filter(is_kept).collect();
    assert_eq!(kept.len() + 2, rules.len());
    let patch = json!([{"op": "replace", "path": RULES, "value": kept}]);
    cluster.ok(&["patch", "crd", CRD, "--type=json", "-p", &patch.to_string()]);
    Arc::new(cluster)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_timeout_without_its_unit_stays_in_minutes_until_the_policy_is_changed() {
    let cluster = without_units();
    let mut world = World::on(Arc::clone(&cluster), World::scalekit(json!({})).await);
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 45}}");
    cluster.define();
    world.start_operator();
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 45);
    let finalizers = world.resource("acme").unwrap()["metadata"]["finalizers"].clone();
    assert_eq!(finalizers, json!(["scalekit.com/session-policy"]));
    world.kubectl(&["label", "osp", "acme", "team=core"]);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec":{"interval":"5m"}}"#]);

    let mut explain = Command::new(env!("CARGO_BIN_EXE_osp"));
    explain.env("KUBECONFIG", cluster.kubeconfig("admin")).args(["explain", "acme", "-n", &world.namespace]);
    let said = String::from_utf8(explain.output().unwrap().stdout).unwrap();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("counts as minutes: absoluteSessionTimeout needs its unit"), "{said}");

    let change = |absolute: &str| {
        let patch = format!(r#"{{"spec":{{"policy":{absolute}}}}}"#);
        let arguments = ["patch", "osp", "acme", "-n", &world.namespace, "--type=merge", "-p", &patch];
        let output = cluster.kubectl(&arguments);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (changed, said) = change(r#"{"absoluteSessionTimeout":44}"#);
    assert!(
        !changed && said.contains("absoluteSessionTimeoutUnit: Required value: absoluteSessionTimeout needs"),
        "{said}"
    );
    assert!(change(r#"{"absoluteSessionTimeout":2,"absoluteSessionTimeoutUnit":"HOURS"}"#).0);
    world.kubectl(&["delete", "osp", "acme"]);
    world.until_gone("acme");
}
