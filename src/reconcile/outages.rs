//! The resources whose requests were not sent, since their environment is down.
//! The first reconcile that gets through enqueues them, so that none waits for
//! its next due time while the server is back (`docs/development/failures.md` row 15).

use super::{ErrorClass, Outcome, State};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// The resources that wait, by the host of their environment.
#[derive(Debug, Clone)]
pub struct Outages<K> {
    waiting: HashMap<String, HashSet<K>>,
}

impl<K> Default for Outages<K> {
    fn default() -> Self {
        Self { waiting: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Outages<K> {
    /// Takes in how a reconcile of `resource` ended; the resources to reconcile
    /// now because it got through.
    pub fn record(&mut self, resource: &K, state: &State, outcome: &Outcome) -> Vec<K> {
        let Some(access) = state.access() else { return Vec::new() };
        if reached(state, outcome) == Some(true) {
            let mut others = self.waiting.remove(&access.environment).unwrap_or_default();
            others.remove(resource);
            return others.into_iter().collect();
        }
        if waits_for_others(outcome) {
            self.waiting.entry(access.environment.clone()).or_default().insert(resource.clone());
        }
        Vec::new()
    }

    /// Whether no resource waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Removes a resource that is gone.
    pub fn forget(&mut self, resource: &K) {
        self.waiting.retain(|_, waiting| {
            waiting.remove(resource);
            !waiting.is_empty()
        });
    }
}

/// Whether a reconcile got through to Scalekit, for the count of an outage;
/// `None`: it had no need to, so the count stays as it is.
pub fn reached(state: &State, outcome: &Outcome) -> Option<bool> {
    match (outcome.remote_error(), outcome) {
        // an error that proves neither, as a 401 or a 429, counts as not getting through
        (Some(error), _) => Some(error.kind.reached() == Some(true)),
        (None, Outcome::ApiServer(_)) => Some(false),
        (None, Outcome::Credentials(error)) if error.is_transient() => Some(false),
        (None, _) => {
            (state.observation.reaches_organization() || matches!(outcome, Outcome::Reconciled(_))).then_some(true)
        }
    }
}

/// Whether a success of another resource means that this one would succeed
/// too: only where its request was not even sent, since the environment was
/// known to be down. One that fails by itself must not be woken by everybody's
/// success, and one that knows when to try again need not.
fn waits_for_others(outcome: &Outcome) -> bool {
    outcome.remote_error().is_some_and(|error| error.not_sent && error.kind.class() != ErrorClass::Throttled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{Access, CredentialsSource, ErrorKind, History, RemoteError, RemoteOutcome, Settings};
    use std::time::Duration;

    fn record(outages: &mut Outages<char>, resource: char, environment: &str, remote: RemoteOutcome) -> Vec<char> {
        let mut state = State::new(Settings::default(), History::default(), Duration::ZERO);
        state.credentials = Some(Ok(Access {
            environment: environment.into(),
            source: CredentialsSource::Environment,
            merges_features: false,
        }));
        outages.record(&resource, &state, &Outcome::Reconciled(remote))
    }

    fn not_sent(kind: ErrorKind) -> RemoteOutcome {
        RemoteOutcome::Error(RemoteError { not_sent: true, ..RemoteError::new(kind) })
    }

    #[test]
    fn the_first_that_gets_through_wakes_the_others_of_its_environment_once() {
        let mut outages = Outages::default();
        for (resource, environment) in [('a', "here"), ('b', "here"), ('b', "here"), ('c', "there"), ('d', "here")] {
            assert!(record(&mut outages, resource, environment, not_sent(ErrorKind::Unavailable)).is_empty());
        }
        outages.forget(&'d');
        assert_eq!(record(&mut outages, 'a', "here", RemoteOutcome::InSync), ['b']);
        assert!(record(&mut outages, 'b', "here", RemoteOutcome::InSync).is_empty());
        assert_eq!(record(&mut outages, 'd', "there", RemoteOutcome::InSync), ['c']);
    }

    #[test]
    fn row_084_only_a_request_that_was_not_sent_waits_for_the_success_of_others() {
        let failed = RemoteOutcome::Error(RemoteError::new(ErrorKind::Unavailable));
        let limited = not_sent(ErrorKind::RateLimited { retry_after: Duration::from_secs(1) });
        for (remote, woken) in [(not_sent(ErrorKind::Unavailable), 1), (failed, 0), (limited, 0)] {
            let mut outages = Outages::default();
            record(&mut outages, 'a', "here", remote.clone());
            assert_eq!(record(&mut outages, 'b', "here", RemoteOutcome::InSync).len(), woken, "{remote:?}");
        }
    }
}
