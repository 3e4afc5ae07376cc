//! Violations of the rules for a spec or a manifest.

use std::fmt;

/// Identifies a rule. Code matches on it and not on messages, which are for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuleId {
    /// The object as a whole can be read.
    Readable,
    /// `apiVersion` and `kind` are those of the resource.
    Kind,
    /// Only fields of the schema are there.
    KnownFields,
    /// Names, labels and annotations are what Kubernetes accepts.
    Metadata,
    /// A value of metadata is a text, and not a number or boolean that YAML reads without quotes.
    Text,
    /// A value has the right type and keeps to its bounds.
    Schema,
    /// This field must be there, directly below the violation's path.
    Required(String),
    /// One of the rules between fields, by its id (`rules.rs`).
    Policy(&'static str),
}

/// A violated rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The rule.
    pub rule: RuleId,
    /// The path of the field, such as `spec.policy.idleSessionTimeout`; empty for the whole document.
    pub path: String,
    /// What to write instead.
    pub message: String,
}

impl Violation {
    /// A broken `rule`.
    pub fn new(rule: RuleId, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}
