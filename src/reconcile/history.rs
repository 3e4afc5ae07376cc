//! What is remembered of one resource between its reconciles. Losing it (a
//! restart) only makes the next decision more careful. All times are those of
//! the process's own monotonic clock, counted from its start.

use jiff::Timestamp;
use std::{collections::VecDeque, num::NonZeroU64, time::Duration};

/// The window in which corrections are counted.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long nobody needs to ask again whether a claim holds.
const CONFIRMED: Duration = Duration::from_secs(30);

/// How long one whose credentials are gone may take another's word that its policy is
/// live: longer than until it asks again.
const IN_SYNC: Duration = Duration::from_secs(2 * 60);

/// How long a contested claim holds that is not confirmed: longer than an own write
/// can land, and than a short outage.
const LAPSE: Duration = Duration::from_secs(5 * 60);

/// How long a contested claim may stay unconfirmed because of outages and limits.
const EXCUSED: Duration = HOUR;

/// So many corrections are remembered; the decision asks for no more.
const CORRECTIONS: usize = 8;

/// The history of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct History {
    /// Another process may have been in the middle of a write for the resource when
    /// this one began to lead: one counts as sent then.
    predecessor: Option<Moment>,
    /// When this process reconciled it first.
    first: Option<Moment>,
    /// A reconcile has ended since.
    reconciled: bool,
    /// A write may have been under way when the resource was read since.
    under_way: bool,
    /// When the first reconcile failed to get through to Scalekit since the
    /// last one that did.
    unreachable_since: Option<Moment>,
    /// Since when Scalekit refuses the credentials.
    refused_since: Option<Moment>,
    /// Since when the claim of the resource is unconfirmed.
    unconfirmed_since: Option<Moment>,
    /// When its own credentials last read the organization.
    confirmed_at: Option<Moment>,
    /// When a reconcile last found the policy live that it wants.
    in_sync_at: Option<Moment>,
    /// That another claimant asked for that to happen again.
    contested: Option<Contested>,
    /// Since when reconciles end without it that was asked for, and not because of
    /// an outage or a limit.
    unproven_since: Option<Moment>,
    /// When the policy write was sent that has no response yet; it stays when its
    /// reconcile is cut off.
    unanswered: Option<Moment>,
    /// When the last policy write was sent whose outcome stays unknown.
    outcome_unknown: Option<Moment>,
    /// When writes were sent that undo what somebody did to an earlier one.
    #[allow(clippy::box_collection, reason = "few resources have any, and without is a quarter of the size")]
    corrections: Option<Box<VecDeque<Moment>>>,
    /// The end of a wait that the status announces, on both clocks: that of the
    /// announcement can be set forward.
    announced: Option<Box<(Timestamp, Duration)>>,
    /// A limit holds up what somebody waits for.
    held_up: bool,
}

/// A claim that is contested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Contested {
    /// Since when.
    since: Moment,
    /// When it was last.
    last: Moment,
    /// By one that has reached the environment under another host name.
    elsewhere: bool,
}

/// A time of the process's clock in 8 bytes, since there are ten for each resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Moment(NonZeroU64);

impl Moment {
    /// Nanoseconds, from one on, for five centuries.
    fn new(since_start: Duration) -> Self {
        let nanoseconds = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanoseconds))
    }

    fn age(self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_nanos(self.0.get() - 1))
    }
}

/// What happened to a resource.
#[derive(Debug, Clone, Copy)]
pub enum HistoryEvent {
    /// A write that undoes what somebody did to an earlier one is being sent.
    CorrectionSent,
    /// A policy write is being sent.
    PolicyWriteSent,
    /// It was answered, or given up on with its outcome unknown.
    PolicyWriteAnswered {
        /// It may have been applied, or may be still.
        outcome_unknown: bool,
    },
    /// A reconcile ended.
    Ended,
    /// A reconcile ended that had read the resource while a write may have been under way.
    UnderWay,
    /// A reconcile ended that proved that Scalekit can be reached, or that it
    /// can't.
    Reached(bool),
    /// A reconcile ended in which Scalekit refused the credentials, or did not.
    Refused(bool),
    /// A reconcile ended that left the claim of the resource unconfirmed, or not.
    Unconfirmed(bool),
    /// A reconcile ended in which the resource's own credentials had read the
    /// organization.
    Confirmed,
    /// A reconcile ended that found the policy live that the resource wants.
    InSync,
    /// Another claimant met its claim, and can't know whether it still holds.
    Contested {
        /// It has reached the environment under another host name.
        elsewhere: bool,
    },
    /// A reconcile ended that did not confirm a contested claim: because of an
    /// outage or a limit (`false`), or for another cause.
    Unproven(bool),
    /// A deletion waits until this time, which is so far away.
    WaitAnnounced(Timestamp, Duration),
    /// A reconcile ended that somebody waits for, and a limit holds it up; or not.
    HeldUp(bool),
}

