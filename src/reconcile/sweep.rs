//! The list of all organizations, a hundred to a request: which reads it may
//! answer. When reading it saves requests, [`Demand`](super::Demand) tells.
//!
//! The list only ever shows that an organization is there, its external id and
//! whether `session_policy` is on. What it does not show is read by itself, so an
//! organization that is missing from the list is not taken for gone.

use super::{Feature, Organization, RemoteRequest, SESSION_POLICY, State, state::Refusal};
use crate::policy::OrganizationId;
use std::time::Duration;

/// What the list shows may be half an interval old, and at most this. An organization
/// that looks different in the next sweep is reconciled at once, so a change is
/// noticed after one interval, as it is where each organization is read.
pub(super) const LONGEST: Duration = Duration::from_secs(5 * 60);

impl State {
    /// The organization whose entry in the list may answer `request`, and how old
    /// the entry may be.
    ///
    /// Only the first read of a reconcile that nobody waits for, or of a new
    /// resource. A deletion, a contested claim, an edit and a request by a person
    /// read the organization itself; so does every second read, as the one right
    /// before a list of features is written. Which organization an external id means
    /// is looked up, until it is pinned.
    pub fn listable(&self, request: &RemoteRequest) -> Option<(OrganizationId, Duration)> {
        let resource = self.here()?;
        let new = resource.observed_generation < 0;
        let seen = &self.observation;
        let first = seen.resolved.is_none() && seen.failure.is_none() && self.refusal == Refusal::None;
        if !first || self.deleting() || self.history.is_contested() || (resource.is_awaited() && !new) {
            return None;
        }
        let organization = match request {
            RemoteRequest::ReadOrganization(id) => id,
            RemoteRequest::LookUp(_) => &self.pin_here()?.organization,
            _ => return None,
        };
        Some((organization.clone(), (self.interval() / 2).min(LONGEST)))
    }

    /// Whether `listed` answers `request`: not where it differs from what the status
    /// says, since something may follow from that.
    pub fn is_answered_by(&self, request: &RemoteRequest, listed: &Organization) -> bool {
        let needs_feature = self.goal().is_some_and(|goal| goal.needs_feature());
        let was_on = needs_feature && self.here().is_some_and(|resource| resource.was_ready());
        let same = match request {
            RemoteRequest::LookUp(id) => listed.external_id.as_deref() == Some(id.as_str()),
            RemoteRequest::ReadOrganization(id) => listed.id == *id,
            _ => false,
        };
        same && (listed.session_policy_enabled() || !was_on)
    }
}

impl RemoteRequest {
    /// The organization of which a list that was read before this request tells nothing any more.
    pub const fn outdates_list(&self) -> Option<&OrganizationId> {
        match self {
            Self::WriteFeatures { organization, .. } => Some(organization),
            _ => None,
        }
    }
}

impl Organization {
    /// An organization of which the list shows this much. Its features are not
    /// complete, so they are not written back.
    pub fn listed(id: OrganizationId, external_id: Option<String>, session_policy: bool) -> Self {
        let feature = Feature { name: SESSION_POLICY.into(), enabled: session_policy };
        Self { id, external_id, features: vec![feature], features_reported: true }
    }
}
