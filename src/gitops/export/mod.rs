//! Exports the organizations of an environment as manifests, for those who have policies already and
//! want to keep them in Git. Applying them unchanged changes nothing.

mod command;
mod folder;
mod manifest;
mod name;

pub use command::{Arguments, run};

pub(super) use manifest::{Manifest, ManifestFormat};
