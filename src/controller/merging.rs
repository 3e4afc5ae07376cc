//! The environments that were seen to merge the features that are sent with the others.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Of so many it is remembered at most.
const ENVIRONMENTS: usize = 256;

/// The hosts of these environments.
#[derive(Default)]
pub(super) struct Merging(Mutex<HashSet<String>>);

impl Merging {
    pub(super) fn record(&self, environment: &str) {
        let mut seen = self.lock();
        if seen.len() >= ENVIRONMENTS {
            seen.clear(); // a tenant may invent them; it is seen again where it is true
        }
        seen.insert(environment.to_owned());
    }

    pub(super) fn contains(&self, environment: &str) -> bool {
        self.lock().contains(environment)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
