//! Resources at rest that are due and wait for their turn: the rate of their
//! environment allows fewer requests than they need. As with an outage, a status
//! says so only when that lasts, and the log at once, once for an environment.
//! How much an environment needs is in `docs/scale.md`.

use jiff::Timestamp;
use std::{collections::BTreeMap, fmt, time::Duration};

/// What Synced says.
pub(super) const MESSAGE: &str = "The rate limit allows fewer requests than the resources of this environment need: \
                                  raise spec.interval or --rate-limit.";

/// A reconcile of a resource at rest reads the organization and its policy.
pub const REQUESTS_AT_REST: f64 = 2.0;

/// What a status says after it was not read for so long since it was due: that
/// nobody knows whether it is in sync, and that it is stale.
pub(super) fn tells(lasted: Duration, interval: Duration) -> [bool; 2] {
    [lasted >= interval, lasted >= interval.saturating_mul(3)]
}

/// Whether the status of a resource that has waited for so long is to say more than
/// it did `ago`.
pub fn falls_behind(waited: Duration, ago: Duration, interval: Duration) -> bool {
    tells(waited, interval) != tells(waited.saturating_sub(ago), interval)
}

/// Whether a resource waits for longer than where the rate is enough: its last
/// observation is older than 1.2 intervals.
pub fn is_late(waited: Duration, interval: Duration) -> bool {
    waited > interval / 5
}

/// When the resource at rest was read from Scalekit whose last read is longest ago. The operator says it in its
/// Lease: a status that nobody reads any more stays as it is.
#[derive(Debug, Clone, Copy)]
pub struct OldestObservation {
    inherited: Option<Timestamp>,
    /// `None`: of some it is not known.
    oldest: Option<Timestamp>,
}

impl OldestObservation {
    /// Of no resource yet; `inherited` is that of the leader before.
    pub fn new(inherited: Option<Timestamp>) -> Self {
        Self { inherited, oldest: Some(Timestamp::MAX) }
    }

    /// One more resource, which was read so long before `now`; `None`: not by this process, so that what the
    /// leader before said holds.
    pub fn add(&mut self, age: Option<Duration>, now: Timestamp) {
        let at = age.map_or(self.inherited, |age| now.checked_sub(age).ok());
        self.oldest = self.oldest.zip(at).map(|(oldest, at)| oldest.min(at));
    }

    /// Of all; `None`: there are none, or of some it is not known.
    pub fn at(self) -> Option<Timestamp> {
        self.oldest.filter(|at| *at < Timestamp::MAX)
    }
}

/// What the resources of an environment need at their intervals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// How many there are.
    pub resources: usize,
    /// Requests per second.
    pub rate: f64,
}

impl Load {
    /// One more resource.
    pub fn add(&mut self, interval: Duration) {
        self.resources += 1;
        self.rate += REQUESTS_AT_REST / interval.as_secs_f64().max(1.0);
    }
}

/// The environments in which resources are late.
#[derive(Debug, Default)]
pub struct Backlogs {
    known: BTreeMap<String, bool>,
}

/// What is new about the backlog of an environment, for the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backlog {
    /// It will not get smaller: the rate is less than what the resources need.
    Grows {
        /// What they need.
        demand: Load,
        /// The requests per second that may be sent.
        limit: f64,
    },
    /// The rate would be enough, but edits, corrections or pauses take their part.
    Waits,
    /// There is none any more.
    Over,
}

impl Backlogs {
    /// Whether the rate of an environment is less than what its resources need, and they are late.
    pub fn grows(&self, environment: &str) -> bool {
        self.known.get(environment) == Some(&true)
    }

