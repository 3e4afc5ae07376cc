//! Reads the list of organizations for each client, so that one request serves the reads of a hundred. Clients do
//! not share it, since one may be refused what another may read.

#[cfg(test)]
mod tests;

use crate::{
    policy::{ExternalId, OrganizationId, OrganizationRef},
    reconcile::{Demand, ErrorClass, ErrorKind, Lane, Organization, RemoteError},
    scalekit::{Caller, Client, Page, Pruned},
};
use std::{
    collections::{HashMap, HashSet},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::MutexGuard, time::Instant};

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
    /// Held while somebody reads the next page of the sweep that was begun, if any.
    sweeping: tokio::sync::Mutex<Option<Sweep>>,
}

/// A sweep that was begun. Who reads its pages may leave it to the next one.
struct Sweep {
    /// How many requests it may cost, about.
    most: usize,
    listed: Listed,
    next_page: Option<String>,
    pages: usize,
    longest_page: usize,
    /// How many organizations that no resource names may still be kept.
    spare: usize,
    limited_since: Option<Instant>,
}

#[derive(Default)]
struct State {
    demand: Demand,
    listed: Listed,
    /// Who reads the sweep, or has read the last one.
    caller: Caller,
    /// The organizations whose features were written during the sweep.
    written: HashSet<OrganizationId>,
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
    /// those that `is_named` by a resource, and a few more. Whoever becomes `urgent` waits for none any more.
    pub(super) async fn get(
        &self,
        client: &Client,
        caller: Caller,
        (id, longest): (&OrganizationId, Duration),
        is_named: impl Fn(&[OrganizationRef]) -> bool,
        urgent: impl Future<Output = ()>,
    ) -> Listing {
        let slot = self.slot(client, longest);
        if let Some(found) = slot.state().find(id, longest) {
            return Listing { found, ..Listing::default() };
        }
        let mut urgent = pin!(urgent);
        let (mut sweeping, may_begin) = match slot.sweeping.try_lock() {
            Ok(sweeping) => (sweeping, true),
            // whoever somebody waits for does not wait for a sweep of others, which may be long
            Err(_) if caller.lane == Lane::Resync || slot.state().is_read_for(&caller) => {
                tokio::select! {
                    sweeping = slot.sweeping.lock() => (sweeping, false),
                    () = &mut urgent => return Listing::default(), // now somebody does
                }
            }
            Err(_) => return Listing::default(),
        };
        let left = sweeping.as_ref().and_then(|sweep| sweep.listed.age());
        if may_begin && left.is_none_or(|age| age >= slot.state().demand.longest()) {
            let Some(most) = self.begin(&slot, &caller, (id, longest)) else { return Listing::default() };
            *sweeping = Some(Sweep::new(most));
            slot.state().written.clear();
        } else if sweeping.is_some() && (caller.lane != Lane::Resync || left.is_some_and(|age| age >= longest)) {
            return Listing::default(); // nor does it read the rest of one, or one for whom that is too old
        }
        if sweeping.is_some() {
            slot.state().caller = caller.clone();
        }
        let listing = self.sweep(client, caller, &slot, sweeping, is_named, urgent).await;
        Listing { found: slot.state().find(id, longest).flatten(), ..listing }
    }

