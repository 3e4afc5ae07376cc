//! What a server reports of its own limit: requests go out while something is left,
//! and then as fast as the server was seen to refill it. That is a lower bound, so
//! pacing alone brings no 429.

use super::retry_after::Allowance;
use std::time::Duration;
use tokio::time::Instant;

/// The shortest and the longest pause a server can impose.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest time for which nothing is sent because of a report. It is a forecast; a 429 has its own pause.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Times are reported in whole seconds.
const ROUNDED: Duration = Duration::from_millis(1500);
/// Of a window that refills all at once, so many go out at once, or this part if that is more; the rest is spread up to its
/// end, so that an edit does not wait for the next one.
const AT_ONCE: f64 = 5.0;
const PART_AT_ONCE: f64 = 0.05;
/// The longest time over which it is spread: of a limit for a day much may be used at once.
const LONGEST_SPREAD: Duration = Duration::from_secs(300);
/// A report that nothing is left is believed for so long. Where a request is served after that, and again nothing is said
/// to be left, it is half as long; and twice as long after a 429.
const PATIENCE: Duration = Duration::from_secs(10);
const LEAST_PATIENCE: Duration = Duration::from_millis(50);
/// What the refill is measured over.
const WINDOW: Duration = Duration::from_secs(10);

/// So many requests of those that may go out at once are kept for what somebody waits for: an edit takes them.
const KEPT: f64 = 3.0;

/// What the server reports of its own limit.
#[derive(Debug)]
pub(super) struct Reported {
    /// What was left at `at`, less what is under way.
    left: f64,
    at: Instant,
    /// More than this is never left.
    most: f64,
    /// What it was seen to refill each second, at least.
    refill: f64,
    /// When it says that all is there again, and since when it says so.
    reset: Option<(Instant, Instant)>,
    /// It refills all at once, then.
    at_once: bool,
    /// At `at`, how many of those left may go out now.
    credit: f64,
    /// How many times as long it takes as nothing at all says.
    unknown: u32,
    /// The longest wait for what is left, since a report may be wrong: a request after it tells.
    patience: Duration,
    /// When it last said that nothing is left.
    empty_at: Option<Instant>,
    /// Responses so far.
    served: f64,
    since: Mark,
    next: Mark,
}

/// A moment to measure the refill from.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    served: f64,
    /// What was left then, at most.
    left: f64,
}

impl Reported {
    /// The first report; so many requests are under way.
    pub(super) fn new(now: Instant, allowance: Allowance, under_way: f64) -> Self {
        let Allowance { left, limit, reset } = allowance;
        // the first request of all found everything there
        let mark =
            Mark { at: now, served: 0.0, left: if limit.is_some_and(|l| left + 1.0 >= l) { left } else { left + 1.0 } };
        Self {
            left: left - under_way,
            at: now,
            most: limit.unwrap_or(left + 1.0),
            refill: 0.0,
            reset: reset.map(|reset| (now + reset, now)),
            at_once: false,
            credit: AT_ONCE,
            unknown: 1,
            patience: PATIENCE,
            empty_at: (left < 1.0).then_some(now),
            served: 0.0,
            since: mark,
            next: mark,
        }
    }

    /// The next report.
    pub(super) fn take_in(&mut self, now: Instant, allowance: Allowance, under_way: f64) {
        let Allowance { left, limit, reset } = allowance;
        self.most = limit.unwrap_or(self.most.max(left + 1.0));
        self.served += 1.0;
        let empty_at = std::mem::replace(&mut self.empty_at, (left < 1.0).then_some(now));
        let is_over = self.reset.is_none_or(|(reset, _)| reset <= now);
        if !is_over && left < 1.0 && empty_at.is_some_and(|at| now.duration_since(at) >= self.patience) {
            self.patience = (self.patience / 2).max(LEAST_PATIENCE);
        }
        let refilled = |mark: &Mark| {
            let elapsed = now.duration_since(mark.at).as_secs_f64();
            if elapsed < 0.1 { 0.0 } else { (self.served - mark.served + left - mark.left) / elapsed }
        };
        let seen = refilled(&self.since).max(refilled(&self.next));
        self.refill = self.refill.max(seen);
        self.credit = self.credit(now);
        self.take_in_reset(now, reset.map(|reset| now + reset));
        (self.left, self.at) = (left - under_way, now);
        if now.duration_since(self.next.at) > WINDOW {
            self.since = self.next;
            self.next = Mark { at: now, served: self.served, left: left + 1.0 };
        }
    }

    /// The time at which a bucket is full moves with what is taken; the end of a
    /// window stays where it is until it is over.
    fn take_in_reset(&mut self, now: Instant, reset: Option<Instant>) {
        let apart = |a: Instant, b: Instant| a.max(b) - a.min(b);
        self.reset = match (self.reset, reset) {
            (Some((before, said)), Some(after)) if apart(before, after) < ROUNDED => {
                self.at_once |= now.duration_since(said) > ROUNDED * 2 && after > now;
                Some((before, said))
            }
            (Some((before, _)), Some(after)) => {
                self.at_once &= before <= now;
                Some((after, now))
            }
            (_, after) => after.map(|after| (after, now)),
        };
    }

