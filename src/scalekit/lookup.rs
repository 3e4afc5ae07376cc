//! Finding an organization by the customer's own name for it
//! (`scalekit-api.md` §2.5).

use super::{Client, calls::same_name, requests::HttpRequest, verdict::unreadable, wire};
use crate::{
    policy::ExternalId,
    reconcile::{Detail, ErrorKind, Organization, RemoteError, RemoteRequest},
};

/// Ten thousand organizations; more pages than that mean that the filter does
/// not work and the list is not the way.
const MOST_PAGES: usize = 100;

impl Client {
    /// By the route for it, or through the list where that route cannot help.
    pub(super) async fn look_up(&self, id: &ExternalId) -> Result<Organization, RemoteError> {
        match self.send(&HttpRequest::of(&RemoteRequest::LookUp(id.clone()))).await {
            Ok(body) => {
                wire::organization(&body).and_then(|found| same_name(found, id)).map_err(|note| unreadable(note, false))
            }
            Err(error) if route_cannot_help(&error, id) => self.look_through_list(id).await,
            Err(error) => Err(error),
        }
    }

    async fn look_through_list(&self, id: &ExternalId) -> Result<Organization, RemoteError> {
        let mut found: Option<Organization> = None;
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(Some(id), next.as_deref()).await?;
            for organization in page.organizations {
                if organization.external_id.as_deref() != Some(id.as_str()) {
                    continue;
                }
                // A list that moves may show one organization on two pages.
                if found.as_ref().is_some_and(|earlier| earlier.id != organization.id) {
                    return Err(unreadable("several organizations carry this external id", false));
                }
                found = Some(organization);
            }
            next = page.next;
            if next.is_none() {
                return found.ok_or_else(nobody);
            }
        }
        Err(unreadable("the list of organizations does not end", false))
    }
}

/// An id with a slash may not route; a 404 without an error code is the
/// gateway's, who does not know the route (`scalekit-api.md` §6); 400 and 501 are
/// other ways to say so. Scalekit's own "not found" is final.
fn route_cannot_help(error: &RemoteError, id: &ExternalId) -> bool {
    match (error.kind, error.detail.status) {
        (ErrorKind::Rejected, Some(400)) | (ErrorKind::Unsupported, _) => true,
        (ErrorKind::NotFound, _) if error.detail.code.is_none() => true,
        (ErrorKind::NotFound | ErrorKind::BadResponse, Some(404)) => id.as_str().contains('/'),
        _ => false,
    }
}

fn nobody() -> RemoteError {
    let detail = Detail { note: Some("no organization carries this external id"), ..Detail::default() };
    RemoteError { detail, ..RemoteError::new(ErrorKind::NotFound) }
}
