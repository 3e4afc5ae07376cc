//! How fast one host and port may be asked: the configured rate, less where the
//! server allows less. It says so in `X-RateLimit-*` headers ([`Reported`]), or with
//! a 429 (`scalekit-api.md` §4.3, `docs/development/failures.md` rows 10–12). Such a response
//! halves the rate, and others raise it again, quickly at first and slowly near the
//! rate that was too much, or at which requests got through before it ([`Served`]). No clock
//! and no waiting here: every call is given the time.

#[cfg(test)]
mod tests;

use super::{
    pause::pause,
    refill::{Reported, seconds},
    retry_after::Allowance,
    served::{Average, Served},
};
use std::time::Duration;
use tokio::time::Instant;

/// The first 429 of a server that does not tell what is left brings the rate down to this one, since the configured one
/// says nothing of the server's, which may be much less.
const SLOW_START: f64 = 1.0;
/// The rate recovers by this part with each response, up to [`NEAR`] of the rate that was too much.
const RECOVERY: f64 = 0.15;
const NEAR: f64 = 0.97;
/// A 429 never brings the rate below this one, unless less is configured.
const LOWEST: f64 = 0.1;
/// Requests side by side to one host; before its first response it is one.
const MOST_IN_FLIGHT: u32 = 16;

/// After so many responses without a report the last one counts no more.
const SILENT: u32 = 3;

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// Now.
    Now,
    /// At this time, if nothing changes until then.
    At(Instant),
    /// Not before one of those under way has ended.
    WhenAnswered,
}

/// The pace of one host and port.
#[derive(Debug)]
pub(super) struct Pace {
    configured: f64,
    /// Tokens per second, at present.
    rate: f64,
    /// The rate that met the last 429.
    too_much: f64,
    /// Since then.
    served: Served,
    /// At `refilled_at`; below zero after requests that could not wait.
    tokens: f64,
    refilled_at: Instant,
    in_flight: u32,
    answered: bool,
    /// Requests so far. With each one more may be under way, so that few meet a limit at the start.
    ended: u32,
    paused_until: Option<Instant>,
    /// 429s without a hint since the last other response.
    without_hint: i32,
    server: Option<Reported>,
    /// Responses since it last reported.
    silent: u32,
}

