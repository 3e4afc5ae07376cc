//! One organization: observe, flag, policy, verify. The operator and the CLI
//! run the same steps.

use super::{
    Detail, ErrorClass, ErrorKind, Goal, Observation, Organization, Reason, RemoteError, RemoteRequest, features,
    goal::{Pending, pending},
    observation::Application,
    step::Step,
};
use crate::policy::{ChainViolation, Live, Mode, OrganizationId, Policy, check_chain, diff};

/// The next thing to do about an organization.
pub type RemoteStep = Step<RemoteRequest, RemoteOutcome>;

/// How the reconcile of an organization ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, strum::IntoStaticStr)]
pub enum RemoteOutcome {
    /// A read or a write's echo in this reconcile showed the declared policy.
    InSync,
    /// TightenOnly, and the live policy is at least as strict everywhere.
    StricterKept,
    /// Observe, and the live policy is not the declared one.
    Drifted,
    /// The policy can't hold next to the application's access token.
    ChainViolated(ChainViolation),
    /// The external id leads to another organization than before.
    OrganizationChanged {
        /// The one we have written to.
        pinned: OrganizationId,
        /// The one it leads to now.
        found: OrganizationId,
    },
    /// No such organization.
    OrganizationNotFound,
    /// The server won't let the flag be switched on, or hides the policy while
    /// it is off.
    FeatureUnavailable(Detail),
    /// The server took the flag twice and it is still off.
    FeatureNotEnabled,
    /// The server took the policy twice and it is still another one.
    NotApplied,
    /// The live policy has a source that this version does not know.
    Unrecognized,
    /// The server understood the policy and declined it.
    Rejected(Detail),
    /// The organization exists but has no session-policy API.
    Unsupported,
    /// Any other error that ended the reconcile.
    Error(RemoteError),
}

impl RemoteOutcome {
    /// The reason that it is reported with.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::InSync => Reason::InSync,
            Self::StricterKept => Reason::StricterKept,
            Self::Drifted => Reason::DriftDetected,
            Self::ChainViolated(_) => Reason::InvalidSpec,
            Self::OrganizationChanged { .. } => Reason::OrganizationChanged,
            Self::OrganizationNotFound => Reason::OrganizationNotFound,
            Self::FeatureUnavailable(_) => Reason::FeatureUnavailable,
            Self::FeatureNotEnabled => Reason::FeatureNotEnabled,
            Self::NotApplied => Reason::NotApplied,
            Self::Unrecognized => Reason::UnrecognizedLivePolicy,
            Self::Rejected(_) => Reason::RejectedByApi,
            Self::Unsupported => Reason::ApiNotSupported,
            Self::Error(error) => error.kind.reason(),
        }
    }
}

/// How often one reconcile writes a policy that the server takes, or may have taken,
/// but does not keep.
const TRIES: u8 = 2;
/// How often one reconcile re-decides after a 409.
const CONFLICTS: u8 = 3;

/// The next step for `goal`, given what was observed.
///
/// An organization that is to inherit needs no feature. Whether a custom policy that was
/// stored before the feature went off still applies is not known (`scalekit-api.md` §3.9),
/// so one that can be read is taken away, with the feature left off; a policy that the
/// server does not show then counts as inherited ([`Observation::observe`]).
pub fn next(goal: &Goal, observation: &Observation) -> RemoteStep {
    use Step::Done;
    if let Some((request, error)) = &observation.failure {
        return Done(outcome(request, error.clone(), observation));
    }
    let Some(organization) = &observation.organization else {
        return RemoteStep::Request(observation.find(&goal.organization));
    };
    if let Some(pinned) = goal.pinned.clone().filter(|pinned| *pinned != organization.id) {
        return Done(RemoteOutcome::OrganizationChanged { pinned, found: organization.id.clone() });
    }
    if observation.policy_route_missing {
        return Done(RemoteOutcome::Unsupported);
    }
    let id = || organization.id.clone();
    if observation.application == Application::Unread {
        return RemoteStep::Request(RemoteRequest::ReadApplicationPolicy(id()));
    }
    let off = goal.needs_feature() && !organization.session_policy_enabled();
    // a server that reports no features is not asked to switch it on in every reconcile
    let unreported = !organization.features_reported && (goal.features_unreported || observation.flag.tries > 0);
    if off && !unreported {
        return switch_on(goal, &goal.policy, observation, organization);
    }
    let Some(live) = &observation.live else { return RemoteStep::Request(RemoteRequest::ReadPolicy(id())) };
    match pending(goal.declared(), live) {
        Pending::Nothing if diff(&goal.policy, live).is_empty() => Done(RemoteOutcome::InSync),
        Pending::Nothing if goal.mode == Mode::Observe => Done(RemoteOutcome::Drifted),
        Pending::Nothing => Done(RemoteOutcome::StricterKept),
        Pending::Unrecognized => Done(RemoteOutcome::Unrecognized),
        Pending::Write(policy) if off && observation.flag.tries == 0 => {
            switch_on(goal, &policy, observation, organization)
        }
        Pending::Write(policy) => write(observation, id(), policy, live),
    }
}

