//! The delay before the next reconcile of a resource: it grows with failures in a row, and has
//! jitter so that many resources are not reconciled together.

use crate::reconcile::Requeue;
use std::time::Duration;

/// The upper limit of the delay after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest spread of a delay that was told: the workqueue and the rate limits spread what is due together.
const SPREAD: Duration = Duration::from_secs(2);

/// Counts the failures in a row of one resource.
#[derive(Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// The delay that `requeue` asks for, with full jitter after a failure; `None`: no reconcile before
    /// the resource changes.
    pub(super) fn delay(&mut self, uid: &str, requeue: Requeue) -> Option<Duration> {
        let failures = std::mem::take(&mut self.0);
        match requeue {
            Requeue::Backoff { cap } => {
                self.0 = failures.saturating_add(1);
                let longest = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(cap);
                Some(FIRST / 10 + longest.mul_f64(fastrand::f64()))
            }
            Requeue::Never => None,
            Requeue::Interval(interval) => Some(interval.mul_f64(0.9 + 0.2 * spread(uid))),
            Requeue::After(delay) => Some(delay + (delay / 10).min(SPREAD).mul_f64(fastrand::f64())),
        }
    }
}

/// Hashes a uid to a number from 0 to 1 (FNV-1a), so that resources keep their place in the interval
/// after a restart.
pub(super) fn spread(uid: &str) -> f64 {
    let hash = uid.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    f64::from(hash) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_wait_longer_up_to_the_cap() {
        let mut backoff = Backoff::default();
        let cap = Duration::from_secs(300);
        for failure in 0..40_u32 {
            let delay = backoff.delay("a", Requeue::Backoff { cap }).unwrap();
            let longest = Duration::from_secs(2_u64.saturating_pow(failure)).min(cap);
            assert!(delay <= longest + FIRST / 10);
        }
        backoff.delay("a", Requeue::Never);
        let delay = backoff.delay("a", Requeue::Backoff { cap }).unwrap();
        assert!(delay <= FIRST + FIRST / 10, "a success starts over");
    }

    #[test]
    fn what_waits_for_the_end_of_a_long_pause_goes_on_right_after_it() {
        let (mut backoff, pause) = (Backoff::default(), Duration::from_secs(900));
        for _ in 0..100 {
            let delay = backoff.delay("a", Requeue::After(pause)).unwrap();
            assert!(delay >= pause && delay <= pause + SPREAD, "{delay:?}");
        }
    }

    #[test]
    fn row_083_an_interval_is_spread_by_a_tenth_and_the_same_for_a_uid() {
        let mut backoff = Backoff::default();
        let minute = Duration::from_secs(60);
        let mut delay = || backoff.delay("a", Requeue::Interval(minute)).unwrap();
        assert!(delay() >= minute.mul_f64(0.9) && delay() <= minute.mul_f64(1.1));
        assert_eq!(delay(), delay());
    }
}