    /// The features of this organization were written: what was listed before, or is being listed now, may be older.
    pub(super) fn forget(&self, id: &OrganizationId) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            let mut state = slot.state();
            state.listed.forget(id);
            let Ok(mut left) = slot.sweeping.try_lock() else {
                state.written.insert(id.clone());
                continue;
            };
            left.take_if(|sweep| sweep.listed.age() >= Some(state.demand.longest())); // nobody goes on with it
            if left.is_some() {
                state.written.insert(id.clone());
            } else {
                state.written = HashSet::new();
            }
        }
    }

    /// How many requests a sweep may cost that pays off now.
    fn begin(&self, slot: &Slot, caller: &Caller, (id, longest): (&OrganizationId, Duration)) -> Option<usize> {
        let (mut state, now) = (slot.state(), self.started.elapsed());
        state.demand.record_missed(id, longest, now);
        let age = state.listed.age();
        state.demand.begin(caller.lane, age, now)
    }

    /// Reads the list to its end, if a sweep was begun and not ended; as long as the reader is not `urgent`.
    async fn sweep(
        &self,
        client: &Client,
        caller: Caller,
        slot: &Slot,
        mut sweeping: MutexGuard<'_, Option<Sweep>>,
        is_named: impl Fn(&[OrganizationRef]) -> bool,
        mut urgent: Pin<&mut impl Future<Output = ()>>,
    ) -> Listing {
        let mut listing = Listing::default();
        let (start, lane, left_at) = (Instant::now(), caller.lane, sweeping.as_ref().map_or(0, |sweep| sweep.pages));
        while let Some(sweep) = &mut *sweeping {
            // a page waits behind those that began before it, and not the whole list before those that began later
            let caller = Caller { began: caller.began + start.elapsed(), ..caller.clone() };
            let client = client.on_behalf_of(caller);
            let admission = tokio::select! {
                biased;
                () = &mut urgent, if lane != Lane::Awaited => return listing, // the next one who reads the list goes on with it
                admission = client.acquire_page() => admission,
            };
            let page = match admission {
                Ok(admission) => client.organizations_with(sweep.next_page.as_deref(), admission).await,
                Err(error) => Err(error),
            };
            let complete = match page {
                Ok(page) => {
                    let all = sweep.take_in(page, &is_named);
                    let (complete, too_long) = (sweep.next_page.is_none(), all > sweep.most);
                    // where the end is unknown, the next sweep reads twice as far
                    let all = if too_long && !complete { all.max(sweep.pages * 2) } else { all };
                    let (mut state, now) = (slot.state(), self.started.elapsed());
                    state.demand.learn(all, now);
                    let too_old = sweep.listed.age() >= Some(state.demand.longest());
                    if too_old && left_at == 0 {
                        state.demand.is_useless(now);
                    } else if too_old {
                        state.demand.record_failed(now); // it was left for long
                    } else if !complete && !too_long {
                        continue;
                    }
                    complete
                }
                Err(error) if error.is_waited_out(sweep.limited_since.get_or_insert_with(Instant::now).elapsed()) => {
                    continue;
                }
                Err(error) if error.kind.class() == ErrorClass::Throttled && lane == Lane::Resync => {
                    sweep.limited_since = None;
                    return listing; // the next one goes on with it after the pause
                }
                Err(error) => {
                    // the token of the page at which it was left may have expired, which says nothing of the list
                    let expired = left_at > 0 && sweep.pages == left_at && error.kind == ErrorKind::Rejected;
                    if !expired && error.kind.class() != ErrorClass::Throttled {
                        slot.state().demand.record_failed(self.started.elapsed());
                    }
                    listing.failure = Some(error).filter(|error| error.probe_after.is_some());
                    false
                }
            };
            if let Some(Sweep { listed, pages, .. }) = sweeping.take() {
                let (environment, organizations) = (client.environment(), listed.organizations.len());
                tracing::debug!(%environment, pages, organizations, complete, "listed organizations");
                listing.changed = self.end(&mut slot.state(), listed, pages, complete);
            }
        }
        listing
    }

    /// Keeps what a sweep of so many pages has listed; which organizations look different than in the one before.
    fn end(&self, state: &mut State, mut listed: Listed, pages: usize, complete: bool) -> Vec<OrganizationRef> {
        if complete && listed.organizations.values().all(|seen| seen.session_policy.is_none()) {
            state.demand.is_useless(self.started.elapsed());
        }
        std::mem::take(&mut state.written).iter().for_each(|id| listed.forget(id));
        if pages == 0 {
            return Vec::new();
        }
        let before = std::mem::replace(&mut state.listed, listed);
        before.changed(&state.listed, complete)
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

impl Sweep {
    fn new(most: usize) -> Self {
        let listed = Listed { began: Some(Instant::now()), organizations: HashMap::new() };
        Self { most, listed, next_page: None, pages: 0, longest_page: 1, spare: SPARE, limited_since: None }
    }

    /// Takes in the next page; how many the list has, as far as is known.
    fn take_in(&mut self, page: Page, is_named: impl Fn(&[OrganizationRef]) -> bool) -> usize {
        self.pages += 1;
        self.longest_page = self.longest_page.max(page.organizations.len());
        let all = pages_of(&page, self.pages, self.longest_page);
        for organization in page.organizations {
            let seen = Seen::of(&organization);
            let named = is_named(&seen.names(&organization.id));
            if named || self.spare > 0 {
                self.spare -= usize::from(!named);
                self.listed.organizations.insert(organization.id, seen);
            }
        }
        (self.next_page, self.limited_since) = (page.next, None);
        all
    }
}

impl Slot {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The organization and how long ago it was listed; `None`: a new sweep may show it, `Some(None)`: the list does
    /// not show what is needed.
    fn find(&mut self, id: &OrganizationId, longest: Duration) -> Option<Option<(Organization, Duration)>> {
        self.demand.asks(longest);
        let age = self.listed.age().filter(|age| *age < longest)?;
        let Seen { external_id, session_policy } = self.listed.organizations.get(id)?;
        let Some(session_policy) = *session_policy else { return Some(None) };
        self.demand.record_answered(longest);
        Some(Some((Organization::listed(id.clone(), external_id.clone(), session_policy), age)))
    }

    fn is_read_for(&self, caller: &Caller) -> bool {
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
