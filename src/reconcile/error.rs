//! How a request to Scalekit can fail, and what class of failure that is.

use super::{Note, Reason};
use std::time::Duration;

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteError {
    /// How it failed.
    pub kind: ErrorKind,
    /// For a write: whether it may have been applied all the same (timeout,
    /// lost or unreadable response, 5xx). Always false for a read.
    pub outcome_unknown: bool,
    /// The client itself did not send it: the environment is known to be down,
    /// or pauses. That says nothing new about the environment.
    pub not_sent: bool,
    /// The environment is known to be down, and is probed again after this
    /// time.
    pub probe_after: Option<Duration>,
    /// What the server says about it, made safe to show.
    pub detail: Detail,
}

/// How a request can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumIter)]
pub enum ErrorKind {
    /// The token endpoint refused the client id or secret.
    CredentialsRejected,
    /// A fresh token was refused too (401 twice).
    AuthFailed,
    /// The token endpoint answered something that is no token.
    BadAuthResponse,
    /// 403.
    Forbidden,
    /// 404 with Scalekit's JSON error body (code 5).
    NotFound,
    /// 409.
    Conflict,
    /// 429, or the environment still pauses from an earlier one.
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// 400 and other 4xx: the server understood and declined.
    Rejected,
    /// 501.
    Unsupported,
    /// 5xx, 408, 499.
    Unavailable,
    /// No complete response within the deadline.
    TimedOut,
    /// No connection (refused, DNS), or it was lost after a request was sent.
    Unreachable,
    /// No trusted connection.
    Tls,
    /// A response that is not what the contract promises: not JSON, too large,
    /// missing its envelope, a redirect, numbers out of range.
    BadResponse,
}

/// What a [`RemoteError`] means for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Terminal: the credentials are refused, so nothing is known of Scalekit's
    /// state until they change.
    Unauthenticated,
    /// Terminal: Scalekit understood and declined; waiting alone changes
    /// nothing.
    Refused,
    /// What was asked for does not exist.
    Absent,
    /// Too many requests; the server says when to come back.
    Throttled,
    /// It may succeed at the next try.
    Transient,
}

impl ErrorClass {
    /// Whether waiting alone can't help.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Unauthenticated | Self::Refused)
    }
}

impl ErrorKind {
    /// Its class, what it proves ([`Self::reached`]), and its reason.
    const fn facts(self) -> (ErrorClass, Option<bool>, Reason) {
        use ErrorClass::{Absent, Refused, Throttled, Transient, Unauthenticated};
        match self {
            Self::CredentialsRejected => (Unauthenticated, None, Reason::CredentialsRejected),
            Self::AuthFailed => (Unauthenticated, None, Reason::AuthFailed),
            Self::BadAuthResponse => (Transient, None, Reason::BadAuthResponse),
            Self::Forbidden => (Refused, Some(true), Reason::Forbidden),
            Self::NotFound => (Absent, Some(true), Reason::OrganizationNotFound),
            Self::Conflict => (Transient, Some(true), Reason::WriteConflict),
            Self::RateLimited { .. } => (Throttled, None, Reason::RateLimited),
            Self::Rejected => (Refused, Some(true), Reason::RejectedByApi),
            Self::Unsupported => (Refused, Some(true), Reason::ApiNotSupported),
            Self::Unavailable => (Transient, Some(false), Reason::ApiUnavailable),
            Self::TimedOut => (Transient, Some(false), Reason::TimedOut),
            Self::Unreachable => (Transient, Some(false), Reason::ApiUnreachable),
            Self::Tls => (Transient, Some(false), Reason::TlsError),
            Self::BadResponse => (Transient, None, Reason::BadResponse),
        }
    }

    /// What it means for what happens next.
    pub const fn class(self) -> ErrorClass {
        self.facts().0
    }

    /// What it proves about the environment: that Scalekit answers there, that it
    /// does not, or `None`. Who refuses a token or limits requests need not be the
    /// API itself.
    pub const fn reached(self) -> Option<bool> {
        self.facts().1
    }

    /// The reason that an error of this kind is reported with.
    pub const fn reason(self) -> Reason {
        self.facts().2
    }

    /// Whether a read that failed so may succeed seconds later: an outage.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Unavailable | Self::TimedOut | Self::Unreachable)
    }

    /// Whether a server answers so about the policy of an organization whose
    /// feature is off, which it may hide.
    pub const fn hides_policy(self) -> bool {
        matches!(self, Self::Forbidden | Self::Rejected)
    }

    /// Whether this answer to the question for the application's policy settles
    /// it for every organization that the client reaches: the server does not tell.
    /// A 400 does too, or every organization would ask again.
    pub const fn settles_application_policy(self) -> bool {
        matches!(self.class(), ErrorClass::Refused | ErrorClass::Absent)
    }
}

/// What may be shown of an error response. Never the body: a server could echo a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Detail {
    /// HTTP status.
    pub status: Option<u16>,
    /// Scalekit's `error_code`, upper-case letters and `_` only.
    pub code: Option<String>,
    /// Scalekit's request id, for its support.
    pub request_id: Option<String>,
    /// Known field names that a validation error named.
    pub fields: Vec<String>,
    /// What we know ourselves.
    pub note: Option<Note>,
}

/// The longest pause after a 429 that a reconcile waits for; it ends with a longer
/// one, so that the status tells it.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long one reconcile goes on in spite of 429s.
const LONGEST_LIMITED: Duration = Duration::from_secs(30);

impl RemoteError {
    /// Whether a reconcile waits until it may send the request again, and goes on
    /// with what it has seen. `limited_for`: the time since its first 429.
    pub fn is_waited_out(&self, limited_for: Duration) -> bool {
        let short = matches!(self.kind, ErrorKind::RateLimited { retry_after } if retry_after <= PATIENCE);
        short && !self.not_sent && limited_for < LONGEST_LIMITED
    }

    /// An error of `kind` with nothing else known.
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, outcome_unknown: false, not_sent: false, probe_after: None, detail: Detail::default() }
    }

    /// The error of a request that the client did not send, because of an outage, a
    /// limit or a pause of this kind.
    pub fn not_sent(kind: ErrorKind) -> Self {
        let detail = Detail { note: Some(Note::NotSent), ..Detail::default() };
        Self { not_sent: true, detail, ..Self::new(kind) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_request_that_was_not_sent_says_so() {
        let error = RemoteError::not_sent(ErrorKind::Unavailable);
        assert_eq!((error.not_sent, error.detail.note), (true, Some(Note::NotSent)));
    }
}