impl History {
    /// The history of a resource that is reconciled by this process for the
    /// first time, `first` after its start. Another process may have written for it
    /// until `predecessor`.
    pub fn new(predecessor: Option<Duration>, first: Duration) -> Self {
        Self { predecessor: predecessor.map(Moment::new), first: Some(Moment::new(first)), ..Self::default() }
    }

    /// Takes in what happened at `time`.
    pub fn record(&mut self, event: HistoryEvent, time: Duration) {
        let now = Moment::new(time);
        match event {
            HistoryEvent::CorrectionSent => {
                let corrections = self.corrections.get_or_insert_default();
                corrections.push_back(now);
                if corrections.len() > CORRECTIONS {
                    corrections.pop_front();
                }
            }
            HistoryEvent::PolicyWriteSent => {
                // one that is still unanswered was cut off
                self.outcome_unknown = self.unanswered.or(self.outcome_unknown);
                self.unanswered = Some(now);
            }
            HistoryEvent::PolicyWriteAnswered { outcome_unknown } => {
                let sent = self.unanswered.take();
                if outcome_unknown {
                    self.outcome_unknown = sent.or(self.outcome_unknown);
                }
            }
            HistoryEvent::Reached(true) => self.unreachable_since = None,
            // from the first failure, not from the last success: that one is an interval ago
            HistoryEvent::Reached(false) => drop(self.unreachable_since.get_or_insert(now)),
            HistoryEvent::Ended => self.reconciled = true,
            HistoryEvent::UnderWay => self.under_way = true,
            HistoryEvent::Refused(true) => drop(self.refused_since.get_or_insert(now)),
            HistoryEvent::Refused(false) => self.refused_since = None,
            HistoryEvent::Unconfirmed(true) => drop(self.unconfirmed_since.get_or_insert(now)),
            HistoryEvent::Unconfirmed(false) => self.unconfirmed_since = None,
            HistoryEvent::Confirmed => {
                self.confirmed_at = Some(now);
                (self.contested, self.unproven_since) = (None, None);
            }
            HistoryEvent::InSync => self.in_sync_at = Some(now),
            HistoryEvent::Contested { elsewhere } => {
                let before = self.contested.unwrap_or(Contested { since: now, last: now, elsewhere });
                self.contested = Some(Contested { last: now, elsewhere: before.elsewhere || elsewhere, ..before });
            }
            HistoryEvent::Unproven(true) => drop(self.unproven_since.get_or_insert(now)),
            HistoryEvent::Unproven(false) => self.unproven_since = None,
            HistoryEvent::WaitAnnounced(until, left) => {
                if self.announced.as_ref().is_none_or(|announced| announced.0 != until) {
                    self.announced = Some(Box::new((until, time.saturating_add(left))));
                }
            }
            HistoryEvent::HeldUp(held_up) => self.held_up = held_up,
        }
    }

    /// How long reconciles have failed to get through to Scalekit; zero: the
    /// last one did.
    pub fn unreachable_for(&self, now: Duration) -> Duration {
        self.unreachable_since.map_or(Duration::ZERO, |since| since.age(now))
    }

    /// How long ago the last write was sent that may still land; `None`: there
    /// was none.
    pub fn unknown_write_age(&self, now: Duration) -> Option<Duration> {
        self.unanswered.or(self.outcome_unknown).or(self.predecessor).map(|sent| sent.age(now))
    }

    /// How many corrections were sent within the last [`HOUR`].
    pub fn corrections(&self, now: Duration) -> usize {
        self.corrections.iter().flat_map(|sent| &**sent).filter(|sent| sent.age(now) < HOUR).count()
    }

