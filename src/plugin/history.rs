//! `osp history`: what the operator did with a policy, from its events. A deleted resource has them
//! too, as long as the cluster keeps them.

use super::{
    age,
    cluster::{Cluster, Connection, name},
    output::{CommandOutput, VerbResult},
    table::{Cell, Column, Layout, table},
};
use crate::terminal::{Exit, Output, Style, note};
use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

/// The events of one policy, the oldest first.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The resource: NAME, or osp/NAME as kubectl prints it
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: [Column; 3] = [
    Column { title: "AGE", layout: Layout::Row },
    Column { title: "REASON", layout: Layout::Row },
    Column { title: "MESSAGE", layout: Layout::Yields(1, "") },
];

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let cluster = Cluster::connect(&arguments.connection, program).await?;
    let mut events = cluster.events(&arguments.name).await?;
    if events.is_empty() {
        let name = &arguments.name;
        note(&format!(
            "there are no events of {name} in {}; a cluster keeps them for an hour or so",
            cluster.namespace
        ));
        return Ok(CommandOutput { text: String::new(), exit: Exit::Success });
    }
    events.sort_by_key(at);
    let rows: Vec<Vec<Cell>> = events.iter().map(|event| row(event, now)).collect();
    Ok(CommandOutput { text: table(&COLUMNS, &rows, output), exit: Exit::Success })
}

/// When it happened last.
fn at(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| Some(series.last_observed_time.as_ref()?.0));
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series.or(last).or_else(|| Some(event.event_time.as_ref()?.0))
}

fn row(event: &Event, now: Timestamp) -> Vec<Cell> {
    let age = at(event).map(|at| age::span(at, now)).unwrap_or_default();
    let warning = event.type_.as_deref() == Some("Warning");
    let style = if warning { Style::Warning } else { Style::Plain };
    let times = event.series.as_ref().and_then(|series| series.count).or(event.count).filter(|count| *count > 1);
    let times = times.map(|count| format!(" ({count} times)")).unwrap_or_default();
    let message = event.message.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    vec![
        Cell::plain(&age),
        Cell::new(event.reason.as_deref().unwrap_or_default(), style),
        Cell::plain(&format!("{message}{times}")),
    ]
}
