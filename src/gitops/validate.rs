//! `osp validate`: checks manifests without a cluster and without Scalekit.

use super::diagnostics::{self, Format};
use super::input::Input;
use crate::terminal::{Exit, Output, print};
use std::io;

/// What is checked, and how it is written.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Output format
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// Returns [`Exit::Failure`] if there is any diagnostic; a file that cannot be read is one too. The
/// only error is that printing failed.
pub fn run(arguments: &Arguments) -> io::Result<Exit> {
    let loaded = arguments.input.load();
    print(|out| diagnostics::write(&loaded, arguments.output, &Output::stdout(), out))?;
    Ok(if loaded.diagnostics.is_empty() { Exit::Success } else { Exit::Failure })
}
