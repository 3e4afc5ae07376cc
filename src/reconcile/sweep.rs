//! The list of all organizations, a hundred to a request: which reads it may
//! answer, and when a sweep, which reads it page by page, saves requests.
//!
//! The list only ever shows that an organization is there, its external id and
//! whether `session_policy` is on. What it does not show is read by itself, so an
//! organization that is missing from the list is not taken for gone.

use super::{Feature, Lane, Organization, RemoteRequest, SESSION_POLICY, State, state::Refusal};
use crate::policy::OrganizationId;
use std::time::Duration;

/// What the list shows may be half an interval old, and at most this. An organization
/// that looks different in the next sweep is reconciled at once, so a change is
/// noticed after one interval, as it is where each organization is read.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Fewer reads than this are never worth a sweep: how many pages the list has is known after the first one.
const FEW: usize = 3;
/// How long it is remembered how many pages the list has, or that it does not
/// show features.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

impl State {
    /// The organization whose entry in the list may answer `request`, and how old
    /// the entry may be.
    ///
    /// Only the first read of a reconcile that nobody waits for, or of a new
    /// resource. A deletion, a contested claim, an edit and a request by a person
    /// read the organization itself; so does every second read, as the one right
    /// before a list of features is written. Which organization an external id means
    /// is looked up, until it is pinned.
    pub fn listable(&self, request: &RemoteRequest) -> Option<(OrganizationId, Duration)> {
        let resource = self.here()?;
        let new = resource.observed_generation < 0;
        let seen = &self.observation;
        let first = seen.resolved.is_none() && seen.failure.is_none() && self.refusal == Refusal::None;
        if !first || self.deleting() || self.history.is_contested() || (resource.is_awaited() && !new) {
            return None;
        }
        let organization = match request {
            RemoteRequest::ReadOrganization(id) => id,
            RemoteRequest::LookUp(_) => &self.pin_here()?.organization,
            _ => return None,
        };
        Some((organization.clone(), (self.interval() / 2).min(LONGEST)))
    }

    /// Whether `listed` answers `request`: not where it differs from what the status
    /// says, since something may follow from that.
    pub fn is_answered_by(&self, request: &RemoteRequest, listed: &Organization) -> bool {
        let needs_feature = self.goal().is_some_and(|goal| goal.needs_feature());
        let was_on = needs_feature && self.here().is_some_and(|resource| resource.was_ready());
        let same = match request {
            RemoteRequest::LookUp(id) => listed.external_id.as_deref() == Some(id.as_str()),
            RemoteRequest::ReadOrganization(id) => listed.id == *id,
            _ => false,
        };
        same && (listed.session_policy_enabled() || !was_on)
    }
}

impl RemoteRequest {
    /// The organization of which a list that was read before this request tells nothing any more.
    pub const fn outdates_list(&self) -> Option<&OrganizationId> {
        match self {
            Self::WriteFeatures { organization, .. } => Some(organization),
            _ => None,
        }
    }
}

impl Organization {
    /// An organization of which the list shows this much. Its features are not
    /// complete, so they are not written back.
    pub fn listed(id: OrganizationId, external_id: Option<String>, session_policy: bool) -> Self {
        let feature = Feature { name: SESSION_POLICY.into(), enabled: session_policy };
        Self { id, external_id, features: vec![feature], features_reported: true }
    }
}

/// How many reads of organizations a sweep would save, and what it costs. A sweep
/// that has saved as many requests as it cost is followed by another; otherwise as
/// many organizations are read one by one first. So the list never costs more than
/// it saves, however large it is and whoever needs it.
#[derive(Debug, Default)]
pub struct Demand {
    /// The reads that the last sweep has answered.
    answered: usize,
    /// The reads since then that none could answer.
    missed: usize,
    /// Which organization the first of these was of, and whether others were of another one: for a single one its own read
    /// costs as much as a list.
    missed_first: Option<OrganizationId>,
    several: bool,
    /// When the first of these was.
    missed_since: Duration,
    /// The pages of the list.
    pages: usize,
    /// Until when that counts.
    known_until: Duration,
}

impl Demand {
    /// A sweep has answered a read.
    pub fn record_answered(&mut self) {
        self.answered = self.answered.saturating_add(1);
    }

    /// No sweep could answer a read of this organization, for which one may be so old.
    pub fn record_missed(&mut self, id: &OrganizationId, longest: Duration, now: Duration) {
        if now.saturating_sub(self.missed_since) > longest {
            self.forget_missed();
            self.missed_since = now;
        }
        self.missed = self.missed.saturating_add(1);
        self.several |= self.missed_first.get_or_insert_with(|| id.clone()) != id;
    }

