//! `osp history`: what the operator did with a policy, from its events, and from the operator's log where
//! there is one. A deleted resource has events too, as long as the cluster keeps them.

use super::{
    age,
    cluster::{Cluster, Connection},
    failure::Failure,
    named::name,
    operators::Operators,
    output::{CommandOutput, VerbResult},
    table::{Cell, Column, Layout, table},
};
use crate::{
    audit::{self, Write},
    terminal::{Exit, Output, Style, note},
};
use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// What was done with one policy, the oldest first.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The resource: NAME, or osp/NAME as kubectl prints it
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// The operator's log, for what is older than the events: a file, or - for the standard input
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

const COLUMNS: [Column; 3] = [
    Column { title: "AGE", layout: Layout::Row },
    Column { title: "REASON", layout: Layout::Row },
    Column { title: "MESSAGE", layout: Layout::Yields(1, "") },
];

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let cluster = Cluster::connect(&arguments.connection, program).await?;
    let (name, namespace) = (&arguments.name, &cluster.namespace);
    let mut entries: Vec<Entry> = cluster.events(name).await?.iter().map(entry).collect();
    if let Some(file) = &arguments.log {
        entries.extend(writes(file, &format!("{namespace}/{name}"))?);
    }
    let namespaces = BTreeSet::from([namespace.as_str()]);
    // the newest event may be an old one
    for gone in Operators::read(&cluster, Some(&namespaces)).await?.gone(&namespaces, now) {
        note(&format!("warning: {gone}"));
    }
    if entries.is_empty() {
        note(&format!("there are no events of {name} in {namespace}; a cluster keeps them for an hour or so"));
        return Ok(CommandOutput { text: String::new(), exit: Exit::Success });
    }
    entries.sort_by_key(|entry| entry.at);
    let rows: Vec<Vec<Cell>> = entries.iter().map(|entry| row(entry, now)).collect();
    Ok(CommandOutput { text: table(&COLUMNS, &rows, output), exit: Exit::Success })
}

/// Something that was done with the policy.
struct Entry {
    at: Option<Timestamp>,
    reason: String,
    message: String,
    style: Style,
}

/// The writes for `resource`, which is `NAMESPACE/NAME`. Where logs are kept differs, so they are read from a file.
fn writes(file: &Path, resource: &str) -> Result<Vec<Entry>, Failure> {
    let shown = file.display();
    let text = audit::read(file).map_err(|cause| Failure::Log { file: shown.to_string(), cause })?;
    let Some(writes) = audit::writes(&text) else {
        note(&format!("{shown}: no line of it is of an operator's log"));
        return Ok(Vec::new());
    };
    Ok(writes.filter(|(_, write)| write.resource == resource).map(|(at, write)| written(at, &write)).collect())
}

fn written(at: Timestamp, write: &Write) -> Entry {
    let Write { before, after, direction, result, reason, request, what, .. } = write;
    let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    Entry {
        at: Some(at),
        reason: format!("wrote {what}"),
        message: format!("was {before}; {result}{because}: {after}; {direction}, request {request}"),
        style: if result == "applied" { Style::Plain } else { Style::Warning },
    }
}

/// When it happened last.
fn at(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| Some(series.last_observed_time.as_ref()?.0));
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series.or(last).or_else(|| Some(event.event_time.as_ref()?.0))
}

fn entry(event: &Event) -> Entry {
    let warning = event.type_.as_deref() == Some("Warning");
    let style = if warning { Style::Warning } else { Style::Plain };
    let times = event.series.as_ref().and_then(|series| series.count).or(event.count).filter(|count| *count > 1);
    let times = times.map(|count| format!(" ({count} times)")).unwrap_or_default();
    let message = event.message.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = event.reason.clone().unwrap_or_default();
    Entry { at: at(event), reason, message: format!("{message}{times}"), style }
}

fn row(entry: &Entry, now: Timestamp) -> Vec<Cell> {
    let age = entry.at.map(|at| age::span(at, now)).unwrap_or_default();
    vec![Cell::plain(&age), Cell::new(&entry.reason, entry.style), Cell::plain(&entry.message)]
}
