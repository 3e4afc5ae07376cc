//! `osp apply` on organizations that a cluster keeps, too.

use super::org;
use crate::{
    osp_plan::{custom, manifest},
    world::World,
};
use serde_json::json;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// `osp apply` of `file` with the credentials of this world; its standard error.
fn apply(world: &World, kubeconfig: &Path, file: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osp"));
    command.arg("apply").arg(file).arg("--yes").args(arguments).stdin(Stdio::null());
    command.env("KUBECONFIG", kubeconfig).env("OSP_ALLOW_HTTP", "true").env_remove("RUST_LOG");
    let output = command.envs(crate::world::default_credentials(&world.simulator.base_url())).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_warns_of_an_operator_that_keeps_the_same_organization() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.apply("seen", &org("org_2", ", mode: Observe"));
    world.until("acme", "True", "InSync");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("beside-{}", world.namespace));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("all.yaml");
    let all: Vec<String> =
        [1, 2, 3].iter().map(|n| manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, Some(60)))).collect();
    std::fs::write(&file, all.join("---\n")).unwrap();

    let admin = world.cluster.kubeconfig("admin");
    let warned = apply(&world, &admin, &file, &[]);
    let kept = format!("keeps 1 of these organizations (org_1 by {}/acme)", world.namespace);
    assert!(warned.contains("warning: the cluster at https://") && warned.contains(&kept), "{warned}");
    assert!(warned.contains("--ignore-cluster"), "{warned}");
    assert_eq!(apply(&world, &admin, &file, &["--ignore-cluster"]), "");
    assert_eq!(apply(&world, &folder.join("none"), &file, &[]), "", "without a cluster there is nothing to say");
    let nobody = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    });
    std::fs::write(folder.join("down"), nobody.to_string()).unwrap();
    assert_eq!(apply(&world, &folder.join("down"), &file, &[]), "", "nor of one that can't be reached");

    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec": {"suspend": true}}"#]);
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(apply(&world, &admin, &file, &[]), "", "a suspended resource writes nothing");
}
