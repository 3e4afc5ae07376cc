//! The verbs of `osp` that need no cluster: the same rules and the same
//! decision as the operator's, on files of a Git repository.
//!
//! `plan` and `apply` reconcile each organization as the operator does
//! ([`crate::reconcile::next_remote`]); `plan` records the writes instead of sending them.

pub mod apply;
mod connection;
mod diagnostic;
mod diagnostics;
pub mod export;
mod file;
mod input;
mod live;
mod manifest;
pub mod new;
mod options;
mod organizations;
pub mod plan;
mod reconcile;
mod scalekit;
pub mod validate;

pub use connection::{Access, Connection};
pub use diagnostic::{Diagnostic, Location, Rule};
pub use diagnostics::{Format, write};
pub use live::{Now, Reader};
pub use manifest::{Limits, Loaded, Manifest, documents, load, load_with};
pub use options::Options;
