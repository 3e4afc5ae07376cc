//! A policy that a cluster keeps too: the operator there and `apply` would overwrite each other.

use crate::{crd::OrganizationSessionPolicy, gitops::plan::Plan, policy::Mode};
use std::collections::HashMap;

/// The resources of a cluster.
#[derive(Debug)]
pub struct InCluster {
    /// The URL of its API server.
    pub server: String,
    /// Those that could be read.
    pub resources: Vec<OrganizationSessionPolicy>,
}

/// The most organizations that the warning names.
const SHOWN: usize = 10;

/// Says which organizations of `plan` an operator in the cluster keeps, by what it wrote into the status.
pub(super) fn warning(plan: &Plan<'_>, cluster: &InCluster) -> Option<String> {
    let mut keepers = HashMap::new();
    for resource in &cluster.resources {
        let (metadata, spec) = (&resource.metadata, &resource.spec);
        let Some(status) = resource.status.as_ref().filter(|_| !spec.suspend && spec.mode != Mode::Observe) else {
            continue;
        };
        if status.environment.as_ref() == Some(&plan.environment)
            && let Some(id) = status.organization_id.as_deref()
        {
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            keepers.insert(id, format!("{namespace}/{}", metadata.name.as_deref().unwrap_or_default()));
        }
    }
    let kept: Vec<String> = plan
        .entries
        .iter()
        .filter_map(|entry| {
            let id = entry.id.as_ref()?;
            Some(format!("{id} by {}", keepers.get(id.as_str())?))
        })
        .collect();
    let more = kept.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = kept.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    (!kept.is_empty()).then(|| {
        format!(
            "warning: the cluster at {} keeps {} of these organizations ({named}{more}). osp apply and the operator \
             overwrite each other where their policies differ: declare an organization in one of the two, or say \
             --ignore-cluster",
            cluster.server,
            kept.len()
        )
    })
}
