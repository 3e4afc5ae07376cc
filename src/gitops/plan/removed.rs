//! What left the files. In a cluster a policy is reverted when its resource is deleted; without one only the manifests
//! that were applied last show that an organization was in them.

use super::{Cause, Entry, LastApplied, Plan, Problem, ResourceChange, claims};
use crate::{
    gitops::{
        Manifest, Options,
        input::{read, valid},
        organizations::{all, by_cause},
        scalekit::Scalekit,
    },
    policy::{Live, OrganizationId, OrganizationRef, Policy, ValidatedSpec},
    reconcile::{Organization, Reason},
};
use jiff::Timestamp;
use std::{collections::HashSet, error::Error, path::PathBuf};

/// Arguments of `plan` and `apply`.
#[derive(Debug, Default, clap::Args)]
pub(in crate::gitops) struct Baseline {
    /// The manifests as they were applied last, for example those of the main branch; distinguishes drift from a change
    /// in Git. May be given more than once
    #[arg(long, value_name = "PATH")]
    last_applied: Vec<PathBuf>,
    /// Revert the organizations that --last-applied has and the files have no longer. Without --last-applied, list those
    /// that have a custom policy and are in no file
    #[arg(long)]
    pub(in crate::gitops) prune: bool,
}

impl Baseline {
    /// The manifests of `--last-applied`. There may be none, as before the first policy.
    pub(in crate::gitops) fn load(&self) -> Result<Vec<Manifest>, Box<dyn Error>> {
        Ok(valid(read(&self.last_applied, true, &Options::default()))?.manifests)
    }

    /// Whether all organizations of the environment are read, to list those that are in no file.
    pub(in crate::gitops) fn lists_all(&self) -> bool {
        self.prune && self.last_applied.is_empty()
    }
}

/// What left the files since `last`, as manifests that set it back: those whose deletion in a cluster would revert
/// the policy.
pub(in crate::gitops) fn removed(now: &[Manifest], last: &[Manifest]) -> Vec<Manifest> {
    let named: HashSet<&OrganizationRef> = now.iter().map(|manifest| &manifest.spec.organization).collect();
    // of a suspended one nothing is read, so it may be the same organization by another name
    let suspended = now.iter().filter(|manifest| manifest.spec.is_suspended(Timestamp::now()));
    let suspended: HashSet<_> = suspended.map(|manifest| (&manifest.namespace, &manifest.name)).collect();
    let gone =
        |old: &&Manifest| !named.contains(&old.spec.organization) && !suspended.contains(&(&old.namespace, &old.name));
    let reverts = |spec: &ValidatedSpec| spec.may_revert() && spec.policy != Policy::Application;
    // a deletion goes on while suspended
    let set_back = |spec: &ValidatedSpec| ValidatedSpec {
        policy: Policy::Application,
        suspend: false,
        suspended_until: None,
        ..spec.clone()
    };
    let gone = last.iter().filter(gone).filter(|old| reverts(&old.spec));
    gone.map(|old| Manifest { spec: set_back(&old.spec), removed: true, ..old.clone() }).collect()
}

/// Adds the `entries` of [`removed`] to the plan: as changes if they are to be reverted (`prune`), else by name only.
pub(super) fn add<'a>(plan: &mut Plan<'a>, entries: Vec<Entry<'a>>, last: &LastApplied<'a>, prune: bool) {
    let named: HashSet<OrganizationId> = plan.entries.iter().filter_map(claims::id).cloned().collect();
    for mut entry in entries {
        let Some(id) = claims::id(&entry).cloned().filter(|id| !named.contains(id)) else { continue };
        match &mut entry.result {
            ResourceChange::Change(change) => {
                let own = last.is_own(entry.manifest, change.before.as_ref());
                if !prune || !own {
                    plan.unclaimed.push(id.to_string());
                    continue;
                }
                change.cause = Cause::Removed;
            }
            // it went with its policy
            ResourceChange::Problem(Problem { reason: Reason::OrganizationNotFound, .. }) => continue,
            ResourceChange::Problem(_) if prune => {}
            _ => continue,
        }
        plan.entries.push(entry);
    }
}

/// The organizations of the environment that have a custom policy and are in no manifest; reads all of them.
pub(super) async fn in_no_file(
    scalekit: &Scalekit,
    plan: &Plan<'_>,
    concurrency: usize,
) -> Result<Vec<String>, Box<dyn Error>> {
    let ids: HashSet<&OrganizationId> = plan.entries.iter().filter_map(claims::id).collect();
    let external: HashSet<&str> = plan.entries.iter().filter_map(|entry| external(entry.manifest)).collect();
    let named = |organization: &Organization| {
        ids.contains(&organization.id) || organization.external_id.as_deref().is_some_and(|id| external.contains(id))
    };
    let reads = all(scalekit, concurrency, |organization| !named(organization)).await?;
    let (found, left) = reads.settle();
    let left: Vec<String> = by_cause(&left).iter().map(|(why, ids)| format!("{}: {why}", ids.join(", "))).collect();
    if !left.is_empty() {
        return Err(format!("which organizations are in no file is not known: {}", left.join("; ")).into());
    }
    let custom = found.into_iter().filter(|(_, live)| matches!(live, Live::Custom { .. }));
    let mut custom: Vec<String> = custom.map(|(organization, _)| organization.id.to_string()).collect();
    custom.sort_unstable();
    Ok(custom)
}

fn external(manifest: &Manifest) -> Option<&str> {
    match &manifest.spec.organization {
        OrganizationRef::External(id) => Some(id.as_str()),
        OrganizationRef::Id(_) => None,
    }
}