/// What must be read right before `request` is sent. A list of features is
/// written complete, so one that somebody switched off since it was read would
/// be switched on again (`docs/development/failures.md` row 118).
pub fn read_before(request: &RemoteRequest, observation: &Observation) -> Option<RemoteRequest> {
    match request {
        RemoteRequest::WriteFeatures { organization, .. } if !observation.organization_is_fresh => {
            Some(RemoteRequest::ReadOrganization(organization.clone()))
        }
        _ => None,
    }
}

/// `policy` is what would be written next, as far as that is known.
fn switch_on(goal: &Goal, policy: &Policy, observation: &Observation, organization: &Organization) -> RemoteStep {
    use Step::Done;
    if let Err(violation) = check_chain(policy, observation.access_token()) {
        return Done(RemoteOutcome::ChainViolated(violation)); // nothing we could write would hold, so write nothing
    }
    if observation.flag.tries >= TRIES {
        return Done(match observation.flag.error.clone() {
            None => RemoteOutcome::FeatureNotEnabled,
            Some(error) if error.kind == ErrorKind::NotFound => RemoteOutcome::FeatureUnavailable(error.detail),
            Some(error) => RemoteOutcome::Error(error),
        });
    }
    match features::with_session_policy(&organization.features, true, observation.flag.refused, goal.merges_features) {
        Some(features) => {
            RemoteStep::Request(RemoteRequest::WriteFeatures { organization: organization.id.clone(), features })
        }
        None => Done(RemoteOutcome::FeatureUnavailable(observation.flag.detail())),
    }
}

fn write(observation: &Observation, id: OrganizationId, policy: Policy, live: &Live) -> RemoteStep {
    use Step::Done;
    if let Err(violation) = check_chain(&policy, observation.access_token()) {
        return Done(RemoteOutcome::ChainViolated(violation));
    }
    let writes = &observation.writes;
    if *live == Live::Unrecognized && writes.answered + writes.unknown > 0 {
        return Done(RemoteOutcome::Unrecognized);
    }
    if writes.answered >= TRIES {
        return Done(RemoteOutcome::NotApplied);
    }
    let spent = writes.answered + writes.unknown >= TRIES || writes.conflicts >= CONFLICTS;
    match &writes.error {
        Some(error) if spent => Done(RemoteOutcome::Error(error.clone())),
        _ => RemoteStep::Request(RemoteRequest::WritePolicy { organization: id, policy }),
    }
}

/// What the error that ended the reconcile says about the organization.
fn outcome(request: &RemoteRequest, error: RemoteError, observation: &Observation) -> RemoteOutcome {
    let flag_off = observation.organization.as_ref().is_some_and(|o| !o.session_policy_enabled());
    match (request, error.kind) {
        (request, ErrorKind::NotFound) if request.reads_organization() => RemoteOutcome::OrganizationNotFound,
        (RemoteRequest::WriteFeatures { .. }, kind) if kind.class() == ErrorClass::Refused => {
            RemoteOutcome::FeatureUnavailable(error.detail)
        }
        (RemoteRequest::ReadPolicy(_) | RemoteRequest::WritePolicy { .. }, kind) if flag_off && kind.hides_policy() => {
            RemoteOutcome::FeatureUnavailable(error.detail)
        }
        (_, ErrorKind::Unsupported) => RemoteOutcome::Unsupported,
        (_, ErrorKind::Rejected) => RemoteOutcome::Rejected(error.detail),
        _ => RemoteOutcome::Error(error),
    }
}
