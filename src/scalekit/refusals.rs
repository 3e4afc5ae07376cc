//! The refusals in a row of credentials that never brought a token. Whoever may
//! write a Secret can invent such credentials, as many as he likes, so each
//! refusal makes the next try wait longer, also with other values in the same
//! place.

use crate::reconcile::{ErrorKind, RemoteError};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a client whose credentials or tokens were refused sends nothing.
pub(super) const LOCKOUT: Duration = Duration::from_secs(5 * 60);
/// How long one that never had a token sends nothing after several refusals.
const LONGEST_LOCKOUT: Duration = Duration::from_secs(15 * 60);
/// After so many refusals other values are tried at once; after more they wait a
/// time that doubles with each.
const AT_ONCE: u32 = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Refusals(Mutex<Row>);

#[derive(Clone, Copy, Default)]
struct Row {
    /// A token came once, and from then on nothing is counted.
    known: bool,
    count: u32,
    last: Option<Instant>,
}

impl Refusals {
    /// These credentials came in the place of others: what those were refused
    /// counts.
    pub(super) fn follow(&self, before: &Self) {
        let before = *before.lock();
        let mut own = self.lock();
        if !own.known && own.count < before.count {
            (own.count, own.last) = (before.count, before.last);
        }
    }

    /// Whether there was one.
    pub(super) fn any(&self) -> bool {
        self.lock().count > 0
    }

    /// How long until a token may be asked for.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let row = *self.lock();
        let wait = Duration::from_secs(2_u64.saturating_pow(row.count)).min(LONGEST_WAIT);
        let left = (row.last? + wait).saturating_duration_since(now);
        Some(left).filter(|left| row.count > AT_ONCE && !left.is_zero())
    }

    /// Takes in what the token endpoint answered; for how long a refusal locks
    /// these credentials out.
    pub(super) fn record<T>(&self, answer: &Result<T, RemoteError>, now: Instant) -> Duration {
        let mut row = self.lock();
        match answer {
            Ok(_) => *row = Row { known: true, ..Row::default() },
            Err(error) if error.kind == ErrorKind::CredentialsRejected && !row.known => {
                (row.count, row.last) = (row.count.saturating_add(1), Some(now));
                return LOCKOUT.saturating_mul(row.count).min(LONGEST_LOCKOUT);
            }
            Err(_) => {}
        }
        LOCKOUT
    }

    fn lock(&self) -> MutexGuard<'_, Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_refusal_waits_longer_and_a_token_ends_the_row() {
        let refused = || Err::<(), _>(RemoteError::new(ErrorKind::CredentialsRejected));
        let (refusals, now) = (Refusals::default(), Instant::now());
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let locked: Vec<Duration> = (0..5).map(|_| refusals.record(&refused(), now)).collect();
        assert_eq!(locked, [5_u64, 10, 15, 15, 15].map(minutes));
        assert_eq!(refusals.wait(now), Some(Duration::from_secs(32)));
        assert_eq!(refusals.wait(now + Duration::from_secs(32)), None);
        let (next, known) = (Refusals::default(), Refusals::default());
        known.record(&Ok(()), now);
        [&next, &known].iter().for_each(|other| other.follow(&refusals));
        assert_eq!((next.wait(now), known.wait(now)), (refusals.wait(now), None));
        refusals.record(&Ok(()), now);
        assert!(!refusals.any());
        assert_eq!(refusals.record(&refused(), now), LOCKOUT, "one that had a token is not invented");
        assert!(!refusals.any());
    }
}
