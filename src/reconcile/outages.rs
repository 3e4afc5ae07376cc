//! The resources whose requests were not sent, since their environment is down or pauses.
//! The first reconcile that gets through enqueues them, so that none waits for
//! its next due time while the server is back (`docs/development/failures.md` row 15).

use super::{Lane, Outcome, State};
use std::{collections::HashMap, hash::Hash, time::Duration};

/// The clients that are down, by the host of their environment.
#[derive(Debug, Clone)]
pub struct Outages<K> {
    down: HashMap<String, HashMap<u64, Down<K>>>,
    /// With which client each resource is among them: with one at a time.
    clients: HashMap<K, u64>,
}

/// The resources of one client that is down.
#[derive(Debug, Clone)]
struct Down<K> {
    /// Those whose requests were not sent, in which lane they wait, and since when on the process's clock.
    waiting: HashMap<K, (Lane, Duration)>,
    /// The one whose request failed last.
    failed: Option<(K, Lane)>,
}

impl<K> Default for Outages<K> {
    fn default() -> Self {
        Self { down: HashMap::new(), clients: HashMap::new() }
    }
}

impl<K> Default for Down<K> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), failed: None }
    }
}

impl<K: Clone + Eq + Hash> Outages<K> {
    /// Takes in how a reconcile of `resource` ended; the resources to reconcile now
    /// because it got through, each in its lane: those of the client that wait, and the one that failed last where
    /// any waited. If the client was down itself, the host may be back for the other clients too, and one resource of
    /// each finds out.
    pub fn record(&mut self, resource: &K, state: &State, outcome: &Outcome) -> Vec<(K, Lane)> {
        let Some(access) = state.access() else { return Vec::new() };
        let client = access.client;
        if reached(state, outcome) == Some(true) {
            let Some(clients) = self.down.get_mut(&access.environment) else { return Vec::new() };
            let Some(mut own) = clients.remove(&client) else { return Vec::new() };
            let entry = |(waiting, (lane, _)): (&K, &(Lane, Duration))| (waiting.clone(), *lane);
            let others = clients
                .values()
                .filter_map(|down| down.failed.clone().or_else(|| down.waiting.iter().next().map(entry)));
            let others: Vec<_> = others.collect();
            // a success from before, whose reconcile ends only now, shows nothing
            let at = if outcome.remote_error().is_some() { state.clock } else { state.reads.latest() };
            let waiting: HashMap<_, _> = own.waiting.extract_if(|_, (_, since)| *since <= at).collect();
            let failed = own.failed.take();
            waiting.keys().chain(failed.iter().map(|(failed, _)| failed)).for_each(|known| {
                self.clients.remove(known);
            });
            let failed = failed.filter(|_| !waiting.is_empty());
            let due = failed.into_iter().chain(waiting.iter().map(entry)).chain(others);
            let due = due.filter(|(due, _)| due != resource).collect();
            if !own.waiting.is_empty() {
                clients.insert(client, own);
            }
            if clients.is_empty() {
                self.down.remove(&access.environment);
            }
            return due;
        }
        let Some(error) = outcome.remote_error() else { return Vec::new() };
        // only where its request was not even sent: one that fails by itself must not be woken by everybody's success. A
        // pause may end before its time, where it turns out to be another client's.
        let waits = error.not_sent;
        if waits || error.kind.reached() == Some(false) {
            if self.clients.get(resource).is_some_and(|before| *before != client) {
                self.forget(resource);
            }
            self.clients.insert(resource.clone(), client);
            let down = self.down.entry(access.environment.clone()).or_default().entry(client).or_default();
            if waits {
                down.waiting.insert(resource.clone(), (state.lane(false), state.clock));
            } else {
                down.waiting.remove(resource);
                let before = down.failed.replace((resource.clone(), state.lane(false)));
                before.filter(|(before, _)| before != resource).map(|(before, _)| self.clients.remove(&before));
            }
        }
        Vec::new()
    }

    /// Whether no client is down.
    pub fn is_empty(&self) -> bool {
        self.down.is_empty()
    }

