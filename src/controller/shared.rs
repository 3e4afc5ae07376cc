//! What passes share per environment and per organization: the application's
//! policy, read once for all, and the turn to write.

use crate::{
    reconcile::{ErrorKind, RemoteError, RemoteRequest, RemoteResponse},
    scalekit::Client,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::Instant};

/// The application's policy of each environment.
pub(super) struct ApplicationPolicies {
    fresh: Duration,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
}

/// What is known of one application's policy.
#[derive(Default)]
struct Known {
    /// The last answer that may be used again, and when it came.
    response: Option<(Instant, Result<RemoteResponse, RemoteError>)>,
    /// What the last answer that said something said.
    said: Option<Result<RemoteResponse, ErrorKind>>,
}

impl ApplicationPolicies {
    /// Answers are used for `fresh` for all organizations of an environment.
    pub(super) fn new(fresh: Duration) -> Self {
        Self { fresh, known: Mutex::default() }
    }

    /// The answer to `request`, and whether it is another one than was last heard
    /// of this environment. An answer that says nothing about the policy is not
    /// kept.
    pub(super) async fn ask(
        &self,
        client: &Client,
        request: &RemoteRequest,
    ) -> (Result<RemoteResponse, RemoteError>, bool) {
        let environment = client.environment().to_string();
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(environment).or_default())
        };
        let mut known = slot.lock().await;
        if let Some((at, response)) = &known.response
            && at.elapsed() < self.fresh
        {
            return (response.clone(), false);
        }
        let response = client.request(request).await;
        let says_nothing = |error: &RemoteError| {
            !matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Unsupported)
        };
        let says = match &response {
            Err(error) if says_nothing(error) => None,
            response => Some(response.clone().map_err(|error| error.kind)),
        };
        known.response = says.is_some().then(|| (Instant::now(), response.clone()));
        let changed = says.is_some() && known.said.is_some() && known.said != says;
        known.said = says.or_else(|| known.said.take());
        (response, changed)
    }
}

/// Whose turn it is to decide about an organization: of two resources that
/// claim one, the second decides after the first has written.
#[derive(Default)]
pub(super) struct Turns {
    taken: Mutex<HashMap<(String, String), Weak<Turn>>>,
}

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    /// Waits for the turn; it ends when the guard is dropped.
    pub(super) async fn take(&self, environment: &str, organization: &str) -> OwnedMutexGuard<()> {
        let key = (environment.to_owned(), organization.to_owned());
        let turn = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.retain(|_, turn| turn.strong_count() > 0);
            let turn = taken.get(&key).and_then(Weak::upgrade).unwrap_or_default();
            taken.insert(key, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}
