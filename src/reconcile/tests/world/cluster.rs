//! The API server in memory: resources, their status, and who claims what.

use crate::policy::{OrganizationRef, ValidatedSpec};
use crate::reconcile::{
    Application, Claimant, ClusterWrite, Condition, ConditionType, Found, Organization, Resource, StatusUpdate,
};
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
            handled_at: status.and_then(|s| s.handled_at.clone()),
            release: status.and_then(|s| s.release.clone()),
        }
    }

    pub(crate) fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.type_ == type_)
    }

    /// As the shell tells it from its cache.
    pub(crate) fn claimant(&self, usable_credentials: bool) -> Claimant {
        let active = self.spec.as_ref().is_ok_and(ValidatedSpec::is_active);
        Claimant {
            created: self.created,
            namespace: self.namespace.into(),
            name: self.name(),
            uid: self.uid.to_string(),
            takes_over: self.deleting_since.is_none() && active && usable_credentials,
        }
    }

    /// Whether it may mean `organization`, by any name it has for it.
    pub(crate) fn claims(&self, organization: &Organization) -> bool {
        let pinned = self.status.as_ref().and_then(|s| s.pinned.as_ref()).map(|p| &p.organization);
        let declared = match self.spec.as_ref().map(|spec| &spec.organization) {
            Ok(OrganizationRef::Id(id)) => *id == organization.id,
            Ok(OrganizationRef::External(id)) => organization.external_id.as_deref() == Some(id.as_str()),
            Err(_) => false,
        };
        declared || pinned == Some(&organization.id)
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

    /// Writes a status, only if something changes; what the
    /// update did not see stays.
    pub(crate) fn store(&mut self, uid: Uid, mut update: StatusUpdate, read: u64) -> ClusterWrite {
        let Some(object) = self.objects.iter_mut().find(|o| o.uid == uid) else { return ClusterWrite::Gone };
        if let Some(current) = &object.status {
            update.observed = update.observed.or_else(|| current.observed.clone());
            update.handled_at = update.handled_at.or_else(|| current.handled_at.clone());
            if matches!(update.application, Application::Unread | Application::Failed) {
                update.application = current.application;
            }
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
