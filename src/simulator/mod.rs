//! Simulates Scalekit's REST API: it enforces the contract of `scalekit-api.md` and can inject every fault
//! that the operator has to survive.
//!
//! It imports no other module, so that it can't share their mistakes: what it accepts is implemented a
//! second time from the contract. It listens on loopback only; tests control it through the admin
//! endpoints below `/_simulator/`, over HTTP or by [`Simulator::admin`]. `docs/development/simulator.md` documents
//! them, the settings and the faults.
//!
//! A request goes from `receive` through `faults` to `environment`, which holds the state and never waits.

mod admin;
mod api_error;
mod config;
mod connection;
mod environment;
mod faults;
mod features;
mod http;
mod journal;
mod limiter;
mod listing;
mod organizations;
mod policy;
mod protojson;
mod receive;
mod requests;
mod responses;
mod routes;
mod server;
mod settings;
mod stale_reads;
mod start;
mod tokens;
mod unit;

#[cfg(test)]
mod tests;

pub use config::{Config, StartError};
pub use start::Simulator;
