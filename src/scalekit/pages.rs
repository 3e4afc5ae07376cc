//! The list of all organizations, page by page (`scalekit-api.md` §2.3).

use super::{Admission, Client, classify::bad_response, requests::HttpRequest, wire};
use crate::{
    policy::ExternalId,
    reconcile::{Note, Organization, RemoteError},
};

/// One page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most 100, in an undefined order.
    pub organizations: Vec<Organization>,
    /// The token of the next page; `None` on the last one.
    pub next: Option<String>,
    /// The number of organizations in the environment, if the server reports it.
    pub total: Option<usize>,
}

impl Client {
    /// Waits until a page of the list may be read.
    pub async fn acquire_page(&self) -> Result<Admission, RemoteError> {
        self.shown(self.admit(HttpRequest::list(None, None).about).await)
    }

    /// Reads the page of `page_token`, or else the first. An organization that is missing from the list may
    /// exist all the same: read it by its id.
    pub async fn organizations(&self, page_token: Option<&str>) -> Result<Page, RemoteError> {
        self.organizations_with(page_token, self.acquire_page().await?).await
    }

    /// The same with an admission from [`Client::acquire_page`].
    pub async fn organizations_with(
        &self,
        page_token: Option<&str>,
        admission: Admission,
    ) -> Result<Page, RemoteError> {
        self.shown(self.page_with(None, page_token, admission).await)
    }

    /// Reads a page, filtered by external id. Whether the server's filter is exact, or works at all, is
    /// unknown.
    pub(super) async fn page(
        &self,
        filter: Option<&ExternalId>,
        page_token: Option<&str>,
    ) -> Result<Page, RemoteError> {
        let admission = self.acquire_page().await?;
        self.page_with(filter, page_token, admission).await
    }

    async fn page_with(
        &self,
        filter: Option<&ExternalId>,
        page_token: Option<&str>,
        admission: Admission,
    ) -> Result<Page, RemoteError> {
        let request = HttpRequest::list(filter, page_token);
        let body = self.send(&request, admission).await?;
        let (organizations, next, total) = wire::organizations(&body).map_err(|note| bad_response(note, false))?;
        if next.is_some() && next.as_deref() == page_token {
            return Err(bad_response(Note::RepeatedPageToken, false));
        }
        Ok(Page { organizations, next, total })
    }
}
