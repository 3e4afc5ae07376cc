//! What reading the input comes to: manifests, diagnostics and counts.

use super::Manifest;
use super::source;
use super::tree::Position;
use crate::gitops::{Diagnostic, Location, Rule};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The manifests and diagnostics of the input.
#[derive(Debug, Default, Serialize)]
pub struct Loaded {
    /// The valid resources, in the order of the input. Two that claim the same organization are both
    /// here, so use them only if there is no diagnostic.
    #[serde(skip)]
    pub manifests: Vec<Manifest>,
    /// The errors, in the order of the input.
    #[serde(rename = "findings")]
    pub diagnostics: Vec<Diagnostic>,
    /// The number of resources of our kind, valid or not.
    pub resources: usize,
    /// The number of documents and list items of other kinds.
    pub skipped: usize,
    /// The files of a folder that are skipped: saved plans, and errors in those that do not mention our kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Diagnostic>,
    /// The files and folders that `--exclude` or `.ospignore` leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
}

impl Loaded {
    /// The number of errors in files that are skipped.
    pub(in crate::gitops) fn not_read(&self) -> usize {
        self.unread.iter().filter(|unread| unread.rule != Rule::WrongKind).count()
    }

    /// Adds a diagnostic if no resource of our kind and no other error was found.
    pub fn require_policies(&mut self, paths: &[PathBuf]) {
        let Some(path) = paths.first().filter(|_| self.resources + self.diagnostics.len() == 0) else { return };
        let file = if path == Path::new("-") { "<stdin>".into() } else { source::name(path).into() };
        let more = if paths.len() > 1 { " nor in the other paths" } else { "" };
        let message = format!("there is no OrganizationSessionPolicy in it{more}");
        let fix = "name the files or folders of the policies, or say with --allow-empty that there may be none";
        self.diagnostics.push(error(Rule::Empty, &file, Position::START, &message, Some(fix)));
    }
}

/// A diagnostic of a place that is no field of a resource.
pub(super) fn error(rule: Rule, file: &Arc<str>, at: Position, message: &str, fix: Option<&str>) -> Diagnostic {
    Diagnostic::new(rule, location(file, at), "", message).fix(fix.map(str::to_owned))
}

pub(super) fn location(file: &Arc<str>, at: Position) -> Location {
    Location { file: file.clone(), line: at.line, column: at.column }
}
