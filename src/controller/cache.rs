//! A compact copy of all resources, fed by the watch: enough to know what
//! changed and who claims which organization. No decision about Scalekit is
//! taken from it alone; every reconcile reads its resource from the API server.

use super::{
    credentials::CredentialsRef,
    resource_ref::{ResourceRef, Uid},
    status,
};
use crate::{
    crd::{FINALIZER, OrganizationSessionPolicy, validate},
    policy::{OrganizationId, OrganizationRef, ValidatedSpec},
    reconcile::Claimant,
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
    pub(super) resource: ResourceRef,
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
    /// The Secret whose credentials lead to its environment; `None`: the
    /// operator's default credentials.
    pub(super) secret: Option<String>,
    /// The environment in its status.
    pub(super) environment: Option<String>,
    /// It is valid, active, and not being deleted.
    pub(super) takes_over: bool,
}

impl Claim {
    /// Of a resource whose valid spec, if it is valid, says this.
    fn of(spec: Option<&ValidatedSpec>, object: &OrganizationSessionPolicy) -> Self {
        let (id, external_id) = match spec.map(|spec| &spec.organization) {
            Some(OrganizationRef::Id(id)) => (Some(id.to_string()), None),
            Some(OrganizationRef::External(id)) => (None, Some(id.to_string())),
            None => (None, None),
        };
        let status = object.status.as_ref();
        let pinned = status.and_then(|s| s.organization_id.clone()).filter(|id| OrganizationId::parse(id).is_some());
        let mut ids: Vec<String> = id.into_iter().chain(pinned).collect();
        ids.dedup();
        let deleting = object.metadata.deletion_timestamp.is_some();
        Self {
            ids,
            external_id,
            secret: spec.and_then(|spec| spec.secret.clone()),
            environment: status.and_then(|s| s.environment.clone()),
            takes_over: !deleting && spec.is_some_and(ValidatedSpec::is_active),
        }
    }

    /// Whether both may mean the same organization.
    fn meets(&self, other: &Self) -> bool {
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
        let spec = decoded.and_then(|decoded| validate(&decoded.spec).ok());
        Some(Self {
            resource: ResourceRef::of(meta)?,
            created: created(meta),
            claim: decoded.map(|decoded| Claim::of(spec.as_ref(), decoded)).unwrap_or_default(),
            interval: spec.and_then(|spec| spec.interval),
            generation: meta.generation.unwrap_or_default(),
            deleting: meta.deletion_timestamp.is_some(),
            finalizer: meta.finalizers.iter().flatten().any(|f| f == FINALIZER),
            requested_at: status::requested(meta).cloned(),
            at_rest: decoded.is_some_and(at_rest),
        })
    }

    /// Whether a restart may leave it alone until its next reconcile is due.
    pub(super) const fn at_rest(&self) -> bool {
        self.at_rest && !self.deleting
    }

    /// Where its credentials are read.
    pub(super) fn credentials(&self) -> CredentialsRef {
        CredentialsRef::of(&self.resource.namespace, self.claim.secret.as_deref())
    }

    /// As the decision about ownership sees it.
    pub(super) fn claimant(&self) -> Claimant {
        let ResourceRef { uid, namespace, name } = &self.resource;
        Claimant {
            created: self.created,
            namespace: namespace.to_string(),
            name: name.to_string(),
            uid: uid.to_string(),
            takes_over: self.claim.takes_over,
        }
    }

    /// Whether the change from `before` asks for a reconcile. A status written
    /// by us does not, or every reconcile would cause the next one.
    fn asks_for_reconcile(&self, before: &Self) -> bool {
        self.generation != before.generation
            || self.deleting != before.deleting
            || (before.finalizer && !self.finalizer)
    }

    fn was_requested(&self, before: &Self) -> bool {
        self.requested_at.is_some() && self.requested_at != before.requested_at
    }
}

fn created(meta: &ObjectMeta) -> Timestamp {
    meta.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0)
}