    fn forget_missed(&mut self) {
        (self.missed, self.missed_first, self.several) = (0, None, false);
    }

    /// How many requests a sweep in this lane may cost now; `None`: it is not worth
    /// it. That the last one was is a reason only for reads that nobody waits for:
    /// a single new resource is reconciled sooner without.
    pub fn begin(&mut self, lane: Lane, now: Duration) -> Option<usize> {
        let missed = if self.several { self.missed } else { 0 };
        let worth = if lane == Lane::Resync { missed.max(self.answered) } else { missed };
        let pages = if now < self.known_until { self.pages } else { 0 };
        if worth < pages.max(FEW) {
            return None;
        }
        self.answered = 0;
        self.forget_missed();
        Some(worth)
    }

    /// The list has so many pages.
    pub fn learn(&mut self, pages: usize, now: Duration) {
        (self.pages, self.known_until) = (pages, now.saturating_add(REMEMBERED));
    }

    /// The list shows no features, so it is not read again soon.
    pub fn is_useless(&mut self, now: Duration) {
        self.learn(usize::MAX, now);
    }

    /// The list could not be read, and may not be for a while.
    pub fn record_failed(&mut self, now: Duration) {
        (self.pages, self.known_until) = (usize::MAX, now.saturating_add(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(600);

    fn demand(missed: usize) -> Demand {
        let mut demand = Demand::default();
        (0..missed).for_each(|nth| miss(&mut demand, nth, Duration::ZERO));
        demand
    }

    /// A read of the organization of this number.
    fn miss(demand: &mut Demand, nth: usize, now: Duration) {
        demand.record_missed(&OrganizationId::parse(&format!("org_{nth}")).unwrap(), LONGEST, now);
    }

    #[test]
    fn a_few_reads_are_not_worth_a_list() {
        assert_eq!(demand(FEW - 1).begin(Lane::Resync, Duration::ZERO), None);
        assert_eq!(demand(FEW).begin(Lane::Resync, Duration::ZERO), Some(FEW));
        assert_eq!(demand(FEW).begin(Lane::Awaited, Duration::ZERO), Some(FEW));
    }

    #[test]
    fn no_list_is_read_for_a_single_organization_however_often_it_is_read() {
        let mut demand = Demand::default();
        for _ in 0..100 {
            miss(&mut demand, 1, Duration::ZERO);
            assert_eq!(demand.begin(Lane::Resync, Duration::ZERO), None);
        }
        miss(&mut demand, 2, LONGEST);
        assert_eq!(demand.begin(Lane::Resync, LONGEST), Some(101));
    }

    #[test]
    fn reads_that_are_far_between_are_not_added_up() {
        let mut demand = Demand::default();
        for n in 0..100 {
            miss(&mut demand, n.try_into().unwrap(), INTERVAL * n);
            assert_eq!(demand.begin(Lane::Resync, INTERVAL * n), None);
        }
    }

    #[test]
    fn a_list_of_a_million_is_not_read_for_a_few_hundred() {
        let mut demand = demand(10);
        assert!(demand.begin(Lane::Resync, Duration::ZERO).is_some());
        demand.learn(10_000, Duration::ZERO);
        for nth in 0..9_999 {
            miss(&mut demand, nth, Duration::ZERO);
            assert_eq!(demand.begin(Lane::Resync, Duration::ZERO), None);
        }
        miss(&mut demand, 1, Duration::ZERO);
        assert_eq!(demand.begin(Lane::Resync, Duration::ZERO), Some(10_000));
    }

    #[test]
    fn a_list_that_has_saved_what_it_cost_is_read_again_for_what_nobody_waits_for() {
        let mut demand = demand(10);
        demand.begin(Lane::Resync, Duration::ZERO);
        demand.learn(100, Duration::ZERO);
        (0..100).for_each(|_| demand.record_answered());
        miss(&mut demand, 1, LONGEST);
        assert_eq!(demand.begin(Lane::Awaited, LONGEST), None, "one new resource does not wait for a hundred pages");
        assert_eq!(demand.begin(Lane::Resync, LONGEST), Some(100));
        assert_eq!(demand.begin(Lane::Resync, LONGEST), None, "and has to save it again");
    }

    #[test]
    fn a_list_that_fails_or_shows_no_features_is_left_alone_for_a_while() {
        for (end, after) in
            [(Demand::record_failed as fn(&mut Demand, Duration), LONGEST), (Demand::is_useless, REMEMBERED)]
        {
            let mut demand = demand(1000);
            end(&mut demand, Duration::ZERO);
            assert_eq!(demand.begin(Lane::Resync, after / 2), None);
            assert!(demand.begin(Lane::Resync, after).is_some());
        }
    }
}
