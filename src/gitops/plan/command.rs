//! `osp plan`: reads Scalekit, writes nothing to it.

use super::{
    Counts, Plan, cause::LastApplied, claims, document::Document, markdown::markdown, refresh::PlanOptions, text::text,
};
use crate::{
    gitops::{
        self, Limits, Manifest,
        connection::{Connection, ConnectionError},
        diagnostics,
        scalekit::Scalekit,
    },
    terminal::{Exit, Output, note, print},
};
use clap::ValueEnum;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};
use thiserror::Error;

/// `osp plan`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files and folders with the manifests; - is the standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// How the plan is printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,

    /// Exit with 3 if the plan has such a change
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,

    /// The manifests as they were applied last, for example the main branch's; tells drift from a change in Git. May be
    /// given more than once
    #[arg(long, value_name = "PATH")]
    last_applied: Vec<PathBuf>,

    /// Write the plan to this file, for `osp apply --plan`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// How Scalekit is reached, and how much is told of it
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// A limit that becomes longer or goes
    Loosening,
}

/// What keeps a verb from its work.
#[derive(Debug, Error)]
pub(in crate::gitops) enum Failure {
    /// One fault a line.
    #[error("{}", .0.join("\n"))]
    Input(Vec<String>),
    /// Scalekit can't be asked.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The output can't be written.
    #[error("{what}: {error}")]
    Io {
        what: String,
        #[source]
        error: io::Error,
    },
}

impl Failure {
    /// An [`io::Error`] of `what` as a failure.
    pub(in crate::gitops) fn io(what: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { what: what.to_string(), error }
    }

    pub(in crate::gitops) fn output(error: io::Error) -> Self {
        Self::io("the standard output")(error)
    }
}

/// Makes the plan and prints it. 0: nothing to change. 2: changes. 1: an error.
/// 3: changes that `--fail-on` names.
pub fn run(arguments: &Arguments) -> ExitCode {
    finish(block_on(plan(arguments)))
}

/// The exit code of a verb; a failure goes to stderr.
pub(in crate::gitops) fn finish(result: Result<ExitCode, Failure>) -> ExitCode {
    result.unwrap_or_else(|failure| {
        note(&format!("error: {failure}"));
        ExitCode::FAILURE
    })
}

/// One thread: a verb waits for the network and little else.
pub(in crate::gitops) fn block_on<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::io("the runtime"))?.block_on(verb)
}

/// The manifests of the input, if nothing is wrong with any of them.
pub(in crate::gitops) fn load(paths: &[PathBuf]) -> Result<Vec<Manifest>, Failure> {
    let loaded = gitops::load(paths, &mut io::stdin().lock(), &Limits::default());
    if loaded.diagnostics.is_empty() {
        return Ok(loaded.manifests);
    }
    let mut rendered = Vec::new();
    diagnostics::write(&loaded, diagnostics::Format::Text, &Output::plain(None), &mut rendered)
        .map_err(Failure::output)?;
    let mut lines = vec!["the manifests are not valid; Scalekit was not asked".to_owned()];
    lines.extend(String::from_utf8_lossy(&rendered).lines().map(str::to_owned));
    Err(Failure::Input(lines))
}

/// A failure where anything is wrong.
pub(in crate::gitops) fn input(wrong: Vec<String>) -> Result<(), Failure> {
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Input(wrong)) }
}

/// Reads every organization, and refuses two manifests for one organization.
pub(in crate::gitops) async fn refresh<'a>(
    scalekit: &Scalekit,
    options: &PlanOptions<'a>,
) -> Result<Plan<'a>, Failure> {
    input(claims::same_name(options.manifests))?;
    let plan = super::refresh::refresh(scalekit, options).await;
    input(claims::same_organization(&plan.entries))?;
    Ok(plan)
}

async fn plan(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let manifests = load(&arguments.paths)?;
    let last = load(&arguments.last_applied)?;
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    let options = PlanOptions {
        manifests: &manifests,
        last: LastApplied::new(&last),
        pins: Vec::new(),
        at_once: arguments.connection.concurrency(),
    };
    let plan = refresh(&scalekit, &options).await?;
    if let Some(file) = &arguments.save {
        let saved = File::create(file).and_then(|file| json(&mut BufWriter::new(file), &plan));
        saved.map_err(Failure::io(file.display()))?;
    }
    print(|out| match arguments.output {
        Format::Text => text(out, &plan, &Output::stdout()),
        Format::Json => json(out, &plan),
        Format::Markdown => markdown(out, &plan),
    })
    .map_err(Failure::output)?;
    Ok(exit(&plan.counts(), arguments.fail_on).into())
}

fn exit(counts: &Counts, fail_on: Option<FailOn>) -> Exit {
    match fail_on {
        _ if counts.problems > 0 => Exit::Failure,
        Some(FailOn::Loosening) if counts.loosening + counts.unknown > 0 => Exit::Forbidden,
        _ if counts.changes > 0 => Exit::Findings,
        _ => Exit::Success,
    }
}

fn json(out: &mut dyn Write, plan: &Plan<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document(plan)).map_err(io::Error::other)?;
    writeln!(out)?;
    out.flush()
}
