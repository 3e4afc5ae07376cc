//! When a sweep of the list of organizations, which reads it page by page, saves requests.

use super::{Lane, sweep::LONGEST};
use crate::policy::OrganizationId;
use std::{collections::BTreeMap, time::Duration};

/// Fewer reads than this are never worth a sweep: how many pages the list has is known after the first one.
const FEW: usize = 3;
/// How long it is remembered how many pages the list has, or that it does not
/// show features, or takes too long.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How many reads of organizations a sweep would save, and what it costs. A sweep
/// that has saved as many requests as it cost is followed by another; otherwise as
/// many organizations are read one by one first. So the list never costs more than
/// it saves, however large it is and whoever needs it: that it is too old for one read of a
/// resource with a short interval is no reason to read it again for the others, for whom it is not.
#[derive(Debug, Default)]
pub struct Demand {
    /// The reads by how old a list may be for them: less than twice as old within a class.
    classes: BTreeMap<u32, Class>,
    /// The pages of the list.
    pages: usize,
    /// Until when that counts.
    known_until: Duration,
}

/// The reads for which a list may be about as old.
#[derive(Debug, Default)]
struct Class {
    /// How old, at most.
    longest: Duration,
    /// Those that the last sweep has answered.
    answered: usize,
    /// Those since then that none could answer.
    missed: usize,
    /// Which organization the first of these was of, and whether others were of another one: for a single one its own read
    /// costs as much as a list.
    missed_first: Option<OrganizationId>,
    several: bool,
    /// When the first of these was.
    missed_since: Duration,
}

impl Demand {
    /// Somebody asks for an organization, of which a list may be so old.
    pub fn asks(&mut self, longest: Duration) {
        self.class(longest);
    }

    /// A sweep has answered a read, for which one may be so old.
    pub fn record_answered(&mut self, longest: Duration) {
        let class = self.class(longest);
        class.answered = class.answered.saturating_add(1);
    }

    /// No sweep could answer a read of this organization, for which one may be so old.
    pub fn record_missed(&mut self, id: &OrganizationId, longest: Duration, now: Duration) {
        let class = self.class(longest);
        if !class.counts(now) {
            class.forget_missed();
            class.missed_since = now;
        }
        class.missed = class.missed.saturating_add(1);
        class.several |= class.missed_first.get_or_insert_with(|| id.clone()) != id;
    }

    /// How many requests a sweep in this lane may cost now, where the last one is so old; `None`: it is not worth
    /// it. That the last one was is a reason only for reads that nobody waits for:
    /// a single new resource is reconciled sooner without.
    pub fn begin(&mut self, lane: Lane, age: Option<Duration>, now: Duration) -> Option<usize> {
        let missed = self.classes.values().filter(|class| class.counts(now));
        let mut first = missed.clone().filter_map(|class| class.missed_first.as_ref());
        let one = first.next();
        let several = missed.clone().any(|class| class.several) || first.any(|other| Some(other) != one);
        let missed = if several { missed.map(|class| class.missed).sum() } else { 0 };
        // what the last one has answered it answers still, where it is not too old
        let expired = |class: &&Class| age.is_none_or(|age| age >= class.longest);
        let answered = self.classes.values().filter(expired).map(|class| class.answered).sum();
        let worth = if lane == Lane::Resync { missed.max(answered) } else { missed };
        let pages = if now < self.known_until { self.pages } else { 0 };
        if worth < pages.max(FEW) {
            return None;
        }
        for class in self.classes.values_mut() {
            class.answered = 0;
            class.forget_missed();
        }
        Some(worth)
    }

    /// How old a list may be for any of the reads so far.
    pub fn longest(&self) -> Duration {
        self.classes.values().map(|class| class.longest).max().unwrap_or_default()
    }

    /// The list has so many pages.
    pub fn learn(&mut self, pages: usize, now: Duration) {
        (self.pages, self.known_until) = (pages, now.saturating_add(REMEMBERED));
    }

    /// The list shows no features, or is too old before it is read to its end, so it is not read again soon.
    pub fn is_useless(&mut self, now: Duration) {
        self.learn(usize::MAX, now);
    }

    /// The list could not be read, and may not be for a while.
    pub fn record_failed(&mut self, now: Duration) {
        (self.pages, self.known_until) = (usize::MAX, now.saturating_add(LONGEST));
    }

    fn class(&mut self, longest: Duration) -> &mut Class {
        let class = self.classes.entry(longest.as_secs().max(1).ilog2()).or_default();
        class.longest = class.longest.max(longest);
        class
    }
}

impl Class {
    /// Whether what was missed was within the time for which a list would have answered it.
    fn counts(&self, now: Duration) -> bool {
        now.saturating_sub(self.missed_since) <= self.longest
    }

    fn forget_missed(&mut self) {
        (self.missed, self.missed_first, self.several) = (0, None, false);
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
        assert_eq!(demand(FEW - 1).begin(Lane::Resync, None, Duration::ZERO), None);
        assert_eq!(demand(FEW).begin(Lane::Resync, None, Duration::ZERO), Some(FEW));
        assert_eq!(demand(FEW).begin(Lane::Awaited, None, Duration::ZERO), Some(FEW));
    }