    /// Time since the last correction; a predecessor may have sent one at the end.
    pub fn last_correction_age(&self, now: Duration) -> Option<Duration> {
        self.last_correction().or(self.predecessor).map(|sent| sent.age(now))
    }

    /// Time since the last correction that this process sent.
    pub fn own_correction_age(&self, now: Duration) -> Option<Duration> {
        self.last_correction().map(|sent| sent.age(now))
    }

    /// How long the wait `until` still lasts by the clock of this process, which
    /// nobody sets; zero where it was announced by another one.
    pub fn wait_left(&self, until: Timestamp, now: Duration) -> Duration {
        let over = self.announced.as_ref().filter(|announced| announced.0 == until).map(|announced| announced.1);
        over.unwrap_or_default().saturating_sub(now)
    }

    /// Whether another claimant need not ask now for its claim to be confirmed.
    pub fn was_just_confirmed(&self, now: Duration) -> bool {
        let last = self.confirmed_at.max(self.contested.map(|contested| contested.last));
        last.is_some_and(|at| at.age(now) < CONFIRMED)
    }

    /// Time since its own credentials last read the organization, by this process.
    pub fn confirmed_age(&self, now: Duration) -> Option<Duration> {
        self.confirmed_at.map(|at| at.age(now))
    }

    /// Whether a reconcile has just found the policy live that the resource wants.
    pub fn was_just_in_sync(&self, now: Duration) -> bool {
        self.in_sync_at.is_some_and(|at| at.age(now) < IN_SYNC)
    }

    /// Whether another claimant waits for its claim to be confirmed.
    pub fn is_contested(&self) -> bool {
        self.contested.is_some()
    }

    /// Whether that one has reached the environment under another host name.
    pub fn is_contested_elsewhere(&self) -> bool {
        self.contested.is_some_and(|contested| contested.elsewhere)
    }

    /// Whether an outage, or a limit, still excuses that the contested claim is not
    /// confirmed: others get through.
    pub fn is_excusable(&self, now: Duration) -> bool {
        self.contested.is_none_or(|contested| contested.since.age(now) < EXCUSED)
    }

    /// How long the claim still holds if it stays contested and unproven.
    pub fn lapses_in(&self, now: Duration) -> Duration {
        self.unproven_since.map_or(LAPSE, |since| LAPSE.saturating_sub(since.age(now)))
    }

    /// Whether it was contested for so long that it does not hold any more.
    pub fn has_lapsed(&self, now: Duration) -> bool {
        self.lapses_in(now).is_zero()
    }

    /// How long Scalekit has refused the credentials.
    pub fn refused_for(&self, now: Duration) -> Duration {
        self.refused_since.map_or(Duration::ZERO, |since| since.age(now))
    }

    /// How long the claim of the resource has been unconfirmed.
    pub fn unconfirmed_for(&self, now: Duration) -> Duration {
        self.unconfirmed_since.map_or(Duration::ZERO, |since| since.age(now))
    }

    /// Whether a reconcile of it has ended in this process.
    pub fn was_reconciled(&self) -> bool {
        self.reconciled
    }

    /// Whether a write may have been under way when this process read the resource.
    pub fn was_under_way(&self) -> bool {
        self.under_way
    }

    /// Whether somebody waits for the next reconcile, since a limit ended the last one.
    pub fn is_awaited(&self) -> bool {
        self.held_up
    }

    /// For how long; zero: nobody does.
    pub fn awaited_for(&self, now: Duration) -> Duration {
        if self.held_up { self.unreachable_for(now) } else { Duration::ZERO }
    }

    /// How long this process has known the resource.
    pub fn age(&self, now: Duration) -> Duration {
        self.first.map_or(now, |first| first.age(now))
    }

