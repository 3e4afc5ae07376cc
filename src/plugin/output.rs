//! What a verb prints, and in which format.

use super::failure::Failure;
use crate::terminal::{Exit, Output};

/// What a verb prints to stdout, and the exit code to end with.
pub(super) struct CommandOutput {
    pub(super) text: String,
    pub(super) exit: Exit,
}

pub(super) type VerbResult = Result<CommandOutput, Failure>;

/// `-o`: tables and sentences for people, or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// `value` as indented JSON with a line break at the end.
pub(super) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// A line of the explanation: `value` behind `label`, all values in one column.
pub(super) fn fact(output: &Output, label: &str, value: &str) -> String {
    output.paragraph(&format!("{label:16}"), value)
}
