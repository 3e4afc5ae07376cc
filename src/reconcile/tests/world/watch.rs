//! What the operator's cache has of the resources: as the watch has shown them last.

use super::{Object, Uid, World};
use crate::reconcile::{Cached, StatusUpdate};
use std::collections::BTreeMap;

/// The cache, and the watch that fills it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// Reconciles of what is at rest go by it.
    pub(crate) serves: bool,
    /// No event arrives, so that the cache gets old.
    pub(crate) silent: bool,
    copies: BTreeMap<Uid, Copy>,
}

#[derive(Debug, Clone)]
struct Copy {
    object: Object,
    /// The digest of the update that its status shows.
    reported: Option<u64>,
}

impl Watch {
    /// The copies, and the digest of the update that the status of each shows.
    pub(super) fn copies(&self) -> impl Iterator<Item = (&Object, Option<u64>)> {
        self.copies.values().map(|copy| (&copy.object, copy.reported))
    }
}

impl World {
    /// All events of the watch arrive, unless it is silent.
    pub(super) fn deliver(&mut self) {
        if !self.watch.silent {
            let uids: Vec<Uid> = self.cluster.objects.iter().map(|object| object.uid).collect();
            self.watch.copies.retain(|uid, _| uids.contains(uid));
            uids.into_iter().for_each(|uid| self.observe(uid));
        }
    }

    /// The cache sees a resource as it is.
    pub(super) fn observe(&mut self, uid: Uid) {
        let Some(object) = self.cluster.get(uid) else { return };
        if self.watch.copies.get(&uid).is_none_or(|copy| copy.object.version != object.version) {
            self.watch.copies.insert(uid, Copy { object: object.clone(), reported: None });
        }
    }

    /// The status of a resource shows `update`, as the reconcile knows that has read or written it.
    pub(super) fn record_reported(&mut self, uid: Uid, update: &StatusUpdate) {
        let version = self.held.version;
        if let Some(copy) = self.watch.copies.get_mut(&uid).filter(|copy| copy.object.version == version) {
            copy.reported = Some(update.digest());
        }
    }

    /// What the cache has of a resource at rest.
    pub(super) fn cached(&self, uid: Uid) -> Option<Cached> {
        let copy = self.watch.copies.get(&uid).filter(|_| self.watch.serves)?;
        Some(Cached { resource: Box::new(copy.object.read().at(self.now).cached()?), reported: copy.reported? })
    }

    /// The resource as the cache has it.
    pub(super) fn copy(&self, uid: Uid) -> Option<&Object> {
        self.watch.copies.get(&uid).map(|copy| &copy.object)
    }

    /// The resources that are not as the cache has them.
    pub(crate) fn outdated_copies(&self) -> Vec<Uid> {
        let is_old = |object: &&Object| self.copy(object.uid).is_none_or(|copy| copy.version != object.version);
        self.cluster.objects.iter().filter(is_old).map(|object| object.uid).collect()
    }

    /// The process knows nothing of the one before.
    pub(super) fn forget_copies(&mut self) {
        self.watch.copies.clear();
    }
}
