//! What a person sees: a real terminal, of util-linux's `script`, as wide as
//! it was made.

use super::{command, customers, osp};
use crate::world::World;
use std::{io::Read, process::Stdio};

/// What `osp` shows in a terminal of this width, line by line.
fn seen(world: &World, width: u16, verb: &str, environment: &str) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_osp");
    let line = format!("stty cols {width} rows 50 && {environment} '{program}' {verb} -n {}", world.namespace);
    let mut script = std::process::Command::new("script");
    script.env("KUBECONFIG", world.cluster.kubeconfig("admin")).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
    script.env_remove("COLUMNS").env_remove("NO_COLOR");
    let output = script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

/// A line without its colours.
fn bare(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_every_line_fits_and_nothing_is_lost() {
    let world = customers().await;
    for width in [80, 120] {
        for verb in ["status", "explain acme-copy", "explain leaving", "diff watched", "suspend asleep"] {
            let lines: Vec<String> = seen(&world, width, verb, "").iter().map(|line| bare(line)).collect();
            let too_long = lines.iter().find(|line| line.chars().count() > usize::from(width));
            assert!(!lines.is_empty() && too_long.is_none(), "{verb} at {width}: {too_long:?}");
        }
        let status = seen(&world, width, "status", "").join("\n");
        for word in ["acme-copy", "org_5", "Observe", "CredentialsMissing", "10h / 30m", "absolute 10h, not 8h"] {
            assert!(bare(&status).contains(word) && !status.contains('…'), "{word} at {width}:\n{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_and_for_who_wants_them() {
    let world = customers().await;
    let plain = |lines: &[String]| !lines.iter().any(|line| line.contains('\u{1b}'));
    let coloured = seen(&world, 120, "status", "");
    assert!(coloured.iter().any(|line| line.contains("\u{1b}[31mFalse Conflict\u{1b}[0m")), "{coloured:?}");
    assert!(plain(&seen(&world, 120, "status", "NO_COLOR=1")));
    assert!(plain(&seen(&world, 120, "status", "TERM=dumb")));
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
