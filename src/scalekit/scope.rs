//! Whose limit a host has: that of the environment, as Scalekit documents it, or one for each client, as
//! its guides say (`scalekit-api.md` §4.3). It counts as the environment's until a client shows otherwise:
//! early in a pause that one client has met, another client sends one request. If that succeeds, each
//! client has its own limit from then on. If not, it cost one 429 more, and is not tried again for a while.
//!
//! Where each client counts as having its own, two other clients that meet a 429 during the pause of a first one,
//! and nobody who succeeds between them, show that the limit is the environment's; two clients that are at their own
//! limits do not. A server whose bucket fills during the delay that it asks for looks like one with a limit for each
//! client, so each time that this turns out wrong it is tried half as often.
//!
//! No clock here: every call is given the time.

use std::time::Duration;
use tokio::time::Instant;

/// A shorter pause is waited for: it holds nobody up for long, and more may be there before its end.
const LONG: Duration = Duration::from_secs(4);
/// The least time between two tries: longer than a request takes.
const APART: Duration = Duration::from_secs(15);
/// After one that met a 429, so much or so many responses.
const AFTER_429: Duration = Duration::from_secs(120);
const RESPONSES: u32 = 100;
/// So many 429s to other clients in one pause show that it is the environment's.
const ENOUGH: u32 = 2;
/// The longest time between two tries.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Scope {
    is_clients: bool,
    held: Option<Held>,
    /// No try before this time, or before so many responses.
    rests_until: Option<Instant>,
    responses: u32,
    /// 429s to other clients than the one that is held, since another one succeeded.
    refused: u32,
    /// How often a limit for each client turned out to be the environment's.
    mistakes: u32,
}

/// A pause.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// The client that met the limit.
    by: u64,
    since: Instant,
    until: Instant,
}

impl Held {
    fn is_early(&self, now: Instant) -> bool {
        let length = self.until.saturating_duration_since(self.since);
        length >= LONG && now >= self.since && now < self.since + length / 2
    }
}

impl Scope {
    /// Whether each client has a limit of its own.
    pub(super) const fn is_clients(&self) -> bool {
        self.is_clients
    }

    /// Nothing is sent until then, because of a response to `client`.
    pub(super) fn hold(&mut self, client: u64, now: Instant, until: Instant) {
        if self.held.is_none_or(|held| held.by == client || held.until <= now) {
            self.held = Some(Held { by: client, since: now, until });
        }
    }

    /// Whether `client` may try now although the host pauses.
    pub(super) fn may_try(&self, client: u64, now: Instant) -> bool {
        let enough = RESPONSES.saturating_mul(2_u32.saturating_pow(self.mistakes));
        let rests = self.responses < enough && self.rests_until.is_some_and(|until| now < until);
        !self.is_clients && !rests && self.held.is_some_and(|held| held.by != client && held.is_early(now))
    }

    /// The same, and it does.
    pub(super) fn tries(&mut self, client: u64, now: Instant) -> bool {
        let may = self.may_try(client, now);
        if may {
            self.rest(now + APART);
        }
        may
    }

    /// A request of `client`, `sent` at that time, succeeded. Returns the client that has a limit of its
    /// own, where that is news.
    pub(super) fn on_response(&mut self, client: u64, sent: Instant) -> Option<u64> {
        self.responses = self.responses.saturating_add(1);
        let held = self.held.filter(|held| held.by != client && held.is_early(sent))?;
        self.refused = 0;
        if self.is_clients {
            return None;
        }
        self.is_clients = true;
        Some(held.by)
    }

    /// It was answered with a 429. Returns whether that holds for all clients.
    pub(super) fn on_rate_limited(&mut self, client: u64, sent: Instant, now: Instant) -> bool {
        let of_another = self.held.is_some_and(|held| held.by != client && sent >= held.since && sent < held.until);
        if of_another && !self.is_clients {
            self.rest(now + AFTER_429);
        } else if of_another {
            self.refused += 1;
            if self.refused >= ENOUGH {
                self.rest(now + APART.saturating_mul(2_u32.saturating_pow(self.mistakes)).min(LONGEST));
                (self.is_clients, self.refused, self.mistakes) = (false, 0, self.mistakes.saturating_add(1));
            }
        }
        !self.is_clients
    }

