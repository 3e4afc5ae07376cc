//! The application's policy, read once for all organizations of an
//! environment.

use crate::{
    reconcile::{ErrorKind, RemoteError, RemoteRequest, RemoteResponse},
    scalekit::Client,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The application's policy of each environment.
pub(super) struct ApplicationPolicies {
    ttl: Duration,
    entries: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Entry>>>>,
}

#[derive(Default)]
struct Entry {
    /// The last response that may be used again, and when it came.
    cached: Option<(Instant, Result<RemoteResponse, RemoteError>)>,
    /// The last response that settled the policy, to notice a change.
    settled: Option<Result<RemoteResponse, ErrorKind>>,
}

impl ApplicationPolicies {
    /// A response is used for `ttl` for all organizations of an environment.
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// The response to `request`, and whether it differs from the last one of
    /// this environment. One that does not settle the policy, as in an outage,
    /// is neither kept nor compared.
    pub(super) async fn get(
        &self,
        client: &Client,
        request: &RemoteRequest,
    ) -> (Result<RemoteResponse, RemoteError>, bool) {
        let environment = client.environment().to_string();
        let entry = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(entries.entry(environment).or_default())
        };
        let mut entry = entry.lock().await;
        if let Some((at, response)) = &entry.cached
            && at.elapsed() < self.ttl
        {
            return (response.clone(), false);
        }
        let response = client.request(request).await;
        let settles = response.as_ref().err().is_none_or(|error| error.kind.settles_application_policy());
        let settled = settles.then(|| response.clone().map_err(|error| error.kind));
        entry.cached = settles.then(|| (Instant::now(), response.clone()));
        let changed = settled.is_some() && entry.settled.is_some() && entry.settled != settled;
        entry.settled = settled.or_else(|| entry.settled.take());
        (response, changed)
    }
}
