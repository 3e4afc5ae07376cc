//! Reads the organizations of an environment with their live policies, and says which can't be read.

use super::scalekit::Scalekit;
use crate::{
    policy::{Live, OrganizationId},
    reconcile::{Detail, ErrorKind, Organization, RemoteError, RemoteRequest, RemoteResponse},
    terminal::Progress,
};
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet, HashSet};

pub(super) type Found = (Organization, Live);
/// An organization whose policy is not known, and why.
pub(super) type Left = (OrganizationId, String);

/// What was read of one organization.
enum Read {
    Shown(Found),
    /// Its feature is not on, and there is no policy.
    NoPolicy(Organization),
    /// Its feature is not on and its policy was refused, for this reason.
    Refused(Organization, String),
    /// It was deleted in the meantime.
    Gone,
    Failed(Left),
}

/// What was read of several.
#[derive(Default)]
pub(super) struct Reads {
    found: Vec<Found>,
    refused: Vec<(Organization, String)>,
    left: Vec<Left>,
    /// Whether the server has shown the policy of an organization without the feature.
    shows_all: bool,
}

impl Reads {
    fn add(&mut self, read: Read) {
        match read {
            Read::Shown(found) => {
                self.shows_all |= !found.0.session_policy_enabled();
                self.found.push(found);
            }
            Read::NoPolicy(organization) => self.found.push((organization, Live::Application)),
            Read::Refused(organization, cause) => self.refused.push((organization, cause)),
            Read::Failed(left) => self.left.push(left),
            Read::Gone => {}
        }
    }

    /// A server that refuses to show the policy of an organization without the feature refuses it for all of
    /// them, and they inherit. If it has shown one, a refusal has another cause.
    pub(super) fn settle(mut self) -> (Vec<Found>, Vec<Left>) {
        if self.shows_all {
            self.left.extend(self.refused.into_iter().map(|(organization, cause)| (organization.id, cause)));
        } else {
            self.found.extend(self.refused.into_iter().map(|(organization, _)| (organization, Live::Application)));
        }
        (self.found, self.left)
    }
}

/// Without the id of the request, so that one cause of many organizations reads the same.
fn cause(error: &RemoteError) -> String {
    let detail = Detail { request_id: None, ..error.detail.clone() };
    format!("{}: {} ({detail})", error.kind.reason(), error.kind.reason().means())
}

/// Each cause once, with its organizations.
pub(super) fn by_cause(left: &[Left]) -> BTreeMap<&str, Vec<&str>> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    left.iter().for_each(|(id, cause)| causes.entry(cause).or_default().push(id.as_str()));
    causes.values_mut().for_each(|ids| ids.sort_unstable());
    causes
}

/// All organizations that are wanted.
pub(super) async fn all(
    scalekit: &Scalekit,
    concurrency: usize,
    wanted: impl Fn(&Organization) -> bool,
) -> Result<Reads, String> {
    let progress = Progress::new("Reading organizations", None);
    let (mut all, mut token, mut seen) = (Reads::default(), None::<String>, HashSet::new());
    loop {
        let page = scalekit.page(token.as_deref()).await.map_err(|error| format!("the list: {}", cause(&error)))?;
        // a list that changes meanwhile may show one organization on two pages
        let new: Vec<_> = page.organizations.into_iter().filter(|o| wanted(o) && seen.insert(o.id.clone())).collect();
        let policies = stream::iter(new).map(|organization| with_policy(scalekit, organization));
        let found: Vec<_> = policies.buffer_unordered(concurrency).collect().await;
        progress.steps(found.len());
        found.into_iter().for_each(|read| all.add(read));
        token = page.next;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// The organizations with these ids.
pub(super) async fn selected(scalekit: &Scalekit, ids: &[OrganizationId]) -> Reads {
    let mut all = Reads::default();
    for id in ids.iter().collect::<BTreeSet<_>>() {
        all.add(match read(scalekit, id).await {
            Ok(organization) => with_policy(scalekit, organization).await,
            Err(error) => Read::Failed((id.clone(), cause(&error))),
        });
    }
    all
}

async fn read(scalekit: &Scalekit, id: &OrganizationId) -> Result<Organization, RemoteError> {
    match scalekit.request(&RemoteRequest::ReadOrganization(id.clone())).await? {
        RemoteResponse::Organization(organization) => Ok(organization),
        _ => Err(RemoteError::new(ErrorKind::BadResponse)),
    }
}

/// Reads the live policy. One without the feature inherits if there is no policy to show.
async fn with_policy(scalekit: &Scalekit, mut organization: Organization) -> Read {
    // a list may leave features out
    if organization.features.is_empty()
        && let Ok(whole) = read(scalekit, &organization.id).await
    {
        organization = whole;
    }
    let error = match scalekit.request(&RemoteRequest::ReadPolicy(organization.id.clone())).await {
        Ok(RemoteResponse::Policy(live)) => return Read::Shown((organization, live)),
        Ok(_) => RemoteError::new(ErrorKind::BadResponse),
        Err(error) => error,
    };
    let missing = error.kind == ErrorKind::NotFound;
    if missing && read(scalekit, &organization.id).await.is_err() {
        tracing::info!(organization = %organization.id, "deleted in the meantime");
        return Read::Gone;
    }
    match organization.inherits_despite(error.kind) {
        true if error.kind.hides_policy() => Read::Refused(organization, cause(&error)),
        true => Read::NoPolicy(organization),
        false if missing => Read::Gone,
        false => Read::Failed((organization.id, cause(&error))),
    }
}
