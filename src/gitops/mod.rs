//! The verbs of `osp` that need no cluster: the same rules and the same
//! decision as the operator's, on files of a Git repository.

mod manifest;

pub use manifest::{Manifest, Place};
