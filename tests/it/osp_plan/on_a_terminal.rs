//! What a person sees of plan and apply, on terminals of 80 and 120 columns.

use super::{Pipeline, custom};
use crate::terminal::{Screen, Terminal, run_to_end};
use serde_json::{Value, json};

const GREEN: Option<u8> = Some(2);
const RED: Option<u8> = Some(1);

/// One of each that a plan can find, with names that are long and not absurd.
fn all_kinds() -> Pipeline {
    let pipeline = Pipeline::new(6, json!({}));
    let spec = |n: &str, more: &str| custom(n, 480, Some(60)).replace("policy:", &format!("{more}policy:"));
    pipeline.live("org_2", 120, Some(600));
    pipeline.live("org_3", 480, Some(60));
    pipeline.live("org_4", 60, Some(30));
    pipeline.live("org_5", 1440, None);
    pipeline.manifest("globex-corporation-production-eu-central", &spec("org_1", ""));
    pipeline.manifest("initech", &spec("org_2", ""));
    pipeline.manifest("as-declared", &spec("org_3", ""));
    pipeline.manifest("stricter-than-declared", &spec("org_4", "mode: TightenOnly, "));
    pipeline.manifest("only-observed", &spec("org_5", "mode: Observe, "));
    pipeline.manifest("asleep", &spec("org_6", "suspend: true, "));
    pipeline.manifest("nobody", &spec("org_77", ""));
    pipeline
}

fn osp(pipeline: &Pipeline, width: u16, arguments: &[&str]) -> Screen {
    run_to_end(width, &pipeline.command(arguments))
}

#[test]
fn a_plan_fits_and_nothing_is_lost() {
    let pipeline = all_kinds();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let piped = words(&pipeline.osp(&["plan", "policies"]).ended(1).out);
    for width in [80, 120] {
        let screen = osp(&pipeline, width, &["plan", "policies"]);
        assert_eq!((screen.code, words(&screen.text())), (1, piped.clone()), "at {width}:\n{}", screen.text());
    }
}

#[test]
fn loosening_is_red_and_tightening_green() {
    let pipeline = all_kinds();
    let screen = osp(&pipeline, 120, &["plan", "policies"]);
    assert_eq!([screen.colour("tightening"), screen.colour("loosening"), screen.colour("mixed")], [GREEN, RED, RED]);
    assert_eq!(
        [screen.colour("OrganizationNotFound"), screen.colour("skipped"), screen.colour("effective")],
        [RED, None, None]
    );
    for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = pipeline.command(&["plan", "policies"]);
        let screen = crate::terminal::run_to_end(120, command.env(plain.0, plain.1));
        assert!(!screen.raw.contains("\u{1b}[3") && !screen.raw.contains("\u{1b}[1m"), "{plain:?}: {}", screen.raw);
    }
}

#[test]
fn a_bar_shows_how_far_it_is_and_goes_when_it_is_done() {
    let pipeline = Pipeline::new(3, json!({"latency_ms": 300}));
    pipeline.manifest("one", &custom("org_1", 480, None));
    pipeline.manifest("two", &custom("org_2", 480, None));
    for width in [80, 120] {
        let screen = osp(&pipeline, width, &["plan", "policies"]);
        let bar = |part: &str| screen.raw.contains(part);
        assert!(bar("Refreshing organizations [") && bar("] 1/2, "), "{:?}", screen.raw);
        assert!(screen.lines().iter().all(|line| !line.contains("Refreshing")), "{}", screen.text());
    }
    let piped = pipeline.osp(&["plan", "policies"]).ended(2);
    assert_eq!(piped.err, "");
    let mut dumb = pipeline.command(&["plan", "policies"]);
    assert!(!crate::terminal::run_to_end(80, dumb.env("TERM", "dumb")).raw.contains("Refreshing"));
}

