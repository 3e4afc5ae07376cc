//! The list of all organizations, page by page (`scalekit-api.md` §2.3).

use super::{
    Client,
    client::unreadable,
    requests::Request,
    wire::{self, Unreadable},
};
use crate::reconcile::{Fault, Organization};

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most 100.
    pub organizations: Vec<Organization>,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}

impl Client {
    /// The page that `page_token` names; the first one for `None`. A token
    /// that leads to itself is an error, not an endless list.
    pub async fn organizations(&self, page_token: Option<&str>) -> Result<Page, Fault> {
        self.page(page_token, None).await
    }

    pub(super) async fn page(&self, page_token: Option<&str>, external_id: Option<&str>) -> Result<Page, Fault> {
        let body = self.send(&Request::list(page_token, external_id)).await?;
        let (organizations, next) = wire::page(&body).map_err(|Unreadable| unreadable(false))?;
        if next.is_some() && next.as_deref() == page_token {
            return Err(unreadable(false));
        }
        Ok(Page { organizations, next })
    }
}
