//! `osp validate`: everything that can be known of manifests without a cluster
//! and without Scalekit.

use super::output::{self, Format};
use super::{Limits, load};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// What to look at, and how to tell.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files and folders, which are searched for .yaml, .yml and .json; - is
    /// the standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// Failure when there is any finding. Errors come of `out` only: what cannot be
/// read is a finding.
pub fn run(arguments: &Arguments, colour: bool, out: &mut dyn Write) -> io::Result<ExitCode> {
    let loaded = load(&arguments.paths, &mut io::stdin().lock(), &Limits::default());
    let verdict = if loaded.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match output::write(&loaded, arguments.output, colour, out) {
        // whoever read has all it wanted; the verdict stays
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(verdict),
    }
}
