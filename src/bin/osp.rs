//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{Parser, Subcommand};
use session_policy_operator::{crd, gitops, telemetry};
use std::{io::Write, process::ExitCode};

/// Session policies of Scalekit organizations, as declared in a Git repository
/// and as they stand in a cluster.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Print the CustomResourceDefinition
    Crd,
    /// Show what would have to change in Scalekit so that it is as the files say
    Plan(gitops::plan::Arguments),
    /// Change in Scalekit what is not as the files say
    Apply(gitops::apply::Arguments),
    /// Write the organizations of a Scalekit environment as manifests
    Export(gitops::export::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            drop(told.print());
            // 2 means changes, so a wrong argument is a plain error
            return if told.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match arguments.verb {
        Verb::Crd => print(crd::manifest().unwrap_or_default().as_bytes()),
        Verb::Plan(arguments) => with_scalekit(arguments.verbosity(), || gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => with_scalekit(arguments.verbosity(), || gitops::apply::run(&arguments)),
        Verb::Export(arguments) => with_scalekit(arguments.verbosity(), || gitops::export::run(&arguments)),
    }
}

/// Sets up what a verb that talks to Scalekit needs of the process.
fn with_scalekit(verbosity: u8, verb: impl FnOnce() -> ExitCode) -> ExitCode {
    telemetry::install_for_people(verbosity);
    drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
    verb()
}

/// A closed pipe is no failure: whoever read has all it wanted.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
