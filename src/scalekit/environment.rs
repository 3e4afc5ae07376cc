//! The name under which a Scalekit environment is known here.

use std::{fmt, sync::Arc};

/// One Scalekit environment: `host[:port][/path]`, the default port left out.
///
/// Two sets of credentials with equal environments talk to the same
/// organizations and share one rate limit (`scalekit-api.md` §4.3).
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
