//! How old what a reconcile has seen may be when it writes. A rate limit can
//! make it wait between any two requests, so this is asked again when a request
//! may be sent.

use super::{Reads, RemoteRequest, Request, State};
use std::time::Duration;

/// The longest time between a read and the write that follows from it.
const FRESH: Duration = Duration::from_secs(30);
/// The longest time between the read of the features and the write of the
/// complete list.
const FEATURES_FRESH: Duration = Duration::from_secs(5);
/// How often one reconcile reads again for that; with a very low rate it would
/// never come to write. From then on a read may be this old.
const REFRESHES: u8 = 3;
const OLDEST: Duration = Duration::from_secs(5 * 60);

/// What must be read again before `write` may be sent.
pub(super) fn stale(state: &State, write: &RemoteRequest) -> Option<Request> {
    let Reads { resource, organization, policy, refreshes } = state.reads;
    let longest = |usual: Duration| if refreshes < REFRESHES { usual } else { OLDEST };
    let older = |read: Duration, usual: Duration| state.clock.saturating_sub(read) > longest(usual);
    if older(resource, FRESH) {
        return Some(Request::ReadResource { fresh: true });
    }
    match write {
        RemoteRequest::WriteFeatures { organization: id, .. } if older(organization, FEATURES_FRESH) => {
            Some(Request::Remote(RemoteRequest::ReadOrganization(id.clone())))
        }
        RemoteRequest::WritePolicy { organization: id, .. } if older(policy, FRESH) => {
            Some(Request::Remote(RemoteRequest::ReadPolicy(id.clone())))
        }
        _ => None,
    }
}
