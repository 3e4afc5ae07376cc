//! The API server in memory: resources, their status, and who claims what.

use super::scalekit::Scalekit;
use crate::policy::{Mode, OrganizationId, OrganizationRef, ValidatedSpec};
use crate::reconcile::{Application, ClusterWrite, Condition, ConditionType, Found, Ownership, Resource, StatusUpdate};
use jiff::Timestamp;

/// Tells two resources of one name apart.
pub(crate) type Uid = u32;

/// The API server's copy of a resource. A higher uid is younger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) uid: Uid,
    pub(crate) namespace: &'static str,
    pub(crate) generation: i64,
    pub(crate) spec: Result<ValidatedSpec, Vec<String>>,
    pub(crate) finalizer: bool,
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) status: Option<StatusUpdate>,
    pub(crate) requested_at: Option<String>,
}

impl Object {
    pub(crate) fn name(&self) -> String {
        format!("osp-{}", self.uid)
    }

    fn read(&self) -> Resource {
        let status = self.status.as_ref();
        Resource {
            generation: self.generation,
            deleting: self.deleting_since.is_some(),
            finalizer: self.finalizer,
            spec: self.spec.clone(),
            pinned: status.and_then(|s| s.pinned.clone()),
            observed_generation: status.map_or(-1, |s| s.observed_generation),
            conditions: status.map(|s| s.conditions.clone()).unwrap_or_default(),
            requested_at: self.requested_at.clone(),
            release: status.and_then(|s| s.release.clone()),
        }
    }

    pub(crate) fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    fn takes_over(&self) -> bool {
        let active = |d: &ValidatedSpec| !d.suspend && d.mode != Mode::Observe;
        self.deleting_since.is_none() && self.spec.as_ref().is_ok_and(active)
    }

    fn claims(&self, organization: &OrganizationId, scalekit: &Scalekit) -> bool {
        let pinned = self.status.as_ref().and_then(|s| s.pinned.as_ref()).map(|p| p.organization.clone());
        let meant = match self.spec.as_ref().map(|d| &d.organization) {
            Ok(OrganizationRef::Id(id)) => Some(id.clone()),
            Ok(OrganizationRef::External(external)) => pinned.or_else(|| scalekit.look_up(external)),
            Err(_) => pinned,
        };
        meant.as_ref() == Some(organization)
    }
}

/// All resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) objects: Vec<Object>,
    /// Status writes that changed something.
    pub(crate) status_writes: usize,
}

impl Cluster {
    pub(crate) fn get(&self, uid: Uid) -> Option<&Object> {
        self.objects.iter().find(|o| o.uid == uid)
    }

    pub(crate) fn get_mut(&mut self, uid: Uid) -> Option<&mut Object> {
        self.objects.iter_mut().find(|o| o.uid == uid)
    }

    pub(crate) fn found(&self, uid: Uid) -> Found {
        self.get(uid).map_or(Found::Gone, |object| Found::Here(Box::new(object.read())))
    }

    /// A deleting resource without a finalizer is gone.
    pub(crate) fn sweep(&mut self) {
        self.objects.retain(|o| o.finalizer || o.deleting_since.is_none());
    }

    /// Like the API server: no finalizer is added to a resource that goes.
    pub(crate) fn set_finalizer(&mut self, uid: Uid, present: bool) -> ClusterWrite {
        let Some(object) = self.get_mut(uid) else { return ClusterWrite::Gone };
        if object.finalizer == present || (present && object.deleting_since.is_some()) {
            return ClusterWrite::Outdated;
        }
        object.finalizer = present;
        self.sweep();
        ClusterWrite::Done
    }

    /// Writes a status, only if something changes; what the report did not see
    /// stays.
    pub(crate) fn store(&mut self, uid: Uid, mut update: StatusUpdate) -> ClusterWrite {
        let Some(object) = self.objects.iter_mut().find(|o| o.uid == uid) else { return ClusterWrite::Gone };
        if let Some(stands) = &object.status {
            update.observed = update.observed.or_else(|| stands.observed.clone());
            if matches!(update.application, Application::Unread | Application::Failed) {
                update.application = stands.application;
            }
        }
        let update = Some(update);
        if object.status != update {
            object.status = update;
            self.status_writes += 1;
        }
        ClusterWrite::Done
    }

    /// Who owns `organization`, seen from `uid`: the oldest, deleting or not.
    pub(crate) fn ownership(&self, uid: Uid, organization: &OrganizationId, scalekit: &Scalekit) -> Ownership {
        let others = || self.objects.iter().filter(|o| o.uid != uid && o.claims(organization, scalekit));
        match others().filter(|o| o.uid < uid).min_by_key(|o| o.uid) {
            Some(older) => {
                let same = self.get(uid).is_some_and(|own| own.namespace == older.namespace);
                Ownership::Conflicted { owner: same.then(|| older.name()) }
            }
            None => Ownership::Owner { successor: others().any(Object::takes_over) },
        }
    }
}
