//! The outputs against their formats. What each says of a finding is tested
//! beside it.

mod github;
mod junit;
mod sample;
mod sarif;

use super::{Folder, Ran, policy};
use crate::schemas::assert_described;
use serde_json::Value;
use std::process::Stdio;

const BAD: &str = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: \"<&\\\">\"}\n";

fn ran(output: &str, content: &str) -> String {
    let ran = Folder::with(content).osp(&["validate", "a.yaml", "--output", output]);
    assert_eq!(ran.code, Some(i32::from(content == BAD)), "{}", ran.err);
    ran.out
}

#[test]
fn json_is_read_by_scripts() {
    let all: Value = serde_json::from_str(&ran("json", BAD)).unwrap();
    let sample: Value = serde_json::from_str(&sample::Sample::new().ran("json")).unwrap();
    for output in [&all, &sample] {
        assert_described("validate", output);
    }
    let findings = all["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert!(finding["line"].is_u64() && finding["column"].is_u64() && finding["rule"].is_string(), "{finding}");
    }
    let none: Value = serde_json::from_str(&ran("json", &policy("a", "id: org_1"))).unwrap();
    assert_eq!(none, serde_json::json!({"version": 1, "resources": 1, "skipped": 0, "findings": []}));
}

#[test]
fn yaml_says_what_json_says() {
    for content in [BAD.to_owned(), policy("a", "id: org_1")] {
        let yaml: Value = serde_yaml::from_str(&ran("yaml", &content)).unwrap();
        assert_eq!(yaml, serde_json::from_str::<Value>(&ran("json", &content)).unwrap());
    }
}

#[test]
fn there_is_no_colour_in_a_pipe() {
    assert!(!ran("text", BAD).contains('\u{1b}'));
}

/// The bad one says more than a pipe holds.
#[test]
fn a_reader_that_closes_the_pipe_changes_neither_the_exit_code_nor_what_is_said() {
    let bad = "kind: OrganizationSessionPolicy\n---\n".repeat(9000);
    for (content, code) in [(bad, 1), (policy("a", "id: org_1"), 0)] {
        let folder = Folder::with(content);
        for output in ["text", "json", "yaml", "sarif", "junit", "github"] {
            let mut command = folder.command(&["validate", "a.yaml", "--output", output]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let ran = Ran::from(child.wait_with_output().unwrap());
            assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{output}");
        }
    }
}

/// The runner of a workflow takes a line that begins with `::` for a command,
/// and `##[` or `##vso[` wherever it stands.
#[test]
fn no_name_or_text_is_a_command_of_a_workflow_or_invisible_in_its_log() {
    let folder = Folder::new();
    let hostile = "##[group]x ##vso[task.setvariable]y \\u200b\\u2028\\u2029\\ufeff\\u00ad";
    let text = policy("a", "id: org_1") + "  \"" + hostile + "\": 1\n";
    folder.write("::set-output name=a::b/a.yaml", text);
    for output in ["text", "github"] {
        let ran = folder.osp(&["validate", "::set-output name=a::b", "--output", output]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(!ran.out.contains("##[") && !ran.out.contains("##vso["), "{}", ran.out);
        assert!(!ran.out.contains(['\u{200b}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{ad}']), "{:?}", ran.out);
        assert!(ran.out.contains("\\u{200b}\\u{2028}"), "it is shown: {}", ran.out);
        let commands = ran.out.lines().filter(|line| line.trim_start().starts_with("::")).count();
        assert_eq!(commands, usize::from(output == "github"), "{}", ran.out);
    }
}
