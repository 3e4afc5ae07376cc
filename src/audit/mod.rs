//! `osp audit`: holds the writes in the log of an operator against what it must never do
//! (`docs/proof.md`), so that the same properties that are tested can be checked in production.
//! It reads logs and nothing else: no cluster, no Scalekit.

mod line;
mod report;
mod rules;

use crate::terminal::{Exit, Format, Output, print, yaml};
use jiff::Timestamp;
pub(crate) use line::Write;
use std::{
    error::Error,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// `osp audit`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Logs of operators, one of each process; - is the standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

/// The writes that the log of an operator tells of, and when; `None` if no line of it is of a log.
pub(crate) fn writes(log: &str) -> Option<impl Iterator<Item = (Timestamp, Write)>> {
    let entries = line::entries(0, log)?.into_iter();
    Some(entries.filter_map(|entry| match entry.event {
        line::Event::Wrote(write) => Some((entry.time, write)),
        _ => None,
    }))
}

/// Returns [`Exit::Failure`] if there is a finding.
pub fn run(arguments: &Arguments) -> Result<Exit, Box<dyn Error>> {
    let mut entries = Vec::new();
    for (log, path) in arguments.logs.iter().enumerate() {
        let text = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.trim().is_empty() {
            return Err(format!("{}: it is empty, and an operator logs at least that it starts", path.display()).into());
        }
        let found = line::entries(log, &text);
        if found.is_none() {
            return Err(format!("{}: no line of it is of an operator's log", path.display()).into());
        }
        entries.extend(found.unwrap_or_default());
    }
    entries.sort_by_key(|entry| (entry.time, entry.log, entry.line));
    let audit = rules::audit(&entries);
    let names: Vec<String> = arguments.logs.iter().map(|path| path.display().to_string()).collect();
    print(|out| match arguments.output {
        Format::Json => writeln!(out, "{:#}", report::json(&audit, &names)),
        Format::Yaml => out.write_all(yaml(&report::json(&audit, &names)).as_bytes()),
        Format::Text => report::text(&audit, &names, &Output::stdout(), out),
    })?;
    Ok(if audit.findings.is_empty() { Exit::Success } else { Exit::Failure })
}

/// A log as a file, or `-` for the standard input.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        bytes
    } else {
        fs::read(path)?
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
