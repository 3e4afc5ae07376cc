//! The record that the process keeps of a resource between reconciles.

use super::backoff::Backoff;
use crate::reconcile::History;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two log lines of the same outcome, so that an outcome that alternates every
/// second does not fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Record {
    pub(super) history: History,
    pub(super) backoff: Backoff,
    pub(super) logged: Logged,
}

impl Record {
    /// The record at the first reconcile in this process, `first` after its start. `predecessor`: the
    /// resource existed before.
    pub(super) fn new(predecessor: bool, first: Duration) -> Self {
        let (backoff, logged) = (Backoff::default(), Logged::default());
        Self { history: History::new(predecessor, first), backoff, logged }
    }
}

/// The outcomes that were logged at level info or above.
#[derive(Default)]
pub(super) struct Logged {
    current: Option<&'static str>,
    lines: Vec<(&'static str, Instant)>,
}

impl Logged {
    /// Whether to log `outcome` at level info or above, and not at debug: it is another one than before,
    /// and was not logged in the last minute.
    pub(super) fn is_news(&mut self, outcome: &'static str) -> bool {
        self.lines.retain(|(_, at)| at.elapsed() < LOG_INTERVAL);
        if self.current == Some(outcome) || self.lines.iter().any(|(logged, _)| *logged == outcome) {
            return false;
        }
        self.current = Some(outcome);
        self.lines.push((outcome, Instant::now()));
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

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_logged_when_it_comes_and_not_again_while_it_stays() {
        let mut logged = Logged::default();
        assert!(logged.is_news("CredentialsMissing"));
        for _ in 0..100 {
            tokio::time::advance(LOG_INTERVAL).await;
            assert!(!logged.is_news("CredentialsMissing"));
        }
        assert!(logged.is_news("Forbidden"));
        assert!(logged.is_news("CredentialsMissing"), "it is back, and its line is long ago");
        logged.reset();
        tokio::time::advance(LOG_INTERVAL).await;
        assert!(logged.is_news("CredentialsMissing"));
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
