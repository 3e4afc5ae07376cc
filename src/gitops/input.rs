//! The manifests that a verb reads. That there are none is an error, since a wrong path must be no
//! success.

use super::{Limits, Loaded, Options, Rule, diagnostics, load_with};
use crate::terminal::{Output, note};
use std::{error::Error, io, path::PathBuf};

/// Arguments of `validate` and `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// Files and folders, which are searched for .yaml, .yml and .json; - is
    /// the standard input
    #[arg(required_unless_present = "filename", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same as PATH, as kubectl has it
    #[arg(short, long, value_name = "PATH", value_delimiter = ',', hide = true)]
    filename: Vec<PathBuf>,
    /// Nothing more: folders are always searched with all below them
    #[arg(short = 'R', long = "recursive", hide = true)]
    _recursive: bool,
    /// Accept that there is no policy in the input
    #[arg(long)]
    allow_empty: bool,
    #[command(flatten)]
    options: Options,
}

impl Input {
    pub(super) fn load(&self) -> Loaded {
        read(&[self.paths.as_slice(), &self.filename].concat(), self.allow_empty, &self.options)
    }
}

/// Reads `paths`; without a policy in them there is a diagnostic, unless `allow_empty`.
pub(super) fn read(paths: &[PathBuf], allow_empty: bool, options: &Options) -> Loaded {
    let mut loaded = load_with(paths, &mut io::stdin().lock(), options, &Limits::default());
    match allow_empty {
        true => loaded.diagnostics.retain(|diagnostic| diagnostic.rule != Rule::Empty),
        false => loaded.require_policies(paths),
    }
    loaded
}

/// Prints what is not read; it is an error if a manifest is not valid.
pub(super) fn valid(loaded: Loaded) -> Result<Loaded, Box<dyn Error>> {
    let mut rendered = Vec::new();
    diagnostics::write(&loaded, diagnostics::Format::Text, &Output::plain(None), &mut rendered)?;
    let rendered = String::from_utf8_lossy(&rendered);
    if loaded.diagnostics.is_empty() {
        rendered.lines().filter(|line| line.contains(": warning[")).for_each(note);
        diagnostics::excluded(&loaded).iter().for_each(|line| note(line));
        return Ok(loaded);
    }
    Err(format!("the manifests are not valid; no request was sent\n{rendered}").into())
}
