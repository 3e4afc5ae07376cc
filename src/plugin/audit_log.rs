//! The writes to Scalekit that the operator's log has, for `osp history`: events are gone after an hour or so,
//! while a log is there as long as somebody keeps it. It is read from a file, since where logs are kept differs.

use super::failure::Failure;
use crate::{
    reconcile::WROTE,
    terminal::{Style, note},
};
use jiff::Timestamp;
use serde::Deserialize;
use std::{fs, io, path::Path};

/// Something that was done with a policy.
pub(super) struct Entry {
    pub(super) at: Option<Timestamp>,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) style: Style,
}

/// A line of the log, as `--log-format json` writes it.
#[derive(Deserialize)]
struct Line {
    timestamp: String,
    fields: Write,
}

/// What it says of a write.
#[derive(Deserialize)]
struct Write {
    message: String,
    resource: String,
    what: String,
    before: String,
    after: String,
    direction: String,
    result: String,
    #[serde(default)]
    reason: Option<String>,
    request: String,
}

/// The writes for `resource`, which is `NAMESPACE/NAME`; `-` is the standard input.
pub(super) fn writes(file: &Path, resource: &str) -> Result<Vec<Entry>, Failure> {
    let text = if file == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let shown = file.display();
    let text = text.map_err(|cause| Failure::Log { file: shown.to_string(), cause })?;
    if !text.is_empty() && !text.contains('{') {
        note(&format!("{shown} has no line in JSON, which an operator with --log-format json writes"));
    }
    Ok(text.lines().filter_map(|line| write(line, resource)).collect())
}

/// The write that a line tells of, if it is one for `resource`. `kubectl logs` may put a time or a pod before the line.
fn write(line: &str, resource: &str) -> Option<Entry> {
    let line: Line = serde_json::from_str(line.get(line.find('{')?..)?).ok()?;
    let Line { timestamp, fields } = line;
    let fields = Some(fields).filter(|write| write.message == WROTE && write.resource == resource)?;
    let Write { before, after, direction, result, reason, request, what, .. } = fields;
    let because = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(Entry {
        at: timestamp.parse().ok(),
        reason: format!("wrote {what}"),
        message: format!("was {before}; {result}{because}: {after}; {direction}, request {request}"),
        style: if result == "applied" { Style::Plain } else { Style::Warning },
    })
}
