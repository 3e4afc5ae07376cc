//! The verbs of `osp` that need no cluster: the same rules and the same
//! decision as the operator's, on files of a Git repository.

mod advice;
mod claims;
mod finding;
mod limits;
mod load;
mod manifest;
mod output;
mod resource;
mod scalar;
mod source;
mod tree;
pub mod validate;
mod yaml;

pub use finding::{Finding, Rule};
pub use limits::Limits;
pub use load::{Loaded, load};
pub use manifest::{Manifest, Place};
pub use output::Format;
