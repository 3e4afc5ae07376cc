//! Carries out the requests of [`crate::reconcile`], and checks that each
//! response is about the organization that was asked for.

use super::{Client, classify::bad_response, requests::HttpRequest, wire};
use crate::{
    policy::{ExternalId, OrganizationId},
    reconcile::{Organization, RemoteError, RemoteRequest, RemoteResponse},
};

impl Client {
    /// Carries out one request. Within the deadline of the settings, except for a
    /// lookup that has to go through the list, which has it per page.
    pub async fn request(&self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let bad = |note| bad_response(note, request.writes());
        match request {
            RemoteRequest::LookUp(id) => self.look_up(id).await.map(RemoteResponse::Organization),
            RemoteRequest::ReadOrganization(id) | RemoteRequest::WriteFeatures { organization: id, .. } => {
                let found = wire::organization(&self.send(&HttpRequest::of(request)).await?).map_err(bad)?;
                check_id(found, id).map(RemoteResponse::Organization).map_err(bad)
            }
            RemoteRequest::ReadApplicationPolicy(_) => {
                wire::application_policy(&self.send(&HttpRequest::of(request)).await?)
                    .map(RemoteResponse::ApplicationPolicy)
                    .map_err(bad)
            }
            RemoteRequest::ReadPolicy(_) | RemoteRequest::WritePolicy { .. } => {
                wire::live_policy(&self.send(&HttpRequest::of(request)).await?).map(RemoteResponse::Policy).map_err(bad)
            }
        }
    }
}

fn check_id(found: Organization, asked: &OrganizationId) -> Result<Organization, &'static str> {
    if found.id == *asked { Ok(found) } else { Err("the answer is about another organization") }
}

/// A response without an external id passes.
pub(super) fn check_external_id(found: Organization, asked: &ExternalId) -> Result<Organization, &'static str> {
    match &found.external_id {
        Some(id) if id != asked.as_str() => Err("the answer is about an organization with another external id"),
        _ => Ok(found),
    }
}
