//! Whose limit a host has: that of the environment, as Scalekit documents it, or one for each client, as
//! its guides say (`scalekit-api.md` §4.3). It counts as the environment's until a client shows otherwise:
//! early in a pause that one client has met, another client sends one request. If that is answered, each
//! client has its own limit from then on. If not, it cost one 429 more, and is not tried again for a while.
//!
//! Where each client counts as having its own, a second client that meets a 429 during the pause of a
//! first one shows that the limit is the environment's.
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

#[derive(Debug, Default)]
pub(super) struct Scope {
    is_clients: bool,
    held: Option<Held>,
    /// No try before this time, or before so many responses.
    rests_until: Option<Instant>,
    responses: u32,
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
        let rests = self.responses < RESPONSES && self.rests_until.is_some_and(|until| now < until);
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

    /// A request of `client`, `sent` at that time, was answered. Returns the client that has a limit of its
    /// own, where that is news.
    pub(super) fn on_response(&mut self, client: u64, sent: Instant) -> Option<u64> {
        self.responses = self.responses.saturating_add(1);
        let held = self.held.filter(|held| !self.is_clients && held.by != client && held.is_early(sent))?;
        self.is_clients = true;
        Some(held.by)
    }

    /// It was answered with a 429. Returns whether that holds for all clients.
    pub(super) fn on_rate_limited(&mut self, client: u64, sent: Instant, now: Instant) -> bool {
        let of_another = self.held.is_some_and(|held| held.by != client && sent >= held.since && sent < held.until);
        if of_another {
            self.rest(now + if self.is_clients { APART } else { AFTER_429 });
            self.is_clients = false;
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
    fn row_010_a_second_client_that_meets_a_429_in_the_pause_of_a_first_shows_that_it_is_the_environments() {
        let (mut scope, now) = held();
        assert!(scope.tries(2, now) && scope.on_response(2, now).is_some());
        assert!(scope.on_rate_limited(2, now + SECOND, now + SECOND));
        assert!(!scope.is_clients() && !scope.may_try(3, now + SECOND) && scope.may_try(3, now + SECOND * 17));
    }
}
