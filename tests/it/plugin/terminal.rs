//! What a person sees on terminals of 80 and 120 columns.

use super::{command, customers, osp};
use crate::{
    terminal::{Screen, run_to_end},
    world::World,
};
use std::{
    io::Read,
    process::{Command, Stdio},
};

/// What `osp` shows, on a terminal of this width.
fn shown(world: &World, width: u16, verb: &str, environment: Option<(&str, &str)>) -> Screen {
    let mut osp = command(&world.cluster, "admin", None);
    osp.args(verb.split(' ')).args(["-n", &world.namespace]).env_remove("COLUMNS").envs(environment);
    run_to_end(width, &osp)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_every_line_fits_and_nothing_is_lost() {
    let world = customers().await;
    for width in [80, 120] {
        for verb in ["status", "explain acme-copy", "explain leaving", "diff watched", "suspend asleep"] {
            assert!(!shown(&world, width, verb, None).lines().is_empty(), "{verb} at {width}");
        }
        let status = shown(&world, width, "status", None).lines().join("\n");
        for word in ["acme-copy", "org_5", "Observe", "CredentialsMissing", "10h / 30m", "absolute 10h, not 8h"] {
            assert!(status.contains(word) && !status.contains('…'), "{word} at {width}:\n{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_and_for_who_wants_them() {
    let world = customers().await;
    assert_eq!(shown(&world, 120, "status", None).colour("False Conflict"), Some(1));
    for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!shown(&world, 120, "status", Some(plain)).raw.contains('\u{1b}'), "{plain:?}");
    }
    let piped = osp(&world, &["status"]);
    assert!(!piped.out.contains('\u{1b}'));
    assert_eq!(piped.out.lines().next().unwrap().split_whitespace().count(), 8, "a pipe is as wide as it takes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_enough_is_no_failure() {
    let world = customers().await;
    let mut command = command(&world.cluster, "admin", None);
    command.args(["status", "acme", "-n", &world.namespace]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn the_log_of_the_operator_has_colours_on_a_terminal_and_nowhere_else() {
    let mut operator = Command::new(env!("CARGO_BIN_EXE_session-policy-operator"));
    operator.args(["--http-addr", "127.0.0.1:0"]).env("KUBECONFIG", "not-there").env_remove("KUBERNETES_SERVICE_HOST");
    let on_terminal = run_to_end(120, &operator).raw;
    assert!(on_terminal.contains("the operator can't run") && on_terminal.contains("\u{1b}[31m"), "{on_terminal}");
    let unwanted = run_to_end(120, operator.env("NO_COLOR", "1")).raw;
    assert!(unwanted.contains("the operator can't run") && !unwanted.contains('\u{1b}'), "{unwanted}");
    let in_a_pipe = operator.env_remove("NO_COLOR").env_remove("RUST_LOG").output().unwrap();
    let in_a_pipe = String::from_utf8(in_a_pipe.stderr).unwrap();
    assert!(in_a_pipe.contains("the operator can't run") && !in_a_pipe.contains('\u{1b}'), "{in_a_pipe}");
}
