//! Reads the manifests of a repository: files, YAML documents, resources of our kind, valid specs.

mod chunks;
mod document;
mod duplicates;
mod exclude;
mod limits;
mod load;
mod loaded;
mod resource;
mod scalar;
mod source;
mod suggest;
mod tree;
mod yaml;
mod yaml11;

pub use limits::Limits;
pub use load::{documents, load, load_with};
pub use loaded::Loaded;

use super::Location;
use crate::policy::ValidatedSpec;

/// A valid resource of our kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The beginning of its document.
    pub location: Location,
    /// `metadata.namespace`, if the file has it.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Its valid spec.
    pub spec: ValidatedSpec,
    /// It left the files, and the spec is what sets the organization back, whatever the mode.
    pub removed: bool,
}

impl Manifest {
    /// `customers/acme`, or the name alone where the file names no namespace.
    pub(super) fn full_name(&self) -> String {
        self.namespace.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join("/")
    }
}
