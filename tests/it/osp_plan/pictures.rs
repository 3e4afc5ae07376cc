//! The pictures of `osp` in `docs/` are what a terminal of 80
//! columns shows.

use super::{Pipeline, custom, text_of};
use crate::{
    pictures::assert_true,
    terminal::{Terminal, run_to_end},
};
use serde_json::json;
use std::path::Path;

/// What the terminal shows of `osp …` in the pipeline's folder; a question is
/// answered with yes.
fn shown(pipeline: &Pipeline, command: &str, host: &str) -> String {
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let osp = pipeline.command(&words);
    let screen = if words[0] == "apply" {
        let mut terminal = Terminal::run(80, &osp);
        terminal.until("Apply these changes? Only 'yes' will be accepted: ");
        terminal.types("yes\n");
        terminal.end()
    } else {
        run_to_end(80, &osp)
    };
    screen.text().replace(&pipeline.simulator.address().to_string(), host)
}

#[test]
fn the_committed_pictures_of_the_first_try_are_what_a_terminal_shows() {
    let pipeline = Pipeline::new(3, json!({}));
    let example = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme.yaml"));
    pipeline.file("examples/acme.yaml", &example);
    let ours = |command: &str| command.starts_with("osp ").then(|| shown(&pipeline, command, "127.0.0.1:9080"));
    assert_true("docs/try-it.md", ours);
}

#[test]
fn the_committed_pictures_of_plan_are_what_a_terminal_shows() {
    let pipeline = Pipeline::new(13, json!({}));
    pipeline.live("org_1", 120, Some(30));
    pipeline.manifest("acme", &custom("org_1", 480, Some(15)));
    for n in 2..=13 {
        pipeline.live(&format!("org_{n}"), 480, None);
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None));
    }
    let ours = |command: &str| command.starts_with("osp ").then(|| shown(&pipeline, command, "acme.scalekit.com"));
    assert_true("docs/osp-plan.md", ours);
}

#[test]
fn the_committed_pictures_of_validate_are_what_a_terminal_shows() {
    let pipeline = Pipeline::new(1, json!({}));
    let acme = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata:\n  name: acme\nspec:\n  \
                organization:\n    id: org_99\n  policy: {policySource: APPLICATION}\n  intervall: 5m\n";
    pipeline.file("policies/acme.yaml", acme);
    for n in 1..=11 {
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None));
    }
    pipeline.file("policies/others.yaml", &"---\nkind: ConfigMap\n".repeat(3));
    let ours = |command: &str| command.starts_with("osp ").then(|| shown(&pipeline, command, ""));
    assert_true("docs/osp.md", ours);
}
