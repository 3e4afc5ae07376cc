//! Refuses two manifests for the same organization: in a cluster the older one owns it, but files
//! have no age.

use super::Entry;
use crate::{
    gitops::Manifest,
    policy::{OrganizationId, OrganizationRef},
};
use std::collections::HashMap;

/// Refuses manifests that name the same organization by the same id or external id.
pub(super) fn same_name(manifests: &[Manifest]) -> Result<(), String> {
    repeated(manifests.iter().map(|manifest| (manifest.spec.organization.described(), manifest)))
}

/// Refuses manifests for the same organization after external ids have been resolved.
pub(super) fn same_organization(entries: &[Entry<'_>]) -> Result<(), String> {
    repeated(entries.iter().filter_map(|entry| Some((id(entry)?, entry.manifest))))
}

/// The organization's id. A suspended manifest was not resolved, so it has one only if it names it.
pub(super) fn id<'a>(entry: &'a Entry<'_>) -> Option<&'a OrganizationId> {
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
