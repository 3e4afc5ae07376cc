//! A compact picture of all resources, fed by the watch: enough to know what
//! changed and who claims which organization. No decision about Scalekit is
//! taken from it alone; every pass reads its resource anew.

use super::resource_ref::{ResourceRef, Uid};
use crate::{
    crd::{FINALIZER, OrganizationSessionPolicy, OrganizationSessionPolicySpec, REQUESTED_AT, validate},
    policy::{Mode, OrganizationId, ValidatedSpec},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::error_boundary::DeserializeGuard;
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What is kept of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) reference: ResourceRef,
    pub(super) created: Timestamp,
    pub(super) claim: Claim,
    pub(super) interval: Option<Duration>,
    generation: i64,
    deleting: bool,
    finalizer: bool,
    requested_at: Option<String>,
    at_rest: bool,
}

/// Which organization a resource claims, by all names it has for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Claim {
    /// As declared, or as pinned in its status.
    pub(super) ids: Vec<String>,
    pub(super) external_id: Option<String>,
    /// Whose credentials lead to its environment; `None`: the operator's.
    pub(super) secret: Option<String>,
    /// The environment in its status.
    pub(super) environment: Option<String>,
    /// It would keep the policy if it were the owner.
    pub(super) takes_over: bool,
}

impl Claim {
    /// Whether both may mean the same organization.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.ids.iter().any(|id| other.ids.contains(id))
            || (self.external_id.is_some() && self.external_id == other.external_id)
    }
}

impl Entry {
    /// The entry of an object as the API server sent it, decodable or not.
    pub(super) fn of(object: &DeserializeGuard<OrganizationSessionPolicy>) -> Option<Self> {
        let (meta, decoded) = match &object.0 {
            Ok(decoded) => (&decoded.metadata, Some(decoded)),
            Err(undecodable) => (&undecodable.metadata, None),
        };
        let deleting = meta.deletion_timestamp.is_some();
        let declared = decoded.and_then(|decoded| validate(&decoded.spec).ok());
        Some(Self {
            reference: ResourceRef::of(meta)?,
            created: created(meta),
            claim: decoded.map(|decoded| claim(decoded, declared.as_ref(), deleting)).unwrap_or_default(),
            interval: declared.and_then(|declared| declared.interval),
            generation: meta.generation.unwrap_or_default(),
            deleting,
            finalizer: meta.finalizers.iter().flatten().any(|f| f == FINALIZER),
            requested_at: meta.annotations.as_ref().and_then(|a| a.get(REQUESTED_AT)).cloned(),
            at_rest: decoded.is_some_and(at_rest),
        })
    }

    /// Whether a restart may leave it alone until its next appointment.
    pub(super) const fn at_rest(&self) -> bool {
        self.at_rest && !self.deleting
    }

    /// Whether the change from `before` wants a pass. A status written by us
    /// does not, or every pass would cause the next one.
    fn wants_pass_after(&self, before: &Self) -> bool {
        self.generation != before.generation
            || self.deleting != before.deleting
            || (before.finalizer && !self.finalizer)
    }

    fn was_asked_for_after(&self, before: &Self) -> bool {
        self.requested_at.is_some() && self.requested_at != before.requested_at
    }
}

pub(super) fn created(meta: &ObjectMeta) -> Timestamp {
    meta.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0)
}

/// `declared`: what a valid spec says.
fn claim(object: &OrganizationSessionPolicy, declared: Option<&ValidatedSpec>, deleting: bool) -> Claim {
    let OrganizationSessionPolicySpec { organization, credentials_secret_ref, .. } = &object.spec;
    let status = object.status.as_ref();
    let pinned = status.and_then(|s| s.organization_id.clone());
    let mut ids: Vec<String> = organization.id.clone().into_iter().chain(pinned).collect();
    ids.dedup();
    ids.retain(|id| OrganizationId::parse(id).is_some());
    Claim {
        ids,
        external_id: organization.external_id.clone(),
        secret: credentials_secret_ref.as_ref().map(|secret| secret.name.clone()),
        environment: status.and_then(|s| s.environment.clone()),
        takes_over: !deleting && declared.is_some_and(|d| !d.suspend && d.mode != Mode::Observe),
    }
}

