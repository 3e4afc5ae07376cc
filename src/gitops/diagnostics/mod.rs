//! The output formats of `osp validate`.

mod github;
mod json;
mod junit;
mod sarif;
mod text;
mod wording;

pub(super) use sarif::write as sarif;
pub(super) use wording::excluded;

use super::Loaded;
use crate::terminal::Output;
use clap::ValueEnum;
use std::io::{self, Write};

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people: one line each, and the fix
    #[default]
    Text,
    /// For scripts
    Json,
    /// The same as YAML
    Yaml,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For CI servers: JUnit XML
    Junit,
    /// For GitHub Actions: annotations at the lines
    Github,
}

/// Writes the diagnostics and counts of `loaded`; only the text format uses `output`.
pub fn write(loaded: &Loaded, format: Format, output: &Output, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(loaded, output, out),
        Format::Json => json::write(loaded, out),
        Format::Yaml => out.write_all(json::yaml(loaded).as_bytes()),
        Format::Sarif => sarif(loaded, None, out),
        Format::Junit => junit::write(loaded, out),
        Format::Github => github::write(loaded, out),
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::gitops::{Diagnostic, Location, Rule};

    fn location(file: &str, line: usize, column: usize) -> Location {
        Location { file: file.into(), line, column }
    }

    /// Two diagnostics with every character that a format may have to escape.
    fn loaded() -> Loaded {
        let first =
            Diagnostic::new(Rule::Policy, location("a b/<ü>,:%.yaml", 3, 7), "spec.policy", "100% \"wrong\" & <bad>\n");
        let first = Diagnostic { id: "idle-below-absolute", ..first };
        let second = Diagnostic::new(Rule::DuplicateResource, location("b.yaml", 1, 2), "", "twice");
        let second = second.fix(Some("remove one".into())).other(location("a.yaml", 9, 9));
        Loaded { diagnostics: vec![first, second], resources: 3, skipped: 1, ..Loaded::default() }
    }

    /// [`loaded`] in this format.
    pub(super) fn written(format: Format) -> String {
        let mut out = Vec::new();
        write(&loaded(), format, &Output::plain(None), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
