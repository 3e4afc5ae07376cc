//! The verbs of `osp` that look at a cluster, as `kubectl osp` too: what is
//! there, why it is so, and what to do about it. None of them talks to
//! Scalekit or reads a Secret; what they tell is what the operator reports.

mod age;
mod cluster;
mod delivery;
mod diff;
mod explain;
mod failure;
mod limits;
mod reconcile;
mod standing;
mod status;
mod suspend;
mod table;

use crate::terminal::{Exit, Output, note, print};
use clap::Subcommand;
use cluster::Cluster;
use failure::Failure;
use std::process::ExitCode;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show how the policies of a namespace, or one, stand; problems first
    Status(status::Arguments),
    /// Compare the declared with the live policy, field by field
    Diff(diff::Arguments),
    /// Say in words what is declared, what applies, why, and what to do
    Explain(explain::Arguments),
    /// Let the operator look now, and wait for what it finds
    Reconcile(reconcile::Arguments),
    /// Let the operator keep its hands off
    Suspend(suspend::Arguments),
    /// Let the operator go on
    Resume(suspend::Arguments),
}

/// What a verb has to say, and how it ended.
struct Answer {
    text: String,
    end: End,
}

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All is well: exit 0.
    Fine,
    /// Something is not Ready, or differs: exit 2.
    NotFine,
}

/// Carries out a verb for somebody who calls this program `called`. Exit 0:
/// fine; 2: something is not Ready or differs; 1: no answer.
pub fn run(verb: &Verb, called: &str) -> ExitCode {
    let answered = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(answer(verb, called)))
        .and_then(|answer| {
            print(|out| out.write_all(answer.text.as_bytes())).map(|()| answer.end).map_err(Failure::from)
        });
    match answered {
        Ok(End::Fine) => ExitCode::SUCCESS,
        Ok(End::NotFine) => Exit::Changes.into(),
        Err(failure) => {
            note(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// What a person calls this program that was started as `program`: a plugin of
/// kubectl is called through it.
pub fn called(program: Option<&str>) -> &'static str {
    let name = program.and_then(|program| std::path::Path::new(program).file_stem()?.to_str());
    if name == Some("kubectl-osp") { "kubectl osp" } else { "osp" }
}

async fn answer(verb: &Verb, called: &str) -> Result<Answer, Failure> {
    let output = Output::stdout();
    let now = jiff::Timestamp::now();
    match verb {
        Verb::Status(arguments) => status::run(arguments, called, &output, now).await,
        Verb::Diff(arguments) => diff::run(arguments, called, &output).await,
        Verb::Explain(arguments) => explain::run(arguments, called, &output, now).await,
        Verb::Reconcile(arguments) => reconcile::run(arguments, called, &output, now).await,
        Verb::Suspend(arguments) => suspend::run(arguments, true, called, &output).await,
        Verb::Resume(arguments) => suspend::run(arguments, false, called, &output).await,
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The same as JSON, for programs.
fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_through_kubectl() {
        assert_eq!(called(Some("/usr/local/bin/kubectl-osp")), "kubectl osp");
        assert_eq!(called(Some("target/debug/osp")), "osp");
        assert_eq!(called(None), "osp");
    }
}
