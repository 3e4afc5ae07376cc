//! The patch that gives Argo CD the scripts.

use super::lua::script;
use crate::cluster::cluster;
use serde_json::{Value, json};
use std::{fs, path::Path};

const ACTIONS: [&str; 3] = ["refresh", "suspend", "resume"];
const HEALTH: &str = "resource.customizations.health.scalekit.com_OrganizationSessionPolicy";
const BUTTONS: &str = "resource.customizations.actions.scalekit.com_OrganizationSessionPolicy";

fn text(name: &str) -> String {
    fs::read_to_string(script(name)).unwrap()
}

fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{:by$}{line}\n", "") };
    text.lines().map(line).collect()
}

/// `deploy/argocd/argocd-cm.yaml`, made of the scripts in its folder.
pub fn patch() -> String {
    let mut buttons = format!("discovery.lua: |\n{}definitions:\n", indented(&text("actions/discovery.lua"), 2));
    for action in ACTIONS {
        let lua = indented(&text(&format!("actions/{action}/action.lua")), 4);
        buttons.push_str(&format!("- name: {action}\n  action.lua: |\n{lua}"));
    }
    format!(
        "# The health check and the actions of OrganizationSessionPolicy for Argo CD; docs/argocd.md says how\n\
         # to install them. Generated from the scripts in this folder; do not edit.\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\ndata:\n  {HEALTH}: |\n{}  {BUTTONS}: |\n{}",
        indented(&text("health.lua"), 4),
        indented(&buttons, 4),
    )
}

#[test]
fn the_documented_command_gives_argocd_the_scripts_and_keeps_its_other_settings() {
    let patch_file = "deploy/argocd/argocd-cm.yaml";
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/argocd.md")).unwrap();
    let command = format!("kubectl -n argocd patch configmap argocd-cm --type merge --patch-file {patch_file}");
    assert!(page.contains(&command), "docs/argocd.md does not say: {command}");

    let namespace = cluster().namespace();
    let kubectl = |arguments: &[&str]| cluster().ok(&[&["-n", namespace.as_str()], arguments].concat());
    kubectl(&["create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example"]);
    kubectl(&["label", "configmap", "argocd-cm", "app.kubernetes.io/part-of=argocd"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(patch_file);
    let patch = ["patch", "configmap", "argocd-cm", "--type", "merge", "--patch-file", path.to_str().unwrap()];
    for _ in 0..2 {
        kubectl(&patch);
    }

    let installed = cluster().get(&namespace, "configmap/argocd-cm").unwrap();
    assert_eq!(installed["metadata"]["labels"], json!({"app.kubernetes.io/part-of": "argocd"}));
    assert_eq!(installed["data"].as_object().unwrap().len(), 3);
    assert_eq!(installed["data"]["url"], "https://argocd.example");
    assert_eq!(installed["data"][HEALTH], text("health.lua"));
    // Argo CD reads this value as YAML of its own
    let buttons: Value = serde_yaml::from_str(installed["data"][BUTTONS].as_str().unwrap()).unwrap();
    let definitions: Vec<Value> = ACTIONS
        .iter()
        .map(|name| json!({"name": name, "action.lua": text(&format!("actions/{name}/action.lua"))}))
        .collect();
    let expected = json!({"discovery.lua": text("actions/discovery.lua"), "definitions": definitions});
    assert_eq!(buttons, expected);
}
