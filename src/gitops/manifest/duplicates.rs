//! Finds manifests with the same name, and manifests that claim the same organization: in a cluster
//! the younger of two claimants would wait for ever.

use super::Manifest;
use crate::{
    gitops::{Diagnostic, Location, Rule},
    policy::OrganizationRef,
};
use std::collections::{HashMap, hash_map::Entry};

/// An organization; for an external id with the namespace and name of the Secret. An id is unique at
/// Scalekit, while an external id may be used again in another environment, which has other
/// credentials.
type Claim = (OrganizationRef, Option<(Option<String>, String)>);

/// The first manifest of each name and of each organization.
#[derive(Default)]
pub(super) struct Claims {
    resources: HashMap<String, Location>,
    organizations: HashMap<Claim, (Location, String)>,
}

impl Claims {
    /// Adds `manifest`; returns a diagnostic if an earlier one has its name or organization, which are
    /// at the locations `name` and `organization`.
    pub(super) fn add(&mut self, manifest: &Manifest, name: Location, organization: Location) -> Option<Diagnostic> {
        let full_name = manifest.full_name();
        match self.resources.entry(full_name.clone()) {
            Entry::Occupied(first) => {
                let message = format!("{full_name} is declared already at {}", first.get());
                let diagnostic = Diagnostic::new(Rule::DuplicateResource, name, "metadata.name", &message);
                let fix = "remove one of the two, or give them different names";
                return Some(diagnostic.fix(Some(fix.into())).other(first.get().clone()));
            }
            Entry::Vacant(new) => new.insert(name),
        };
        match self.organizations.entry(claim(manifest)) {
            Entry::Occupied(first) => {
                let (location, owner) = first.get();
                let wanted = &manifest.spec.organization;
                let message = format!("{wanted} is claimed already by {owner} at {location}");
                let diagnostic =
                    Diagnostic::new(Rule::DuplicateOrganization, organization, "spec.organization", &message);
                let fix = "remove one of the two: the operator would let the younger one wait";
                Some(diagnostic.fix(Some(fix.into())).other(location.clone()))
            }
            Entry::Vacant(new) => {
                new.insert((organization, full_name));
                None
            }
        }
    }
}

fn claim(manifest: &Manifest) -> Claim {
    let organization = manifest.spec.organization.clone();
    let secret = match organization {
        OrganizationRef::Id(_) => None,
        OrganizationRef::External(_) => manifest.spec.secret.clone().map(|secret| (manifest.namespace.clone(), secret)),
    };
    (organization, secret)
}