fn at_rest(object: &OrganizationSessionPolicy) -> bool {
    let Some(status) = &object.status else { return false };
    let holds = |kind: &str| status.conditions.iter().any(|c| c.type_ == kind && c.status == "True");
    // a request that came while no operator ran has no other event coming
    let asked = super::status::requested(&object.metadata)
        .is_some_and(|at| Some(at) != status.last_handled_reconcile_at.as_ref());
    status.observed_generation == object.metadata.generation && holds("Ready") && !holds("Reconciling") && !asked
}

/// All resources.
#[derive(Default)]
pub(super) struct Index {
    entries: Mutex<HashMap<Uid, Entry>>,
}

/// What a change of the index asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// The resource itself is to be looked at.
    pub(super) pass: bool,
    /// The same, because a person asked for it.
    pub(super) asked: bool,
    /// So are these, since they claim the same organization.
    pub(super) peers: Vec<Uid>,
}

impl Index {
    /// Takes in a resource as it is now.
    pub(super) fn apply(&self, entry: Entry) -> Effect {
        let mut entries = self.lock();
        let before = entries.insert(entry.reference.uid.clone(), entry.clone());
        let claims_anew = before.as_ref().is_none_or(|b| b.claim != entry.claim);
        Effect {
            pass: before.as_ref().is_none_or(|before| entry.wants_pass_after(before)),
            asked: before.as_ref().is_some_and(|before| entry.was_asked_for_after(before)),
            peers: if claims_anew { peers(&entries, &entry) } else { Vec::new() },
        }
    }

    /// Takes out a resource; those who wait for its organization are to be
    /// looked at.
    pub(super) fn remove(&self, uid: &Uid) -> Effect {
        let mut entries = self.lock();
        let gone = entries.remove(uid);
        Effect { peers: gone.map(|gone| peers(&entries, &gone)).unwrap_or_default(), ..Effect::default() }
    }

    /// The resource with this uid.
    pub(super) fn get(&self, uid: &Uid) -> Option<Entry> {
        self.lock().get(uid).cloned()
    }

    /// All other resources that may mean the organization of `claim`.
    pub(super) fn rivals(&self, uid: &Uid, claim: &Claim) -> Vec<Entry> {
        let entries = self.lock();
        entries.values().filter(|e| e.reference.uid != *uid && e.claim.meets(claim)).cloned().collect()
    }

    /// The resources whose entry is `such`.
    pub(super) fn uids(&self, such: impl Fn(&Entry) -> bool) -> Vec<Uid> {
        self.lock().values().filter(|entry| such(entry)).map(|entry| entry.reference.uid.clone()).collect()
    }

    /// What `of` tells of every resource, each answer once.
    pub(super) fn each<T: Eq + Hash>(&self, of: impl Fn(&Entry) -> T) -> HashSet<T> {
        self.lock().values().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uid, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn peers(entries: &HashMap<Uid, Entry>, of: &Entry) -> Vec<Uid> {
    let others = entries.values().filter(|e| e.reference.uid != of.reference.uid && e.claim.meets(&of.claim));
    others.map(|e| e.reference.uid.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A resource that is Ready and has handled the request `one`.
    fn at_rest(requested_at: &str) -> bool {
        let condition = |kind: &str| {
            json!({"type": kind, "status": "True", "reason": "InSync", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let object: OrganizationSessionPolicy = serde_json::from_value(json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "1", "generation": 1,
                "annotations": {REQUESTED_AT: requested_at}},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
            "status": {"observedGeneration": 1, "lastHandledReconcileAt": "one", "conditions": [condition("Ready")]},
        }))
        .unwrap();
        Entry::of(&DeserializeGuard(Ok(object))).unwrap().at_rest()
    }

    #[test]
    fn a_request_that_came_while_no_operator_ran_is_not_at_rest() {
        assert!(at_rest("one"));
        assert!(!at_rest("two"));
        assert!(at_rest(&"x".repeat(10_000)), "nor would it be echoed");
    }
}