    /// What was thought to be there was not.
    pub(super) fn on_rate_limited(&mut self, now: Instant) {
        self.refill /= 2.0;
        self.patience = (self.patience * 2).min(LONGEST_WAIT);
        self.unknown = (self.unknown * 2).min(8);
        (self.left, self.at, self.credit) = (0.0, now, 0.0);
        self.since = Mark { at: now, served: self.served, left: 1.0 };
        self.next = self.since;
    }

    /// A request is about to be sent.
    pub(super) fn take(&mut self, now: Instant) {
        self.credit = self.credit(now) - 1.0;
        (self.left, self.at) = (self.level(now) - 1.0, now);
    }

    /// It was not sent.
    pub(super) fn put_back(&mut self) {
        self.left += 1.0;
        self.credit += 1.0;
    }

    /// How many a second spread what is left of a window up to its end, or over [`LONGEST_SPREAD`]; `None`: it is none that
    /// refills all at once.
    fn spread(&self) -> Option<f64> {
        let reset = self.reset.filter(|(reset, _)| self.at_once && *reset > self.at).map(|(reset, _)| reset)?;
        let time = (reset - self.at).clamp(SHORTEST_PAUSE, LONGEST_SPREAD);
        Some(self.left.max(0.0) / time.as_secs_f64())
    }

    fn credit(&self, now: Instant) -> f64 {
        let gained = self.spread().map_or(f64::INFINITY, |rate| now.duration_since(self.at).as_secs_f64() * rate);
        (self.credit + gained).min(AT_ONCE.max(self.most * PART_AT_ONCE))
    }

    /// What is left, at least.
    pub(super) fn level(&self, now: Instant) -> f64 {
        let refill = if self.at_once { 0.0 } else { self.refill };
        (self.left + now.duration_since(self.at).as_secs_f64() * refill).min(self.most)
    }

    /// What it was seen to refill each second, if anything.
    pub(super) fn refill(&self) -> Option<f64> {
        (self.refill > 0.0).then_some(self.refill)
    }

    /// When something is left, of what is not kept for requests that are `awaited`; `None`: now. `rate` is for a server that
    /// does not say when.
    pub(super) fn ready(&self, now: Instant, rate: f64, awaited: bool) -> Option<Instant> {
        let kept = if awaited { 0.0 } else { kept_of(self.most) };
        let missing = 1.0 + kept - self.level(now);
        if missing <= 0.0 {
            let (rate, (reset, _)) = self.spread().filter(|rate| *rate > 0.0).zip(self.reset)?;
            // of a window half of what goes out at once is kept, at most
            let wait = seconds((1.0 + kept.min(AT_ONCE / 2.0) - self.credit).max(0.0) / rate);
            return Some((self.at + wait.min(LONGEST_WAIT)).min(reset)).filter(|at| *at > now);
        }
        let refilled = (self.refill > 0.0 && !self.at_once).then(|| now + seconds(missing / self.refill));
        // said in whole seconds, rounded up or down
        let reset = self.reset.filter(|(reset, _)| *reset > self.at);
        let reset = reset.map(|(reset, _)| reset.clamp(self.at + SHORTEST_PAUSE, self.at + LONGEST_WAIT));
        let sooner = match (refilled, reset) {
            (Some(refilled), Some(reset)) => refilled.min(reset),
            (at, None) | (None, at) => at.unwrap_or(self.at + SHORTEST_PAUSE.max(seconds(1.0 / rate)) * self.unknown),
        };
        let sooner = sooner.min(self.at + self.patience);
        // what is kept slows down what nobody waits for, and never stops it: the report may be wrong
        let only_kept = missing <= kept && !self.at_once;
        Some(if only_kept { sooner.min(self.at + seconds(KEPT / rate)) } else { sooner })
    }
}