    const fn rest(&mut self, until: Instant) {
        (self.rests_until, self.responses) = (Some(until), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn held() -> (Scope, Instant) {
        let (mut scope, now) = (Scope::default(), Instant::now());
        assert!(scope.on_rate_limited(1, now, now));
        scope.hold(1, now, now + SECOND * 60);
        (scope, now)
    }

    #[test]
    fn row_010_another_client_that_is_answered_early_in_a_pause_shows_that_each_has_its_own_limit() {
        let (mut scope, now) = held();
        assert!(!Scope::default().may_try(2, now), "nothing is held");
        assert_eq!([1, 2].map(|client| scope.may_try(client, now)), [false, true]);
        assert!(scope.tries(2, now) && !scope.tries(3, now), "one for all");
        assert_eq!((scope.on_response(2, now), scope.on_response(3, now)), (Some(1), None));
        assert!(scope.is_clients() && !scope.on_rate_limited(1, now + SECOND * 61, now + SECOND * 61));
    }

    #[test]
    fn row_010_neither_a_request_from_before_a_pause_nor_one_late_in_it_shows_anything() {
        let (mut scope, now) = held();
        assert_eq!(scope.on_response(2, now.checked_sub(SECOND).unwrap()), None);
        assert_eq!((scope.on_response(2, now + SECOND * 30), scope.may_try(2, now + SECOND * 30)), (None, false));
        assert_eq!(scope.on_response(1, now), None);
    }

    #[test]
    fn row_010_a_short_pause_is_waited_for() {
        let (mut scope, now) = (Scope::default(), Instant::now());
        scope.hold(1, now, now + SECOND * 3);
        assert!(!scope.may_try(2, now));
    }

    #[test]
    fn row_010_a_try_that_meets_a_429_is_repeated_after_two_minutes_or_a_hundred_responses() {
        let (mut scope, start) = held();
        assert!(scope.tries(2, start) && scope.on_rate_limited(2, start, start));
        let hold = |scope: &mut Scope, now| scope.hold(1, now, now + SECOND * 60);
        let later = start + SECOND * 100;
        hold(&mut scope, later);
        assert!(!scope.may_try(2, later) && scope.may_try(2, start + SECOND * 120));
        (0..RESPONSES).for_each(|_| assert_eq!(scope.on_response(1, later), None));
        assert!(scope.may_try(2, later));
    }

    #[test]
    fn row_010_two_others_that_meet_a_429_in_the_pause_of_a_first_show_that_it_is_the_environments() {
        let (mut scope, now) = held();
        assert!(scope.tries(2, now) && scope.on_response(2, now).is_some());
        let later = now + SECOND;
        assert!(!scope.on_rate_limited(2, later, later) && scope.on_rate_limited(3, later, later));
        assert!(!scope.is_clients() && !scope.may_try(3, later) && scope.may_try(3, now + SECOND * 17));
    }

    #[test]
    fn row_010_where_each_client_has_its_own_limit_two_that_are_at_it_hold_up_no_third_one() {
        let (mut scope, now) = held();
        assert!(scope.on_response(3, now).is_some());
        for second in 1..25 {
            let now = now + SECOND * second;
            assert!(!scope.on_rate_limited(2, now, now), "it pauses alone");
            assert_eq!(scope.on_response(3, now), None);
        }
        assert!(scope.is_clients());
    }

    #[test]
    fn row_010_each_time_that_it_turns_out_wrong_it_is_tried_half_as_often() {
        let (mut scope, mut now) = held();
        let mut waits = Vec::new();
        for _ in 0..4 {
            assert!(scope.on_response(2, now).is_some());
            assert!(!scope.on_rate_limited(2, now, now) && scope.on_rate_limited(3, now, now));
            let wrong = now;
            while !scope.may_try(2, now) {
                now += SECOND;
                scope.hold(1, now, now + SECOND * 60);
            }
            waits.push((now - wrong).as_secs());
        }
        assert_eq!(waits, [15, 30, 60, 120]);
    }
}
