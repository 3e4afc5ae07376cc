//! What a server has answered since it last refused: how fast it really lets requests through, the pauses between them
//! included. A limit of so many a minute (`scalekit-api.md` §4.3) refuses none until they are used up, and then all;
//! who goes as fast as it refills on average is hardly ever refused, and an edit need not wait for the next minute.

use super::refill::{kept_of, seconds};
use std::time::Duration;
use tokio::time::Instant;

/// The longest pause that counts: Scalekit's limit is of requests in a minute.
const LONGEST: Duration = Duration::from_secs(60);
/// After a pause those who wait come back within this time.
const RETURN: Duration = Duration::from_secs(3);
/// Fewer responses tell no rate.
const FEW: f64 = 5.0;
/// After so many seconds of requests, and no fewer responses than these, it is likely that there is no limit any more.
const LATE: (f64, f64) = (400.0, 200.0);
/// The same where the server tells what is left, or told to wait for longer than it had been asked.
const SOON: (f64, f64) = (60.0, 30.0);
/// After so many responses one more may go out at once.
const ONE_MORE: f64 = 16.0;
/// After so many, what may go out at once is kept for what somebody waits for: it may be more than there is. Four times as many
/// after each 429 to one that came right after another, up to so many.
const TRIED: f64 = 150.0;
const LONGEST_TRIED: f64 = TRIED * 64.0;

#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    responses: f64,
    /// For how long requests went out, and pauses that were not told.
    busy: Duration,
    /// When the last one went out.
    last: Instant,
    /// It has refused one.
    refused: bool,
    /// It told how long the pause was, which counts for what came before it.
    told: bool,
    /// That was longer than what came before it: it may be longer than it need be.
    told_long: bool,
    /// The last one came right after another.
    right_after: bool,
    /// After so many responses some are kept to go out at once.
    tried: f64,
}

/// The rate at which a server that refuses has let requests through.
pub(super) struct Average {
    pub(super) rate: f64,
    /// It may have been more.
    pub(super) at_least: bool,
}

impl Served {
    pub(super) const fn new(now: Instant) -> Self {
        let busy = Duration::ZERO;
        let (refused, told, told_long, right_after) = (false, false, false, false);
        Self { responses: 1.0, busy, last: now, refused, told, told_long, right_after, tried: TRIED }
    }

    /// A request is about to be sent; `rate` is the present one. What nobody waited for does not count, nor what of a
    /// pause is longer than [`LONGEST`].
    pub(super) fn take(&mut self, now: Instant, paused_until: Option<Instant>, rate: f64) {
        let resumed = paused_until.map_or(self.last, |until| until.min(now).max(self.last));
        let paused = if self.told { Duration::ZERO } else { (resumed - self.last).min(LONGEST) };
        let (waited, turn) = (now - resumed, seconds(1.0 / rate));
        let in_turn = waited <= turn * 2 + if resumed > self.last { RETURN } else { Duration::ZERO };
        self.right_after = now - self.last < turn / 2;
        self.busy += if in_turn { paused + waited } else { turn };
        self.last = now;
    }

    /// A request was answered.
    pub(super) fn answered(&mut self) {
        self.responses += 1.0;
    }

    /// Whether something was answered since it last refused.
    pub(super) fn any(&self) -> bool {
        self.responses > 0.0
    }

    /// Whether it has refused one.
    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    /// It refuses; begins anew, and returns how fast it was up to now. `told` is the pause if it told that.
    pub(super) fn refused(&mut self, told: Option<Duration>) -> Option<Average> {
        let whole = self.busy + told.unwrap_or_default().min(LONGEST);
        let told_long = told.is_some_and(|told| told > self.busy);
        let enough = self.responses >= FEW && !whole.is_zero();
        let average = enough.then(|| Average { rate: self.responses / whole.as_secs_f64(), at_least: told_long });
        (self.responses, self.busy, self.refused, self.told_long) = (0.0, Duration::ZERO, true, told_long);
        self.told = told.is_some();
        self.tried = (self.tried * if self.right_after { 4.0 } else { 1.0 }).min(LONGEST_TRIED);
        average
    }

    /// How many may go out at once, of at most `most`.
    pub(super) fn at_once(&self, most: f64) -> f64 {
        if self.refused { most.min(1.0 + self.responses / ONE_MORE) } else { most }.max(1.0)
    }

    /// How many of these are kept for what somebody waits for.
    pub(super) fn kept(&self, most: f64) -> f64 {
        let tried = if self.refused { (self.responses - self.tried) / ONE_MORE } else { f64::INFINITY };
        kept_of(self.at_once(most)).min(tried.max(0.0))
    }

    /// How likely it is that there is no limit any more, from 0 upwards; 1 is likely. `reported`: the server tells what
    /// is left.
    pub(super) fn unlimited(&self, reported: bool) -> f64 {
        let (time, responses) = if self.told_long || reported { SOON } else { LATE };
        (self.busy.as_secs_f64() / time).min(self.responses / responses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that lets `each` through, evenly over so many seconds, and then refuses until they are over.
    fn average(each: u32, over: Duration, pause: Duration, told: bool) -> Average {
        let (start, rate) = (Instant::now(), 10.0);
        let mut served = Served::new(start);
        served.refused(told.then_some(pause));
        for n in 0..each {
            served.take(start + pause + over * n / each, Some(start + pause), rate);
            served.answered();
        }
        served.refused(told.then_some(pause)).unwrap()
    }

    #[test]
    fn a_limit_of_sixty_a_minute_is_one_a_second_whether_the_pause_was_told_or_found_out() {
        for told in [true, false] {
            let average = average(60, Duration::from_secs(6), Duration::from_secs(54), told);
            assert!((0.95..1.05).contains(&average.rate), "{}", average.rate);
            assert_eq!(average.at_least, told, "a pause that was told may be too long");
        }
    }

    #[test]
    fn little_to_do_tells_at_most_half_of_the_present_rate() {
        for seconds in [1, 10, 3600] {
            let average = average(60, Duration::from_secs(seconds * 60), Duration::from_secs(1), true);
            assert!(average.rate >= 5.0, "{} after a request each {seconds} s", average.rate);
        }
    }
}
