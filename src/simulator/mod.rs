//! A stand-in for Scalekit's REST API that enforces the contract of
//! `scalekit-api.md` and can inject every fault the operator has to survive.
//!
//! It imports nothing of ours, so that it can't share our mistakes: what it
//! accepts is written down a second time, from the contract alone. It speaks
//! over loopback only; tests control it through the admin endpoints below
//! `/_simulator/`, over HTTP or by [`Simulator::admin`]. `docs/simulator.md` lists
//! them, with all settings and faults.
//!
//! A request goes from `server` through `faults` to `environment`, which holds
//! the state and never waits.

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
