//! The way in without a cluster of `docs/try-it.md`, exactly as it stands there.

use super::{Run, text_of};
use crate::pictures::blocks;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The commands of the page's section, without comments.
fn commands() -> Vec<String> {
    let page = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/try-it.md"));
    let section = page.split("## Without a cluster").nth(1).expect("the section is there");
    let commands = *blocks(section, "sh").first().expect("it has commands");
    commands.lines().map(|line| line.split("  #").next().unwrap().trim().to_owned()).filter(|l| !l.is_empty()).collect()
}

#[test]
fn the_first_try_without_a_cluster_does_what_it_says() {
    let commands = commands();
    let [simulator, exports @ ..] = commands.as_slice() else { panic!("{commands:?}") };
    let split = exports.iter().position(|line| !line.starts_with("export ")).unwrap();
    let (exports, verbs) = exports.split_at(split);
    let program = |line: &str| {
        let words: Vec<String> = line.trim_end_matches(" &").split_whitespace().map(str::to_owned).collect();
        let ["cargo", "run", "--quiet", "--bin", bin, "--"] =
            words.iter().take(6).map(String::as_str).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        let bin = match bin {
            "scalekit-simulator" => env!("CARGO_BIN_EXE_scalekit-simulator"),
            _ => env!("CARGO_BIN_EXE_osp"),
        };
        let mut command = Command::new(bin);
        command.args(&words[6..]).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG");
        command
    };
    // the page names a port that may be taken here
    let mut simulator = program(simulator);
    let arguments: Vec<_> =
        simulator.get_args().map(|a| a.to_str().unwrap().replace("127.0.0.1:9080", "127.0.0.1:0")).collect();
    let mut child = Killed(
        Command::new(simulator.get_program())
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap(),
    );
    simulator.stdin(Stdio::null());
    let mut url = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let environment: Vec<(String, String)> = exports
        .iter()
        .flat_map(|line| line.trim_start_matches("export ").split_whitespace())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(key, value)| (key.to_owned(), value.replace("http://127.0.0.1:9080", url.trim())))
        .collect();
    let codes: Vec<i32> = verbs
        .iter()
        .map(|line| Run::of(program(line).envs(environment.clone()).stdin(Stdio::null()).output().unwrap()).code)
        .collect();
    assert_eq!(codes, [2, 0, 0], "plan, apply, plan: {verbs:?}");
}

/// What a recipe calls must be there: the YAML is YAML, and every flag is one.
#[test]
fn the_pipelines_of_the_documentation_call_what_there_is() {
    let page = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md"));
    let recipes = blocks(&page, "yaml");
    assert_eq!(recipes.len(), 2);
    let mut calls = 0;
    for recipe in recipes {
        serde_yaml::from_str::<serde_json::Value>(recipe).unwrap();
        for line in recipe.lines().filter_map(|line| line.split_once("osp ").map(|(_, call)| call)) {
            let words: Vec<&str> = line.split(['#', '>', '|']).next().unwrap().split_whitespace().collect();
            let [verb @ ("plan" | "apply"), rest @ ..] = words.as_slice() else { continue };
            let help = Command::new(env!("CARGO_BIN_EXE_osp")).args([verb, "--help"]).output().unwrap();
            let help = String::from_utf8(help.stdout).unwrap();
            for flag in rest.iter().filter(|word| word.starts_with('-')) {
                assert!(
                    help.contains(&format!("{flag} "))
                        || help.contains(&format!("{flag},"))
                        || help.contains(&format!("{flag}\n")),
                    "{flag} of {line}"
                );
            }
            calls += 1;
        }
    }
    assert_eq!(calls, 4);
}
