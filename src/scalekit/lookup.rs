//! Finds an organization by the customer's own name for it
//! (`scalekit-api.md` §2.5): directly, and where that route does not answer
//! for this name, in the list.

use super::{Client, client::unreadable, requests::Request, wire};
use crate::{
    policy::ExternalId,
    reconcile::{Call, Fault, FaultKind, Organization},
};

/// The most pages that are searched: 20 000 organizations, on a server that
/// ignores the filter.
const MOST_PAGES: usize = 200;

pub(super) async fn look_up(client: &Client, external_id: &ExternalId) -> Result<Organization, Fault> {
    let asked = Request::of(&Call::LookUp(external_id.clone()));
    match client.send(&asked).await {
        Ok(body) => {
            let found = wire::organization(&body).map_err(|_| unreadable(false))?;
            let other = found.external_id.as_deref().is_some_and(|id| id != external_id.as_str());
            if other { Err(unreadable(false)) } else { Ok(found) }
        }
        Err(fault) if says_nothing(&fault) => in_list(client, external_id).await,
        Err(fault) => Err(fault),
    }
}

/// A route that is missing, or that can't take this name, proves nothing. Only
/// an error with its own code says that there is no such organization.
fn says_nothing(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::NotFound => fault.detail.code.is_none(),
        FaultKind::Rejected | FaultKind::Unsupported => true,
        FaultKind::BadResponse => fault.detail.status == Some(404),
        _ => false,
    }
}

async fn in_list(client: &Client, external_id: &ExternalId) -> Result<Organization, Fault> {
    let mut token: Option<String> = None;
    let mut found: Option<Organization> = None;
    for _ in 0..MOST_PAGES {
        let page = client.page(token.as_deref(), Some(external_id.as_str())).await?;
        for organization in page.organizations {
            if organization.external_id.as_deref() != Some(external_id.as_str()) {
                continue; // the filter may be inexact
            }
            if found.as_ref().is_some_and(|before| before.id != organization.id) {
                return Err(unreadable(false)); // unique by contract
            }
            found = Some(organization);
        }
        match page.next {
            Some(next) => token = Some(next),
            None => return found.ok_or_else(|| Fault::new(FaultKind::NotFound)),
        }
    }
    Err(unreadable(false))
}
