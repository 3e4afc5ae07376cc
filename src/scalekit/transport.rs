//! What all clients of the process share: connections, settings, and one set
//! of limits per host and port.

use super::{
    Settings, SettingsProblem, circuit_breaker::CircuitBreaker, hosts::Resolver, known_clients::KnownClients,
    pruned::Pruned, rate_limiter::RateLimiter,
};
use reqwest::{redirect, retry};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use thiserror::Error;

/// The part of an environment's rate that token requests of clients without a
/// token have besides. Whoever may write a Secret can invent such clients.
const NEWCOMERS: f64 = 0.2;

/// Connections and rate limits; cheap to clone, one per process.
///
/// Trusted roots are the platform's, read once, here. `SSL_CERT_FILE` (a PEM
/// file) and `SSL_CERT_DIR` (folders of them), one or both, **replace** them: a
/// private CA needs a file with its certificate, public hosts as well need the
/// public roots in that file or in a folder, and a change needs a restart. A file
/// that can't be read is an error only if nothing else was found. Verification
/// can't be switched off.
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
}

/// What limits the requests to one host and port, whoever sends them. A path does
/// not count: with one for each Secret, no limit would hold.
pub(super) struct Limits {
    pub(super) rate_limiter: Arc<RateLimiter>,
    /// The same for the token requests of clients that have never got one.
    pub(super) newcomers: Arc<RateLimiter>,
    pub(super) breaker: CircuitBreaker,
}

/// Why the HTTPS client can't be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// A setting is out of its range.
    #[error("unusable setting")]
    Settings(#[from] SettingsProblem),
    /// `main` installed no rustls provider.
    #[error("no TLS provider is installed")]
    NoProvider,
    /// Most often: no trusted roots on this system, or an unreadable
    /// `SSL_CERT_FILE`.
    #[error("no HTTPS client can be set up, are there CA certificates?")]
    Http(#[source] reqwest::Error),
}

impl Transport {
    /// Sets up the HTTPS client. Opens no connection. The rustls provider must
    /// have been installed.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
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
        })))
    }

    /// The HTTPS client for a host that may or may not have a `private` address.
    pub(super) fn http(&self, private: bool) -> &reqwest::Client {
        if private { &self.0.private } else { &self.0.public }
    }

    pub(super) fn clients(&self) -> &KnownClients {
        &self.0.clients
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The limits of `server`, a host and port, shared by all its clients.
    pub(super) fn limits(&self, server: &str) -> Arc<Limits> {
        let mut all = self.0.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use =
            |limits: &mut Arc<Limits>| Arc::strong_count(limits) > 1 || limits.rate_limiter.remaining_pause().is_some();
        let Settings { rate, deadline, .. } = self.0.settings;
        let new = || {
            Arc::new(Limits {
                rate_limiter: RateLimiter::new(rate),
                newcomers: RateLimiter::new(rate * NEWCOMERS),
                breaker: CircuitBreaker::new(deadline),
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
        // Every request needs a token of the rate limiter, so reqwest must not repeat any.
        .retry(retry::never())
        // Half the deadline, to tell a connection that hangs from a response that does.
        .connect_timeout(settings.deadline / 2)
        // Below the minute after which load balancers commonly drop idle connections.
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(16)
        .dns_resolver(Resolver { private });
    let builder = if settings.use_proxy { builder } else { builder.no_proxy() };
    builder.build()
}
