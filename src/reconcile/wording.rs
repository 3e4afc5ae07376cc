//! How outcomes and holds read for a person: a reason and its message.

use super::{Hold, Reason, RemoteOutcome};
use crate::policy::{RuleId, Violation};

/// Why the organization is not, and does not stay, as far as its mode goes, in
/// a sentence for people; `None` when it is.
pub fn problem(remote_outcome: &RemoteOutcome, organization: &str, live: &str) -> Option<(Reason, String)> {
    let (reason, detail) = match remote_outcome {
        RemoteOutcome::InSync | RemoteOutcome::StricterKept | RemoteOutcome::Drifted => return None,
        RemoteOutcome::ChainViolated(violation) => return Some((Reason::InvalidSpec, violation.to_string())),
        RemoteOutcome::OrganizationChanged { pinned, found } => {
            (Reason::OrganizationChanged, format!("was {pinned}, is {found}"))
        }
        RemoteOutcome::OrganizationNotFound => (Reason::OrganizationNotFound, organization.to_owned()),
        RemoteOutcome::FeatureUnavailable(detail) => (Reason::FeatureUnavailable, detail.to_string()),
        RemoteOutcome::FeatureNotEnabled => (Reason::FeatureNotEnabled, organization.to_owned()),
        RemoteOutcome::NotApplied => (Reason::NotApplied, format!("live: {live}")),
        RemoteOutcome::Unrecognized => (Reason::UnrecognizedLivePolicy, String::new()),
        RemoteOutcome::Rejected(detail) => (Reason::RejectedByApi, detail.to_string()),
        RemoteOutcome::Unsupported => (Reason::ApiNotSupported, String::new()),
        RemoteOutcome::Error(error) => (error.kind.reason(), error.detail.to_string()),
    };
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
