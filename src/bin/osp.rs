//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use session_policy_operator::{crd, plugin};
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
    #[command(flatten)]
    Cluster(plugin::Verb),
}

fn main() -> ExitCode {
    let called = plugin::called(std::env::args().next().as_deref());
    let matches = Arguments::command().bin_name(called).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match arguments.verb {
        Verb::Crd => print(crd::manifest().unwrap_or_default().as_bytes()),
        Verb::Cluster(verb) => plugin::run(&verb, called),
    }
}

/// A closed pipe is no failure: whoever read has all it wanted.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
