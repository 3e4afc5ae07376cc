//! The REST client of Scalekit: sends the requests of [`crate::reconcile`], and handles HTTP, tokens
//! and rate limits (contract: `scalekit-api.md`).
//!
//! One [`Transport`] for the process, one [`Client`] for each environment, client id and secret:
//!
//! - A request is sent once, and once more after a 401 with a fresh token.
//!   Nothing else is repeated here; the caller decides when to try again. Only a
//!   lookup by external id may become several requests, all of them reads.
//! - The clients of one [`Environment`] share its rate limiter: a 429 of the API pauses
//!   all, unless another client is answered meanwhile (`scope`). Each has its own circuit breaker: in an outage it sends one probe at a time.
//! - Requests wait for permits, by lane and namespace, as long as it takes; a pause
//!   that is longer than [`PATIENCE`](crate::reconcile::PATIENCE) is an error instead.
//! - A 429 of the token endpoint pauses the one client. Until a client has got its
//!   first token, its token requests have a small limit of their own.
//! - A token of a host that a tenant may run is shown to the issuer that it names,
//!   once ([`Client::issuer`]); nothing else goes to another host than the Secret's.
//! - No error carries a body, a header or a URL.
//!
//! Deliberately absent: checking a token (of a JWT only its issuer is read, as a
//! name), webhooks, and the search endpoint, which is fuzzy and so no way to identify an
//! organization.

mod address;
mod caller;
mod circuit_breaker;
mod classify;
mod client;
mod credentials;
mod deadline;
mod default_credentials;
mod environment;
mod execute;
mod gauges;
mod hosts;
mod http;
mod issuer;
mod known_clients;
mod limits;
mod lookup;
mod neighbours;
mod pace;
mod pages;
mod pause;
mod places;
mod probe;
mod proof;
mod proxy;
mod pruned;
mod rate_limiter;
mod refill;
mod refusals;
mod requests;
mod retry_after;
mod scope;
mod served;
mod settings;
mod token;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use address::{Rules, SCALEKIT_HOSTS};
pub use caller::Caller;
pub use client::{Admission, Client};
pub use credentials::Credentials;
pub(crate) use deadline::within;
pub use default_credentials::{RawCredentials, read_default_credentials};
pub use environment::Environment;
pub use pages::Page;
pub use probe::Probe;
pub use proxy::Proxy;
pub(crate) use pruned::Pruned;
#[cfg(test)]
pub(crate) use rate_limiter::RateLimiter;
pub use settings::{Settings, SettingsError};
#[cfg(test)]
pub(crate) use tests::{
    host::{Answer, Host},
    limited::{Limit, Says, Server},
    server as scripted,
};
pub use transport::{SetupError, Transport};
