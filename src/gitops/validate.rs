//! `osp validate`: everything that can be known of manifests without a cluster
//! and without Scalekit.

use super::diagnostics::{self, Format};
use super::{Limits, load};
use crate::terminal::{Exit, Output, print};
use std::{io, path::PathBuf};

/// What is checked, and how it is written.
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

/// Failure when there is any finding. Errors come of printing only: what cannot
/// be read is a finding.
pub fn run(arguments: &Arguments) -> io::Result<Exit> {
    let loaded = load(&arguments.paths, &mut io::stdin().lock(), &Limits::default());
    print(|out| diagnostics::write(&loaded, arguments.output, &Output::stdout(), out))?;
    Ok(if loaded.diagnostics.is_empty() { Exit::Success } else { Exit::Failure })
}
