//! `docs/pictures/first-policy.svg`, the recording in the README: the real programs on a real API server, with a
//! simulated Scalekit, and what they print. Only names, hosts and ages are as in every other recording.

use crate::{
    cluster::eventually,
    manifests::assert_committed,
    pictures::{blocks, escaped, page},
    world::{World, default_credentials},
};
use serde_json::json;
use std::{fmt::Write, fs, os::unix::process::CommandExt, path::PathBuf, process::Command};

/// Of the terminal. A command that a message names is not broken, so a line may be longer.
const COLUMNS: u16 = 84;
/// A bit more than a letter of 14 px is wide in the fonts that the picture names.
const LETTER: f64 = 8.5;
const ROWS: usize = 27;

/// What appears at once, and how long nothing follows.
struct Beat {
    lines: Vec<String>,
    seconds: f64,
}

/// A terminal on which a person types.
struct Recorder {
    world: World,
    folder: PathBuf,
    screens: Vec<Vec<Beat>>,
}

impl Recorder {
    fn clear(&mut self) {
        self.screens.push(Vec::new());
    }

    fn show(&mut self, lines: Vec<String>, seconds: f64) {
        self.screens.last_mut().unwrap().push(Beat { lines, seconds });
    }

    fn say(&mut self, comment: &str, seconds: f64) {
        self.show(vec![format!("# {comment}")], seconds);
    }

    /// Runs a command and shows it with its output, which a reader gets `seconds` for.
    fn run(&mut self, command: &str, seconds: f64) {
        self.show(vec![format!("$ {command}")], 1.0);
        let printed = self.printed(command);
        self.show(printed.lines().map(str::to_owned).chain([String::new()]).collect(), seconds);
    }

    /// What a command prints, with the names that differ from run to run as in the recording.
    fn printed(&self, command: &str) -> String {
        let words: Vec<String> =
            command.split(' ').map(|word| word.replace("customers", &self.world.namespace)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (program, arguments) = match words.as_slice() {
            ["kubectl", "osp", rest @ ..] => (env!("CARGO_BIN_EXE_osp"), rest),
            ["kubectl", rest @ ..] => (self.world.cluster.kubectl_path().to_str().unwrap(), rest),
            ["osp", rest @ ..] => (env!("CARGO_BIN_EXE_osp"), rest),
            [program, rest @ ..] => (*program, rest),
            [] => panic!("no command"),
        };
        let mut child = Command::new(program);
        if words[1] == "osp" {
            child.arg0("kubectl-osp");
        }
        let url = self.world.simulator.base_url();
        child.args(arguments).current_dir(&self.folder).env("KUBECONFIG", self.world.cluster.kubeconfig("admin"));
        child.env("COLUMNS", COLUMNS.to_string()).envs(default_credentials(&url)).env("OSP_ALLOW_HTTP", "true");
        let output = child.output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let host = url.trim_start_matches("http://");
        let text = String::from_utf8(output.stdout).unwrap().replace(host, "acme.scalekit.com");
        let text = text.replace(&self.world.namespace, "customers");
        text.lines().map(|line| with_fixed_age(line) + "\n").collect()
    }
}

/// A line of a table whose first or last word is an age of seconds, which is `5s`.
fn with_fixed_age(line: &str) -> String {
    let age = |word: &str| word.strip_suffix('s').is_some_and(|n| n.parse::<u32>().is_ok());
    match (line.split_once(' '), line.rsplit_once(' ')) {
        (Some((first, rest)), _) if age(first) => format!("{:<width$} {rest}", "5s", width = first.len()),
        (_, Some((rest, last))) if age(last) => format!("{rest} 5s"),
        _ => line.to_owned(),
    }
}

/// A first policy, as the README has it.
fn manifest() -> String {
    let readme = page("README.md");
    let block = blocks(&readme, "yaml").into_iter().find(|block| block.starts_with("apiVersion: scalekit.com"));
    block.unwrap().to_owned()
}

async fn recorded() -> Vec<Vec<Beat>> {
    let mut world = World::without_operator(json!({})).await;
    world.start_operator();
    world.apply_secret("scalekit", "test_simulator");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("recording-{}", world.namespace));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("acme.yaml"), manifest().replace("customers", &world.namespace)).unwrap();
    let mut recorder = Recorder { world, folder, screens: Vec::new() };

    recorder.clear();
    recorder.say("Sessions of the customer acme are to end after 8 hours, or 1 hour without activity.", 1.0);
    recorder.run("cat acme.yaml", 5.0);
    recorder.run("kubectl apply -f acme.yaml", 1.0);
    recorder.world.until("acme", "True", "InSync");
    recorder.run("kubectl -n customers get osp", 3.5);
    recorder.clear();
    recorder.say("Somebody sets 30 days in Scalekit's dashboard. At its next reconcile …", 2.0);
    let month = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200, "idle_enabled": false}});
    recorder.world.edit("org_1", &month);
    let history = "kubectl osp history acme -n customers";
    eventually("the correction", 60, || recorder.printed(history).contains("DriftCorrected").then_some(()));
    eventually("Ready", 60, || recorder.printed("kubectl -n customers get osp").contains("InSync").then_some(()));
    recorder.run(history, 5.0);
    recorder.run("kubectl osp explain acme -n customers", 8.0);
    recorder.clear();
    recorder.say("Deleted: the organization gets the application's policy back, then the resource goes.", 1.5);
    recorder.run("kubectl -n customers delete osp acme", 1.5);
    recorder.run("osp export --organization org_1", 5.0);
    fs::remove_dir_all(&recorder.folder).unwrap();
    recorder.screens
}

