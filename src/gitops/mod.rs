//! The verbs of `osp` that need no cluster: the same rules and the same
//! decision as the operator's, on files of a Git repository.
//!
//! A verb makes passes ([`crate::reconcile::next_remote`]): `plan` notes the
//! writes down, `apply` makes them, and neither decides anything.

pub mod apply;
mod connection;
pub mod export;
mod manifest;
mod pass;
pub mod plan;
mod progress;
mod scalekit;
mod standin;

pub use connection::{Connection, ConnectionError};
pub use manifest::{Manifest, Place};
