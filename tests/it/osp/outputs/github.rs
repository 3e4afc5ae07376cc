//! Workflow commands as GitHub's runner takes them apart.

use super::sample::{Sample, text};
use std::{collections::HashMap, path::Path};

/// A command's name, properties and message; `None` for a line that is none.
fn command(line: &str) -> Option<(&str, HashMap<&str, String>, String)> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let unescape =
        |text: &str, escapes: &[(&str, &str)]| escapes.iter().fold(text.to_owned(), |t, (e, c)| t.replace(e, c));
    let (breaks, percent) = ([("%0D", "\r"), ("%0A", "\n")], ("%25", "%"));
    let properties = properties.split(',').filter_map(|property| property.split_once('='));
    let value = |text: &str| unescape(text, &[breaks[0], breaks[1], ("%3A", ":"), ("%2C", ","), percent]);
    let properties = properties.map(|(key, text)| (key, value(text))).collect();
    Some((name, properties, unescape(message, &[breaks[0], breaks[1], percent])))
}

#[test]
fn every_finding_is_an_error_at_its_line() {
    let sample = Sample::new();
    let ran = sample.ran("github");
    let (summary, lines) = ran.lines().collect::<Vec<_>>().split_last().map(|(l, rest)| (*l, rest.to_vec())).unwrap();
    assert!(summary.contains(" findings in ") && command(summary).is_none(), "{summary}");
    let findings = sample.findings();
    assert_eq!(lines.len(), findings.len(), "a finding that takes two lines is a command and something else");
    for (line, finding) in lines.iter().zip(&findings) {
        let (name, properties, message) = command(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((name, properties.len()), ("error", 4), "{line}");
        for (key, field) in [("line", "line"), ("col", "column"), ("title", "rule")] {
            assert_eq!(properties[key], finding[field].to_string().trim_matches('"'), "{line}");
        }
        // as paths: ./a is the same as a, but GitHub compares texts and knows only a
        assert_eq!(Path::new("/").join(&properties["file"]), Path::new("/").join(finding["file"].as_str().unwrap()));
        assert!(!properties["file"].starts_with("./"), "{line}");
        assert_eq!(message, text(finding));
    }
}
