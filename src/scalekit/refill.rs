//! What a server reports of its own limit: requests go out while something is left,
//! and then as fast as the server was seen to refill it. That is a lower bound, so
//! pacing alone brings no 429.

#[cfg(test)]
mod tests;

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
/// After so many responses it is known whether so many are ever left.
const TRIED: f64 = 20.0;

/// What the server reports of its own limit.
#[derive(Debug)]
pub(super) struct Reported {
    /// What was left at `at`, less what is under way.
    left: f64,
    at: Instant,
    /// More than this is never left.
    most: f64,
    /// The most that was ever left.
    seen: f64,
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
            seen: left,
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
        self.seen = self.seen.max(left);
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

    /// How many are kept of those left. None where so many are never left, whatever the limit is said to be.
    fn kept(&self) -> f64 {
        if self.seen < KEPT && self.served > TRIED { 0.0 } else { kept_of(self.most) }
    }

    /// What it was seen to refill each second, if anything.
    pub(super) fn refill(&self) -> Option<f64> {
        (self.refill > 0.0).then_some(self.refill)
    }

    /// When something is left, of what is not kept for requests that are `awaited`; `None`: now. `rate` is for a server that
    /// does not say when.
    pub(super) fn ready(&self, now: Instant, rate: f64, awaited: bool) -> Option<Instant> {
        let kept = if awaited { 0.0 } else { self.kept() };
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
