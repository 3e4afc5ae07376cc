//! `osp plan`: shows what `osp apply` would write; sends no write.

use super::{
    Baseline, Counts, LastApplied, Plan, PlanOptions, document::Document, markdown::markdown, refresh, removed, text,
};
use crate::{
    gitops::{
        connection::Connection,
        file,
        input::{self, Input},
        scalekit::Scalekit,
    },
    terminal::{Exit, Output, print, yaml},
};
use clap::ValueEnum;
use std::{
    env,
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

    #[command(flatten)]
    baseline: Baseline,

    /// Write the plan to this file, for `osp apply --plan`
    #[arg(long, visible_alias = "out", value_name = "FILE")]
    save: Option<PathBuf>,

    /// Nothing more, as `osp apply` has it: a plan sends no request to a cluster
    #[arg(long = "ignore-cluster", hide = true)]
    _ignore_cluster: bool,

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
    /// For programs
    Yaml,
    /// For a comment on a pull request
    #[value(alias = "md")]
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
    let loaded = input::valid(arguments.input.load())?;
    let (unread, manifests) = (loaded.not_read(), loaded.manifests);
    let last = arguments.baseline.load()?;
    let removed = removed(&manifests, &last);
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    let options = PlanOptions {
        manifests: &[manifests, removed.clone()].concat(),
        last_applied: LastApplied::new(&last),
        pins: Vec::new(),
        unread,
        removed: removed.len(),
        prune: arguments.baseline.prune,
        lists_all: arguments.baseline.lists_all(),
        concurrency: arguments.connection.concurrency(),
    };
    let plan = refresh(&scalekit, &options).await?;
    if let Some(path) = &arguments.save {
        file::replace(path, 0o600, |out| json(out, &plan)).map_err(file::with_path(path))?;
    }
    print(|out| match arguments.output {
        Format::Text => text(out, &plan, &Output::stdout()),
        Format::Json => json(out, &plan),
        Format::Yaml => out.write_all(yaml(&Document::of(&plan)).as_bytes()),
        Format::Markdown => markdown(out, &plan, most_characters()),
    })?;
    Ok(exit(&plan.counts(), arguments.fail_on))
}

/// How long a comment may be at GitHub, and in a job of GitLab there. A little is left for what the pipeline adds.
fn most_characters() -> usize {
    let at_gitlab = env::var_os("GITLAB_CI").is_some_and(|value| !value.is_empty());
    let host: usize = if at_gitlab { 1_000_000 } else { 65_536 };
    host - 500
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
