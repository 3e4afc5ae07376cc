//! A compact copy of all resources, updated by the watch and by our own writes: enough to know what
//! changed, who claims which organization, and what a resource at rest is like. Before anything is
//! written, a reconcile reads its resource from the API server (`crate::reconcile` sees to that).
//!
//! Less than a kilobyte is kept of a resource here, in the queue and in the records together
//! (`docs/performance.md`): what resources have in common is kept once, and claims are found by the
//! hash of their key, without a second copy of it.

use super::{entry::Entry, resource_ref::Uid, texts::Texts};
use crate::{
    policy::OrganizationRef,
    reconcile::{Claim, ClaimKey, Claimant, Trigger},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How an object came from the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Start,
    List,
    Watch,
    /// The response to one of our writes. It never adds a resource, which the watch may have removed
    /// meanwhile.
    Write,
}

/// All resources, and an index of those that claim an organization.
#[derive(Default)]
pub(super) struct Cache {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    // boxed, since a table that grows has room for twice as many, and then for three times
    entries: HashMap<Uid, Box<Entry>>,
    /// Who has a key of this hash.
    claims: BTreeSet<(u64, Uid)>,
    hasher: RandomState,
    texts: Texts,
}

/// What to reconcile after a change of the cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CacheUpdate {
    /// Of the resource, as the cache has it.
    pub(super) uid: Uid,
    pub(super) trigger: Trigger,
    /// Its version is older than the cached one, as after a restore of etcd.
    pub(super) went_back: bool,
    /// The other claimants of the organizations that it claims or claimed.
    pub(super) affected: Vec<Uid>,
}

impl Cache {
    /// Updates the entry of a resource. Ignores an older version than the cached one, except from a list,
    /// which is the current state even after a restore of etcd.
    pub(super) fn apply(&self, mut entry: Entry, source: Source) -> CacheUpdate {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let before = inner.entries.get(&entry.resource.uid);
        let known = match source {
            Source::Start | Source::List => true,
            Source::Watch => before.is_none_or(|before| before.version <= entry.version),
            Source::Write => before.is_some_and(|before| before.version <= entry.version),
        };
        if !known {
            let (uid, trigger) = (entry.resource.uid, Trigger::None);
            return CacheUpdate { uid, trigger, went_back: false, affected: Vec::new() };
        }
        entry.follow(before.map(|before| &**before), &mut inner.texts);
        entry.predecessor = match before {
            Some(before) => before.predecessor,
            None => source == Source::Start && entry.written,
        };
        let went_back = before.is_some_and(|before| entry.version < before.version);
        let trigger = entry.watched.trigger(before.map(|before| &before.watched), source == Source::Start);
        let uid = entry.resource.uid.clone();
        let claim = entry.claim.clone();
        let before = inner.entries.insert(uid.clone(), Box::new(entry));
        let affected = inner.replace_claim(&uid, before.map(|before| before.claim).as_ref(), Some(&claim));
        CacheUpdate { uid, trigger, went_back, affected }
    }

    /// The status of a resource shows the update of this digest, in this version.
    pub(super) fn record_reported(&self, uid: &Uid, version: Option<u64>, digest: u64) {
        if let Some(entry) = self.lock().entries.get_mut(uid).filter(|entry| entry.version == version) {
            entry.reported = Some(digest);
        }
    }

    /// This process begins to lead; `settled`: nothing that was sent before may still be
    /// applied. Returns what to do with each resource, and its interval.
    pub(super) fn begin(&self, settled: bool) -> Vec<(Uid, Trigger, Option<Duration>)> {
        let begin = |entry: &mut Box<Entry>| {
            entry.predecessor = entry.written && !settled;
            (entry.resource.uid.clone(), entry.watched.trigger(None, true), entry.interval)
        };
        self.lock().entries.values_mut().map(begin).collect()
    }

    /// Removes a resource that is gone; returns the other claimants of its organization.
    pub(super) fn remove(&self, uid: &Uid) -> Vec<Uid> {
        let mut inner = self.lock();
        let claim = inner.entries.remove(uid).map(|entry| entry.claim);
        inner.replace_claim(uid, claim.as_ref(), None)
    }

    /// `of` the entry of a resource; `None`: it is gone.
    pub(super) fn with<T>(&self, uid: &str, of: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.lock().entries.get(uid).map(|entry| of(entry))
    }

    pub(super) fn contains(&self, uid: &str) -> bool {
        self.lock().entries.contains_key(uid)
    }

    /// The other resources in the index under `keys`.
    pub(super) fn others(&self, uid: &Uid, keys: &[ClaimKey]) -> Vec<Uid> {
        self.lock().others(uid, keys)
    }

    /// The same, as claimants.
    pub(super) fn claimants_at(&self, uid: &Uid, keys: &[ClaimKey]) -> Vec<Claimant> {
        let inner = self.lock();
        inner.others(uid, keys).iter().filter_map(|uid| inner.entries.get(uid).map(|entry| entry.claimant())).collect()
    }

