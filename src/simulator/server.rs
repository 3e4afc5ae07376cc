//! The state of the simulator.

use super::config::{Config, StartError};
use super::environment::Environment;
use super::faults::Faults;
use super::http::{ApiRequest, ApiResponse};
use super::journal::Journal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The state of the simulator, each part with a mutex of its own. No two mutexes are held at the same
/// time, and none across an await.
#[derive(Debug)]
pub(crate) struct Server {
    config: Config,
    environment: Mutex<Environment>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
}

impl Server {
    pub(crate) fn new(config: Config) -> Result<Self, StartError> {
        let environment = Mutex::new(config.environment()?);
        let journal = Mutex::new(Journal::new(Instant::now()));
        Ok(Self { config, environment, faults: Mutex::default(), journal })
    }

    pub(crate) fn environment(&self) -> MutexGuard<'_, Environment> {
        unpoisoned(&self.environment)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        unpoisoned(&self.faults)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        unpoisoned(&self.journal)
    }

    pub(crate) fn reset(&self) -> Result<(), StartError> {
        *self.environment() = self.config.environment()?;
        self.faults().clear();
        self.journal().clear();
        Ok(())
    }

    pub(crate) fn handle(&self, request: &ApiRequest) -> ApiResponse {
        self.environment().handle(request, Instant::now())
    }

    /// Records the request in the journal; returns its delay.
    pub(crate) fn record_arrival(&self, request: &mut ApiRequest) -> Duration {
        let now = Instant::now();
        let (client, wait) = {
            let environment = self.environment();
            let client = request.bearer().and_then(|token| environment.tokens.holder(token, now)).map(str::to_owned);
            let jitter = environment.settings.latency_jitter_ms;
            (client, environment.settings.latency_ms.saturating_add(fastrand::u64(0..=jitter)))
        };
        self.journal().record(request, client, now);
        Duration::from_millis(wait)
    }
}

/// Locks the mutex also after a panic, which fails a test anyway.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
