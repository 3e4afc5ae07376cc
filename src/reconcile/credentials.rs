//! Where credentials lead, or why there are none.

use super::Reason;

/// Where usable credentials lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// The environment's host.
    pub environment: String,
    /// Where the credentials come from, for messages: a Secret's name.
    pub source: String,
}

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CredentialsProblem {
    /// What is wrong with them.
    pub flaw: CredentialsFlaw,
    /// Names the Secret and the key, never a value; says what to do.
    pub message: String,
}

/// What can be wrong with credentials before anybody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialsFlaw {
    /// They are not there, so somebody may still bring them.
    Missing,
    /// A value is missing or unusable.
    Incomplete,
    /// The operator's own are not for this namespace.
    NotAllowed,
}

impl CredentialsFlaw {
    /// The reason it is reported with.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Missing => Reason::CredentialsMissing,
            Self::Incomplete => Reason::CredentialsIncomplete,
            Self::NotAllowed => Reason::CredentialsNotAllowed,
        }
    }
}
