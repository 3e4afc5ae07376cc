//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{Parser, Subcommand};
use session_policy_operator::{crd, gitops, telemetry};
use std::{
    env,
    error::Error,
    io::{self, BufWriter, IsTerminal, Write},
    process::ExitCode,
};

/// Session policies of Scalekit organizations, as declared in a Git repository
/// and as they stand in a cluster.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// One module each, with its `Arguments` and its `run`.
#[derive(Subcommand)]
enum Verb {
    /// Check manifests: the schema, its rules, and that no two claim one organization
    Validate(gitops::validate::Arguments),
    /// Show what would have to change in Scalekit so that it is as the files say
    Plan(gitops::plan::Arguments),
    /// Change in Scalekit what is not as the files say
    Apply(gitops::apply::Arguments),
    /// Write the organizations of a Scalekit environment as manifests
    Export(gitops::export::Arguments),
    /// Print the CustomResourceDefinition
    Crd,
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
        Verb::Validate(arguments) => printing(|out| Ok(gitops::validate::run(&arguments, is_colourful(), out)?)),
        Verb::Plan(arguments) => with_scalekit(arguments.verbosity(), || gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => with_scalekit(arguments.verbosity(), || gitops::apply::run(&arguments)),
        Verb::Export(arguments) => with_scalekit(arguments.verbosity(), || gitops::export::run(&arguments)),
        Verb::Crd => printing(|out| {
            out.write_all(crd::manifest()?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }),
    }
}

/// Runs a verb that only prints. A closed pipe is no failure: whoever read has
/// all it wanted.
fn printing(verb: impl FnOnce(&mut dyn Write) -> Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = verb(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    done.unwrap_or_else(|error| {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        drop(writeln!(io::stderr(), "osp: {error}"));
        ExitCode::FAILURE
    })
}

/// Sets up what a verb that talks to Scalekit needs of the process.
fn with_scalekit(verbosity: u8, verb: impl FnOnce() -> ExitCode) -> ExitCode {
    telemetry::install_for_people(verbosity);
    drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
    verb()
}

/// Only for people, and only those that did not say no: <https://no-color.org>.
fn is_colourful() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
