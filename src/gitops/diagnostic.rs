//! What is wrong with the input, where, and what to do about it.

use crate::terminal;
use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};

/// A position in a file of the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// The path as given on the command line, or found below a folder that was; `<stdin>` for the
    /// standard input. Shared, since thousands of locations have the same.
    #[serde(serialize_with = "text")]
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One error in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The rule of `osp validate` that is broken.
    pub rule: Rule,
    /// With [`Rule::Policy`] the id of the broken rule of the CRD (`src/crd/rules.rs`), else the name
    /// of `rule`.
    pub id: &'static str,
    /// Where the error is.
    #[serde(flatten)]
    pub location: Location,
    /// The path of the wrong field, such as `spec.policy.idleSessionTimeout`; empty when a whole
    /// document or file is wrong.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead; `None` where the message says it.
    pub fix: Option<String>,
    /// The earlier location, where two contradict each other.
    pub other: Option<Location>,
}

impl Diagnostic {
    pub(in crate::gitops) fn new(rule: Rule, location: Location, field: &str, message: &str) -> Self {
        let (id, field, message) = (rule.name(), printable(field), printable(message));
        Self { rule, id, location, field, message, fix: None, other: None }
    }

    pub(in crate::gitops) fn fix(self, fix: Option<String>) -> Self {
        Self { fix: fix.as_deref().map(printable), ..self }
    }

    pub(in crate::gitops) fn other(self, other: Location) -> Self {
        Self { other: Some(other), ..self }
    }

    /// [`Self::summary`], and the fix on a second line.
    pub(in crate::gitops) fn with_fix(&self) -> String {
        self.fix.iter().fold(self.summary(), |text, fix| format!("{text}\nfix: {fix}"))
    }

    /// Field and message in one line.
    pub fn summary(&self) -> String {
        if self.field.is_empty() { self.message.clone() } else { format!("{}: {}", self.field, self.message) }
    }
}

macro_rules! rules {
    ($($rule:ident $name:literal: $help:literal;)*) => {
        /// What `osp validate` checks. The names are part of its output and never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(into = "&'static str")]
        pub enum Rule {
            $(#[doc = $help] $rule,)*
        }

        impl Rule {
            /// All of them, in the order of the documentation.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$rule,)*];

            /// The name in every output format.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// One sentence that says what the rule requires.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$rule => $help,)* }
            }
        }
    };
}

rules! {
    Unreadable "unreadable": "Every path must be a file or folder that can be read.";
    Encoding "encoding": "A file must be UTF-8; a byte order mark is fine.";
    Empty "empty": "The paths must hold a policy, and each folder a manifest, so that a wrong path is no success.";
    Syntax "syntax": "A document must be YAML or JSON that kubectl reads too, indented with spaces.";
    Limit "limit": "Input must keep to the limits of size, depth, aliases and number.";
    DuplicateKey "duplicate-key": "A map must have each key once.";
    AmbiguousValue "ambiguous-value":
        "A value or key must mean the same in YAML 1.2 and to tools of YAML 1.1 such as kubectl; quotes make it a \
         text.";
    WrongKind "wrong-kind":
        "apiVersion must be scalekit.com/v1alpha1 and kind must be OrganizationSessionPolicy, in this spelling.";
    UnknownField "unknown-field": "A field must be one that the resource has; the server would drop or refuse others.";
    Metadata "metadata": "Names, labels and annotations must be what Kubernetes accepts.";
    Schema "schema": "Needed fields must be there, and values of the right type and within their bounds.";
    Policy "policy": "The fields must fit together as the resource's own rules say.";
    TooLong "too-long": "A timeout must keep to --max-absolute and --max-idle, where they are given.";
    DuplicateResource "duplicate-resource": "A resource must be declared once for each namespace and name.";
    DuplicateOrganization "duplicate-organization":
        "An organization must be claimed by one resource only; of two, the operator lets the younger wait.";
}

impl From<Rule> for &'static str {
    fn from(rule: Rule) -> Self {
        rule.name()
    }
}

/// The longest text of a diagnostic, in bytes, since values of users are quoted in it.
pub(in crate::gitops) const LONGEST: usize = 600;

/// [`terminal::printable`], cut to [`LONGEST`] bytes.
pub(in crate::gitops) fn printable(text: &str) -> String {
    let text = &terminal::without_codes(text);
    let end = text.floor_char_boundary(LONGEST);
    let more = if end < text.len() { "…" } else { "" };
    terminal::printable(text.get(..end).unwrap_or_default()) + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_sentence() {
        let names: HashSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        assert!(Rule::ALL.iter().all(|rule| rule.help().ends_with('.')));
    }

    #[test]
    fn a_text_of_strangers_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\r\nb\u{202e}c"), "a\\u{1b}[31m\\r\\nb\\u{202e}c");
        assert!(printable(&"é".repeat(10_000)).len() < 700);
    }
}
