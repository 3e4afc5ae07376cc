//! The list of all organizations, page by page (`scalekit-api.md` §2.3).

use super::{Client, classify::bad_response, requests::HttpRequest, wire};
use crate::{
    policy::ExternalId,
    reconcile::{Note, Organization, RemoteError},
};

/// One page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most 100, in no order to rely on.
    pub organizations: Vec<Organization>,
    /// Asks for the next page; `None` on the last one.
    pub next: Option<String>,
    /// How many organizations the environment has, if the server says so.
    pub total: Option<usize>,
}

impl Client {
    /// The page that `page_token` asks for; without one, the first. An
    /// organization that is missing from the list is not thereby gone: ask for
    /// it by its id.
    pub async fn organizations(&self, page_token: Option<&str>) -> Result<Page, RemoteError> {
        self.page(None, page_token).await
    }

    /// A page of the list, filtered by external id at the server. Whether that
    /// filter is exact, or works at all, is unknown.
    pub(super) async fn page(
        &self,
        filter: Option<&ExternalId>,
        page_token: Option<&str>,
    ) -> Result<Page, RemoteError> {
        let admission = self.acquire().await?;
        let body = self.send(&HttpRequest::list(filter, page_token), admission).await?;
        let (organizations, next, total) = wire::organizations(&body).map_err(|note| bad_response(note, false))?;
        if next.is_some() && next.as_deref() == page_token {
            return Err(bad_response(Note::RepeatedPageToken, false));
        }
        Ok(Page { organizations, next, total })
    }
}