    /// The resources that name one of these organizations.
    pub(super) fn uids_named(&self, names: impl IntoIterator<Item = OrganizationRef>) -> Vec<Uid> {
        let keys: Vec<ClaimKey> = names.into_iter().map(ClaimKey::Named).collect();
        self.lock().found(&keys)
    }

    /// The resources whose entry meets `condition`.
    pub(super) fn uids_where(&self, condition: impl Fn(&Entry) -> bool) -> Vec<Uid> {
        self.lock().entries.values().filter(|entry| condition(entry)).map(|entry| entry.resource.uid.clone()).collect()
    }

    /// Calls `with` with each entry.
    pub(super) fn for_each(&self, mut with: impl FnMut(&Entry)) {
        self.lock().entries.values().for_each(|entry| with(entry));
    }

    /// The distinct values of `of` over all resources.
    pub(super) fn distinct<T: Eq + Hash>(&self, of: impl Fn(&Entry) -> T) -> HashSet<T> {
        self.lock().entries.values().map(|entry| of(entry)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Replaces the claim of a resource in the index; returns the other claimants that this affects.
    fn replace_claim(&mut self, uid: &Uid, before: Option<&Claim>, after: Option<&Claim>) -> Vec<Uid> {
        if before == after {
            return Vec::new();
        }
        let mut affected = self.others(uid, &Claim::concerned(before, after));
        let claim = |uid: &Uid| self.entries.get(uid).map(|entry| &entry.claim);
        affected.retain(|uid| claim(uid).is_some_and(|other| other.is_concerned(before, after)));
        for key in before.into_iter().flat_map(|claim| &claim.keys) {
            self.claims.remove(&(self.hasher.hash_one(key), uid.clone()));
        }
        for key in after.into_iter().flat_map(|claim| &claim.keys) {
            self.claims.insert((self.hasher.hash_one(key), uid.clone()));
        }
        affected
    }

    /// The others that have one of `keys`.
    fn others(&self, uid: &Uid, keys: &[ClaimKey]) -> Vec<Uid> {
        let mut there = self.found(keys);
        there.retain(|other| other != uid);
        there
    }

    /// Those that have one of `keys`.
    fn found(&self, keys: &[ClaimKey]) -> Vec<Uid> {
        let mut there = HashSet::new();
        for key in keys {
            let hash = self.hasher.hash_one(key);
            let same_hash = self.claims.range((hash, Uid::from(""))..).take_while(|(other, _)| *other == hash);
            let has = |uid: &Uid| self.entries.get(uid).is_some_and(|entry| entry.claim.keys.contains(key));
            there.extend(same_hash.map(|(_, uid)| uid).filter(|uid| has(uid)));
        }
        there.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{controller::object::Object, crd::REQUESTED_AT};
    use serde_json::json;
    use std::sync::Arc;

    /// A resource that is Ready and has handled the request `one`.
    fn entry(requested_at: &str) -> Entry {
        let condition = |type_: &str| {
            json!({"type": type_, "status": "True", "reason": "InSync", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let object: Object = serde_json::from_value(json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "1", "generation": 1,
                "annotations": {REQUESTED_AT: requested_at}},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
            "status": {"observedGeneration": 1, "lastHandledReconcileAt": "one", "conditions": [condition("Ready")],
                "claim": "Verified"},
        }))
        .unwrap();
        Entry::of(&object).unwrap()
    }

    #[test]
    fn a_request_that_came_while_no_operator_ran_is_not_at_rest() {
        let at_start = |requested_at: &str| Cache::default().apply(entry(requested_at), Source::Start).trigger;
        assert_eq!(at_start("one"), Trigger::Scheduled);
        assert_eq!(at_start("two"), Trigger::Changed);
        assert_eq!(at_start(&"x".repeat(10_000)), Trigger::Scheduled, "nor would it be echoed");
        assert_eq!(Cache::default().apply(entry("one"), Source::List).trigger, Trigger::Changed, "it is new");
    }

    #[test]
    fn row_103_a_request_that_is_too_long_to_be_echoed_causes_no_reconcile() {
        let trigger = |requested_at: &str| {
            let cache = Cache::default();
            cache.apply(entry("one"), Source::List);
            cache.apply(entry(requested_at), Source::Watch).trigger
        };
        assert_eq!(trigger("two"), Trigger::Requested);
        assert_eq!(trigger(&"x".repeat(257)), Trigger::None);
        assert_eq!(trigger(&"x".repeat(256)), Trigger::Requested);
    }

    fn version(version: u64, mut entry: Entry) -> Entry {
        entry.version = Some(version);
        entry
    }

    #[test]
    fn an_event_that_is_older_than_what_is_known_changes_nothing_and_a_list_does() {
        let cache = Cache::default();
        cache.apply(version(7, entry("two")), Source::Watch);
        assert_eq!(cache.apply(version(6, entry("one")), Source::Watch).trigger, Trigger::None);
        assert_eq!(cache.with("1", |entry| entry.version), Some(Some(7)));
        assert_eq!(cache.apply(version(5, entry("three")), Source::List).trigger, Trigger::Requested);
    }

    /// A resource with our finalizer that has claimed `org_1`.
    fn claiming(uid: &str, metadata: serde_json::Value, ready: &str, claim: Option<&str>) -> Entry {
        let mut object = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": uid, "uid": uid, "generation": 1, "finalizers": [crate::crd::FINALIZER]},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
            "status": {"observedGeneration": 1, "environment": "h", "organizationId": "org_1", "claim": claim,
                "conditions": [{"type": "Ready", "status": ready, "reason": "InSync", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        });
        for (key, value) in metadata.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        Entry::of(&serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn what_was_reported_counts_for_the_version_that_shows_it_and_for_no_other() {
        let cache = Cache::default();
        let at_rest = || claiming("1", json!({}), "True", Some("Verified"));
        let serves = |cache: &Cache| cache.with("1", |entry| entry.cached().is_some()).unwrap();
        cache.apply(version(7, at_rest()), Source::List);
        assert!(!serves(&cache), "no reconcile has read it yet");
        cache.record_reported(&"1".into(), Some(6), 1);
        assert!(!serves(&cache));
        cache.record_reported(&"1".into(), Some(7), 1);
        cache.apply(version(7, at_rest()), Source::Watch);
        assert!(serves(&cache), "the event of an own write changes nothing");
        for (source, other) in [
            (Source::Watch, version(8, at_rest())),
            (Source::List, version(6, at_rest())),
            (Source::List, version(7, claiming("1", json!({"generation": 2}), "True", Some("Verified")))),
            (Source::List, version(7, claiming("1", json!({}), "False", Some("Verified")))),
            (Source::List, version(7, claiming("1", json!({}), "True", None))),
        ] {
            cache.apply(version(7, at_rest()), Source::List);
            cache.record_reported(&"1".into(), Some(7), 1);
            assert!(serves(&cache));
            cache.apply(other, source);
            assert!(!serves(&cache));
        }
    }

    #[test]
    fn one_that_waits_to_hand_over_is_reconciled_when_the_other_policy_is_live() {
        let cache = Cache::default();
        let goes = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        cache.apply(claiming("older", goes, "False", None), Source::List);
        cache.apply(claiming("younger", json!({}), "False", Some("Verified")), Source::List);
        let effect = cache.apply(claiming("younger", json!({}), "True", Some("Verified")), Source::Write);
        assert_eq!(effect.affected, ["older".into()]);
    }

    #[test]
    fn other_claimants_are_reconciled_after_a_change_and_no_claim_outlives_its_resource() {
        let cache = Cache::default();
        let mut other = entry("one");
        other.resource.uid = "2".into();
        assert!(cache.apply(entry("one"), Source::List).affected.is_empty());
        assert_eq!(cache.apply(other.clone(), Source::List).affected, ["1".into()]);
        assert!(cache.apply(other.clone(), Source::Watch).affected.is_empty(), "nothing changed");
        assert_eq!(cache.claimants_at(&"1".into(), &entry("one").claim.keys).len(), 1);
        assert_eq!(cache.remove(&"1".into()), ["2".into()]);
        assert!(cache.remove(&"2".into()).is_empty());
        cache.apply(other, Source::Write);
        assert!(!cache.contains("2"), "the answer to a write brings nothing back");
        assert!(cache.lock().claims.is_empty());
    }

    #[test]
    fn what_resources_have_in_common_is_kept_once_and_goes_with_the_last_of_them() {
        let cache = Cache::default();
        let names: Vec<String> = (0..1000).map(|nth| nth.to_string()).collect();
        for name in names.iter().chain(&names) {
            cache.apply(claiming(name, json!({}), "True", Some("Verified")), Source::List);
        }
        let of = |uid: &str| cache.with(uid, |entry| (entry.resource.clone(), entry.environment.clone().unwrap()));
        let ((one, here), (other, there)) = (of("1").unwrap(), of("2").unwrap());
        assert!(Arc::ptr_eq(&one.namespace, &other.namespace) && Arc::ptr_eq(&here, &there));
        let inner = cache.lock();
        let (uid, entry) = inner.entries.get_key_value("1").unwrap();
        assert!(Arc::ptr_eq(uid, &entry.resource.uid), "a later event brings no second copy");
        let organizations = entry.claim.keys.iter().map(|key| match key {
            ClaimKey::Verified { organization, .. }
            | ClaimKey::Declared { organization: OrganizationRef::Id(organization), .. }
            | ClaimKey::Named(OrganizationRef::Id(organization)) => organization.as_str().as_ptr(),
            other => panic!("{other:?}"),
        });
        assert_eq!((entry.claim.keys.len(), organizations.collect::<HashSet<_>>().len()), (3, 1));
        drop(inner);
        names.iter().for_each(|name| drop(cache.remove(&name.as_str().into())));
        assert_eq!((Arc::strong_count(&here), cache.lock().claims.len()), (4, 0), "here, there, key and value");
    }
}
