//! The REST client of Scalekit: sends the requests of [`crate::reconcile`] and
//! keeps HTTP, tokens and rate limits to itself (contract: `scalekit-api.md`).
//!
//! One [`Transport`] per process, one [`Client`] per environment, client id and
//! secret:
//!
//! - A request is sent once, and once more after a 401 with a fresh token.
//!   Nothing else is repeated here; the caller decides when to try again. Only a
//!   lookup by external id may become several requests, all of them reads.
//! - The clients of one [`Environment`] share its rate limiter and its circuit
//!   breaker: a 429 of the API pauses all, and in an outage all of them together
//!   send one probe at a time.
//! - Requests wait for their turn, by lane and namespace, as long as it takes; a pause
//!   that is longer than [`PATIENCE`] is told instead.
//! - A 429 of the token endpoint pauses the one client. Until a client has got its
//!   first token, its token requests have a small limit of their own.
//! - No error carries a body, a header or a URL.
//!
//! Deliberately absent: reading the token (a JWT, but opaque to us), webhooks,
//! and the search endpoint, which is fuzzy and so no way to identify an
//! organization.

mod address;
mod circuit_breaker;
mod classify;
mod client;
mod credentials;
mod default_credentials;
mod environment;
mod execute;
mod hosts;
mod http;
mod known_clients;
mod lookup;
mod pace;
mod pages;
mod pruned;
mod rate_limiter;
mod requests;
mod retry_after;
mod settings;
mod token;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use address::{Rules, SCALEKITS_HOSTS};
pub use client::{Admission, Client};
pub use credentials::Credentials;
pub use default_credentials::{RawCredentials, read_default_credentials};
pub use environment::Environment;
pub use pages::Page;
pub(crate) use pruned::Pruned;
pub use rate_limiter::{Caller, PATIENCE};
pub use settings::{Settings, SettingsProblem};
pub use transport::{SetupError, Transport};