    /// What is new, given how many resources are `late` in which environment, and
    /// what those of an environment need and may send.
    pub fn update(
        &mut self,
        late: &BTreeMap<String, usize>,
        capacity: impl Fn(&str) -> (Load, f64),
    ) -> Vec<(String, Backlog)> {
        let mut news = Vec::new();
        self.known.retain(|environment, _| {
            let stays = late.contains_key(environment);
            if !stays {
                news.push((environment.clone(), Backlog::Over));
            }
            stays
        });
        for environment in late.keys() {
            let (demand, limit) = capacity(environment);
            // a limit that is learned moves, and is not news each time
            let grows = demand.rate > limit || self.known.get(environment) == Some(&true);
            if self.known.insert(environment.clone(), grows) != Some(grows) {
                news.push((environment.clone(), if grows { Backlog::Grows { demand, limit } } else { Backlog::Waits }));
            }
        }
        news
    }
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grows { demand: Load { resources, rate }, limit } => write!(
                f,
                "{resources} resources need {rate:.1} requests/s at their intervals, the limit is {limit:.1}: raise \
                 spec.interval, --resync-interval or --rate-limit"
            ),
            Self::Waits => f.write_str("resources are read late: edits, corrections or pauses use the rate limit up"),
            Self::Over => f.write_str("resources are read within their intervals again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_status_says_more_after_one_interval_and_after_three_and_only_once_each() {
        let (interval, tick) = (MINUTE * 10, MINUTE);
        let times = (0..60).filter(|minute| falls_behind(MINUTE * *minute, tick, interval));
        assert_eq!(times.collect::<Vec<_>>(), [10, 30]);
        assert!(!is_late(MINUTE * 2, interval) && is_late(MINUTE * 3, interval));
    }

    #[test]
    fn the_oldest_observation_is_that_of_the_leader_before_until_each_resource_was_read_again() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let oldest = |inherited: Option<i64>, ages: &[Option<u64>]| {
            let mut oldest = OldestObservation::new(inherited.map(at));
            ages.iter().for_each(|age| oldest.add(age.map(Duration::from_secs), at(1000)));
            oldest.at().map(Timestamp::as_second)
        };
        assert_eq!(oldest(Some(100), &[Some(3), None, Some(540)]), Some(100));
        assert_eq!(oldest(Some(100), &[Some(3), Some(540)]), Some(460), "each was read by this process");
        assert_eq!(oldest(Some(900), &[Some(540), None]), Some(460));
        assert_eq!(oldest(None, &[Some(540), None, Some(3)]), None, "nobody knows when the second was read");
        assert_eq!(oldest(Some(100), &[]), None);
    }

    #[test]
    fn the_log_says_once_that_the_rate_is_too_low_and_once_that_it_is_enough_again() {
        let mut backlogs = Backlogs::default();
        let mut demand = Load::default();
        (0..1200).for_each(|_| demand.add(MINUTE * 10));
        let late = BTreeMap::from([("here".to_owned(), 7)]);
        let mut update = |late: &BTreeMap<_, _>, limit| -> Vec<String> {
            let news = backlogs.update(late, |_| (demand, limit));
            news.into_iter().map(|(environment, backlog)| format!("{environment}: {backlog}")).collect()
        };
        assert_eq!(
            update(&late, 2.0),
            ["here: 1200 resources need 4.0 requests/s at their intervals, the limit is 2.0: raise spec.interval, \
              --resync-interval or --rate-limit"]
        );
        assert!(update(&late, 2.0).is_empty() && update(&late, 5.0).is_empty());
        assert_eq!(update(&BTreeMap::new(), 5.0), ["here: resources are read within their intervals again"]);
        assert!(update(&BTreeMap::new(), 5.0).is_empty());
        assert_eq!(
            update(&late, 5.0),
            ["here: resources are read late: edits, corrections or pauses use the rate limit up"]
        );
        assert!(update(&late, 5.0).is_empty());
    }
    #[test]
    fn a_rate_is_too_low_for_an_environment_until_nothing_is_late_there() {
        let mut backlogs = Backlogs::default();
        let demand = Load { resources: 1200, rate: 4.0 };
        let late = BTreeMap::from([("here".to_owned(), 7)]);
        assert_eq!(backlogs.update(&late, |_| (demand, 4.0)), [("here".into(), Backlog::Waits)], "it is enough");
        assert!(!backlogs.grows("here"));
        backlogs.update(&late, |_| (demand, 3.0));
        assert!(backlogs.grows("here") && !backlogs.grows("there"));
        backlogs.update(&BTreeMap::new(), |_| (demand, 3.0));
        assert!(!backlogs.grows("here"));
    }
}
