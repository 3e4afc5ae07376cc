//! Files to manifests: one resource as a file of the repository declares it, and
//! the way there.

mod document;
mod duplicates;
mod limits;
mod load;
mod resource;
mod scalar;
mod source;
mod suggest;
mod tree;
mod yaml;

pub use limits::Limits;
pub use load::{Loaded, load};

use super::Location;
use crate::policy::ValidatedSpec;

/// A valid resource of our kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Where its document begins.
    pub location: Location,
    /// Its namespace, where the file names one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it declares.
    pub spec: ValidatedSpec,
}

impl Manifest {
    /// `customers/acme`, or the name alone where the file names no namespace.
    pub(super) fn full_name(&self) -> String {
        self.namespace.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join("/")
    }
}
