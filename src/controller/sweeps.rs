//! Reads the list of organizations for each client, so that one request serves the reads of a hundred. Clients do
//! not share it, since one may be refused what another may read.

use crate::{
    policy::{ExternalId, OrganizationId, OrganizationRef},
    reconcile::{Demand, ErrorClass, Lane, Organization, RemoteError},
    scalekit::{Caller, Client, Page, Pruned},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How many organizations are kept of one sweep that no resource names, since one is often created right before
/// its resource.
const SPARE: usize = 1000;

/// The lists by the number of the client.
pub(super) struct Sweeps {
    started: Instant,
    slots: Mutex<Pruned<u64, Arc<Slot>>>,
}

/// What a sweep has shown of one organization, and who must know.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The organization, and how long ago it was listed.
    pub(super) found: Option<(Organization, Duration)>,
    /// The organizations that look different than in the sweep before, by all their names.
    pub(super) changed: Vec<OrganizationRef>,
    /// The sweep was a probe in an outage, and failed.
    pub(super) failure: Option<RemoteError>,
}

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Held during a sweep.
    sweeping: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    demand: Demand,
    listed: Listed,
    /// For whom the last sweep was begun.
    caller: Caller,
    /// The organizations whose features were written during the sweep.
    written: Vec<OrganizationId>,
}

/// The organizations of the last sweep.
#[derive(Default)]
struct Listed {
    /// When it was begun.
    began: Option<Instant>,
    organizations: HashMap<OrganizationId, Seen>,
}

#[derive(PartialEq, Eq)]
struct Seen {
    external_id: Option<String>,
    /// Whether `session_policy` is on, where the list shows it.
    session_policy: Option<bool>,
}

impl Sweeps {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), slots: Mutex::default() }
    }

    /// Forgets all lists: what another process has written since is not in them.
    pub(super) fn clear(&self) {
        *self.slots.lock().unwrap_or_else(PoisonError::into_inner) = Pruned::default();
    }

    /// The organization `id`, if a sweep within `longest` has shown it, or if one that pays off now does. A sweep keeps
    /// those that `is_named` by a resource, and a few more.
    pub(super) async fn get(
        &self,
        client: &Client,
        caller: Caller,
        (id, longest): (&OrganizationId, Duration),
        is_named: impl Fn(&[OrganizationRef]) -> bool,
        edited: impl Future<Output = ()>,
    ) -> Listing {
        let slot = self.slot(client, longest);
        if let Some(found) = slot.state().find(id, longest) {
            return Listing { found, ..Listing::default() };
        }
        let listing = match slot.sweeping.try_lock() {
            Ok(_sweeping) => {
                let Some(most) = self.begin(&slot, &caller, longest) else { return Listing::default() };
                self.sweep(client, caller, &slot, most, is_named).await
            }
            // whoever somebody waits for does not wait for a sweep of others, which may be long
            Err(_) if caller.lane == Lane::Resync || slot.state().is_begun_for(&caller) => {
                tokio::select! {
                    sweeping = slot.sweeping.lock() => drop(sweeping),
                    () = edited => {} // now somebody does
                }
                Listing::default()
            }
            Err(_) => Listing::default(),
        };
        Listing { found: slot.state().find(id, longest).flatten(), ..listing }
    }

    /// The features of this organization were written: what was listed before, or is being listed now, may be older.
    pub(super) fn forget(&self, id: &OrganizationId) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            let mut state = slot.state();
            state.listed.forget(id);
            if slot.sweeping.try_lock().is_err() {
                state.written.push(id.clone());
            }
        }
    }

    /// How many requests a sweep may cost that pays off now.
    fn begin(&self, slot: &Slot, caller: &Caller, longest: Duration) -> Option<usize> {
        let (mut state, now) = (slot.state(), self.started.elapsed());
        state.demand.record_missed(longest, now);
        let most = state.demand.begin(caller.lane, now)?;
        state.caller = caller.clone();
        Some(most)
    }

    /// Reads the list for at most about `most` requests.
    async fn sweep(
        &self,
        client: &Client,
        caller: Caller,
        slot: &Slot,
        most: usize,
        is_named: impl Fn(&[OrganizationRef]) -> bool,
    ) -> Listing {
        let mut listing = Listing::default();
        let start = Instant::now();
        let mut listed = Listed { began: Some(start), organizations: HashMap::new() };
        let (mut token, mut pages, mut longest_page) = (None::<String>, 0, 1);
        let (mut spare, mut limited_since) = (SPARE, None);
        let complete = loop {
            // a page waits behind those that began before it, and not the whole list before those that began later
            let caller = Caller { began: caller.began + start.elapsed(), ..caller.clone() };
            let page = match client.on_behalf_of(caller).organizations(token.as_deref()).await {
                Ok(page) => page,
                Err(error) if error.is_waited_out(limited_since.get_or_insert_with(Instant::now).elapsed()) => continue,
                Err(error) => {
                    if error.kind.class() != ErrorClass::Throttled {
                        slot.state().demand.record_failed(self.started.elapsed());
                    }
                    listing.failure = Some(error).filter(|error| error.probe_after.is_some());
                    break false;
                }
            };
            pages += 1;
            longest_page = longest_page.max(page.organizations.len());
            let all = pages_of(&page, pages, longest_page);
            slot.state().demand.learn(all, self.started.elapsed());
            for organization in page.organizations {
                let seen = Seen::of(&organization);
                let named = is_named(&seen.names(&organization.id));
                if named || spare > 0 {
                    spare -= usize::from(!named);
                    listed.organizations.insert(organization.id, seen);
                }
            }
            token = page.next;
            if token.is_none() || all > most {
                break token.is_none();
            }
        };
        let organizations = listed.organizations.len();
        tracing::debug!(environment = %client.environment(), pages, organizations, complete, "listed organizations");
        let mut state = slot.state();
        if complete && listed.organizations.values().all(|seen| seen.session_policy.is_none()) {
            state.demand.is_useless(self.started.elapsed());
        }
        std::mem::take(&mut state.written).iter().for_each(|id| listed.forget(id));
        if pages > 0 {
            let before = std::mem::replace(&mut state.listed, listed);
            listing.changed = before.changed(&state.listed, complete);
        }
        listing
    }

    fn slot(&self, client: &Client, longest: Duration) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = |slot: &mut Arc<Slot>| {
            Arc::strong_count(slot) > 1 || slot.state().listed.age().is_some_and(|age| age < longest)
        };
        Arc::clone(slots.get_or_insert(client.number(), in_use, Arc::default))
    }
}

