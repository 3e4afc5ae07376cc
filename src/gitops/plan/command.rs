//! `osp plan`: shows what `osp apply` would write; sends no write.

use super::{Counts, LastApplied, Plan, PlanOptions, document::Document, markdown::markdown, refresh, text};
use crate::{
    gitops::{
        Loaded,
        connection::Connection,
        file,
        input::{self, Input},
        scalekit::Scalekit,
    },
    terminal::{Exit, Output, print},
};
use clap::ValueEnum;
use std::{
    error::Error,
    io::{self, Write},
    path::PathBuf,
};

/// `osp plan`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,

    /// How the plan is printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,

    /// Exit with 3 if the plan has a change of this kind
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,

    /// The manifests as they were applied last, for example those of the main branch; distinguishes drift from a change
    /// in Git. May be given more than once
    #[arg(long, value_name = "PATH")]
    last_applied: Vec<PathBuf>,

    /// Write the plan to this file, for `osp apply --plan`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// The connection to Scalekit, and the log
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
    /// A change that makes a limit longer or removes it
    Loosening,
}

/// Makes the plan and prints it. Exit 0: nothing to change. 1: an error. 2: changes. 3: a change that
/// `--fail-on` names.
pub async fn run(arguments: &Arguments) -> Result<Exit, Box<dyn Error>> {
    let Loaded { manifests, unread, .. } = input::valid(arguments.input.load())?;
    // before the first policy there was none
    let last = input::valid(input::read(&arguments.last_applied, true))?.manifests;
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    let options = PlanOptions {
        manifests: &manifests,
        last_applied: LastApplied::new(&last),
        pins: Vec::new(),
        unread: unread.len(),
        concurrency: arguments.connection.concurrency(),
    };
    let plan = refresh(&scalekit, &options).await?;
    if let Some(path) = &arguments.save {
        file::replace(path, 0o600, |out| json(out, &plan)).map_err(file::with_path(path))?;
    }
    print(|out| match arguments.output {
        Format::Text => text(out, &plan, &Output::stdout()),
        Format::Json => json(out, &plan),
        Format::Markdown => markdown(out, &plan),
    })?;
    Ok(exit(&plan.counts(), arguments.fail_on))
}

fn exit(counts: &Counts, fail_on: Option<FailOn>) -> Exit {
    match fail_on {
        _ if counts.problems > 0 => Exit::Failure,
        Some(FailOn::Loosening) if counts.loosening + counts.unknown > 0 => Exit::Forbidden,
        _ if counts.changes > 0 => Exit::NotAsDeclared,
        _ => Exit::Success,
    }
}

fn json(out: &mut dyn Write, plan: &Plan<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document::of(plan)).map_err(io::Error::other)?;
    writeln!(out)
}
