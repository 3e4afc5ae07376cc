//! Caches the application's policy, which is the same for all organizations of an environment, for
//! each client. Clients do not share it, since one may be refused what another may read.

use crate::{
    policy::ApplicationPolicy,
    reconcile::{RemoteError, RemoteRequest, RemoteResponse},
    scalekit::{Client, Pruned},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The application's policies by the number of the client.
pub(super) struct ApplicationPolicies {
    ttl: Duration,
    entries: Mutex<Pruned<u64, Arc<Slot>>>,
}

/// Locked during the request, so that other callers wait for its response.
type Slot = tokio::sync::Mutex<Entry>;

#[derive(Default)]
struct Entry {
    /// The last response that settles the policy, and its time.
    cached: Option<(Instant, Result<RemoteResponse, RemoteError>)>,
    /// The last policy, compared to notice a change.
    policy: Option<ApplicationPolicy>,
}

impl ApplicationPolicies {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// The response to `request`, sent or from the cache, and whether the policy has changed since it was
    /// last read. A response that does not settle the policy, as in an outage, is not cached.
    pub(super) async fn get(
        &self,
        client: &Client,
        request: &RemoteRequest,
    ) -> (Result<RemoteResponse, RemoteError>, bool) {
        let entry = self.entry(client);
        let mut entry = entry.lock().await;
        if let Some((at, response)) = &entry.cached
            && at.elapsed() < self.ttl
        {
            return (response.clone(), false);
        }
        let response = client.request(request).await;
        let settles = response.as_ref().err().is_none_or(|error| error.kind.settles_application_policy());
        entry.cached = settles.then(|| (Instant::now(), response.clone()));
        let Ok(RemoteResponse::ApplicationPolicy(policy)) = &response else { return (response, false) };
        let before = entry.policy.replace(*policy);
        let changed = before.is_some_and(|before| before != *policy);
        (response, changed)
    }

    fn entry(&self, client: &Client) -> Arc<Slot> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |entry: &Entry| entry.cached.as_ref().is_some_and(|(at, _)| at.elapsed() < self.ttl);
        let in_use = |slot: &mut Arc<Slot>| Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|e| fresh(&e));
        Arc::clone(entries.get_or_insert(client.number(), in_use, Arc::default))
    }
}