/// How many pages the list has, as far as the page that was read as number `read` shows. One with fewer
/// organizations than others need not be the last.
fn pages_of(page: &Page, read: usize, longest: usize) -> usize {
    let told = page.total.map_or(0, |total| total.div_ceil(longest));
    if page.next.is_some() { told.max(read + 1) } else { read }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The organization and how long ago it was listed; `None`: a new sweep may show it, `Some(None)`: the list does
    /// not show what is needed.
    fn find(&mut self, id: &OrganizationId, longest: Duration) -> Option<Option<(Organization, Duration)>> {
        let age = self.listed.age().filter(|age| *age < longest)?;
        let Seen { external_id, session_policy } = self.listed.organizations.get(id)?;
        let Some(session_policy) = *session_policy else { return Some(None) };
        self.demand.record_answered();
        Some(Some((Organization::listed(id.clone(), external_id.clone(), session_policy), age)))
    }

    fn is_begun_for(&self, caller: &Caller) -> bool {
        self.caller.lane <= caller.lane && self.caller.flow == caller.flow
    }
}

impl Listed {
    /// Whether the feature is on is read by itself from now on.
    fn forget(&mut self, id: &OrganizationId) {
        self.organizations.get_mut(id).into_iter().for_each(|seen| seen.session_policy = None);
    }

    fn age(&self) -> Option<Duration> {
        self.began.map(|began| began.elapsed())
    }

    /// The organizations that look different in `after`.
    fn changed(self, after: &Self, complete: bool) -> Vec<OrganizationRef> {
        let mut changed = Vec::new();
        for (id, before) in self.organizations {
            match after.organizations.get(&id) {
                Some(after) if after.differs_from(&before) => {
                    changed.extend(before.names(&id));
                    changed.extend(after.names(&id).into_iter().skip(1));
                }
                None if complete => changed.extend(before.names(&id)),
                _ => {}
            }
        }
        changed
    }
}

impl Seen {
    fn of(organization: &Organization) -> Self {
        // a server that writes empty lists where it does not tell is possible
        let shown = organization.features_reported && !organization.features.is_empty();
        Self {
            external_id: organization.external_id.clone(),
            session_policy: shown.then(|| organization.session_policy_enabled()),
        }
    }