impl Pace {
    /// `rate` requests per second, bursts of as many.
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        Self {
            configured: rate,
            rate,
            too_much: rate,
            served: Served::new(now),
            tokens: rate.max(1.0),
            refilled_at: now,
            in_flight: 0,
            answered: false,
            ended: 0,
            paused_until: None,
            without_hint: 0,
            server: None,
            silent: 0,
        }
    }

    /// Whether a request may be sent. For one that nobody waits for, not what is kept for others.
    pub(super) fn ready(&self, now: Instant, awaited: bool) -> Ready {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Ready::At(until);
        }
        if self.free() == 0 {
            return Ready::WhenAnswered;
        }
        let kept = if awaited { 0.0 } else { self.served.kept(self.rate) };
        let own = (1.0 + kept - self.level(now)) / self.rate;
        let own = (own > 0.0).then(|| now + seconds(own));
        match own.max(self.reported_ready(now, awaited)) {
            Some(at) if at > now => Ready::At(at),
            _ => Ready::Now,
        }
    }

    /// How many more requests may be under way.
    pub(super) fn free(&self) -> u32 {
        let most = if self.answered { most_in_flight(self.rate).min(1 + self.ended) } else { 1 };
        most.saturating_sub(self.in_flight)
    }

    /// A request is about to be sent.
    pub(super) fn take(&mut self, now: Instant) {
        (self.tokens, self.refilled_at) = (self.level(now) - 1.0, now);
        self.served.take(now, self.paused_until, self.rate);
        self.in_flight += 1;
        if let Some(server) = &mut self.server {
            server.take(now);
        }
    }

    /// Requests per second, at present.
    pub(super) fn rate(&self) -> f64 {
        let reported = self.server.as_ref().and_then(Reported::refill);
        reported.map_or(self.rate, |refill| refill.min(self.rate))
    }

    /// Requests that may be sent at once; below zero after some that could not wait.
    pub(super) fn left(&self, now: Instant) -> f64 {
        let own = self.level(now);
        self.server.as_ref().map_or(own, |server| server.level(now).min(own))
    }

    /// What was taken was not sent. In a pause nothing is saved for after it.
    pub(super) fn put_back(&mut self, now: Instant) {
        self.tokens += if self.remaining_pause(now).is_none() { 1.0 } else { 0.0 };
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(server) = &mut self.server {
            server.put_back();
        }
    }

    /// A request has ended, with a response or without.
    pub(super) fn ended(&mut self, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answered |= self.remaining_pause(now).is_none();
        self.ended = (self.ended + 1).min(MOST_IN_FLIGHT);
    }

    /// A response said what is left.
    pub(super) fn on_allowance(&mut self, now: Instant, allowance: Allowance) {
        self.silent = 0;
        let under_way = f64::from(self.in_flight.saturating_sub(1));
        match &mut self.server {
            Some(server) => server.take_in(now, allowance, under_way),
            none => *none = Some(Reported::new(now, allowance, under_way)),
        }
    }

    /// A request was answered, with neither a 429 nor a server error.
    pub(super) fn on_response(&mut self, now: Instant) {
        // during a pause this is the response to a request from before it
        if self.remaining_pause(now).is_none() {
            (self.tokens, self.refilled_at) = (self.level(now), now);
            self.without_hint = 0;
            self.silent += 1;
            if self.silent > SILENT {
                self.server = None;
            }
            self.served.answered();
            let near = NEAR * self.too_much;
            let raised = if self.rate < near {
                (self.rate * (1.0 + RECOVERY)).min(near)
            } else {
                // it stays near for long, and is soon far above where there is no limit any more
                self.rate.max(near * (1.0 + self.served.unlimited(self.server.is_some()).powi(3)))
            };
            self.rate = raised.min(self.configured);
        }
    }

    /// A request was answered with a 429 that asks to wait for `hint`. Pauses the
    /// host; returns for how long.
    pub(super) fn on_rate_limited(&mut self, now: Instant, hint: Option<Duration>) -> Duration {
        self.tokens = self.level(now);
        self.refilled_at = now;
        self.answered = false; // the first request after the pause goes alone
        let pausing = self.remaining_pause(now);
        self.without_hint = self.without_hint.saturating_add(i32::from(hint.or(pausing).is_none()));
        let delay = match (hint, pausing) {
            (None, Some(left)) => left,
            _ => pause(hint, self.without_hint),
        };
        if pausing.is_none() {
            // all 429s to one burst count as one
            if let Some(server) = &mut self.server {
                server.on_rate_limited(now);
            }
            // where nothing was answered since the last one, the pause was too short, not the rate too high
            if self.served.any() {
                let first = self.server.is_none() && !self.served.has_refused();
                self.too_much = match self.served.refused(hint.map(|_| delay)) {
                    Some(Average { rate, at_least: true }) => rate.clamp(self.rate / 2.0, self.rate),
                    Some(Average { rate, at_least: false }) => rate.min(self.rate),
                    None => self.too_much, // so few responses tell nothing of the rate: it comes back as quickly as before
                };
                let slow = if first { SLOW_START } else { self.rate };
                self.rate = (self.rate / 2.0).min(self.too_much).min(slow).max(LOWEST.min(self.configured));
            }
        }
        // saved tokens must not go out in one burst after the pause
        self.tokens = self.tokens.min(0.0);
        let until = self.paused_until.map_or(now + delay, |earlier| earlier.max(now + delay));
        self.paused_until = Some(until);
        until.duration_since(now)
    }

    /// Ends the pause and the report, which are true of one client only; returns all that was learned. The rate stays:
    /// whose limit it is may turn out otherwise.
    pub(super) fn begin_anew(&mut self, now: Instant) -> Self {
        let in_flight = self.in_flight;
        let (rate, too_much, served) = (self.rate, self.too_much, self.served);
        let anew = Self { rate, too_much, served, ..Self::new(self.configured, now) };
        std::mem::replace(self, Self { in_flight, tokens: 0.0, answered: true, ended: self.ended, ..anew })
    }

    /// Takes over what was learned for it.
    pub(super) fn learn(&mut self, learned: Self) {
        *self = Self { in_flight: self.in_flight, ..learned };
    }

    /// When something is left by what the server reports, for a request that is `awaited` or not; `None`: now.
    pub(super) fn reported_ready(&self, now: Instant, awaited: bool) -> Option<Instant> {
        self.server.as_ref().and_then(|server| server.ready(now, self.rate, awaited))
    }

    /// How long the pause that a 429 imposed still lasts.
    pub(super) fn remaining_pause(&self, now: Instant) -> Option<Duration> {
        self.paused_until.map(|until| until.duration_since(now)).filter(|left| !left.is_zero())
    }

    fn level(&self, now: Instant) -> f64 {
        let gained = now.duration_since(self.refilled_at).as_secs_f64() * self.rate;
        (self.tokens + gained).min(self.served.at_once(self.rate))
    }
}

/// As many as the rate gives each second.
fn most_in_flight(rate: f64) -> u32 {
    (1..MOST_IN_FLIGHT).find(|most| f64::from(*most) >= rate).unwrap_or(MOST_IN_FLIGHT)
}
