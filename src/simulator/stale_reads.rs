//! Values whose reads may be stale for a while, since Scalekit does not guarantee read-after-write
//! consistency.

use super::settings::Lag;
use std::time::{Duration, Instant};

/// The stored value, and the older one that reads still return.
#[derive(Clone, Debug)]
pub(crate) struct StaleReads<T> {
    stored: T,
    behind: Option<Behind<T>>,
}

#[derive(Clone, Debug)]
struct Behind<T> {
    shown: T,
    reads_left: u32,
    until: Instant,
}

impl<T: Clone> StaleReads<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { stored: value, behind: None }
    }

    /// The stored value, even if reads still return an older one.
    pub(crate) fn stored(&self) -> &T {
        &self.stored
    }

    /// Whether the next read returns an older value.
    pub(crate) fn is_behind(&self, now: Instant) -> bool {
        self.behind.as_ref().is_some_and(|behind| behind.reads_left > 0 || now < behind.until)
    }

    /// The value that a read of the API returns. `counts`: the read uses up one of the configured stale reads;
    /// false for lists.
    pub(crate) fn read(&mut self, now: Instant, counts: bool) -> &T {
        if !self.is_behind(now) {
            self.behind = None;
        }
        match &mut self.behind {
            Some(behind) => {
                if counts {
                    behind.reads_left = behind.reads_left.saturating_sub(1);
                }
                &behind.shown
            }
            None => &self.stored,
        }
    }

    /// A write through the API, after which reads return the old value for a while.
    pub(crate) fn write(&mut self, value: T, lag: Lag, now: Instant) {
        let shown = self.read(now, false).clone();
        self.stored = value;
        self.behind = (lag != Lag::default()).then(|| Behind {
            shown,
            reads_left: lag.reads,
            until: now + Duration::from_millis(lag.ms),
        });
    }

    /// A change by an admin request, which reads return at once.
    pub(crate) fn overwrite(&mut self, value: T) {
        *self = Self::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_the_old_value_for_the_given_number_of_reads() {
        let now = Instant::now();
        let mut value = StaleReads::new(1);
        value.write(2, Lag { reads: 2, ms: 0 }, now);
        assert_eq!(*value.read(now, false), 1, "a list does not count");
        assert_eq!([*value.read(now, true), *value.read(now, true), *value.read(now, true)], [1, 1, 2]);
    }

    #[test]
    fn readers_see_the_old_value_until_the_time_is_over() {
        let now = Instant::now();
        let mut value = StaleReads::new(1);
        value.write(2, Lag { reads: 0, ms: 50 }, now);
        assert_eq!(*value.read(now, true), 1);
        assert_eq!(*value.stored(), 2);
        assert_eq!(*value.read(now + Duration::from_millis(50), true), 2);
    }

    #[test]
    fn a_second_write_while_behind_shows_the_oldest_value() {
        let now = Instant::now();
        let mut value = StaleReads::new(1);
        let lag = Lag { reads: 1, ms: 0 };
        value.write(2, lag, now);
        value.write(3, lag, now);
        assert_eq!([*value.read(now, true), *value.read(now, true)], [1, 3]);
    }
}