    /// Removes a resource that is gone.
    pub fn forget(&mut self, resource: &K) {
        if self.clients.remove(resource).is_none() {
            return;
        }
        self.down.retain(|_, clients| {
            clients.retain(|_, down| {
                down.waiting.remove(resource);
                down.failed.take_if(|(failed, _)| failed == resource);
                down.failed.is_some() || !down.waiting.is_empty()
            });
            !clients.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{
        Access, CredentialsError, CredentialsSource, ErrorKind, History, ReadError, RemoteError, RemoteOutcome,
        Settings,
    };
    use std::time::Duration;

    fn record(outages: &mut Outages<char>, resource: char, environment: &str, remote: RemoteOutcome) -> Vec<char> {
        record_of(outages, resource, 0, environment, remote)
    }

    fn record_of(
        outages: &mut Outages<char>,
        resource: char,
        client: u64,
        environment: &str,
        remote: RemoteOutcome,
    ) -> Vec<char> {
        let woken = outages.record(&resource, &state_of(client, environment), &Outcome::Reconciled(remote));
        woken.into_iter().map(|(resource, _)| resource).collect()
    }

    fn state_of(client: u64, environment: &str) -> State {
        let mut state = State::new(Settings::default(), History::default(), Duration::ZERO);
        state.credentials = Some(Ok(Access {
            environment: environment.into(),
            source: CredentialsSource::Environment,
            merges_features: false,
            client,
        }));
        state
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
    fn row_015_a_client_that_was_never_down_wakes_nobody_of_another() {
        let mut outages = Outages::default();
        record_of(&mut outages, 'a', 1, "here", not_sent(ErrorKind::Unavailable));
        for _ in 0..3 {
            assert!(record_of(&mut outages, 'b', 2, "here", RemoteOutcome::InSync).is_empty());
        }
        assert_eq!(record_of(&mut outages, 'c', 1, "here", RemoteOutcome::InSync), ['a']);
    }

    #[test]
    fn row_015_the_first_client_that_is_back_wakes_one_resource_of_each_other_that_is_down() {
        let mut outages = Outages::default();
        let failed = || RemoteOutcome::Error(RemoteError::new(ErrorKind::Unavailable));
        for (resource, client) in [('a', 1), ('b', 2), ('c', 3)] {
            record_of(&mut outages, resource, client, "here", failed());
        }
        record_of(&mut outages, 'd', 1, "here", not_sent(ErrorKind::Unavailable));
        record_of(&mut outages, 'e', 2, "here", not_sent(ErrorKind::Unavailable));
        let mut woken = record_of(&mut outages, 'a', 1, "here", RemoteOutcome::InSync);
        woken.sort_unstable();
        assert_eq!(woken, ['b', 'c', 'd']);
        assert_eq!(record_of(&mut outages, 'e', 2, "here", RemoteOutcome::InSync), ['b', 'c']);
        ['c', 'e'].iter().for_each(|gone| outages.forget(gone));
        assert!(outages.is_empty());
    }

    #[test]
    fn a_resource_whose_client_changes_again_and_again_is_kept_once() {
        let mut outages = Outages::default();
        for client in 0..1000 {
            let failed = RemoteOutcome::Error(RemoteError::new(ErrorKind::Unreachable));
            let remote = if client % 2 == 0 { failed } else { not_sent(ErrorKind::Unavailable) };
            record_of(&mut outages, 'a', client, "here", remote);
        }
        let kept: usize = outages.down.values().map(HashMap::len).sum();
        assert_eq!((kept, outages.clients.len()), (1, 1));
        outages.forget(&'a');
        assert!(outages.is_empty() && outages.clients.is_empty());
    }

    #[test]
    fn row_010_a_success_from_before_a_pause_wakes_none_of_those_that_wait_for_its_end() {
        let mut outages = Outages::default();
        let at = |seconds: u64| {
            let mut state = state_of(0, "here");
            state.clock = Duration::from_secs(seconds);
            state.reads.policy = state.clock;
            state
        };
        let limited = not_sent(ErrorKind::RateLimited { retry_after: Duration::from_secs(60) });
        outages.record(&'a', &at(2), &Outcome::Reconciled(limited));
        let mut success = |seconds| outages.record(&'b', &at(seconds), &Outcome::Reconciled(RemoteOutcome::InSync));
        assert_eq!((success(1).len(), success(3).len(), success(4).len()), (0, 1, 0));
        assert!(outages.is_empty());
    }

    #[test]
    fn row_084_only_a_request_that_was_not_sent_waits_for_the_success_of_others() {
        let failed = RemoteOutcome::Error(RemoteError::new(ErrorKind::Unavailable));
        let limited = not_sent(ErrorKind::RateLimited { retry_after: Duration::from_secs(1) });
        for (remote, woken) in [(not_sent(ErrorKind::Unavailable), 1), (limited, 1), (failed, 0)] {
            let mut outages = Outages::default();
            record(&mut outages, 'a', "here", remote.clone());
            assert_eq!(record(&mut outages, 'b', "here", RemoteOutcome::InSync).len(), woken, "{remote:?}");
        }
    }

    #[test]
    fn of_those_whose_requests_failed_the_last_one_is_kept() {
        let mut outages = Outages::default();
        for resource in ['a', 'b', 'b'] {
            let failed = RemoteOutcome::Error(RemoteError::new(ErrorKind::Unavailable));
            record(&mut outages, resource, "here", failed);
            assert_eq!((outages.clients.keys().collect::<Vec<_>>(), outages.is_empty()), (vec![&resource], false));
        }
    }

    #[test]
    fn missing_credentials_tell_nothing_of_whether_scalekit_can_be_reached() {
        let state = State::new(Settings::default(), History::default(), Duration::ZERO);
        let from = || CredentialsSource::Secret("acme".into());
        let missing = CredentialsError::Missing(from());
        let unreadable = CredentialsError::Unreadable { from: from(), why: ReadError::Unavailable };
        assert_eq!(
            [missing, unreadable].map(|error| reached(&state, &Outcome::Credentials(error))),
            [None, Some(false)]
        );
    }
}
