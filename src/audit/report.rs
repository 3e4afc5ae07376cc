//! What `osp audit` prints.

use super::{
    line::Entry,
    rules::{Audit, Finding},
};
use crate::terminal::{Output, Style, counted};
use serde_json::{Value, json};
use std::io::{self, Write};

fn name<'a>(logs: &'a [String], entry: &Entry) -> &'a str {
    logs.get(entry.log).map_or("", String::as_str)
}

/// For programs; `schemas/osp/audit_v1.json` describes it.
pub(super) fn json(audit: &Audit<'_>, logs: &[String]) -> Value {
    let finding = |finding: &Finding<'_>| {
        let Finding { rule, entry, write, message } = finding;
        json!({
            "rule": rule, "log": name(logs, entry), "line": entry.line, "time": entry.time.to_string(),
            "resource": write.resource, "organization": write.organization, "request": write.request,
            "message": message,
        })
    };
    let drift = audit.drift.iter().map(|drift| {
        json!({
            "time": drift.time.to_string(), "resource": drift.write.resource,
            "organization": drift.write.organization, "left": drift.left, "found": drift.write.before,
        })
    });
    json!({
        "version": 1,
        "logs": logs,
        "writes": audit.writes,
        "organizations": audit.organizations,
        "findings": audit.findings.iter().map(finding).collect::<Vec<Value>>(),
        "drift": drift.collect::<Vec<Value>>(),
    })
}

/// One line for each finding, for each change by others, and the sum.
pub(super) fn text(audit: &Audit<'_>, logs: &[String], output: &Output, out: &mut dyn Write) -> io::Result<()> {
    let colon = (": ", Style::Plain);
    for Finding { rule, entry, write, message } in &audit.findings {
        let place = format!("{}:{}", name(logs, entry), entry.line);
        let rule = format!("error[{}]", <&str>::from(*rule));
        let said = format!("{}, {}: {message}", write.organization, write.resource);
        let line = [(place.as_str(), Style::Strong), colon, (&rule, Style::Bad), colon, (&said, Style::Plain)];
        out.write_all(output.line("", &line).as_bytes())?;
    }
    for drift in &audit.drift {
        let said = format!(
            "{} {}: somebody else has changed {} to {}",
            drift.time, drift.write.organization, drift.left, drift.write.before
        );
        out.write_all(output.line("drift: ", &[(&said, Style::Plain)]).as_bytes())?;
    }
    let found = match audit.findings.len() {
        0 => "no finding".to_owned(),
        n => counted(n, "finding", "findings"),
    };
    let written = counted(audit.writes, "write", "writes");
    writeln!(out, "{found} in {written} to {}", counted(audit.organizations, "organization", "organizations"))
}
