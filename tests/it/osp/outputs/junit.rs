//! JUnit as CI servers read it. There is no standard; these are the rules of
//! `junit-10.xsd`, which Jenkins' xUnit plugin checks reports with, as far as
//! they concern what is written. They are checked by hand: what validates an XSD
//! is no Rust, and not worth another language to install.

use super::{
    super::{Folder, policy},
    sample::{Sample, text},
};
use roxmltree::{Document, Node};
use std::collections::HashSet;

struct Element {
    name: &'static str,
    required: &'static [&'static str],
    allowed: &'static [&'static str],
    children: &'static [&'static str],
}

const ELEMENTS: [Element; 4] = [
    Element {
        name: "testsuites",
        required: &[],
        allowed: &["name", "time", "tests", "failures", "errors"],
        children: &["testsuite"],
    },
    Element {
        name: "testsuite",
        required: &["name", "tests", "failures", "errors"],
        allowed: &["name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "file"],
        children: &["testcase"],
    },
    Element {
        name: "testcase",
        required: &["name"],
        allowed: &["name", "time", "classname", "group"],
        children: &["failure"],
    },
    Element { name: "failure", required: &[], allowed: &["type", "message"], children: &[] },
];

/// What breaks the rules.
fn faults(xml: &str) -> Vec<String> {
    let document = match Document::parse(xml) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    if document.root_element().tag_name().name() != "testsuites" {
        faults.push("the root is another".into());
    }
    for node in document.root_element().descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let Some(element) = ELEMENTS.iter().find(|element| element.name == name) else {
            faults.push(format!("<{name}> is unknown"));
            continue;
        };
        let lacks = element.required.iter().filter(|field| !node.has_attribute(**field));
        faults.extend(lacks.map(|field| format!("<{name}> lacks {field}")));
        let more = node.attributes().filter(|field| !element.allowed.contains(&field.name()));
        faults.extend(more.map(|field| format!("<{name}> has {}", field.name())));
        let strange =
            node.children().filter(Node::is_element).filter(|c| !element.children.contains(&c.tag_name().name()));
        faults.extend(strange.map(|child| format!("<{name}> holds <{}>", child.tag_name().name())));
        let text = node.children().filter(Node::is_text).any(|text| !text.text().unwrap_or_default().trim().is_empty());
        if text && name != "failure" {
            faults.push(format!("<{name}> holds text"));
        }
        for (count, counted) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let there = node.descendants().filter(|inner| inner.has_tag_name(counted)).count();
            if node.attribute(count).is_some_and(|count| count != there.to_string()) {
                faults.push(format!("<{name}> counts other {count} than {there}"));
            }
        }
    }
    faults
}

#[test]
fn a_report_is_what_ci_servers_read() {
    let none = Folder::with(policy("a", "id: org_1")).osp(&["validate", "a.yaml", "--output", "junit"]).out;
    for report in [Sample::new().ran("junit"), none] {
        assert_eq!(faults(&report), [""; 0], "{report}");
    }
}

#[test]
fn a_report_with_one_thing_wrong_is_refused() {
    let report = Sample::new().ran("junit");
    for (part, instead) in [
        ("<testsuites ", "<testsuits "),
        (" failures=\"", " failures=\"1"),
        (" tests=\"", " count=\""),
        ("<testcase classname", "<testcase file"),
        (" name=\"wrong-kind at", " title=\"wrong-kind at"),
        ("<failure ", "<skipped/><failure "),
        ("</testsuites>", ""),
        ("a b.yaml", "a \u{1b}.yaml"),
        ("a b.yaml", "a \u{ffff}.yaml"),
        ("a b.yaml", "a & b.yaml"),
        ("a b.yaml", "a < b.yaml"),
        ("a b.yaml", "a \" b.yaml"),
    ] {
        assert!(report.contains(part), "{part}");
        assert_ne!(faults(&report.replacen(part, instead, 1)), [""; 0], "{part} may be {instead}");
    }
}

#[test]
fn every_finding_is_a_failed_case_and_every_valid_resource_a_passed_one() {
    let sample = Sample::new();
    let report = sample.ran("junit");
    let document = Document::parse(&report).unwrap();
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let (failed, passed): (Vec<Node>, Vec<Node>) = cases.into_iter().partition(|case| case.has_children());
    let passed: Vec<_> = passed.iter().filter_map(|case| case.attribute("name")).collect();
    assert_eq!(passed, ["c", "c", "c (2)", "d"]);
    let findings = sample.findings();
    assert_eq!(failed.len(), findings.len());
    for (case, finding) in failed.iter().zip(&findings) {
        let file = finding["file"].as_str().unwrap();
        assert_eq!(case.attribute("classname"), Some(file));
        let failure = case.children().find(|node| node.has_tag_name("failure")).unwrap();
        assert_eq!(failure.attribute("type"), finding["rule"].as_str());
        // what XML cannot hold is left out
        let text = text(finding).replace(['\u{fffe}', '\u{ffff}'], "");
        assert_eq!(failure.attribute("message"), text.lines().next());
        let place = format!("{file}:{}:{}", finding["line"], finding["column"]);
        assert_eq!(failure.text(), Some(&*format!("{place}: {text}")));
    }
}

/// GitLab shows only the first of two cases that have both in common.
#[test]
fn no_two_cases_have_the_same_class_and_name() {
    let two = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: a}\nspec: {}\n";
    let ran = Folder::with(two).osp(&["validate", "a.yaml", "--output", "junit"]).out;
    for report in [Sample::new().ran("junit"), ran] {
        let document = Document::parse(&report).unwrap();
        let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let mut seen = HashSet::new();
        for case in cases {
            assert!(seen.insert((case.attribute("classname"), case.attribute("name"))), "twice: {case:?}");
        }
        assert!(seen.len() > 1);
    }
}