    /// Whether it is news. What was written since `before` was listed, its own reconcile has read.
    fn differs_from(&self, before: &Self) -> bool {
        let features = before.session_policy.is_some() && self.session_policy != before.session_policy;
        features || self.external_id != before.external_id
    }

    /// The id first.
    fn names(&self, id: &OrganizationId) -> Vec<OrganizationRef> {
        let external = self.external_id.as_deref().and_then(ExternalId::parse).map(OrganizationRef::External);
        [Some(OrganizationRef::Id(id.clone())), external].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> OrganizationId {
        OrganizationId::parse(id).unwrap()
    }

    fn listed(organizations: &[(&str, &str, Option<bool>)]) -> Listed {
        let seen = |(name, external, session_policy): &(&str, &str, Option<bool>)| {
            let external_id = Some((*external).to_owned());
            (id(name), Seen { external_id, session_policy: *session_policy })
        };
        Listed { began: Some(Instant::now()), organizations: organizations.iter().map(seen).collect() }
    }

    #[tokio::test]
    async fn whoever_names_an_organization_that_looks_different_is_told_by_every_name() {
        let before = || listed(&[("org_1", "a", Some(true)), ("org_2", "b", Some(true))]);
        let changed = |after: &[(&str, &str, Option<bool>)], complete| {
            let mut names: Vec<_> =
                before().changed(&listed(after), complete).iter().map(ToString::to_string).collect();
            names.sort();
            names.dedup();
            names
        };
        let (first, second) = (("org_1", "a", Some(true)), ("org_2", "b", Some(true)));
        assert!(changed(&[first, second, ("org_3", "c", Some(true))], true).is_empty(), "a new one is nobody's");
        assert_eq!(changed(&[first, ("org_2", "b", Some(false))], true), ["b", "org_2"]);
        assert_eq!(changed(&[first, ("org_2", "c", Some(true))], true), ["b", "c", "org_2"]);
        assert_eq!(changed(&[first], true), ["b", "org_2"]);
        assert!(changed(&[first], false).is_empty(), "the rest of the list was not read");
        let mut written = before();
        written.forget(&id("org_1"));
        assert!(written.changed(&before(), true).is_empty(), "whoever wrote it has read it since");
    }

    #[tokio::test]
    async fn a_list_that_does_not_show_the_feature_answers_nothing_and_is_not_asked_again_for_it() {
        let (longest, listed) = (Duration::from_secs(60), listed(&[("org_1", "a", Some(false)), ("org_2", "b", None)]));
        let mut state = State { listed, ..State::default() };
        let found = state.find(&id("org_1"), longest).flatten().map(|(organization, _)| organization);
        assert_eq!(found, Some(Organization::listed(id("org_1"), Some("a".into()), false)));
        assert_eq!(state.find(&id("org_2"), longest), Some(None));
        assert_eq!(state.find(&id("org_3"), longest), None);
        assert_eq!(state.find(&id("org_1"), Duration::ZERO), None, "it is too old");
    }

    #[tokio::test]
    async fn an_organization_whose_features_were_written_is_not_answered_by_what_was_listed_before() {
        let (sweeps, longest) = (Sweeps::new(), Duration::from_secs(60));
        let slot = Arc::clone(sweeps.slots.lock().unwrap().get_or_insert(1, |_| true, Arc::default));
        slot.state().listed = listed(&[("org_1", "a", Some(false)), ("org_2", "b", Some(false))]);
        sweeps.forget(&id("org_1"));
        assert_eq!(slot.state().find(&id("org_1"), longest), Some(None));
        assert!(slot.state().find(&id("org_2"), longest).is_some_and(|found| found.is_some()));
        assert!(slot.state().written.is_empty(), "nothing is being listed");
        let _sweeping = slot.sweeping.lock().await;
        sweeps.forget(&id("org_2"));
        assert_eq!(slot.state().written, [id("org_2")]);
    }

    #[test]
    fn a_short_page_does_not_make_the_list_long() {
        let page = |total, next: bool| Page { organizations: Vec::new(), next: next.then(|| "t".into()), total };
        assert_eq!(pages_of(&page(Some(1000), true), 1, 100), 10);
        assert_eq!(pages_of(&page(None, true), 3, 100), 4, "at least");
        assert_eq!(pages_of(&page(Some(1000), false), 2, 100), 2, "the total is not of this client");
    }
}
