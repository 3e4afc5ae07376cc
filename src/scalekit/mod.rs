//! The REST client of Scalekit: speaks the vocabulary of [`crate::reconcile`]
//! and keeps HTTP, tokens and rate limits to itself (contract:
//! `scalekit-api.md`).
//!
//! One [`Transport`] per process, one [`Client`] per [`Credentials`]:
//!
//! - A request is sent once, and once more after a 401 with a fresh token.
//!   Nothing else is repeated here; whoever calls decides when to try again.
//!   Only a look-up may become several requests, all of them reads.
//! - What is shared between clients of one [`Environment`] is the rate and the
//!   breaker: a 429 for one of them pauses all, and an outage leaves all of
//!   them with one probe at a time.
//! - No error carries a body, a header or a URL.
//!
//! Deliberately absent: reading the token (a JWT, but opaque to us), webhooks,
//! and the search endpoint, which is fuzzy and so no way to find an identity.

mod address;
mod breaker;
mod calls;
mod client;
mod credentials;
mod environment;
mod exchange;
mod hosts;
mod lookup;
mod own;
mod pages;
mod pause;
mod requests;
mod settings;
mod throttle;
mod token;
mod transport;
mod verdict;
mod wire;

#[cfg(test)]
mod tests;

pub use address::Rules;
pub use client::Client;
pub use credentials::Credentials;
pub use environment::Environment;
pub use own::{Values, own_values};
pub use pages::Page;
pub use settings::{Settings, SettingsProblem};
pub use transport::{Transport, TransportError};
