//! docs/install.md and docs/uninstall.md as they are typed, from the first command to the last, on a real API server. It has no
//! kubelet, so what waits for pods or reads their logs is left to tests/cluster/install-demo.

use super::{NAMESPACE, documents, programs};
use crate::{
    cluster::{Cluster, parts},
    pictures::{blocks, page},
};
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const NEEDS_PODS: [&str; 3] = [" wait pod ", " wait job ", " logs "];

/// The commands of kubectl and Helm on a page.
fn commands(page: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for block in blocks(page, "console") {
        for line in block.lines() {
            match (line.trim_start().strip_prefix("$ "), all.last_mut()) {
                (Some(command), _) => all.push(command.to_owned()),
                (None, Some(command)) => *command += &format!("\n{line}"),
                (None, None) => panic!("{line} is of no command"),
            }
        }
    }
    all.retain(|command| ["kubectl ", "helm "].iter().any(|program| command.starts_with(program)));
    all
}

/// From the install to the removal of everything.
fn both() -> String {
    page("docs/install.md") + &page("docs/uninstall.md")
}

/// The kustomizations on a page, each with its name.
fn kustomizations(page: &str) -> Vec<String> {
    let of_the_operator = |block: &&str| block.contains("resources: [session-policy-operator/deploy/kustomize/");
    blocks(page, "yaml").into_iter().filter(of_the_operator).map(str::to_owned).collect()
}

/// A folder with what somebody has who reads the page: a checkout, which is also the present folder, and a kustomization.
fn folder(name: &str, kustomization: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    for (there, here) in [("", "session-policy-operator"), ("deploy", "deploy"), ("crds", "crds")] {
        symlink(Path::new(ROOT).join(there), folder.join(here)).unwrap();
    }
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    folder
}

fn bash(folder: &Path, cluster: &Cluster, command: &str) -> Result<String, String> {
    let path = [programs(), &parts(&[])].map(|folder| folder.to_str().unwrap().to_owned()).join(":");
    let output = Command::new("bash")
        .args(["-ec", command])
        .current_dir(folder)
        .env("PATH", format!("{path}:{}", env::var("PATH").unwrap()))
        .env("KUBECONFIG", cluster.kubeconfig("admin"))
        .envs(["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"].map(|name| (name, folder.join("helm"))))
        .output()
        .unwrap();
    let [said, wrong] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    if output.status.success() { Ok(said) } else { Err(format!("{command}\n{wrong}")) }
}

#[test]
fn every_command_of_the_pages_about_install_and_uninstall_succeeds_as_it_is_typed() {
    let install = both();
    let folder = folder("install-as-typed", &kustomizations(&install)[0]);
    let cluster = Cluster::without_definition();
    for own in ["clusterrole/session-policy-operator", "clusterrolebinding/operator", "rolebinding/lease"] {
        cluster.ok(&["delete", own]);
    }
    let (mut ran, mut left) = (Vec::new(), 0);
    for command in commands(&install) {
        if NEEDS_PODS.iter().any(|part| command.contains(part)) {
            left += 1;
            continue;
        }
        bash(&folder, &cluster, &command).unwrap_or_else(|wrong| panic!("{wrong}\nafter {ran:#?}"));
        if command.contains("uninstall.enabled=true") {
            let deployment = cluster.get(NAMESPACE, "deployment/session-policy-operator").unwrap();
            assert_eq!(deployment["spec"]["replicas"], 0);
            let jobs = cluster.ok(&["-n", NAMESPACE, "get", "jobs", "-o", "name"]);
            assert_eq!(jobs.lines().count(), 1, "{jobs}");
        }
        ran.push(command);
    }
    assert!(ran.len() > 15 && left == 3, "{left} {ran:#?}");
    assert!(
        cluster.get("", "crd/organizationsessionpolicies.scalekit.com").is_none(),
        "the pages end with its removal"
    );
}

#[test]
fn every_kustomization_of_the_pages_about_install_and_uninstall_is_one_with_its_image() {
    let all = kustomizations(&both());
    assert_eq!(all.len(), 2);
    for (nth, kustomization) in all.iter().enumerate() {
        let folder = folder(&format!("install-kustomization-{nth}"), kustomization);
        let output = Command::new(parts(&[]).join("kubectl")).arg("kustomize").arg(&folder).output().unwrap();
        let objects = documents(&String::from_utf8(output.stdout).unwrap());
        let images: Vec<_> = objects.iter().filter_map(|object| object.pointer(super::CONTAINER)).collect();
        assert_eq!(images.len(), 1, "{kustomization}");
        assert_eq!(images[0]["image"], "registry.example/session-policy-operator:0.1.0");
    }
}

#[test]
fn with_the_kustomization_of_the_page_about_operations_prometheus_may_read_the_metrics_and_finds_them() {
    let operations = page("docs/operations.md");
    let monitor = blocks(&operations, "yaml").into_iter().find(|block| block.contains("kind: ServiceMonitor")).unwrap();
    let folder = folder("operations-kustomization", &kustomizations(&operations)[0]);
    fs::write(folder.join("monitor.yaml"), monitor).unwrap();
    let output = Command::new(parts(&[]).join("kubectl")).arg("kustomize").arg(&folder).output().unwrap();
    let objects = documents(&String::from_utf8(output.stdout).unwrap());
    let [policy, service, monitor] = [
        "NetworkPolicy/session-policy-operator",
        "Service/session-policy-operator-metrics",
        "ServiceMonitor/session-policy-operator",
    ]
    .map(|name| super::find(&objects, name).unwrap());
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], "http");
    for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&service["metadata"]["labels"][label], value);
    }
    let port = &monitor["spec"]["endpoints"][0]["port"];
    assert!(service["spec"]["ports"].as_array().unwrap().iter().any(|there| there["name"] == *port));
}
