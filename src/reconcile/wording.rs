//! How outcomes, holds and errors read for a person.

use super::{Detail, Hold, Reason, RemoteError, RemoteOutcome};
use crate::policy::{RuleId, Violation};
use std::fmt;

/// Why the organization is not, and does not stay, as far as its mode goes, in
/// a sentence for people; `None` when it is.
pub fn problem(remote_outcome: &RemoteOutcome, organization: &str, live: &str) -> Option<(Reason, String)> {
    let detail = match remote_outcome {
        RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted => return None,
        RemoteOutcome::ChainViolated(violation) => return Some((remote_outcome.reason(), violation.to_string())),
        RemoteOutcome::OrganizationChanged { pinned, found } => format!("was {pinned}, is {found}"),
        RemoteOutcome::OrganizationNotFound | RemoteOutcome::FeatureNotEnabled => organization.to_owned(),
        RemoteOutcome::FeatureUnavailable(detail) | RemoteOutcome::Rejected(detail) => detail.to_string(),
        RemoteOutcome::NotApplied => format!("live: {live}"),
        RemoteOutcome::Unrecognized | RemoteOutcome::Unsupported => String::new(),
        RemoteOutcome::Error(error) => error.to_string(),
    };
    let reason = remote_outcome.reason();
    Some((reason, reason.message(&detail)))
}

/// What is wrong with a spec.
pub fn violations_message(violations: &[Violation]) -> String {
    let message = |violation: &Violation| match violation.rule {
        RuleId::Readable => format!("it can't be read: {violation}"),
        _ => violation.to_string(),
    };
    violations.iter().map(message).collect::<Vec<_>>().join("; ")
}

/// What a deletion waits for, and what to do about it.
pub fn hold_message(hold: &Hold) -> String {
    let detail = match hold {
        Hold::Credentials(error) => error.to_string(),
        Hold::EnvironmentChanged { pinned, found } => format!("written to {pinned}, credentials for {found}"),
        Hold::InvalidSpec => String::new(),
        Hold::Refused(error) => error.detail.to_string(),
    };
    hold.reason().message(&detail)
}

/// Its detail alone; its reason says the rest.
impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.detail.fmt(f)
    }
}

/// Without a subject: `HTTP 400 INVALID_ARGUMENT, fields: idle_session_timeout,
/// request req-1`.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| format!("HTTP {status}"));
        let status: Vec<String> = status.into_iter().chain(self.code.clone()).collect();
        let parts = [
            Some(status.join(" ")).filter(|status| !status.is_empty()),
            (!self.fields.is_empty()).then(|| format!("fields: {}", self.fields.join(" "))),
            self.note.map(|note| note.to_string()),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}
