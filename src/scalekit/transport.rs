//! What all clients of the process share: connections, settings, and the limits of each host and port.

use super::{
    Settings, SettingsError, hosts::Resolver, known_clients::KnownClients, neighbours::Neighbours, proof::Issuers,
    pruned::Pruned, rate_limiter::RateLimiter, scope::Scope,
};
use crate::telemetry::RequestMetrics;
use reqwest::{redirect, retry};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use thiserror::Error;
use tokio::time::Instant;

/// The part of an environment's rate that token requests of clients without a
/// token have besides. Whoever may write a Secret can invent such clients.
const NEWCOMERS: f64 = 0.2;
/// The part for those of them that were refused before: they must not keep out the
/// others, however many they are and however long they go on.
const REFUSED: f64 = 0.1;
/// The least time between two log lines about the 429s of one host.
const LIMITED_AGAIN: Duration = Duration::from_secs(60);

/// Connections and rate limits; cheap to clone, one for each process.
///
/// The trusted roots are the platform's, read once, here. `SSL_CERT_FILE` (a PEM file) and
/// `SSL_CERT_DIR` (folders of them), one or both, **replace** them: for a private CA they need its
/// certificate, and for public hosts the public roots as well. A change needs a restart. A file that
/// can't be read is an error only if no root was found. Verification can't be switched off.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    /// Connects to public addresses only.
    public: reqwest::Client,
    /// Connects to private ones too.
    private: reqwest::Client,
    settings: Settings,
    limits: Mutex<Pruned<String, Arc<Limits>>>,
    clients: KnownClients,
    issuers: Issuers,
    metrics: RequestMetrics,
}

/// The limits of the requests to one host and port. The path of the environment does not count: with
/// another path in each Secret the limits would have no effect.
pub(super) struct Limits {
    pub(super) rate_limiter: Arc<RateLimiter>,
    /// The same for the token requests of clients that have never got one.
    newcomers: Arc<RateLimiter>,
    refused: Arc<RateLimiter>,
    /// Which of its clients are down.
    pub(super) neighbours: Neighbours,
    /// Whether the limit is that of each client.
    pub(super) scope: Mutex<Scope>,
    pub(super) limited: Limited,
}

/// When the log last said that the host answers 429.
#[derive(Default)]
pub(super) struct Limited(Mutex<Option<Instant>>);

impl Limited {
    /// Whether to say it again.
    pub(super) fn is_news(&self) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = said.is_none_or(|at| at.elapsed() >= LIMITED_AGAIN);
        if is_news {
            *said = Some(Instant::now());
        }
        is_news
    }
}

impl Limits {
    /// For the token requests of clients that have never got one.
    pub(super) const fn newcomers(&self, refused: bool) -> &Arc<RateLimiter> {
        if refused { &self.refused } else { &self.newcomers }
    }
}

/// Why the HTTPS client can't be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// A setting is out of its range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// `main` installed no rustls provider.
    #[error("no TLS provider is installed")]
    NoProvider,
    /// Most often: no trusted roots on this system, or an unreadable
    /// `SSL_CERT_FILE`.
    #[error("no HTTPS client can be set up, are there CA certificates?")]
    Http(#[source] reqwest::Error),
}

impl Transport {
    /// Sets up the HTTPS client; opens no connection. A rustls provider must be installed.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        Self::measured(settings, RequestMetrics::default())
    }

    /// The same, and counts its requests in `metrics`.
    pub fn measured(settings: Settings, metrics: RequestMetrics) -> Result<Self, SetupError> {
        settings.check()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(SetupError::NoProvider); // reqwest would panic
        }
        let http = |private| http(&settings, private).map_err(SetupError::Http);
        let (public, private) = (http(false)?, http(true)?);
        Ok(Self(Arc::new(Shared {
            public,
            private,
            settings,
            limits: Mutex::default(),
            clients: KnownClients::default(),
            issuers: Issuers::default(),
            metrics,
        })))
    }

    pub(super) fn http(&self, private: bool) -> &reqwest::Client {
        if private { &self.0.private } else { &self.0.public }
    }

    pub(super) fn clients(&self) -> &KnownClients {
        &self.0.clients
    }

    pub(super) fn issuers(&self) -> &Issuers {
        &self.0.issuers
    }

    pub(super) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// How many requests a second may be sent to `environment`, at present.
    pub fn rate(&self, environment: &str) -> f64 {
        self.of_environment(environment).map_or(self.0.settings.rate, |limits| limits.rate_limiter.rate())
    }

    /// Whether nothing is sent to `environment` for a while, since it has answered 429.
    pub fn is_paused(&self, environment: &str) -> bool {
        self.of_environment(environment).is_some_and(|limits| limits.rate_limiter.remaining_pause().is_some())
    }

    /// As if `environment` had answered 429.
    #[cfg(test)]
    pub(crate) fn pause(&self, environment: &str, pause: Duration) {
        self.limits(environment).rate_limiter.on_rate_limited(Some(pause));
    }

    fn of_environment(&self, environment: &str) -> Option<Arc<Limits>> {
        let all = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let server = environment.split('/').next().unwrap_or_default().to_owned();
        all.get(&server).map(Arc::clone)
    }

    /// Calls `with` with each host that a client uses, and its limits.
    pub(super) fn for_each_host(&self, mut with: impl FnMut(&str, &Arc<Limits>)) {
        let all = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let used = all.iter().filter(|(_, limits)| Arc::strong_count(limits) > 1);
        used.for_each(|(server, limits)| with(server, limits));
    }

    /// The limits of `server`, a host and port; shared by all its clients.
    pub(super) fn limits(&self, server: &str) -> Arc<Limits> {
        let mut all = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use =
            |limits: &mut Arc<Limits>| Arc::strong_count(limits) > 1 || limits.rate_limiter.remaining_pause().is_some();
        let rate = self.0.settings.rate;
        let new = || {
            Arc::new(Limits {
                rate_limiter: RateLimiter::new(rate),
                newcomers: RateLimiter::new(rate * NEWCOMERS),
                refused: RateLimiter::new(rate * REFUSED),
                neighbours: Neighbours::default(),
                scope: Mutex::default(),
                limited: Limited::default(),
            })
        };
        Arc::clone(all.get_or_insert(server.to_owned(), in_use, new))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

fn http(settings: &Settings, private: bool) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("session-policy-operator/", env!("CARGO_PKG_VERSION")))
        // A redirect could carry the bearer token elsewhere.
        .redirect(redirect::Policy::none())
        .referer(false)
        // Every request needs a token of the rate limiter, so reqwest must not retry.
        .retry(retry::never())
        // Half the deadline, so that a connection that hangs has another error than a response that does.
        .connect_timeout(settings.deadline / 2)
        // Below the minute after which load balancers commonly drop idle connections.
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(16)
        .dns_resolver(Resolver { private, proxies: settings.proxy.hosts() });
    settings.proxy.apply(builder)?.build()
}
