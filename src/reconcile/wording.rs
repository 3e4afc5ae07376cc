//! How outcomes, holds and errors read for a person.

use super::{Detail, Hold, Reason, RemoteError, RemoteOutcome, reason::sentences};
use crate::policy::{RuleId, Violation};
use std::fmt;

/// Who reads a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reads the status of a resource; the operator goes on by itself.
    Cluster,
    /// Whoever runs `osp` on files: there is no Secret, no operator and no status.
    CommandLine,
}

/// Why the organization is not, and does not stay, as far as its mode goes, in
/// a sentence for people; `None` when it is.
pub fn problem(
    remote_outcome: &RemoteOutcome,
    organization: &str,
    live: &str,
    audience: Audience,
) -> Option<(Reason, String)> {
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
    Some((reason, reason.message_for(audience, &detail)))
}

impl Reason {
    /// [`Reason::message`] in the words that fit `audience`.
    fn message_for(self, audience: Audience, detail: &str) -> String {
        match (audience, self.on_command_line()) {
            (Audience::CommandLine, Some((means, act))) => sentences(means, detail, act),
            _ => self.message(detail),
        }
    }

    /// What it means and what to do about it where the words for a cluster don't fit.
    const fn on_command_line(self) -> Option<(&'static str, &'static str)> {
        let means = match self {
            Self::NotApplied => "Scalekit accepted the policy and keeps another one.",
            Self::RateLimited => "Requests to Scalekit are limited.",
            other => other.means(),
        };
        let act = match self {
            Self::CredentialsRejected => "Correct SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET.",
            Self::OrganizationNotFound => "Correct `spec.organization`, or create the organization.",
            Self::OrganizationChanged => "Make a new plan if that is meant.",
            Self::FeatureUnavailable => "Ask Scalekit to enable session policies for the environment.",
            Self::RejectedByApi => "Correct the values; the message names them where Scalekit does.",
            Self::NotApplied => "Declare values that Scalekit keeps.",
            Self::UnrecognizedLivePolicy => {
                "Use a newer version of osp, or set the organization's policy in Scalekit's dashboard."
            }
            Self::ApiNotSupported => "Upgrade the server, or remove the manifest.",
            Self::RateLimited => "Run osp again later, or with a lower --rate-limit.",
            Self::ApiUnreachable => "Check network, DNS, --proxy and SCALEKIT_ENVIRONMENT_URL; -vv logs more.",
            Self::TimedOut => "Run osp again later, or with a longer --request-timeout.",
            Self::ApiUnavailable | Self::WriteConflict => "Run osp again later.",
            _ => return None,
        };
        Some((means, act))
    }
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

#[cfg(test)]
mod tests {
    use super::super::ErrorKind;
    use super::*;
    use strum::IntoEnumIterator;

    /// What only a cluster has, or only the operator does.
    const ELSEWHERE: [&str; 9] =
        ["Secret", "operator", "status", "hour", "minute", "interval", "resource", "tried again", "Wait"];

    #[test]
    fn whoever_runs_osp_is_not_told_of_what_only_a_cluster_has() {
        let errors = ErrorKind::iter().map(|kind| RemoteOutcome::Error(RemoteError::new(kind)));
        let found = || crate::policy::OrganizationId::parse("org_2").unwrap();
        let others = [
            RemoteOutcome::OrganizationChanged { pinned: found(), found: found() },
            RemoteOutcome::OrganizationNotFound,
            RemoteOutcome::FeatureUnavailable(Detail::default()),
            RemoteOutcome::FeatureNotEnabled,
            RemoteOutcome::NotApplied,
            RemoteOutcome::Unrecognized,
            RemoteOutcome::Rejected(Detail::default()),
            RemoteOutcome::Unsupported,
        ];
        let mut said = 0;
        for outcome in errors.chain(others) {
            let (reason, message) = problem(&outcome, "org_1", "absolute 8h", Audience::CommandLine).unwrap();
            for word in ELSEWHERE {
                assert!(!message.contains(word), "{reason}: {word} in {message}");
            }
            said += 1;
        }
        assert!(said > 15, "{said}");
    }

    #[test]
    fn whoever_runs_osp_is_told_in_its_words_what_it_means_and_what_to_do() {
        let (_, message) = problem(&RemoteOutcome::NotApplied, "org_1", "", Audience::CommandLine).unwrap();
        for part in ["Scalekit accepted the policy and keeps another one", "Declare values that Scalekit keeps."] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn whoever_reads_a_status_is_told_of_the_secret() {
        let refused = RemoteOutcome::Error(RemoteError::new(ErrorKind::CredentialsRejected));
        let (_, message) = problem(&refused, "org_1", "", Audience::Cluster).unwrap();
        assert!(message.contains("in the Secret"), "{message}");
    }

    #[test]
    fn an_error_is_told_with_its_status_code_fields_and_request() {
        let detail = Detail {
            status: Some(400),
            code: Some("INVALID_ARGUMENT".into()),
            fields: vec!["idle_session_timeout".into()],
            request_id: Some("req-1".into()),
            ..Detail::default()
        };
        let told = "HTTP 400 INVALID_ARGUMENT, fields: idle_session_timeout, request req-1";
        assert_eq!(detail.to_string(), told);
        assert_eq!(RemoteError { detail, ..RemoteError::new(ErrorKind::Rejected) }.to_string(), told);
        assert_eq!(Detail { status: Some(503), ..Detail::default() }.to_string(), "HTTP 503");
    }

    #[test]
    fn a_spec_that_can_not_be_read_is_told_as_such() {
        let violation = |rule| violations_message(&[Violation::new(rule, "spec", "is no map")]);
        assert!(violation(RuleId::Readable).starts_with("it can't be read: "));
        assert!(!violation(RuleId::Metadata).contains("read"));
    }
}
