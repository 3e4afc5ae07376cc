//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{Parser, Subcommand};
use session_policy_operator::crd;
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
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Crd => print(crd::manifest().unwrap_or_default().as_bytes()),
    }
}

/// A closed pipe is no failure: whoever read has all it wanted.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
