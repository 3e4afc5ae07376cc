//! The vocabulary between the decision and Scalekit: what can be asked, what
//! can come back, and how it can go wrong. The REST client speaks it, so a
//! decision never sees HTTP.

use crate::policy::{ApplicationPolicy, ExternalId, Live, OrganizationId, Policy};
use std::{fmt, time::Duration};

/// One request to Scalekit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteRequest {
    /// The organization with its feature flags.
    ReadOrganization(OrganizationId),
    /// The organization that carries this external id.
    LookUp(ExternalId),
    /// Sets the feature flags; `features` is sent as it stands.
    WriteFeatures {
        /// Whose.
        organization: OrganizationId,
        /// The complete list, order as read.
        features: Vec<Feature>,
    },
    /// The application's policy as this organization sees it; best effort.
    ReadApplicationPolicy(OrganizationId),
    /// The organization's own policy.
    ReadPolicy(OrganizationId),
    /// Replaces the organization's own policy.
    WritePolicy {
        /// Whose.
        organization: OrganizationId,
        /// The complete policy.
        policy: Policy,
    },
}

impl RemoteRequest {
    /// Whether it changes anything at Scalekit.
    pub const fn writes(&self) -> bool {
        matches!(self, Self::WriteFeatures { .. } | Self::WritePolicy { .. })
    }
}

/// What a call that went well brings back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteResponse {
    /// To the organization calls and to `WriteFeatures` (its echo).
    Organization(Organization),
    /// To `ReadApplicationPolicy`.
    ApplicationPolicy(ApplicationPolicy),
    /// To `ReadPolicy` and to `WritePolicy` (its echo).
    Policy(Live),
}

/// An organization, as far as we care.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// The customer's own name for it, as told; empty counts as absent.
    pub external_id: Option<String>,
    /// All feature flags, as told; a flag that is absent is off.
    pub features: Vec<Feature>,
    /// Whether there was a list of flags at all. Without one either all are
    /// off or the server does not tell (`scalekit-api.md` §2.1).
    pub features_reported: bool,
}

/// One feature flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feature {
    /// Its name, as read; never invented except for `session_policy`.
    pub name: String,
    /// On or off.
    pub enabled: bool,
}

/// The flag that lets an organization have a policy of its own.
pub const SESSION_POLICY: &str = "session_policy";

impl Organization {
    /// Whether the organization may have a policy of its own.
    pub fn session_policy_enabled(&self) -> bool {
        self.features.iter().any(|f| f.name == SESSION_POLICY && f.enabled)
    }
}

/// A call that did not go well.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// For a write: whether it may have been applied all the same (timeout,
    /// lost or unreadable response, 5xx). Always false for a read.
    pub outcome_unknown: bool,
    /// The client itself did not send it: the environment is known to be down,
    /// or pauses. That says nothing new about the environment.
    pub not_sent: bool,
    /// What the server told about it, made safe to show.
    pub detail: Detail,
}

/// The kinds of trouble that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// No complete answer within the deadline.
    TimedOut,
    /// No connection (refused, DNS), or it was lost after a request was sent.
    Unreachable,
    /// No trusted connection.
    Tls,
    /// An answer that is not what the contract promises: not JSON, too large,
    /// missing its envelope, a redirect, numbers out of range.
    BadResponse,
}

/// What may be shown of an error answer. Never the body: a server could echo a
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
    /// What we can say ourselves, from a fixed set of sentences.
    pub note: Option<&'static str>,
}

impl RemoteError {
    /// A fault of `kind` with nothing else known.
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, outcome_unknown: false, not_sent: false, detail: Detail::default() }
    }
}

/// Without a subject: `HTTP 400 INVALID_ARGUMENT, fields: idle_session_timeout,
/// request req-1`.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match (self.status, &self.code) {
            (Some(status), Some(code)) => parts.push(format!("HTTP {status} {code}")),
            (Some(status), None) => parts.push(format!("HTTP {status}")),
            (None, Some(code)) => parts.push(code.clone()),
            (None, None) => {}
        }
        if !self.fields.is_empty() {
            parts.push(format!("fields: {}", self.fields.join(" ")));
        }
        parts.extend(self.note.map(str::to_owned));
        parts.extend(self.request_id.as_ref().map(|id| format!("request {id}")));
        f.write_str(&parts.join(", "))
    }
}
