//! Diagnostics as people and other programs read them.

mod github;
mod json;
mod junit;
mod sarif;
mod text;

use super::Loaded;
use crate::terminal::Output;
use clap::ValueEnum;
use std::io::{self, Write};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people: one line each, and the fix
    #[default]
    Text,
    /// For scripts
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For CI servers: JUnit XML
    Junit,
    /// For GitHub Actions: annotations at the lines
    Github,
}

/// Writes all of `loaded`; `output` is used for people only.
pub fn write(loaded: &Loaded, format: Format, output: &Output, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(loaded, output, out),
        Format::Json => json::write(loaded, out),
        Format::Sarif => sarif::write(loaded, out),
        Format::Junit => junit::write(loaded, out),
        Format::Github => github::write(loaded, out),
    }
}

/// The last sentence: how much was read.
fn summary(loaded: &Loaded) -> String {
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let policies = count(loaded.resources, "policy", "policies");
    let result = match loaded.diagnostics.len() {
        0 => format!("{policies} valid"),
        n => format!("{} in {policies}", count(n, "finding", "findings")),
    };
    match loaded.skipped {
        0 => result,
        n => format!("{result}, {} of other kinds skipped", count(n, "document", "documents")),
    }
}

/// `file` without what a path does not need, for those who compare it as a text
/// with the paths of a repository.
fn short(file: &str) -> String {
    let names: Vec<_> = file.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    let root = if file.starts_with('/') { "/" } else { "" };
    match names.join("/") {
        path if path.is_empty() && root.is_empty() => ".".into(),
        path => format!("{root}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_path_is_as_short_as_in_its_repository() {
        for (file, expected) in [
            ("./a.yaml", "a.yaml"),
            (".//a/./b.yaml", "a/b.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("//a//b.yaml", "/a/b.yaml"),
            ("/", "/"),
            ("./", "."),
            ("<stdin>", "<stdin>"),
        ] {
            assert_eq!(short(file), expected);
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::gitops::{Diagnostic, Location, Rule};

    fn location(file: &str, line: usize, column: usize) -> Location {
        Location { file: file.into(), line, column }
    }

    /// Two findings with all that an output may have to escape.
    fn loaded() -> Loaded {
        let first =
            Diagnostic::new(Rule::Policy, location("a b/<ü>,:%.yaml", 3, 7), "spec.policy", "100% \"wrong\" & <bad>\n");
        let first = Diagnostic { id: "idle-below-absolute", ..first };
        let second = Diagnostic::new(Rule::DuplicateResource, location("b.yaml", 1, 2), "", "twice");
        let second = second.fix(Some("remove one".into())).other(location("a.yaml", 9, 9));
        Loaded { diagnostics: vec![first, second], resources: 3, skipped: 1, ..Loaded::default() }
    }

    /// What `format` makes of [`loaded`].
    pub(super) fn written(format: Format) -> String {
        let mut out = Vec::new();
        write(&loaded(), format, &Output::plain(None), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
