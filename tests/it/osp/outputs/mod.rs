//! The outputs against their formats. What each says of a finding is tested
//! beside it.

mod github;
mod junit;
mod sample;
mod sarif;

use super::{Folder, policy};
use serde_json::Value;
use std::process::Stdio;

const BAD: &str = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: \"<&\\\">\"}\n";

fn told(output: &str, content: &str) -> String {
    let told = Folder::with(content).osp(&["validate", "a.yaml", "--output", output]);
    assert_eq!(told.code, Some(i32::from(content == BAD)), "{}", told.err);
    told.out
}

#[test]
fn json_is_read_by_scripts() {
    let all: Value = serde_json::from_str(&told("json", BAD)).unwrap();
    let findings = all["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert!(finding["line"].is_u64() && finding["column"].is_u64() && finding["rule"].is_string(), "{finding}");
    }
    let none: Value = serde_json::from_str(&told("json", &policy("a", "id: org_1"))).unwrap();
    assert_eq!(none, serde_json::json!({"resources": 1, "skipped": 0, "findings": []}));
}

#[test]
fn there_is_no_colour_in_a_pipe_and_a_closed_pipe_is_quiet() {
    assert!(!told("text", BAD).contains('\u{1b}'));
    let folder = Folder::with("kind: OrganizationSessionPolicy\n---\n".repeat(9000));
    let mut command = folder.command(&["validate", "a.yaml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
}
