//! What the process keeps of a resource from one reconcile to the next.

use super::backoff::Backoff;
use crate::reconcile::History;
use std::time::Duration;
use tokio::time::Instant;

/// An outcome that comes and goes is logged once in this time, so that a Secret
/// that flips every second does not fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Record {
    pub(super) history: History,
    pub(super) backoff: Backoff,
    pub(super) logged: Logged,
}

impl Record {
    /// Of a resource that this process reconciles for the first time, `first`
    /// after its start. `predecessor`: it was there before.
    pub(super) fn new(predecessor: bool, first: Duration) -> Self {
        let (backoff, logged) = (Backoff::default(), Logged::default());
        Self { history: History::new(predecessor, first), backoff, logged }
    }
}

/// The outcomes that were logged at the usual level, not only at debug.
#[derive(Default)]
pub(super) struct Logged {
    current: Option<&'static str>,
    lines: Vec<(&'static str, Instant)>,
}

impl Logged {
    /// Whether `outcome` is logged at the usual level: it is not the one before,
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

    /// A reconcile ended as it should: no news.
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
