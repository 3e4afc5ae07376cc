//! As a plugin of the real kubectl.

use super::{Said, customers, org};
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

/// What bash offers for the last word of `osp …`.
fn offered(world: &World, words: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_osp")).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(program.to_owned()).chain(env::split_paths(&path))).unwrap();
    let script = r#"source <(osp completions bash)
        read -ra COMP_WORDS <<<"${LINE//=/ = }" # bash takes --flag=value for three words
        if [[ $LINE == *' ' ]]; then COMP_WORDS+=(''); fi
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _osp_asking osp "${COMP_WORDS[COMP_CWORD]}" osp
        echo "${COMPREPLY[*]}""#;
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env("PATH", path).env("LINE", format!("osp {words}"));
    let output = bash.env("KUBECONFIG", world.cluster.kubeconfig("admin")).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_and_kubectl_complete_names_and_namespaces() {
    let world = World::without_operator(serde_json::json!({})).await;
    let namespace = &world.namespace;
    for name in ["acme", "acme-two", "other"] {
        world.apply(name, &org("org_1", ""));
    }
    for (words, expected) in [
        (format!("explain -n {namespace} ac"), "acme acme-two"),
        (format!("-n {namespace} suspend acme o"), "other"),
        (format!("status --namespace={namespace} "), "acme acme-two other"),
        (format!("status --namespace={namespace}"), namespace.as_str()),
        (format!("explain -n {namespace} osp/ac"), "osp/acme osp/acme-two"),
        (format!("diff -n {namespace} -o "), "text json yaml"),
        ("expl".to_owned(), "explain"),
        ("diff --credentials-d".to_owned(), "--credentials-dir"),
    ] {
        assert_eq!(offered(&world, &words), expected, "{words}");
    }
    assert!(offered(&world, &format!("diff -n {namespace}")).split(' ').any(|word| word == namespace));

    let link = folder().join("kubectl_complete-osp");
    drop(symlink(env!("CARGO_BIN_EXE_osp"), &link));
    let asked = |arguments: &[&str], kubeconfig: &Path| {
        let output = Command::new(&link).args(arguments).env("KUBECONFIG", kubeconfig).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let kubeconfig = world.cluster.kubeconfig("admin");
    assert_eq!(asked(&["explain", "-n", namespace, "acme-"], &kubeconfig), "acme-two\n:4\n");
    assert_eq!(asked(&["explain", &format!("--namespace={namespace}"), "osp/o"], &kubeconfig), "osp/other\n:4\n");
    assert_eq!(asked(&["explain", "ac"], Path::new("/nowhere")), ":4\n");
}
