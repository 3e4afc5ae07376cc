//! `osp status`: a table of policies, problems first.

use super::{
    age,
    cluster::{Cluster, Connection, Hint, Object},
    diff::in_minutes,
    failure::Failure,
    limits,
    named::name,
    operators::Operators,
    output::{self, CommandOutput, VerbResult},
    summary::{Severity, Summary, style},
    table::{Cell, Column, Layout, table},
    watch::{self, Watch},
};
use crate::{
    crd::{DriftedField, EffectiveLimits, OrganizationSessionPolicy},
    reconcile::{ConditionStatus, ConditionType},
    terminal::{Exit, Output, Style, note, printable, yaml},
};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A table of policies. Exit 0 when all are Ready, 2 when one is not or the operator that keeps them is gone.
#[derive(Debug, Args)]
pub struct Arguments {
    /// These only, as NAME or osp/NAME [default: all of the namespace]
    #[arg(conflicts_with = "all_namespaces", value_name = "NAME", value_parser = name)]
    names: Vec<String>,
    /// Those with these labels only, such as team=core
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "names")]
    selector: Option<String>,
    /// All of the namespace, as without a name
    #[arg(long, conflicts_with = "names", hide = true)]
    all: bool,
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Print a line for each change after the table, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Shape,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shape {
    /// A table that fits the terminal
    Text,
    /// A table with one line for each policy
    Wide,
    /// The names, as kubectl prints them
    Name,
    Json,
    Yaml,
}

/// As kubectl prints a name.
fn named(summary: &Summary<'_>) -> String {
    format!("organizationsessionpolicy.scalekit.com/{}", printable(summary.name()))
}

