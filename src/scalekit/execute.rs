//! Carries out the requests of [`crate::reconcile`], and checks that each response is about the
//! requested organization.

use super::{
    Admission, Client,
    classify::{bad_response, concealed},
    lookup::route_cannot_answer,
    requests::HttpRequest,
    wire,
};
use crate::{
    policy::{ExternalId, OrganizationId},
    reconcile::{Note, Organization, RemoteError, RemoteRequest, RemoteResponse},
};

impl Client {
    /// Carries out one request, once it may be sent. Within the deadline of the
    /// settings from then on, except for a lookup that has to go through the list,
    /// where the route for external ids can't answer; it has the deadline per page.
    pub async fn request(&self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let admission = self.acquire(request).await?;
        self.request_with(admission, request).await
    }

    /// Carries out one request with the permission for it.
    pub async fn request_with(
        &self,
        admission: Admission,
        request: &RemoteRequest,
    ) -> Result<RemoteResponse, RemoteError> {
        self.shown(self.carry_out(admission, request).await)
    }

    /// The result as it may be shown.
    pub(super) fn shown<T>(&self, result: Result<T, RemoteError>) -> Result<T, RemoteError> {
        if let Err(error) = &result
            && error.not_sent
        {
            self.inner.transport.metrics().not_sent(error.kind.reason().name());
        }
        // what Scalekit's support asks for
        if let Some(id) = result.as_ref().err().and_then(|error| error.detail.request_id.as_deref()) {
            tracing::debug!(request_id = id, "refused");
        }
        if !self.is_concealed() {
            return result;
        }
        result.map_err(|error| {
            let reason = error.kind.reason();
            tracing::debug!(environment = %self.environment(), %reason, %error, "error that the status does not show");
            concealed(error)
        })
    }

    async fn carry_out(&self, admission: Admission, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let body = match (self.send(&HttpRequest::of(request), admission).await, request) {
            (Err(error), RemoteRequest::LookUp(id)) if route_cannot_answer(&error, id) => {
                return self.search_list(id).await.map(RemoteResponse::Organization);
            }
            (result, _) => result?,
        };
        match request {
            RemoteRequest::LookUp(id) => wire::organization(&body)
                .and_then(|found| check_external_id(found, id))
                .map(RemoteResponse::Organization),
            RemoteRequest::ReadOrganization(id) | RemoteRequest::WriteFeatures { organization: id, .. } => {
                wire::organization(&body).and_then(|found| check_id(found, id)).map(RemoteResponse::Organization)
            }
            RemoteRequest::ReadApplicationPolicy(_) => {
                wire::application_policy(&body).map(RemoteResponse::ApplicationPolicy)
            }
            RemoteRequest::ReadPolicy(_) | RemoteRequest::WritePolicy { .. } => {
                wire::live_policy(&body).map(RemoteResponse::Policy)
            }
        }
        .map_err(|note| bad_response(note, request.writes()))
    }
}

fn check_id(found: Organization, asked: &OrganizationId) -> Result<Organization, Note> {
    if found.id == *asked { Ok(found) } else { Err(Note::OtherOrganization) }
}

/// A response without an external id is accepted.
fn check_external_id(found: Organization, asked: &ExternalId) -> Result<Organization, Note> {
    match &found.external_id {
        Some(id) if id != asked.as_str() => Err(Note::OtherExternalId),
        _ => Ok(found),
    }
}