    /// What it says at `now`, with no ages above `long`, so that two of them say the same
    /// for ever.
    #[cfg(test)]
    pub(super) fn hash_ages(&self, now: Duration, long: Duration, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let age = |moment: Option<Moment>, most: u64| {
            let most = Duration::from_secs(most).min(long);
            moment.map(|moment| moment.age(now).min(most))
        };
        let asked = self.contested.map(|c| (age(Some(c.since), u64::MAX), age(Some(c.last), 60), c.elsewhere));
        let known = (age(self.predecessor, u64::MAX), age(self.first, 60), self.reconciled, self.under_way);
        let claim = (age(self.unconfirmed_since, 120), age(self.confirmed_at, 60), age(self.in_sync_at, 180));
        let outage = (age(self.unreachable_since, u64::MAX), age(self.refused_since, 120));
        let writes = (age(self.unanswered, 180), age(self.outcome_unknown, 180));
        let corrections = self.corrections.iter().flat_map(|sent| &**sent).map(|sent| sent.age(now).min(long));
        let corrections: Vec<Duration> = corrections.filter(|age| *age < long).collect();
        let announced = self.announced.as_ref().map(|announced| announced.1.saturating_sub(now));
        (known, claim, asked, age(self.unproven_since, 600), outage, writes, corrections, announced).hash(hasher);
        self.is_awaited().hash(hasher); // for how long decides on the order in the rate limiter alone
    }

    fn last_correction(&self) -> Option<Moment> {
        self.corrections.as_ref()?.back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::{ErrorKind, Outcome, RemoteError, RemoteOutcome, Settings, State, reached};

    const MINUTE: Duration = Duration::from_secs(60);

    fn ended(history: &mut History, kind: Option<ErrorKind>, now: Duration) {
        let state = State::new(Settings::default(), History::default(), now);
        let outcome = kind.map_or(RemoteOutcome::InSync, |kind| RemoteOutcome::Error(RemoteError::new(kind)));
        let outcome = Outcome::Reconciled(outcome);
        if let Some(reached) = reached(&state, &outcome) {
            history.record(HistoryEvent::Reached(reached), now);
        }
    }

    #[test]
    fn row_014_an_outage_begins_with_the_first_reconcile_that_fails() {
        let mut history = History::new(None, Duration::ZERO);
        ended(&mut history, None, MINUTE);
        assert_eq!(history.unreachable_for(MINUTE * 11), Duration::ZERO, "nobody asked, so nothing failed");
        ended(&mut history, Some(ErrorKind::Unavailable), MINUTE * 11);
        ended(&mut history, Some(ErrorKind::AuthFailed), MINUTE * 12);
        assert_eq!(history.unreachable_for(MINUTE * 12), MINUTE, "refused credentials end no outage");
        ended(&mut history, Some(ErrorKind::Forbidden), MINUTE * 13);
        assert_eq!(history.unreachable_for(MINUTE * 13), Duration::ZERO, "a 403 is an answer of Scalekit");
    }

    #[test]
    fn a_write_without_an_answer_is_remembered_and_so_is_an_earlier_one() {
        let mut history = History::new(None, Duration::ZERO);
        assert_eq!(history.unknown_write_age(MINUTE), None);
        history.record(HistoryEvent::PolicyWriteSent, MINUTE);
        assert_eq!(history.unknown_write_age(MINUTE * 3), Some(MINUTE * 2), "the reconcile was cut off");
        history.record(HistoryEvent::PolicyWriteSent, MINUTE * 3);
        history.record(HistoryEvent::PolicyWriteAnswered { outcome_unknown: false }, MINUTE * 3);
        assert_eq!(history.unknown_write_age(MINUTE * 3), Some(MINUTE * 2), "the first may still land");
        history.record(HistoryEvent::PolicyWriteSent, MINUTE * 4);
        history.record(HistoryEvent::PolicyWriteAnswered { outcome_unknown: true }, MINUTE * 5);
        assert_eq!(history.unknown_write_age(MINUTE * 5), Some(MINUTE));
    }

    #[test]
    fn a_resource_older_than_the_process_may_have_a_write_on_its_way() {
        assert_eq!(History::new(Some(Duration::ZERO), Duration::ZERO).unknown_write_age(MINUTE), Some(MINUTE));
        assert_eq!(History::new(Some(Duration::ZERO), Duration::ZERO).last_correction_age(MINUTE), Some(MINUTE));
    }

    #[test]
    fn only_the_corrections_of_the_last_hour_count() {
        let mut history = History::new(None, Duration::ZERO);
        for minute in 0..20 {
            history.record(HistoryEvent::CorrectionSent, MINUTE * 10 * minute);
        }
        assert_eq!(history.corrections(MINUTE * 190), 6);
        assert_eq!(history.last_correction_age(MINUTE * 200), Some(MINUTE * 10));
    }

    #[test]
    fn it_is_small_since_there_is_one_for_each_resource() {
        assert!(size_of::<History>() <= 128, "{}", size_of::<History>());
    }
}