fn at_rest(object: &OrganizationSessionPolicy) -> bool {
    let Some(status) = &object.status else { return false };
    let holds = |type_: &str| status.conditions.iter().any(|c| c.type_ == type_ && c.status == "True");
    // a request that came while no operator ran has no other event coming
    let requested =
        status::requested(&object.metadata).is_some_and(|at| Some(at) != status.last_handled_reconcile_at.as_ref());
    status.observed_generation == object.metadata.generation && holds("Ready") && !holds("Reconciling") && !requested
}

/// All resources.
#[derive(Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<Uid, Entry>>,
}

/// What a change asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// The resource itself is to be reconciled.
    pub(super) reconcile: bool,
    /// The same, because a person asked for it.
    pub(super) requested: bool,
    /// So are these, since they claim the same organization.
    pub(super) claimants: Vec<Uid>,
}

impl Cache {
    /// Takes in a resource as it is now.
    pub(super) fn apply(&self, entry: Entry) -> Effect {
        let mut entries = self.lock();
        let before = entries.insert(entry.resource.uid.clone(), entry.clone());
        let claims_anew = before.as_ref().is_none_or(|b| b.claim != entry.claim);
        Effect {
            reconcile: before.as_ref().is_none_or(|before| entry.asks_for_reconcile(before)),
            requested: before.as_ref().is_some_and(|before| entry.was_requested(before)),
            claimants: if claims_anew { claimants(&entries, &entry) } else { Vec::new() },
        }
    }

    /// Takes out a resource; those who wait for its organization are to
    /// be reconciled.
    pub(super) fn remove(&self, uid: &Uid) -> Effect {
        let mut entries = self.lock();
        let gone = entries.remove(uid);
        Effect { claimants: gone.map(|gone| claimants(&entries, &gone)).unwrap_or_default(), ..Effect::default() }
    }

    /// The resource with this uid.
    pub(super) fn get(&self, uid: &Uid) -> Option<Entry> {
        self.lock().get(uid).cloned()
    }

    /// All other resources that may mean the organization of `claim`.
    pub(super) fn claiming(&self, uid: &Uid, claim: &Claim) -> Vec<Entry> {
        let entries = self.lock();
        entries.values().filter(|e| e.resource.uid != *uid && e.claim.meets(claim)).cloned().collect()
    }

    /// The resources whose entry is `such`.
    pub(super) fn uids(&self, such: impl Fn(&Entry) -> bool) -> Vec<Uid> {
        self.lock().values().filter(|entry| such(entry)).map(|entry| entry.resource.uid.clone()).collect()
    }

    /// What `of` tells of every resource, each value once.
    pub(super) fn each<T: Eq + Hash>(&self, of: impl Fn(&Entry) -> T) -> HashSet<T> {
        self.lock().values().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uid, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn claimants(entries: &HashMap<Uid, Entry>, of: &Entry) -> Vec<Uid> {
    let others = entries.values().filter(|e| e.resource.uid != of.resource.uid && e.claim.meets(&of.claim));
    others.map(|e| e.resource.uid.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::REQUESTED_AT;
    use serde_json::json;

    /// A resource that is Ready and has handled the request `one`.
    fn entry(requested_at: &str) -> Option<Entry> {
        let condition = |type_: &str| {
            json!({"type": type_, "status": "True", "reason": "InSync", "message": "",
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
        Entry::of(&DeserializeGuard(Ok(object)))
    }

    fn at_rest(requested_at: &str) -> bool {
        entry(requested_at).unwrap().at_rest()
    }

    #[test]
    fn a_request_that_came_while_no_operator_ran_is_not_at_rest() {
        assert!(at_rest("one"));
        assert!(!at_rest("two"));
        assert!(at_rest(&"x".repeat(10_000)), "nor would it be echoed");
    }

    #[test]
    fn row_103_a_request_that_is_too_long_to_be_echoed_causes_no_reconcile() {
        let with = |requested_at: &str| entry(requested_at).unwrap();
        assert!(with("two").was_requested(&with("one")));
        assert!(!with(&"x".repeat(257)).was_requested(&with("one")));
        assert!(with(&"x".repeat(256)).was_requested(&with("one")));
    }
}
