//! The plan as a comment on a pull request: short enough for its host, and nothing that loosens is hidden.

use super::{Pipeline, custom};
use serde_json::json;
use std::fmt::Write;

/// So many organizations, of which every tenth is loosened and the others are tightened.
fn many(count: usize) -> Pipeline {
    let pipeline = Pipeline::new(count, json!({}));
    let mut all = String::new();
    for n in 1..=count {
        let organization = format!("org_{n}");
        pipeline.live(&organization, if n % 10 == 0 { 240 } else { 960 }, None);
        let name = format!("customer-{n}-{}", "x".repeat(60));
        write!(all, "---\n{}", super::manifest(&name, &custom(&organization, 480, None))).unwrap();
    }
    pipeline.file("all.yaml", &all);
    pipeline
}

#[test]
fn a_comment_is_cut_to_what_its_host_takes_and_says_what_is_left_out() {
    let pipeline = many(400);
    let run = pipeline.osp(&["plan", "all.yaml", "-o", "markdown"]).ended(2);
    let length = run.out.encode_utf16().count();
    assert!((40_000..=65_536).contains(&length), "{length}");
    let loosening = run.out.lines().filter(|line| line.starts_with("- **loosening** customer-")).count();
    assert_eq!(loosening, 40, "each is named outside of the table");
    let rows = run.out.lines().filter(|line| line.starts_with("| customer-")).count();
    let tightened =
        run.out.lines().filter(|line| line.starts_with("| customer-") && line.contains("| tightening |")).count();
    let left_out = format!(
        "… and {} more ({} loosening, mixed or unknown, {} tightening), left out",
        400 - rows,
        40 - (rows - tightened),
        360 - tightened
    );
    assert!(
        run.out.contains(&left_out),
        "{left_out}\n{}",
        run.out.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    );
    assert!(run.out.ends_with("</details>\n"));
    let mut gitlab = pipeline.command(&["plan", "all.yaml", "-o", "markdown"]);
    let all = String::from_utf8(gitlab.env("GITLAB_CI", "true").output().unwrap().stdout).unwrap();
    assert_eq!(all.lines().filter(|line| line.starts_with("| customer-")).count(), 400);
    assert!(!all.contains("left out"));
}

#[test]
fn each_loosening_is_named_outside_of_the_fold() {
    let pipeline = Pipeline::new(3, json!({}));
    pipeline.live("org_1", 240, Some(30));
    pipeline.live("org_2", 960, None);
    pipeline.manifest("one", &custom("org_1", 480, Some(15)));
    pipeline.manifest("two", &custom("org_2", 480, None));
    let run = pipeline.osp(&["plan", "policies", "-o", "markdown"]).ended(2);
    let (before, folded) = run.out.split_once("<details>").unwrap();
    assert!(before.contains("\n- **mixed** one (org\\_1, Enforce): absoluteSessionTimeout 4h → 8h\n"), "{before}");
    assert!(!before.contains("two") && folded.contains("two"), "{}", run.out);
}

#[test]
fn where_not_all_fits_what_loosens_goes_before_the_table() {
    let pipeline = Pipeline::new(700, json!({}));
    let mut all = String::new();
    for n in 1..=700 {
        pipeline.live(&format!("org_{n}"), if n <= 350 { 240 } else { 960 }, None);
        let name = format!("customer-{n}-{}", "x".repeat(60));
        write!(all, "---\n{}", super::manifest(&name, &custom(&format!("org_{n}"), 480, None))).unwrap();
    }
    pipeline.file("all.yaml", &all);
    let run = pipeline.osp(&["plan", "all.yaml", "-o", "markdown"]).ended(2);
    assert!(run.out.encode_utf16().count() <= 65_536);
    assert_eq!(run.out.lines().filter(|line| line.starts_with("- **loosening** customer-")).count(), 350);
}
