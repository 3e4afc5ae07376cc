//! As a plugin of the real kubectl.

use super::{Said, customers};
use crate::world::World;
use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder with the plugin under the name that kubectl looks for.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    fs::create_dir_all(&folder).unwrap();
    drop(symlink(env!("CARGO_BIN_EXE_osp"), folder.join("kubectl-osp"))); // there from an earlier run
    folder
}

fn kubectl(world: &World, arguments: &[&str]) -> Said {
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(folder()).chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new(world.cluster.kubectl_path());
    command.env("PATH", path).env("KUBECONFIG", world.cluster.kubeconfig("admin")).env_remove("COLUMNS");
    command.args(arguments).output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_runs_every_verb_and_exits_with_its_code() {
    let world = customers().await;
    let namespace = world.namespace.as_str();
    let verb = |arguments: &[&str]| kubectl(&world, &[&["osp"], arguments, &["-n", namespace]].concat());
    let said = verb(&["status"]);
    let hint = format!("`kubectl osp explain acme-copy -n {namespace}` says why, and what to do.\n");
    assert!(said.code == 2 && said.out.ends_with(&hint), "{}", said.out);
    let said = verb(&["status", "acme"]);
    assert!(said.code == 0 && said.out.contains("True InSync"), "{}{}", said.out, said.err);
    assert_eq!(verb(&["diff", "watched"]).code, 2);
    assert!(verb(&["explain", "asleep"]).out.contains("none before `kubectl osp resume asleep -n "));
    assert_eq!(verb(&["resume", "asleep"]).code, 0);
    assert_eq!(verb(&["suspend", "acme"]).code, 0);
    let said = verb(&["reconcile", "acme"]);
    assert!(said.code == 2 && said.out.starts_with("acme: Ready is Unknown, Suspended"), "{}", said.out);
    let said = verb(&["status", "nobody"]);
    assert!(said.code == 1 && said.err.starts_with("error: there is no nobody"), "{}", said.err);

    let everywhere = kubectl(&world, &["osp", "status", "-A"]);
    assert!(everywhere.lines()[0].starts_with("NAMESPACE NAME ORGANIZATION"), "{}", everywhere.out);
    assert!(everywhere.lines().iter().any(|line| line.starts_with(&format!("{namespace} acme-copy org_1"))));
    let help = kubectl(&world, &["osp", "--help"]);
    assert!(help.code == 0 && help.out.contains("Usage: kubectl osp <COMMAND>"), "{}", help.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_the_plugin() {
    let world = World::without_operator(serde_json::json!({})).await;
    let said = kubectl(&world, &["plugin", "list"]);
    assert!(said.out.contains("kubectl-osp") && !said.err.contains("warning"), "{}{}", said.out, said.err);
}
