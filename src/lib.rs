//! Keeps the session policy of Scalekit organizations as declared in
//! Kubernetes resources.
//!
//! `docs/development/architecture.md` says what each module contains and which others it may use;
//! `tests/it/architecture.rs` checks that.

pub mod apiserver;
pub mod audit;
pub mod check;
pub mod controller;
pub mod crd;
#[cfg(test)]
#[path = "../tests/figures.rs"]
mod figures;
pub mod gitops;
pub mod plugin;
pub mod policy;
pub mod reconcile;
pub mod scalekit;
pub mod simulator;
pub mod telemetry;
pub mod terminal;
