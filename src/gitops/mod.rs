//! The verbs of `osp` that need no cluster: the same rules and the same
//! decision as the operator's, on files of a Git repository.
//!
//! A verb makes passes ([`crate::reconcile::next_remote`]): `plan` notes the
//! writes down, `apply` makes them, and neither decides anything.

mod advice;
pub mod apply;
mod claims;
mod connection;
pub mod export;
mod finding;
mod limits;
mod load;
mod manifest;
mod output;
mod pass;
pub mod plan;
mod resource;
mod scalar;
mod scalekit;
mod source;
mod tree;
pub mod validate;
mod yaml;

pub use connection::{Connection, ConnectionError};
pub use finding::{Finding, Rule};
pub use limits::Limits;
pub use load::{Loaded, load};
pub use manifest::{Manifest, Place};
pub use output::{Format, write};
