//! The record that the process keeps of a resource between reconciles.

use super::backoff::Backoff;
use crate::reconcile::{Event, History, HistoryEvent};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use tokio::time::Instant;

/// The least time between two log lines of the same outcome, and between two equal events, so that what
/// alternates every second fills neither the log nor etcd.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Record {
    pub(super) history: History,
    pub(super) backoff: Backoff,
    pub(super) logged: Logged,
    /// When a reconcile of this process last read it from Scalekit.
    pub(super) observed: Option<Duration>,
    /// The hashes of the events that were published.
    published: Recent<u64>,
}

impl Record {
    /// The record at the first reconcile in this process, `first` after its start. Another process may
    /// have written for the resource until `predecessor`.
    pub(super) fn new(predecessor: Option<Duration>, first: Duration) -> Self {
        let (backoff, logged) = (Backoff::default(), Logged::default());
        Self {
            history: History::new(predecessor, first),
            backoff,
            logged,
            observed: None,
            published: Recent::default(),
        }
    }

    /// Takes in what happened at `now`.
    pub(super) fn record(&mut self, event: HistoryEvent, now: Duration) {
        if matches!(event, HistoryEvent::Reached(true)) {
            self.observed = Some(now);
        }
        self.history.record(event, now);
    }

    /// Whether to publish `event`: not if an equal one was published in the last minute.
    pub(super) fn publishes(&mut self, event: &Event) -> bool {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        self.published.add(hasher.finish())
    }
}

/// What happened within [`REPEAT_AFTER`], each once.
struct Recent<T>(Vec<(T, Instant)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Recent<T> {
    /// Whether it did not happen lately; then it has now.
    fn add(&mut self, what: T) -> bool {
        self.0.retain(|(_, at)| at.elapsed() < REPEAT_AFTER);
        let is_new = self.0.iter().all(|(before, _)| *before != what);
        if is_new {
            self.0.reserve_exact(1); // most often it is the only one, and every resource keeps it
            self.0.push((what, Instant::now()));
        }
        is_new
    }
}

/// The outcomes that were logged at level info or above.
#[derive(Default)]
pub(super) struct Logged {
    current: Option<&'static str>,
    lines: Recent<&'static str>,
}

impl Logged {
    /// Whether to log `outcome` at level info or above, and not at debug: it is another one than before,
    /// and was not logged in the last minute.
    pub(super) fn is_news(&mut self, outcome: &'static str) -> bool {
        if self.current == Some(outcome) || !self.lines.add(outcome) {
            return false;
        }
        self.current = Some(outcome);
        true
    }

    /// Forgets the last outcome after a successful reconcile, which is logged at debug.
    pub(super) fn reset(&mut self) -> bool {
        self.current = None;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Reason;

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_logged_when_it_comes_and_not_again_while_it_stays() {
        let mut logged = Logged::default();
        assert!(logged.is_news("CredentialsMissing"));
        for _ in 0..100 {
            tokio::time::advance(REPEAT_AFTER).await;
            assert!(!logged.is_news("CredentialsMissing"));
        }
        assert!(logged.is_news("Forbidden"));
        assert!(logged.is_news("CredentialsMissing"), "it is back, and its line is long ago");
        logged.reset();
        tokio::time::advance(REPEAT_AFTER).await;
        assert!(logged.is_news("CredentialsMissing"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_repeats_every_second_is_published_once_a_minute() {
        let mut record = Record::new(None, Duration::ZERO);
        let event = |note: &str| Event { warning: true, reason: Reason::DriftCorrected, note: note.into() };
        let mut published = 0;
        for _ in 0..120 {
            published += usize::from(record.publishes(&event("was 1h")));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(published, 2);
        assert!(record.publishes(&event("was 2h")), "another one is news");
        tokio::time::advance(REPEAT_AFTER).await;
        record.publishes(&event("was 3h"));
        assert_eq!(record.published.0.len(), 1, "and the others are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn what_flips_every_second_is_logged_once_a_minute() {
        let mut logged = Logged::default();
        let mut lines = 0;
        for second in 0..600 {
            match second % 3 {
                0 => lines += usize::from(logged.reset()),
                1 => lines += usize::from(logged.is_news("CredentialsMissing")),
                _ => lines += usize::from(logged.is_news("CredentialsIncomplete")),
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(lines, 20, "two outcomes, ten minutes");
    }
}
