//! The API server in memory: resources, their status, and who claims what.

use crate::policy::{ValidatedSpec, Violation};
use crate::reconcile::{Claim, Claimant, ClusterWrite, Condition, ConditionType, Found, Resource, StatusUpdate};
use jiff::Timestamp;

/// Tells two resources of one name apart.
pub(crate) type Uid = u32;

/// The API server's copy of a resource. A higher uid is younger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) uid: Uid,
    /// Changes with every write, as a resourceVersion does.
    pub(crate) version: u64,
    pub(crate) created: Timestamp,
    pub(crate) namespace: &'static str,
    pub(crate) generation: i64,
    pub(crate) spec: Result<ValidatedSpec, Vec<Violation>>,
    pub(crate) finalizer: bool,
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) status: Option<StatusUpdate>,
    pub(crate) requested_at: Option<String>,
    /// A finalizer of somebody else.
    pub(crate) foreign: bool,
}

impl Object {
    pub(crate) fn name(&self) -> String {
        format!("osp-{}", self.uid)
    }

    pub(crate) fn read(&self) -> Resource {
        let status = self.status.as_ref();
        Resource {
            generation: self.generation,
            deleting: self.deleting_since.is_some(),
            finalizer: self.finalizer,
            spec: self.spec.clone(),
            pinned: status.and_then(|s| s.pinned.clone()),
            claim: status.and_then(|s| s.claim),
            enabled_feature: status.is_some_and(|s| s.enabled_feature),
            adopted: status.and_then(|s| s.adopted),
            written: status.and_then(|s| s.written),
            observed: status.and_then(|s| s.observed.as_ref()).map(|observed| observed.live),
            observed_generation: status.map_or(-1, |s| s.observed_generation),
            conditions: status.map(|s| s.conditions.clone()).unwrap_or_default(),
            requested_at: self.requested_at.clone(),
            handled_at: status.and_then(|s| s.handled_at.clone()),
            release: status.and_then(|s| s.release.clone()),
        }
    }

    pub(crate) fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.type_ == type_)
    }

    /// As the shell's cache knows it.
    pub(crate) fn claimant(&self) -> Claimant {
        Claimant {
            created: self.created,
            namespace: self.namespace.into(),
            name: self.name(),
            uid: self.uid.to_string(),
            claim: Claim::of(&self.read(), self.namespace),
            reconciled: false,
            lapsed: false,
            just_in_sync: false,
            served: false,
            host: self.read().pinned.map(|pinned| pinned.environment),
        }
    }
}

/// All resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) objects: Vec<Object>,
    /// Status writes that changed something.
    pub(crate) status_writes: usize,
    /// Reads of a resource that no cache has answered.
    pub(crate) reads: usize,
}

impl Cluster {
    pub(crate) fn get(&self, uid: Uid) -> Option<&Object> {
        self.objects.iter().find(|o| o.uid == uid)
    }

    pub(crate) fn get_mut(&mut self, uid: Uid) -> Option<&mut Object> {
        self.objects.iter_mut().find(|o| o.uid == uid)
    }

    pub(crate) fn found(&self, uid: Uid, now: Timestamp) -> Found {
        self.get(uid).map_or(Found::Gone, |object| Found::Here(Box::new(object.read().at(now))))
    }

    /// A deleting resource without any finalizer is gone.
    pub(crate) fn sweep(&mut self) {
        self.objects.retain(|o| o.finalizer || o.foreign || o.deleting_since.is_none());
    }

    /// Like the API server: no finalizer is added to a resource that goes.
    /// It is added to the version that was read, and removed from any.
    pub(crate) fn set_finalizer(&mut self, uid: Uid, present: bool, read: u64) -> ClusterWrite {
        let Some(object) = self.get_mut(uid) else { return ClusterWrite::Gone };
        let refused = present && (object.deleting_since.is_some() || object.version != read);
        if object.finalizer == present || refused {
            return ClusterWrite::Outdated;
        }
        object.finalizer = present;
        object.version += 1;
        self.sweep();
        ClusterWrite::Done
    }

    /// Writes a status, only if something changes; what the update did not see
    /// stays.
    pub(crate) fn store(&mut self, uid: Uid, mut update: StatusUpdate, read: u64) -> ClusterWrite {
        let Some(object) = self.objects.iter_mut().find(|o| o.uid == uid) else { return ClusterWrite::Gone };
        if let Some(current) = &object.status {
            keep(&mut update, current);
        }
        let update = Some(update);
        if object.status != update {
            if object.version != read {
                return ClusterWrite::Outdated;
            }
            object.status = update;
            object.version += 1;
            self.status_writes += 1;
        }
        ClusterWrite::Done
    }
}

/// Keeps of the current status what `update` does not replace, as the shell does.
fn keep(update: &mut StatusUpdate, current: &StatusUpdate) {
    if !update.tells_application() {
        update.application = current.application;
    }
    let same = match (&update.pinned, &current.pinned) {
        (Some(after), Some(before)) => after.is_in(&before.environment, before.identity()),
        (after, before) => after.is_none() && before.is_none(),
    };
    if update.observed.is_none() && same {
        update.observed.clone_from(&current.observed);
    }
}
