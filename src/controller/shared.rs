//! What passes share per environment and per organization: the application's
//! policy, read once for all, and the turn to write.

use crate::{
    reconcile::{Call, Fault, FaultKind, Reply},
    scalekit::Client,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::Instant};

/// How long an answer about the application's policy is used for all
/// organizations of its environment.
const FRESH: Duration = Duration::from_secs(60);

type Answered = Option<(Instant, Result<Reply, Fault>)>;

/// The application's policy of each environment.
#[derive(Default)]
pub(super) struct ApplicationPolicies {
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Answered>>>>,
}

impl ApplicationPolicies {
    /// The answer to `call`, asked at most once a minute per environment. An
    /// answer that says nothing about the policy is not kept.
    pub(super) async fn ask(&self, client: &Client, call: &Call) -> Result<Reply, Fault> {
        let environment = client.environment().to_string();
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(environment).or_default())
        };
        let mut answered = slot.lock().await;
        if let Some((at, answer)) = &*answered
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = client.call(call).await;
        let kept = match &answer {
            Ok(_) => true,
            Err(fault) => {
                matches!(fault.kind, FaultKind::Forbidden | FaultKind::NotFound | FaultKind::Unsupported)
            }
        };
        *answered = kept.then(|| (Instant::now(), answer.clone()));
        answer
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
