//! What can be asked of Scalekit, and what can come back. The REST client
//! speaks these words, so a decision never sees HTTP.

use super::{ErrorClass, ErrorKind};
use crate::policy::{ApplicationPolicy, ExternalId, Live, OrganizationId, Policy};

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
    /// Whether it reads the organization, by whichever of its names.
    pub const fn reads_organization(&self) -> bool {
        matches!(self, Self::ReadOrganization(_) | Self::LookUp(_))
    }

    /// Whether it changes anything at Scalekit.
    pub const fn writes(&self) -> bool {
        matches!(self, Self::WriteFeatures { .. } | Self::WritePolicy { .. })
    }

    /// Whether it switches the feature session_policy on.
    pub fn enables_session_policy(&self) -> bool {
        matches!(self, Self::WriteFeatures { features, .. } if features.iter().any(|f| f.name == SESSION_POLICY && f.enabled))
    }
}

/// The response to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RemoteResponse {
    /// To `ReadOrganization`, `LookUp`, and `WriteFeatures` (its echo).
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
    /// The customer's own name for it, as read; empty counts as absent.
    pub external_id: Option<String>,
    /// All feature flags, as read; a flag that is absent is off.
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

    /// Whether it inherits although the read of its policy failed with `kind`: its feature is
    /// not on, and a server may then hide the policy (400, 403) or have none to show (404, 501).
    /// Where it does not say whether it is on, a 403 may be about the permissions alone.
    pub fn inherits_despite(&self, kind: ErrorKind) -> bool {
        !self.session_policy_enabled()
            && matches!(kind.class(), ErrorClass::Refused | ErrorClass::Absent)
            && (self.features_reported || kind != ErrorKind::Forbidden)
    }
}
