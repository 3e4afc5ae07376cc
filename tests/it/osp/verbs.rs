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

/// What a shell is told that the last of these words can become.
fn completed(words: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    let mut command = folder.command(&[&["__complete"], words].concat());
    let kubeconfig = "apiVersion: v1\nkind: Config\ncontexts: [{name: east}, {name: west}]\nclusters: [{name: c1}]\n\
                      users: [{name: eve}]\n";
    folder.write("kubeconfig", kubeconfig);
    let output = command.env("KUBECONFIG", "nowhere").output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn behind_a_flag_its_values_are_completed_and_nothing_else() {
    for (words, expected) in [
        (&["status", "-o", ""][..], &["text", "wide", "name", "json", "yaml", ":4"][..]),
        (&["status", "--output=", "w"], &["wide", ":4"]),
        (&["status", "--output", "=", "w"], &["wide", ":4"]),
        (&["plan", "--fail-on", ""], &["loosening", ":4"]),
        (&["diff", "-l", ""], &[":4"]),
        (&["reconcile", "--timeout", ""], &[":4"]),
        (&["--context", ""], &[":4"]),
        (&["history", "--log", ""], &[":0"]),
        (&["plan", "p"], &[":0"]),
        (&["plan", "--allow-e"], &["--allow-empty", ":0"]),
        (&["status", "--kubeconfig", "kubeconfig", "--context", ""], &["east", "west", ":4"]),
        (&["status", "--kubeconfig", "kubeconfig", "--context=w"], &["west", ":4"]),
        (&["--kubeconfig=kubeconfig", "status", "--cluster", ""], &["c1", ":4"]),
        (&["explain", "--kubeconfig", "kubeconfig", "--user", "e"], &["eve", ":4"]),
        (&["new", "--mode", "T"], &["TightenOnly", ":4"]),
        (&["man", "ex"], &["export", "explain", ":4"]),
        (&["completions", "f"], &["fish", ":4"]),
        (&["reconcile", "--wait", ""], &[":4"]), // names, if there were a cluster
        (&["reconcile", "--wait="], &["true", "false", ":4"]),
        (&["explai"], &["explain", ":4"]),
    ] {
        assert_eq!(completed(words), expected, "{words:?}");
    }
}

/// Every verb that the help lists, but help itself.
fn verbs() -> Vec<String> {
    let help = Folder::new().osp(&["--help"]).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let listed = listed.filter(|line| !line.starts_with("   ")); // the rest of a description is indented further
    let verbs: Vec<String> = listed.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    verbs.into_iter().filter(|verb| verb != "help").collect()
}

#[test]
fn the_help_of_a_verb_has_its_exit_codes_environment_and_examples_that_are_right() {
    let folder = Folder::new();
    let verbs = verbs();
    assert!(verbs.len() > 12, "{verbs:?}");
    for verb in verbs {
        let help = folder.osp(&[&verb, "--help"]).out;
        for title in ["Exit codes:\n  0", "Examples:\n  # "] {
            assert!(help.contains(title), "{title} of {verb}\n{help}");
        }
        let examples = help.split("Examples:\n").nth(1).unwrap().lines();
        for line in examples.filter(|line| line.starts_with("  ") && !line.starts_with("  #")) {
            let call = &line[line.find("osp ").unwrap() + 4..];
            let call = call.split(['|', '>', ')']).next().unwrap();
            let mut command = folder.command(&call.split_whitespace().collect::<Vec<_>>());
            for name in ["SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"] {
                command.env_remove(name);
            }
            let output = command.env("KUBECONFIG", "nowhere").stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains("Usage:") && !said.contains("For more information"), "{line}: {said}");
        }
    }
}

#[test]
fn the_manual_has_the_sections_that_people_look_for() {
    let folder = Folder::new();
    for page in [&["man"][..], &["man", "plan"], &["man", "diff"]] {
        let page = folder.osp(page).out;
        for title in ["EXIT STATUS", "ENVIRONMENT"] {
            assert!(page.contains(&format!(".SH \"{title}\"")) || page.contains(&format!(".SH {title}")), "{page}");
        }
        assert!(!page.contains(".SH EXTRA"), "{page}");
    }
    let page = folder.osp(&["man", "plan"]).out;
    for text in [".SH EXAMPLES", "OSP_RATE_LIMIT", "SCALEKIT_CLIENT_SECRET", "a change that"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn a_plugin_of_kubectl_shows_its_own_name_in_the_examples() {
    let plugin = Folder::new();
    let link = plugin.path().join("kubectl-osp");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_osp"), &link).unwrap();
    let output = Command::new(link).args(["status", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("\n  kubectl osp status -n customers\n") && !help.contains("\n  osp status"), "{help}");
}

#[test]
fn a_new_manifest_is_a_valid_one() {
    let folder = Folder::new();
    for (arguments, lines) in [
        (
            &["--org", "org_12Ab", "--absolute", "8h", "--idle", "15m"][..],
            &[
                "  name: \"org-12ab.4\"",
                "    id: org_12Ab",
                "    absoluteSessionTimeout: 8",
                "    idleSessionTimeoutUnit: MINUTES",
            ][..],
        ),
        (
            &["acme", "--external-id", "Tenant: \"7\"", "--absolute", "30d", "--mode", "Observe", "-n", "customers"],
            &[
                "  name: \"acme\"",
                "    externalId: \"Tenant: \\\"7\\\"\"",
                "  mode: Observe",
                "  namespace: \"customers\"",
            ],
        ),
        (&["--external-id", "tenant-7", "--inherit"], &["  name: \"tenant-7\"", "    policySource: APPLICATION"]),
    ] {
        for verb in ["new", "init"] {
            let ran = folder.osp(&[&[verb], arguments].concat());
            assert_eq!(ran.code, Some(0), "{ran:?}");
            for line in lines {
                assert!(ran.out.lines().any(|l| l == *line), "{line}\n{}", ran.out);
            }
            let checked = folder.osp_with(&["validate", "-"], ran.out.as_bytes());
            assert_eq!(checked.out, "1 policy valid\n", "{}", ran.out);
        }
    }
    for (arguments, said) in [
        (&["--org", "org_1", "--absolute", "8"][..], "write the unit too"),
        (&["--org", "org_1", "--absolute", "1h", "--idle", "60m"], "must be shorter than the absolute timeout"),
        (&["--org", "tenant-7", "--inherit"], "--external-id"),
        (&["--external-id", "Tenant 7", "--inherit"], "give one"),
        (&["--org", "org_1"], "--absolute"),
    ] {
        let ran = folder.osp(&[&["new"], arguments].concat());
        assert!(ran.code == Some(1) && ran.err.contains(said), "{arguments:?}: {ran:?}");
    }
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
