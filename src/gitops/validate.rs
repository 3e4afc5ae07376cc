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
    /// Where docs/osp.md of this project is published; the rules in SARIF link to it
    #[arg(long, env = "OSP_DOCS_URL", value_name = "URL", value_parser = web_address)]
    docs_url: Option<String>,
}

/// SARIF allows absolute URIs only.
fn web_address(text: &str) -> Result<String, String> {
    let known = ["https://", "http://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if known { Ok(text.to_owned()) } else { Err("it must begin with https:// or http://".to_owned()) }
}

/// Returns [`Exit::Failure`] if there is any diagnostic; a file that cannot be read is one too. The
/// only error is that printing failed.
pub fn run(arguments: &Arguments) -> io::Result<Exit> {
    let loaded = arguments.input.load();
    print(|out| match arguments.output {
        Format::Sarif => diagnostics::sarif(&loaded, arguments.docs_url.as_deref(), out),
        format => diagnostics::write(&loaded, format, &Output::stdout(), out),
    })?;
    Ok(if loaded.diagnostics.is_empty() { Exit::Success } else { Exit::Failure })
}
