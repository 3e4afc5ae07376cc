//! Which clients of a host are down, by their circuit breakers: what each of them has to know of the others, and
//! whether the host itself is down.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// While so many other clients of the host are down, one failure opens a breaker.
const NEIGHBOURS_DOWN: usize = 2;

/// What the breaker takes into account of the other clients of the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// Several are down, and nobody is answered.
    pub(super) others_down: bool,
    /// When one that was down was last answered.
    pub(super) answered: Option<Instant>,
}

/// What the breakers of a host do with requests: closed while not [`Neighbours::are_down`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

/// The clients of one host that are down.
#[derive(Default)]
pub(super) struct Neighbours(Mutex<Down>);

#[derive(Default)]
struct Down {
    /// Whose breaker is open, and no client of the host was answered since.
    clients: HashSet<u64>,
    /// When one that was down was last answered.
    answered: Option<Instant>,
}

impl Neighbours {
    /// What `client` has to know of the others.
    pub(super) fn hints(&self, client: u64) -> Hints {
        let down = self.lock();
        let others = down.clients.iter().filter(|other| **other != client).count();
        Hints { others_down: others >= NEIGHBOURS_DOWN, answered: down.answered }
    }

    /// The breaker of `client` is open.
    pub(super) fn is_down(&self, client: u64) {
        self.lock().clients.insert(client);
    }

    /// A client was answered, which `was_down` before.
    pub(super) fn is_answered(&self, was_down: bool) {
        let mut down = self.lock();
        down.clients.clear();
        if was_down {
            down.answered = Some(Instant::now());
        }
    }

    /// Whether the host itself is down, to which `clients` send requests.
    pub(super) fn are_down(&self, clients: usize) -> bool {
        let down = self.lock().clients.len();
        down > 0 && down >= NEIGHBOURS_DOWN.min(clients)
    }

    fn lock(&self) -> MutexGuard<'_, Down> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_host_is_down_where_two_of_its_clients_are_or_its_only_one() {
        let neighbours = Neighbours::default();
        assert!(!neighbours.are_down(1) && !neighbours.are_down(0));
        neighbours.is_down(7);
        assert_eq!([1, 2, 3].map(|clients| neighbours.are_down(clients)), [true, false, false]);
        neighbours.is_down(8);
        assert!(neighbours.are_down(3));
        neighbours.is_answered(false);
        assert!(!neighbours.are_down(1), "a client is answered");
    }
}
