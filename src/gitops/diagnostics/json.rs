//! Findings for scripts.

use super::{Each, Loaded};
use crate::gitops::{Diagnostic, Location};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Serialize)]
struct All<'a> {
    resources: usize,
    skipped: usize,
    findings: Each<'a>,
}

pub(super) fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    let findings = Each(&loaded.diagnostics, finding);
    let all = All { resources: loaded.resources, skipped: loaded.skipped, findings };
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}

fn finding(diagnostic: &Diagnostic) -> Value {
    json!({
        "rule": diagnostic.rule.name(),
        "file": &*diagnostic.location.file,
        "line": diagnostic.location.line,
        "column": diagnostic.location.column,
        "field": diagnostic.field,
        "message": diagnostic.message,
        "fix": diagnostic.fix,
        "other": diagnostic.other.as_ref().map(location),
    })
}

fn location(location: &Location) -> Value {
    json!({"file": &*location.file, "line": location.line, "column": location.column})
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};
    use super::*;

    #[test]
    fn every_finding_is_an_object_of_the_same_fields() {
        let all: Value = serde_json::from_str(&written(Format::Json)).unwrap();
        assert_eq!((&all["resources"], &all["skipped"]), (&json!(3), &json!(1)));
        assert_eq!(
            all["findings"][1],
            json!({
                "rule": "duplicate-resource", "file": "b.yaml", "line": 1, "column": 2, "field": "",
                "message": "twice", "fix": "remove one", "other": {"file": "a.yaml", "line": 9, "column": 9},
            })
        );
        assert_eq!(all["findings"][0]["fix"], Value::Null);
    }
}
