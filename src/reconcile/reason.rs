//! Every reason a condition or an event can carry, with what it means and what
//! a person does about it. `docs/conditions.md` is made from this table.

use std::fmt;

macro_rules! reasons {
    ($($name:ident: $means:literal, $act:literal;)*) => {
        /// Why a condition is what it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $means] $name,)*
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name as conditions and events carry it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, in a sentence.
            pub const fn means(self) -> &'static str {
                match self { $(Self::$name => $means,)* }
            }

            /// What a person does about it, in a sentence.
            pub const fn act(self) -> &'static str {
                match self { $(Self::$name => $act,)* }
            }
        }
    };
}

reasons! {
    InSync: "The live policy is the declared one.", "Nothing.";
    StricterKept: "TightenOnly: the live policy is at least as strict as the declared one in every field, and stays.",
        "Nothing, or use mode Enforce to make the declared values live.";
    Observing: "Observe: the live policy is read and compared with the declared one, and nothing is written.",
        "Nothing; the condition Synced says whether the live policy is the declared one.";
    DriftDetected: "The live policy is not the declared one; `status.drift` lists the fields.",
        "In mode Observe: change the spec, change the policy in Scalekit, or let the operator write with mode Enforce. \
         Else see the condition Ready.";
    Progressing: "A change is under way.", "Wait; it takes seconds.";
    Suspended: "It is suspended, so nothing is read or written.",
        "Wait for the time that the message names, if any, or resume it: `kubectl osp resume`, or remove `spec.suspend` \
         and the annotation `scalekit.com/suspended-until`.";
    InvalidSpec: "The spec can't be acted on; the message names the field.", "Correct the spec.";
    CredentialsMissing: "The Secret, or the operator's own credentials, are not there.",
        "Create the Secret that the message names; it is read again within a minute.";
    CredentialsIncomplete: "A key of the credentials is missing or unusable; the message names it.",
        "Correct the Secret; it is read again within a minute.";
    CredentialsUnreadable: "The operator can't read the Secret; the message says why.",
        "If it may not: give its ServiceAccount the verb get on secrets in this namespace. Else wait. The Secret is \
         read again within a minute.";
    CredentialsNotAllowed: "The operator's own credentials are not for resources of this namespace.",
        "Name a Secret in `spec.credentialsSecretRef`, or start the operator with `--default-credentials-for` this \
         namespace.";
    CredentialsRejected: "Scalekit's token endpoint refuses the client id or secret.",
        "Correct SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET in the Secret; it is read again within a minute.";
    AuthFailed: "Scalekit gave a token and then refused it.",
        "Check that the client belongs to this environment and is enabled.";
    BadAuthResponse: "The token endpoint answered something that is no token.",
        "Check that SCALEKIT_ENVIRONMENT_URL is the environment's own URL.";
    Forbidden: "Scalekit answered 403.",
        "Give the API client the permissions organizations:read and organizations:write.";
    Conflict: "Another resource owns this organization.",
        "Delete one of the two; the younger one takes over when the older one goes.";
    Contended: "Somebody else changes the policy each time that it was set as declared.",
        "Find the other writer (a second cluster with the same organization, a script) and stop one of the two. Until \
         then a looser policy is corrected each interval, and a stricter one stays and is tried once an hour.";
    OrganizationNotFound: "Scalekit has no such organization.",
        "Correct `spec.organization` in a new resource, or create the organization.";
    OrganizationChanged: "The external id leads to another organization than the one written to before.",
        "If that is meant, delete this resource and create it again; deleting reverts the first organization.";
    FeatureUnavailable: "Scalekit refuses to enable the feature session_policy.",
        "Ask Scalekit to enable session policies for the environment; it is tried again every hour.";
    FeatureNotEnabled: "Scalekit accepted the feature session_policy and still shows it off.",
        "Ask Scalekit's support, naming the organization.";
    RejectedByApi: "Scalekit declined the policy.",
        "Correct the values; the message names them where Scalekit does. The same values are tried again every hour.";
    NotApplied: "Scalekit accepted the policy and keeps another one; `status.drift` lists the fields.",
        "Declare values that Scalekit keeps; the same values are tried again every hour.";
    UnrecognizedLivePolicy: "The live policy has a source that this version does not know.",
        "Upgrade the operator, or set the organization's policy in Scalekit's dashboard.";
    ApiNotSupported: "This Scalekit server has no session-policy API.",
        "Upgrade the server, or remove the resource.";
    RateLimited: "Requests are limited, by Scalekit or by the operator itself; what is not sent waits.",
        "Wait; where it lasts, raise `spec.interval` or `--rate-limit`. Several wrong client secrets for a host slow down \
         the next ones.";
    ApiUnreachable: "Nothing answers as Scalekit does.",
        "Check network, DNS and SCALEKIT_ENVIRONMENT_URL. Of hosts outside Scalekit's own domains no more is said here; \
         the operator's log has more at level debug.";
    TlsError: "No trusted connection to Scalekit.", "Check the server's certificate and the trusted roots.";
    TimedOut: "Scalekit did not answer in time.", "Wait; it is tried again with growing delays.";
    ApiUnavailable: "Scalekit answered with a server error.", "Wait; it is tried again with growing delays.";
    BadResponse: "What answered does not speak Scalekit's API.",
        "Check SCALEKIT_ENVIRONMENT_URL and what stands between: a proxy or a captive portal.";
    WriteConflict: "Others change the same policy at this moment.", "Wait; it is tried again.";
    ApiServerError: "The Kubernetes API server failed or refused a request of the operator.",
        "See the message; a refused one means that the operator lacks a permission of `deploy/rbac.yaml`.";
    InternalError: "This reconcile failed in the operator itself; only this resource is affected.",
        "Report it with the operator's log.";
    Stale: "The live policy could not be read for three intervals, so nothing is known about it.",
        "See the condition Synced for the cause.";
    Deleting: "The organization's policy is being set back before the resource goes.", "Wait.";
    Released: "Nothing is left to do for the operator; finalizers of others hold the resource.",
        "Find who keeps the finalizers that are left.";
    HandingOver: "The resource is being deleted, and waits for another one to get its policy live.",
        "Wait; the policy is set back at the time that `status.release` names if the other resource is not Ready by then.";
    CleanupPending: "The organization is not yet set back; Scalekit did not do it yet.",
        "Wait; or set `spec.deletionPolicy: Retain` to let the resource go and keep the policy.";
    EnvironmentChanged: "The credentials lead to another environment than the one written to.",
        "Restore the credentials of the environment that the message names.";
    EnvironmentMoved: "The credentials lead to another environment, and the policy is kept there from now on; in the \
         first environment it stays as it is.",
        "Nothing if the environment just got another host name; else set the organization's policy in the first one by \
         hand.";
    Reverted: "The organization inherits the application's policy again.", "Nothing.";
    Restored: "The organization has the policy again that it had before the resource.", "Nothing.";
    HandedOver: "Another resource takes over the organization; its policy comes next.", "Nothing.";
    OrganizationGone: "The organization does not exist any more, so there was nothing to revert.", "Nothing.";
    PolicyOrphaned: "The resource is gone and its policy is still live in Scalekit.",
        "Set the organization's session policy in Scalekit by hand.";
    Uninstalled: "The operator was uninstalled, and keeps this policy no more.",
        "Delete the resource, or start the operator again.";
    PolicyApplied: "The declared policy was written.", "Nothing.";
    DriftCorrected: "Somebody changed the policy in Scalekit; the declared one was written again.",
        "Find out who, or use mode TightenOnly or Observe.";
    FeatureEnabled: "The feature session_policy was switched on.", "Nothing.";
    FeatureDisabled: "The feature session_policy was switched off again (`--disable-feature-on-delete`).", "Nothing.";
    FeaturesChanged: "Other features of the organization changed while session_policy was switched on.",
        "Check the organization's features in Scalekit.";
    Enabled: "The feature session_policy is on.", "Nothing.";
    Disabled: "The feature session_policy is off.", "Nothing. An organization that inherits needs no feature; a custom policy in mode Enforce or TightenOnly switches it on.";
    FeatureStateUnknown: "Scalekit does not tell whether the feature session_policy is on; it is switched on before a custom policy is written.",
        "Nothing.";
    AppliesFully: "The declared values apply: the application's policy is not stricter.", "Nothing.";
    LooserThanApplication: "The application's policy is stricter, so a declared value has no effect.",
        "Shorten the declared value, or lengthen the application's in Scalekit's dashboard.";
    LooserThanDeclared: "What applies to new sessions is looser than what is declared, since another policy is live.",
        "See the condition Synced for the cause; in mode Observe nothing is written.";
    StricterThanDeclared: "What applies to new sessions is stricter than what is declared, since another policy is live.",
        "Nothing, or use mode Enforce to make the declared values live.";
    ApplicationPolicyUnreadable: "The application's policy can't be read, so what really applies is unknown.",
        "Nothing; reading it needs a newer server or a feature of the environment.";
    NotChecked: "It was not read yet.", "Wait.";
}