    #[test]
    fn no_list_is_read_for_a_single_organization_however_often_it_is_read() {
        let mut demand = Demand::default();
        for _ in 0..100 {
            miss(&mut demand, 1, Duration::ZERO);
            assert_eq!(demand.begin(Lane::Resync, None, Duration::ZERO), None);
        }
        miss(&mut demand, 2, LONGEST);
        assert_eq!(demand.begin(Lane::Resync, None, LONGEST), Some(101));
    }

    #[test]
    fn reads_that_are_far_between_are_not_added_up() {
        let mut demand = Demand::default();
        for n in 0..100 {
            miss(&mut demand, n.try_into().unwrap(), INTERVAL * n);
            assert_eq!(demand.begin(Lane::Resync, None, INTERVAL * n), None);
        }
    }

    #[test]
    fn a_list_of_a_million_is_not_read_for_a_few_hundred() {
        let mut demand = demand(10);
        assert!(demand.begin(Lane::Resync, None, Duration::ZERO).is_some());
        demand.learn(10_000, Duration::ZERO);
        for nth in 0..9_999 {
            miss(&mut demand, nth, Duration::ZERO);
            assert_eq!(demand.begin(Lane::Resync, None, Duration::ZERO), None);
        }
        miss(&mut demand, 1, Duration::ZERO);
        assert_eq!(demand.begin(Lane::Resync, None, Duration::ZERO), Some(10_000));
    }

    #[test]
    fn a_list_that_has_saved_what_it_cost_is_read_again_for_what_nobody_waits_for() {
        let mut demand = demand(10);
        demand.begin(Lane::Resync, None, Duration::ZERO);
        demand.learn(100, Duration::ZERO);
        (0..100).for_each(|_| demand.record_answered(LONGEST));
        miss(&mut demand, 1, LONGEST);
        assert_eq!(
            demand.begin(Lane::Awaited, None, LONGEST),
            None,
            "one new resource does not wait for a hundred pages"
        );
        assert_eq!(demand.begin(Lane::Resync, None, LONGEST), Some(100));
        assert_eq!(demand.begin(Lane::Resync, None, LONGEST), None, "and has to save it again");
    }

    #[test]
    fn a_list_that_fails_or_shows_no_features_is_left_alone_for_a_while() {
        for (end, after) in
            [(Demand::record_failed as fn(&mut Demand, Duration), LONGEST), (Demand::is_useless, REMEMBERED)]
        {
            let mut demand = Demand::default();
            end(&mut demand, Duration::ZERO);
            for (now, is_read) in [(after / 2, false), (after, true)] {
                (0..1000).for_each(|nth| miss(&mut demand, nth, now));
                assert_eq!(demand.begin(Lane::Resync, None, now).is_some(), is_read, "after {now:?}");
            }
        }
    }

    #[test]
    fn a_list_is_not_read_again_for_a_short_interval_among_many_long_ones() {
        let (short, mut demand) = (Duration::from_secs(15), demand(10));
        demand.begin(Lane::Resync, None, Duration::ZERO);
        demand.learn(10, Duration::ZERO);
        (0..1000).for_each(|_| demand.record_answered(LONGEST));
        for n in 1..20 {
            let now = short * n;
            for nth in 0..2 {
                demand.record_missed(&OrganizationId::parse(&format!("org_{nth}")).unwrap(), short, now);
            }
            assert_eq!(demand.begin(Lane::Resync, Some(now), now), None, "after {now:?}");
        }
        assert_eq!(demand.begin(Lane::Resync, Some(LONGEST), LONGEST), Some(1000), "it is too old for all");
    }

    #[test]
    fn a_list_is_read_for_many_short_intervals_beside_a_long_one() {
        let (short, mut demand) = (Duration::from_secs(15), demand(10));
        demand.begin(Lane::Resync, None, Duration::ZERO);
        demand.learn(10, Duration::ZERO);
        demand.record_answered(LONGEST);
        (0..10).for_each(|_| demand.record_answered(short));
        assert_eq!(demand.begin(Lane::Resync, Some(short), short), Some(10));
    }

    #[test]
    fn reads_of_one_organization_by_resources_of_two_intervals_are_of_one() {
        let (short, mut demand) = (Duration::from_secs(15), Demand::default());
        for _ in 0..10 {
            miss(&mut demand, 1, Duration::ZERO);
            demand.record_missed(&OrganizationId::parse("org_1").unwrap(), short, Duration::ZERO);
        }
        assert_eq!(demand.begin(Lane::Resync, None, Duration::ZERO), None);
        demand.record_missed(&OrganizationId::parse("org_2").unwrap(), short, Duration::ZERO);
        assert_eq!(demand.begin(Lane::Resync, None, Duration::ZERO), Some(21));
    }

    #[test]
    fn reads_with_a_short_interval_do_not_forget_those_with_a_long_one() {
        let mut demand = Demand::default();
        for n in 0..5 {
            let now = Duration::from_secs(40) * n;
            miss(&mut demand, n as usize, now);
            demand.record_missed(&OrganizationId::parse("org_short").unwrap(), Duration::from_secs(15), now);
        }
        assert_eq!(demand.begin(Lane::Resync, None, Duration::from_secs(160)), Some(6));
    }
}
