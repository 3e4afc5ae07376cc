//! Finds an organization by its external id (`scalekit-api.md` §2.5).

use super::{
    Client,
    classify::{bad_response, error},
};
use crate::{
    policy::ExternalId,
    reconcile::{ErrorKind, Note, Organization, RemoteError},
};

/// The most pages that are searched, ten thousand organizations. More mean that the server ignores the
/// filter, so that searching the list would cost too many requests.
const MOST_PAGES: usize = 100;

impl Client {
    pub(super) async fn search_list(&self, id: &ExternalId) -> Result<Organization, RemoteError> {
        let mut found: Option<Organization> = None;
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(Some(id), next.as_deref()).await?;
            for organization in page.organizations {
                if organization.external_id.as_deref() != Some(id.as_str()) {
                    continue;
                }
                // An organization may be on two pages if the list changes meanwhile.
                if found.as_ref().is_some_and(|earlier| earlier.id != organization.id) {
                    return Err(bad_response(Note::SeveralExternalIds, false));
                }
                found = Some(organization);
            }
            next = page.next;
            if next.is_none() {
                return found.ok_or_else(|| error(ErrorKind::NotFound, Note::NoExternalId));
            }
        }
        Err(bad_response(Note::EndlessList, false))
    }
}

/// Whether the list has to be searched after this error of the route for external ids. The gateway may
/// not route an id with a slash; a 404 without an error code means that it does not know the route
/// (`scalekit-api.md` §6), and so may 400 and 501. Scalekit's own "not found" is final.
pub(super) fn route_cannot_answer(error: &RemoteError, id: &ExternalId) -> bool {
    match (error.kind, error.detail.status) {
        (ErrorKind::Rejected, Some(400)) | (ErrorKind::Unsupported, _) => true,
        (ErrorKind::NotFound, _) if error.detail.code.is_none() => true,
        (ErrorKind::NotFound | ErrorKind::BadResponse, Some(404)) => id.as_str().contains('/'),
        _ => false,
    }
}