impl Reason {
    /// What it means, the case at hand, and what to do, as one message for
    /// people. An empty `detail` is left out.
    pub fn message(self, detail: &str) -> String {
        sentences(self.means(), detail, self.act())
    }

    /// The reason with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

/// What it means, with the case at hand unless that is empty, and what to do.
pub(super) fn sentences(means: &str, detail: &str, act: &str) -> String {
    match detail {
        "" => format!("{means} {act}"),
        detail => format!("{} ({detail}). {act}", means.trim_end_matches('.')),
    }
}

/// The page `docs/conditions.md`, in Markdown.
pub fn reasons_page() -> String {
    let mut page = String::from(
        "<!-- Generated from src/reconcile/reason.rs; do not edit. -->\n# Conditions and their reasons\n\n\
         | condition | it says | there |\n|---|---|---|\n\
         | Ready | the operator did its job for the generation in `observedGeneration` | always |\n\
         | Synced | the live policy is the declared one | always |\n\
         | FeatureEnabled | the feature session_policy is on | always |\n\
         | Effective | what applies to new sessions is what is declared | always |\n\
         | Contended | others keep undoing what the operator writes | only when True |\n\
         | Reconciling | something is pending and the operator goes on by itself | only when True |\n\
         | Stalled | a person is needed | only when True, never with Reconciling |\n\n\
         Every reason that a condition or an event of an OrganizationSessionPolicy can carry:\n\n\
         | reason | it means | what to do |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        page.push_str(&format!("| {} | {} | {} |\n", reason.name(), reason.means(), reason.act()));
    }
    page
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.name()), Some(*reason));
        }
        assert_eq!(Reason::parse("Whatever"), None);
    }

    #[test]
    fn every_reason_that_is_shown_is_on_the_page() {
        let page = reasons_page();
        for reason in [Reason::InSync, Reason::CredentialsMissing, Reason::Stale] {
            assert!(page.contains(&format!("| {} |", reason.name())), "{reason}");
        }
    }
}