/// How many are kept of `most` that may go out at once. None of a few: what a full bucket gains is lost.
pub(super) fn kept_of(most: f64) -> f64 {
    (most - 1.0 - KEPT).clamp(0.0, KEPT)
}

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalekit::pace::{Pace, Ready};

    const SECOND: Duration = Duration::from_secs(1);

    /// How a server says when all is there again.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Says {
        Nothing,
        RoundedUp,
        RoundedDown,
        WhenTheNextOneIs,
    }

    /// A server with a bucket of its own, that reports what is left.
    struct Server {
        rate: f64,
        burst: f64,
        level: f64,
        at: Instant,
        says: Says,
        start: Instant,
    }

    impl Server {
        fn answers(&mut self, now: Instant) -> Option<Allowance> {
            let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
            (self.level, self.at) = ((self.level + gained).min(self.burst), now);
            if self.level < 1.0 {
                return None;
            }
            self.level -= 1.0;
            let clock = 1000.3 + now.duration_since(self.start).as_secs_f64();
            let full = clock + (self.burst - self.level) / self.rate;
            let reset = match self.says {
                Says::Nothing => None,
                Says::RoundedUp => Some(full.ceil()),
                Says::RoundedDown => Some(full.floor()),
                Says::WhenTheNextOneIs => Some((clock + (1.0 - self.level.fract()) / self.rate).ceil()),
            };
            let reset = reset.map(|reset| reset - clock).filter(|wait| *wait > 0.0).map(Duration::from_secs_f64);
            Some(Allowance { left: self.level.floor(), limit: Some(self.burst), reset })
        }
    }

    /// How long `requests` take, one after the other, and how many get a 429.
    fn drive(pace: &mut Pace, server: &mut Server, requests: usize) -> (Duration, usize) {
        let (latency, mut now, mut refused) = (Duration::from_millis(5), server.start, 0);
        let mut left = requests;
        while left > 0 {
            match pace.ready(now, true) {
                Ready::At(at) => {
                    now = at;
                    continue;
                }
                Ready::WhenAnswered => unreachable!("one after the other"),
                Ready::Now => {}
            }
            pace.take(now);
            let answer = server.answers(now + latency / 2);
            now += latency;
            match answer {
                Some(allowance) => {
                    pace.on_allowance(now, allowance);
                    pace.on_response(now);
                    left -= 1;
                }
                None => {
                    refused += 1;
                    pace.on_rate_limited(now, Some(SECOND));
                }
            }
            pace.ended(now);
        }
        (now - server.start, refused)
    }

    #[test]
    fn row_010_a_server_that_says_what_is_left_is_asked_as_fast_as_it_refills_and_not_faster() {
        for says in [Says::Nothing, Says::RoundedUp, Says::RoundedDown, Says::WhenTheNextOneIs] {
            for (rate, burst) in [(2.0, 2.0), (5.0, 5.0), (1.0, 3.0), (4.0, 20.0)] {
                let start = Instant::now();
                let mut server = Server { rate, burst, level: burst, at: start, says, start };
                let (took, refused) = drive(&mut Pace::new(10.0, start), &mut server, 60);
                let floor = (60.0 - burst) / rate;
                let case = format!("{says:?} {rate}/s burst {burst}: {took:?} of {floor} s, {refused} refused");
                assert!(refused == 0, "{case}");
                assert!(took.as_secs_f64() <= 1.2 * 60.0 / rate, "{case}");
            }
        }
    }

    #[test]
    fn row_010_after_a_rest_no_more_is_sent_at_once_than_the_server_ever_has() {
        let start = Instant::now();
        let mut server = Server { rate: 2.0, burst: 2.0, level: 2.0, at: start, says: Says::RoundedUp, start };
        let mut pace = Pace::new(10.0, start);
        drive(&mut pace, &mut server, 20);
        let later = start + Duration::from_secs(120);
        let mut at_once = 0;
        while pace.ready(later, true) == Ready::Now {
            pace.take(later);
            at_once += 1;
        }
        assert_eq!(at_once, 2);
    }

    #[test]
    fn row_010_a_report_that_does_not_come_again_counts_for_nothing_after_a_few_responses() {
        let start = Instant::now();
        let (mut pace, mut now) = (Pace::new(10.0, start), start);
        pace.on_allowance(now, Allowance { left: 0.0, limit: None, reset: None });
        for _ in 0..60 {
            if let Ready::At(at) = pace.ready(now, true) {
                now = at;
            }
            pace.take(now);
            pace.on_response(now);
            pace.ended(now);
        }
        assert!(now - start < Duration::from_secs(20), "{:?}", now - start);
    }

    #[test]
    fn row_010_a_report_that_all_is_used_up_for_a_day_silences_the_environment_for_a_minute_at_most() {
        let start = Instant::now();
        let (mut pace, mut now) = (Pace::new(10.0, start), start);
        pace.on_allowance(now, Allowance { left: 0.0, limit: Some(60.0), reset: Some(SECOND * 86_400) });
        for served in 1..=20 {
            while let Ready::At(at) = pace.ready(now, true) {
                now = at;
            }
            pace.take(now);
            pace.on_allowance(now, Allowance { left: f64::from(60 - served), limit: Some(60.0), reset: Some(SECOND) });
            pace.on_response(now);
            pace.ended(now);
        }
        assert!(now - start <= Duration::from_secs(65), "{:?}", now - start);
    }

    #[test]
    fn row_010_a_window_that_refills_all_at_once_costs_few_429s() {
        let start = Instant::now();
        let (mut pace, mut now, mut refused, mut served) = (Pace::new(10.0, start), start, 0, 0);
        let (window, limit) = (Duration::from_secs(60), 60);
        let (mut left, mut ends) = (limit, start + window);
        while served < 240 {
            if let Ready::At(at) = pace.ready(now, true) {
                now = at;
                continue;
            }
            pace.take(now);
            while now >= ends {
                (left, ends) = (limit, ends + window);
            }
            if left == 0 {
                refused += 1;
                pace.on_rate_limited(now, Some(ends - now));
            } else {
                left -= 1;
                served += 1;
                let allowance = Allowance { left: f64::from(left), limit: Some(60.0), reset: Some(ends - now) };
                pace.on_allowance(now, allowance);
                pace.on_response(now);
            }
            pace.ended(now);
        }
        assert!(refused <= 4, "{refused}");
        assert!(now - start <= window * 4, "{:?}", now - start);
    }
}