impl Shape {
    /// A line for each policy, in their order, and of a table the header before them.
    fn lines(self, summaries: &[Summary<'_>], everywhere: bool, now: Timestamp) -> Vec<String> {
        match self {
            Self::Text | Self::Wide => {
                let (columns, rows) = cells(summaries, everywhere, now);
                table(&columns, &rows, &Output::plain(None)).lines().map(str::to_owned).collect()
            }
            Self::Name => summaries.iter().map(named).collect(),
            Self::Json => summaries.iter().map(|summary| alone(summary).to_string()).collect(),
            Self::Yaml => {
                summaries.iter().map(|summary| format!("---\n{}", yaml(&alone(summary)).trim_end())).collect()
            }
        }
    }
}

/// The version of the JSON.
const VERSION: u32 = 2;

fn items(summaries: &[Summary<'_>], operators: &Value) -> Value {
    json!({"version": VERSION, "items": summaries.iter().map(item).collect::<Vec<_>>(), "operators": operators})
}

/// One policy in the form of all, so that a program reads a watch as it reads a list.
fn alone(summary: &Summary<'_>) -> Value {
    json!({"version": VERSION, "items": [item(summary)]})
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let cluster = Cluster::connect(&arguments.connection, program).await?;
    if arguments.watch {
        let (everywhere, shape) = (arguments.all_namespaces, arguments.output);
        let lines = |summaries: &[Summary<'_>]| shape.lines(summaries, everywhere, Timestamp::now());
        let (selector, names) = (arguments.selector.as_deref(), arguments.names.as_slice());
        return watch::run(&cluster, &Watch { everywhere, selector, names, lines: &lines }).await;
    }
    let mut found = Vec::new();
    for name in &arguments.names {
        found.push(cluster.get(name).await?);
    }
    if arguments.names.is_empty() {
        found = readable(cluster.list(arguments.all_namespaces, arguments.selector.as_deref()).await?)?;
    }
    let mut summaries: Vec<Summary<'_>> = found.iter().map(Summary::of).collect();
    summaries.sort_by_key(|s| (s.severity(), s.namespace(), s.name()));
    let ready = summaries.iter().all(|summary| summary.exit() == Exit::Success);
    let namespaces: BTreeSet<&str> = summaries.iter().map(Summary::namespace).collect();
    let operators = Operators::read(&cluster, Some(&namespaces)).await?;
    let exit = if ready { operators.exit(&namespaces) } else { Exit::NotAsDeclared };
    let listed = || items(&summaries, &operators.json(Some(&namespaces), Timestamp::now()));
    let lines = |output: &Output| operators.text(&namespaces, output, Timestamp::now());
    let text = match arguments.output {
        Shape::Json => output::json(&listed()),
        Shape::Yaml => yaml(&listed()),
        Shape::Name => summaries.iter().map(|summary| named(summary) + "\n").collect(),
        Shape::Text | Shape::Wide if summaries.is_empty() => {
            let place = || if arguments.all_namespaces { "any namespace" } else { &cluster.namespace };
            note(&format!("there is no OrganizationSessionPolicy in {}", place()));
            String::new()
        }
        Shape::Wide => {
            let wide = Output::plain(None);
            text(&summaries, &lines(&wide), arguments.all_namespaces, &cluster.hint, &wide, now)
        }
        Shape::Text => text(&summaries, &lines(output), arguments.all_namespaces, &cluster.hint, output, now),
    };
    Ok(CommandOutput { text, exit })
}

/// Returns the resources that decode, and prints a warning for each of the others, which may be of a
/// newer version. It is an error only if none decodes.
fn readable(all: Vec<Object>) -> Result<Vec<OrganizationSessionPolicy>, Failure> {
    let mut found = Vec::with_capacity(all.len());
    let mut first = None;
    for object in all {
        match object.0 {
            Ok(resource) => found.push(resource),
            Err(undecodable) => {
                let name = undecodable.metadata.name.unwrap_or_default();
                let failure = Failure::Unreadable { name, cause: undecodable.error };
                note(&format!("warning: {failure}"));
                first = first.or(Some(failure));
            }
        }
    }
    match first {
        Some(failure) if found.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

const COLUMNS: [Column; 9] = [
    Column { title: "NAMESPACE", layout: Layout::Row },
    Column { title: "NAME", layout: Layout::Row },
    Column { title: "ORGANIZATION", layout: Layout::Yields(4, "") },
    Column { title: "MODE", layout: Layout::Yields(3, "") },
    Column { title: "READY", layout: Layout::Row },
    Column { title: "SYNCED", layout: Layout::Row },
    Column { title: "EFFECTIVE", layout: Layout::Yields(2, "effective ") },
    Column { title: "DRIFT", layout: Layout::Yields(1, "drift: ") },
    Column { title: "AGE", layout: Layout::Row },
];

fn text(
    summaries: &[Summary<'_>],
    operators: &str,
    everywhere: bool,
    hint: &Hint,
    output: &Output,
    now: Timestamp,
) -> String {
    let (columns, rows) = cells(summaries, everywhere, now);
    let mut text = table(&columns, &rows, output);
    if !operators.is_empty() {
        text = format!("{text}\n{operators}");
    }
    if let Some(worst) = summaries.iter().find(|s| matches!(s.severity(), Severity::Failed | Severity::InProgress)) {
        let hint = if everywhere { hint.clone().in_namespace(worst.namespace()) } else { hint.clone() };
        let hint = format!("`{}` says why, and what to do.", hint.to("explain", worst.name()));
        text.push_str(if operators.is_empty() { "\n" } else { "" });
        text.push_str(&output.paragraph("", &hint));
    }
    text
}

fn cells(summaries: &[Summary<'_>], everywhere: bool, now: Timestamp) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let without = usize::from(!everywhere); // the namespace
    let columns = COLUMNS.into_iter().skip(without).collect();
    let rows = summaries.iter().map(|s| row(s, now).into_iter().skip(without).collect()).collect();
    (columns, rows)
}

fn row(summary: &Summary<'_>, now: Timestamp) -> [Cell; 9] {
    let ready = summary.ready();
    let synced = summary.status_of(ConditionType::Synced);
    let status = summary.status;
    let effective = status.and_then(|s| s.effective_policy.as_ref()).map(effective).unwrap_or_default();
    let loses = summary.status_of(ConditionType::Effective) == ConditionStatus::False;
    let age = summary.created().map(|created| age::span(created, now)).unwrap_or_default();
    [
        Cell::plain(summary.namespace()),
        Cell::new(summary.name(), Style::Strong),
        Cell::plain(&summary.organization()),
        Cell::plain(summary.mode()),
        Cell::new(&format!("{} {}", ready.status.name(), ready.reason), style(ready.status)),
        Cell::new(synced.name(), if synced == ConditionStatus::False { Style::Warning } else { style(synced) }),
        Cell::new(&effective, if loses { Style::Warning } else { Style::Plain }),
        Cell::new(&status.map(|s| drift(&s.drift)).unwrap_or_default(), Style::Warning),
        Cell::plain(&age),
    ]
}

/// The absolute and the idle limit, with `(app)` after a limit of the application.
fn effective(limits: &EffectiveLimits) -> String {
    let one = |limit: &Option<crate::crd::EffectiveLimit>| match limit {
        Some(limit) if limit.from == "application" => format!("{} (app)", limits::format_minutes(limit.minutes)),
        Some(limit) => limits::format_minutes(limit.minutes),
        None => "none".to_owned(),
    };
    format!("{} / {}", one(&limits.absolute_session_timeout), one(&limits.idle_session_timeout))
}

fn drift(fields: &[DriftedField]) -> String {
    let short = |field: &str| match field {
        "policySource" => "source".to_owned(),
        "absoluteSessionTimeout" => "absolute".to_owned(),
        "idleSessionTimeoutEnabled" => "idle on".to_owned(),
        "idleSessionTimeout" => "idle".to_owned(),
        other => other.to_owned(),
    };
    let one = |field: &DriftedField| format!("{} {}, not {}", short(&field.field), field.live, field.wanted());
    fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn differs(field: &DriftedField) -> Value {
    json!({"field": field.field, "declared": field.wanted(), "live": field.live})
}

fn item(summary: &Summary<'_>) -> Value {
    let (ready, status) = (summary.ready(), summary.status);
    let limits = status.and_then(|s| s.effective_policy.as_ref());
    let declared = summary.spec.as_ref().ok().map(|spec| in_minutes(&spec.policy.into()));
    json!({
        "namespace": summary.namespace(), "name": summary.name(), "organization": summary.organization(),
        "mode": summary.mode(),
        "ready": {"status": ready.status.name(), "reason": ready.reason, "message": ready.message},
        "synced": summary.status_of(ConditionType::Synced).name(),
        "declared": declared, "live": summary.live().map(|live| in_minutes(&live)),
        "effective": limits.map(|l| json!({"absolute": l.absolute_session_timeout, "idle": l.idle_session_timeout})),
        "drift": status.map(|s| s.drift.iter().map(differs).collect::<Vec<_>>()).unwrap_or_default(),
        "created": summary.created().map(|at| at.to_string()), "deleted": summary.deleted().map(|at| at.to_string()),
    })
}