#[test]
fn apply_asks_and_only_yes_is_a_yes() {
    let pipeline = Pipeline::new(2, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, Some(60)));
    for (keys, code) in [("no\n", 1), ("y\n", 1), ("\n", 1), ("\u{4}", 1), ("\u{3}", 130)] {
        let mut terminal = Terminal::run(80, &pipeline.command(&["apply", "policies"]));
        terminal.until("Apply these changes? Only 'yes' will be accepted: ");
        terminal.types(keys);
        let screen = terminal.end();
        assert_eq!(screen.code, code, "{keys:?}: {}", screen.text());
        assert_eq!(screen.text().contains("nothing was written"), code == 1, "{keys:?}: {}", screen.text());
        assert!(pipeline.writes().is_empty(), "{keys:?}");
    }
    let mut terminal = Terminal::run(80, &pipeline.command(&["apply", "policies"]));
    terminal.until("Apply these changes? Only 'yes' will be accepted: ");
    terminal.types("yes\n");
    let screen = terminal.end();
    assert_eq!((screen.code, screen.colour("session_policy switched on")), (0, GREEN), "{}", screen.text());
    assert!(
        screen.lines().iter().any(|line| line == "Apply these changes? Only 'yes' will be accepted: yes"),
        "{}",
        screen.text()
    );
    assert_eq!(pipeline.stored("org_1")["policy"]["absolute_minutes"], 480);
}

#[test]
fn ctrl_c_is_answered_at_once_and_leaves_no_piece_of_the_bar() {
    let pipeline = Pipeline::new(2, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, None));
    pipeline.manifest("two", &custom("org_2", 480, None));
    let slow = json!({"kind": "slow_headers", "delay_ms": 1500});
    let path = "/api/v1/organizations/org_1/session-policy";
    pipeline.admin("POST", "faults", &json!({"method": "PATCH", "path": path, "fault": slow}));
    let mut command = pipeline.command(&["apply", "policies", "--yes"]);
    let mut terminal = Terminal::run(80, command.env("OSP_RATE_LIMIT", "1.9")); // one at a time
    let count = || pipeline.admin("GET", &format!("journal/count?method=PATCH&path={path}"), &Value::Null);
    crate::cluster::eventually("the slow write", 120, || (count()["count"] == 1).then_some(()));
    terminal.types("\u{3}");
    let screen = terminal.end();
    let lines = screen.lines();
    assert_eq!(screen.code, 130, "{}", screen.text());
    assert!(
        lines.iter().any(|line| line.ends_with("stopping after the requests in flight; a second signal stops at once")),
        "{}",
        screen.text()
    );
    assert!(!lines.iter().any(|line| line.contains("Changing")), "{}", screen.text());
    assert_eq!(lines.last().unwrap(), "1 done, 1 not done, 0 failed");
}

#[test]
fn findings_fit_and_an_editor_still_reads_their_places() {
    let pipeline = Pipeline::new(1, json!({}));
    let spec = custom("org_1", 480, Some(60)).replace("idleSessionTimeout: 60", "idleSessionTimeout: 600");
    pipeline.manifest("globex-corporation-production-eu-central", &spec);
    for width in [80, 120] {
        let screen = osp(&pipeline, width, &["validate", "policies"]);
        let place = "policies/globex-corporation-production-eu-central.yaml:4:";
        assert!(screen.lines()[0].starts_with(place), "{}", screen.text());
        assert_eq!((screen.code, screen.colour("error[policy]")), (1, RED), "{}", screen.text());
    }
}

#[test]
fn help_fits() {
    let pipeline = Pipeline::new(0, json!({}));
    let verbs = ["validate", "plan", "apply", "export", "status", "diff", "explain", "reconcile", "suspend", "resume"];
    for width in [80, 120] {
        assert!(osp(&pipeline, width, &["--help"]).lines().len() > verbs.len());
        for verb in verbs {
            assert!(osp(&pipeline, width, &[verb, "--help"]).lines().len() > 5, "{verb}");
        }
    }
}
