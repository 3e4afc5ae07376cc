//! The outputs against their formats. What each says of a finding is tested
//! beside it.

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

/// The names of the elements in order, or where `xml` is not well-formed.
fn elements(xml: &str) -> Result<Vec<String>, String> {
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").ok_or("no declaration")?;
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        let end = rest.find('>').ok_or("an open tag")?;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let references = text.split('&').skip(1).chain(tag.split('&').skip(1));
        for reference in references {
            let name = reference.split(';').next().unwrap_or_default();
            if !["amp", "lt", "gt", "quot"].contains(&name) {
                return Err(format!("&{reference}"));
            }
        }
        if tag.contains('<') || !tag.matches('"').count().is_multiple_of(2) {
            return Err(tag.to_owned());
        }
        let name = tag.trim_matches('/').split_whitespace().next().ok_or("no name")?.to_owned();
        match tag.strip_prefix('/') {
            Some(closed) if open.pop().as_deref() != Some(closed) => return Err(tag.to_owned()),
            Some(_) => {}
            None => {
                seen.push(name.clone());
                open.extend((!tag.ends_with('/')).then_some(name));
            }
        }
    }
    if open.is_empty() { Ok(seen) } else { Err(format!("never closed: {open:?}")) }
}

#[test]
fn junit_is_well_formed_and_fails_a_case_for_each_finding() {
    let seen = elements(&told("junit", BAD)).unwrap();
    assert_eq!(seen[..4], ["testsuites", "testsuite", "testcase", "failure"]);
    let seen = elements(&told("junit", &policy("a", "id: org_1"))).unwrap();
    assert_eq!(seen, ["testsuites", "testsuite", "testcase"]);
}

#[test]
fn github_has_a_command_in_each_line() {
    let out = told("github", BAD);
    let (summary, commands) = out.lines().collect::<Vec<_>>().split_last().map(|(l, c)| (*l, c.to_vec())).unwrap();
    assert!(commands.iter().all(|line| line.starts_with("::error file=a.yaml,line=")), "{out}");
    assert!(summary.ends_with("in 1 policy"), "{out}");
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
