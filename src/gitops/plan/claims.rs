//! Two manifests for one organization: in a cluster the older one owns it, in
//! files none is older, so it is an error.

use super::Entry;
use crate::{
    gitops::Manifest,
    policy::{OrganizationId, OrganizationRef},
};
use std::collections::HashMap;

/// An error that names the manifests for the same organization as an earlier one.
pub(super) fn same_name(manifests: &[Manifest]) -> Result<(), String> {
    repeated(manifests.iter().map(|manifest| (&manifest.spec.organization, manifest)))
}

/// The same, now that external ids are resolved.
pub(super) fn same_organization(entries: &[Entry<'_>]) -> Result<(), String> {
    repeated(entries.iter().filter_map(|entry| Some((id(entry)?, entry.manifest))))
}

/// Of a suspended manifest, which was not read, the id that it names.
fn id<'a>(entry: &'a Entry<'_>) -> Option<&'a OrganizationId> {
    entry.id.as_ref().or(match &entry.manifest.spec.organization {
        OrganizationRef::Id(id) => Some(id),
        OrganizationRef::External(_) => None,
    })
}

fn repeated<'a, K: std::hash::Hash + Eq + std::fmt::Display>(
    claims: impl Iterator<Item = (K, &'a Manifest)>,
) -> Result<(), String> {
    let mut first: HashMap<K, &Manifest> = HashMap::new();
    let mut found = Vec::new();
    for (organization, manifest) in claims {
        match first.get(&organization) {
            Some(earlier) => found.push(format!(
                "{}: {} is for organization {organization}, which {} at {} is for",
                manifest.location, manifest.name, earlier.name, earlier.location
            )),
            None => drop(first.insert(organization, manifest)),
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}
