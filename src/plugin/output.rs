//! The output of a verb, and its formats.

use super::failure::Failure;
use crate::terminal::{Exit, Output};

/// The text that a verb prints to stdout, and its exit code.
pub(super) struct CommandOutput {
    pub(super) text: String,
    pub(super) exit: Exit,
}

pub(super) type VerbResult = Result<CommandOutput, Failure>;

pub(super) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// A line of `osp explain`: a label, and a value in the second column.
pub(super) fn fact(output: &Output, label: &str, value: &str) -> String {
    output.paragraph(&format!("{label:16}"), value)
}
