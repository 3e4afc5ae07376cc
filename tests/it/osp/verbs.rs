//! The verbs that only print, and the name that kubectl calls.

use super::{Folder, policy};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn what_is_printed_is_what_is_committed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (verb, file) in [
        ("crd", "crds/organizationsessionpolicies.yaml"),
        ("schema", "schemas/scalekit.com/organizationsessionpolicy_v1alpha1.json"),
    ] {
        assert_eq!(Folder::new().osp(&[verb]).out, fs::read_to_string(root.join(file)).unwrap(), "{verb}");
    }
}

#[test]
fn shells_and_man_know_every_verb() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.osp(&["completions", shell]).out.contains("validate"), "{shell}");
    }
    assert!(folder.osp(&["man"]).out.contains("osp\\-validate"));
    assert!(folder.osp(&["man", "validate"]).out.contains("PATH"));
    let ran = folder.osp(&["man", "nothing"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "error: there is no verb nothing: see osp --help\n"));
}

#[test]
fn wrong_arguments_end_every_program_alike_and_suggest_only_what_is_near() {
    let programs = [
        env!("CARGO_BIN_EXE_osp"),
        env!("CARGO_BIN_EXE_session-policy-operator"),
        env!("CARGO_BIN_EXE_scalekit-simulator"),
    ];
    for program in programs {
        let run = |arguments: &[&str]| {
            let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
            (output.status.code(), output.stdout.is_empty(), String::from_utf8(output.stderr).unwrap())
        };
        for arguments in [&["--no-such-flag"][..], &["nothing-of-the-kind"]] {
            let (code, silent, said) = run(arguments);
            assert!(code == Some(1) && silent && said.starts_with("error: "), "{program} {arguments:?}: {said}");
        }
        for arguments in [["--help"], ["--version"]] {
            let (code, silent, said) = run(&arguments);
            assert!(code == Some(0) && !silent && said.is_empty(), "{program} {arguments:?}: {said}");
        }
    }
    let folder = Folder::new();
    for (typed, near) in
        [("validat", Some("validate")), ("scheme", Some("schema")), ("frobnicate", None), ("list", None)]
    {
        let said = folder.osp(&[typed]).err;
        assert_eq!(said.contains("similar"), near.is_some(), "{typed}: {said}");
        assert!(near.is_none_or(|near| said.contains(near)), "{typed}: {said}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    for verb in [&["crd"][..], &["schema"], &["completions", "bash"], &["man"]] {
        let mut child = Folder::new().command(verb).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{verb:?}");
    }
}

#[cfg(unix)]
#[test]
fn it_is_the_same_as_a_plugin_of_kubectl() {
    let folder = Folder::with(policy("a", "id: org_1"));
    let plugin = folder.path().join("kubectl-osp");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_osp"), &plugin).unwrap();
    let output = Command::new(plugin).args(["validate", "a.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 policy valid\n");
}

#[test]
fn the_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let ran = Folder::new().osp(&["validate", examples.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
}