/// An SVG whose beats come and go by CSS. Without animations it shows the last screen.
fn svg(screens: &[Vec<Beat>]) -> String {
    let whole: f64 = screens.iter().flatten().map(|beat| beat.seconds).sum();
    assert!((35.0..=45.0).contains(&whole), "{whole} seconds");
    let lines = screens.iter().flatten().flat_map(|beat| &beat.lines);
    let longest = lines.map(|line| line.chars().count()).max().unwrap();
    let (width, height) = (f64::from(u16::try_from(longest).unwrap()).mul_add(LETTER, 32.0), ROWS * 20 + 44);
    let mut style = String::new();
    let mut body = String::new();
    let mut begin = 0.0;
    for (number, screen) in screens.iter().enumerate() {
        let end: f64 = begin + screen.iter().map(|beat| beat.seconds).sum::<f64>();
        let mut row = 0;
        for (place, beat) in screen.iter().enumerate() {
            let (from, to) = (100.0 * begin / whole, 100.0 * end / whole);
            let last = number + 1 == screens.len();
            let after = if last { String::new() } else { format!("{to:.2}%,") };
            writeln!(
                style,
                "@keyframes b{number}-{place}{{0%{{opacity:0}}{from:.2}%{{opacity:1}}{after}100%{{opacity:{}}}}}",
                u8::from(last)
            )
            .unwrap();
            let rest = if last { "1" } else { "0" };
            writeln!(body, "<g style=\"opacity:{rest};animation:b{number}-{place} {whole}s step-end infinite\">")
                .unwrap();
            for line in &beat.lines {
                row += 1;
                let class = match line.chars().next() {
                    Some('$') => " class=\"c\"",
                    Some('#') => " class=\"n\"",
                    _ => "",
                };
                if !line.is_empty() {
                    writeln!(body, "<text{class} x=\"16\" y=\"{}\">{}</text>", 40 + 20 * row, escaped(line)).unwrap();
                }
            }
            body.push_str("</g>\n");
            begin += beat.seconds;
        }
        assert!(row <= ROWS, "screen {number} has {row} rows");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" role=\"img\" \
         aria-label=\"A policy is applied, drifts, is corrected and is deleted\">\n\
         <!-- Made by tests/it/recording.rs from the output of the real programs; do not edit. -->\n\
         <style>\ntext{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
         fill:#d8dee9;white-space:pre}}\n.c{{fill:#fff;font-weight:bold}}\n.n{{fill:#8fbcbb}}\n{style}\
         @media (prefers-reduced-motion:reduce){{g{{animation:none!important}}}}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e2430\"/>\n\
         <circle cx=\"20\" cy=\"18\" r=\"6\" fill=\"#bf616a\"/><circle cx=\"40\" cy=\"18\" r=\"6\" fill=\"#ebcb8b\"/>\
         <circle cx=\"60\" cy=\"18\" r=\"6\" fill=\"#a3be8c\"/>\n{body}</svg>\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_committed_recording_of_the_readme_is_what_the_programs_print() {
    assert_committed("docs/pictures/first-policy.svg", &svg(&recorded().await));
}

#[test]
fn only_an_age_at_the_end_or_the_beginning_of_a_line_is_fixed() {
    assert_eq!(with_fixed_age("acme   8h / 1h   12s"), "acme   8h / 1h   5s");
    assert_eq!(with_fixed_age("12s  PolicyApplied  absolute 8h"), "5s   PolicyApplied  absolute 8h");
    assert_eq!(with_fixed_age("absolute 8h, idle 1h"), "absolute 8h, idle 1h");
}
