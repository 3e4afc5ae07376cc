//! The identity of a Scalekit environment.

use std::{fmt, sync::Arc};

/// One Scalekit environment: `host[:port][/path]`, without the default port.
///
/// Credentials of equal environments reach the same organizations and share one rate limit
/// (`scalekit-api.md` §4.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment(Arc<str>);

impl Environment {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
