//! SARIF 2.1.0 (OASIS), which code scanning takes.

use super::Loaded;
use crate::gitops::{Finding, Place, Rule};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "osp",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Rule::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "results": loaded.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": {"text": rule.help()},
        "defaultConfiguration": {"level": "error"},
    })
}

fn result(finding: &Finding) -> Value {
    let fix = finding.fix.as_ref().map(|fix| format!("\nfix: {fix}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": "error",
        "message": {"text": format!("{}{fix}", finding.summary())},
        "locations": [location(&finding.place)],
    });
    if let (Some(other), Some(fields)) = (&finding.other, result.as_object_mut()) {
        fields.insert("relatedLocations".into(), json!([location(other)]));
    }
    result
}

fn location(place: &Place) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {"startLine": place.line, "startColumn": place.column},
    }})
}

/// A relative path as the relative reference that SARIF asks for, an absolute
/// one as a URI.
fn uri(file: &str) -> String {
    let relative = file.strip_prefix("./").unwrap_or(file);
    let mut uri = String::from(if relative.starts_with('/') { "file://" } else { "" });
    for byte in relative.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(byte.into());
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};
    use super::*;

    #[test]
    fn every_result_names_a_rule_of_the_tool_and_a_place() {
        let log: Value = serde_json::from_str(&written(Format::Sarif)).unwrap();
        let run = &log["runs"][0];
        assert_eq!(log["version"], "2.1.0");
        for result in run["results"].as_array().unwrap() {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/%3C%C3%BC%3E%2C%3A%25.yaml");
        assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 7}));
        assert_eq!(run["results"][1]["relatedLocations"].as_array().map(Vec::len), Some(1));
        assert_eq!(uri("/a/b.yaml"), "file:///a/b.yaml");
    }
}
