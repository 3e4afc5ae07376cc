//! A mutex for each organization: of two resources that claim it, the second decides after the first
//! has written.

use crate::scalekit::Pruned;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// The mutexes that are held or waited for, by environment and organization.
#[derive(Default)]
pub(super) struct Locks {
    held: Mutex<Pruned<(String, String), Weak<Lock>>>,
}

type Lock = tokio::sync::Mutex<()>;

impl Locks {
    pub(super) async fn lock(&self, environment: &str, organization: &str) -> OwnedMutexGuard<()> {
        let key = (environment.to_owned(), organization.to_owned());
        let lock = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let held = held.get_or_insert(key, |lock| lock.strong_count() > 0, Weak::new);
            let lock: Arc<Lock> = held.upgrade().unwrap_or_default();
            *held = Arc::downgrade(&lock);
            lock
        };
        lock.lock_owned().await
    }
}
