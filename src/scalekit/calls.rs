//! The calls: each is sent, and its answer checked against what was asked.

use super::{Client, requests::Request, verdict::unreadable, wire};
use crate::{
    policy::{ExternalId, OrganizationId},
    reconcile::{Call, Fault, Organization, Reply},
};

impl Client {
    /// Makes one call. Within the deadline of the settings, except for a
    /// look-up that has to go through the list, which has it per page.
    pub async fn call(&self, call: &Call) -> Result<Reply, Fault> {
        let bad = |note| unreadable(note, call.writes());
        match call {
            Call::LookUp(id) => self.look_up(id).await.map(Reply::Organization),
            Call::ReadOrganization(id) | Call::WriteFeatures { organization: id, .. } => {
                let found = wire::organization(&self.send(&Request::of(call)).await?).map_err(bad)?;
                same_organization(found, id).map(Reply::Organization).map_err(bad)
            }
            Call::ReadApplicationPolicy(_) => wire::application_policy(&self.send(&Request::of(call)).await?)
                .map(Reply::ApplicationPolicy)
                .map_err(bad),
            Call::ReadPolicy(_) | Call::WritePolicy { .. } => {
                wire::live_policy(&self.send(&Request::of(call)).await?).map(Reply::Policy).map_err(bad)
            }
        }
    }
}

fn same_organization(found: Organization, asked: &OrganizationId) -> Result<Organization, &'static str> {
    if found.id == *asked { Ok(found) } else { Err("the answer is about another organization") }
}

/// An organization that does not tell its external id passes.
pub(super) fn same_name(found: Organization, asked: &ExternalId) -> Result<Organization, &'static str> {
    match &found.external_id {
        Some(id) if id != asked.as_str() => Err("the answer is about an organization with another external id"),
        _ => Ok(found),
    }
}
