//! Who of several processes is the leader, without IO: all of them want one lease
//! of the API server, with client-go's rules. The holder renews it every two
//! seconds. Whoever has seen it unchanged for as long as it says takes it over, by
//! a write that fails if anybody else has written it since. Time is what the own
//! monotonic clock shows: the times in the lease are by the holder's clock, and are
//! only compared, to see that it was renewed.
//!
//! Nobody leads who can't renew: the work ends after two thirds of the time that
//! the others wait, and a write must be over before all of it has passed
//! ([`Term::admits_write`]).

use super::lease::{Predecessor, Term};
use jiff::Timestamp;
use std::time::Duration;

/// How long the others wait for the holder to renew it.
const DURATION: Duration = Duration::from_secs(15);
/// Between two renewals, and between two looks at the lease of another one.
const RETRY: Duration = Duration::from_secs(2);
/// From the last renewal on there must be time for the next one, and then for a
/// request to Scalekit.
const SPARE: Duration = Duration::from_secs(5);
/// The part of the duration by which the clocks of two processes may differ
/// meanwhile.
const SKEW: u32 = 50;
/// How long a lease is valid that nobody holds.
const RELEASED: Duration = Duration::from_secs(1);

/// Until one that waits looks again.
fn pause(jitter: f64) -> Duration {
    RETRY.mul_f64(1.0 + jitter / 2.0)
}

/// The lease, as far as the election is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Lease {
    /// Empty: nobody.
    pub holder: String,
    /// How long others wait for it to be renewed.
    pub duration: Duration,
    /// How often it has changed hands.
    pub transitions: i32,
    /// When this holder got it.
    pub acquired: Option<Timestamp>,
    /// When it was renewed last.
    pub renewed: Option<Timestamp>,
    /// All writes of the holder that gave it back are applied, or never will be.
    pub settled: bool,
}

/// What to send to the API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LeaseRequest {
    /// Read the lease.
    Read,
    /// Write it, if it is still of this version; `None`: if there is none.
    Write(Lease, Option<String>),
}

/// The response to a [`LeaseRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LeaseResponse {
    /// The lease and its version, to a read.
    Found(Lease, String),
    /// There is none, to a read.
    Missing,
    /// It is written, and has this version.
    Written(String),
    /// Somebody else has written or removed it.
    Conflict,
    /// Anything else; a write may have been carried out.
    Failed,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ElectionStep {
    /// Send this.
    Request(LeaseRequest),
    /// Nothing until then.
    Wait(Duration),
}

/// The lease as this process saw it last.
#[derive(Debug, Clone, Hash)]
struct Seen {
    lease: Lease,
    /// `None`: it is gone.
    version: Option<String>,
    /// Since when it is as it is.
    since: Duration,
}

/// One of the processes that want to lead.
#[derive(Debug, Clone, Hash)]
pub struct Election {
    identity: String,
    duration: Duration,
    seen: Option<Seen>,
    /// What was seen was just read, and may be taken over or renewed.
    current: bool,
    /// Another process was seen to renew it, or to take it.
    other_renews: bool,
    next: Duration,
    term: Option<Term>,
}

impl Election {
    /// A process of this name, which no other may have; a write of it takes at most
    /// `deadline`.
    pub fn new(identity: String, deadline: Duration) -> Self {
        let least = deadline.saturating_add(SPARE);
        // the lease has whole seconds
        let least = Duration::from_secs(least.as_secs().saturating_add(u64::from(least.subsec_nanos() > 0)));
        let duration = DURATION.max(least);
        let (seen, current, other_renews, next, term) = (None, false, false, Duration::ZERO, None);
        Self { identity, duration, seen, current, other_renews, next, term }
    }

    /// The present term, if this process leads.
    pub fn term(&self, now: Duration) -> Option<Term> {
        self.term.filter(|term| term.is_held(now))
    }

    /// Who holds the lease, as far as known.
    pub fn holder(&self) -> Option<&str> {
        self.seen.as_ref().map(|seen| seen.lease.holder.as_str()).filter(|holder| !holder.is_empty())
    }

    /// Whether another process is there that holds the lease: this one saw it renewed.
    pub fn is_held_by_other(&self) -> bool {
        self.other_renews && self.holder().is_some_and(|holder| holder != self.identity)
    }

    /// What to do now; `wall` goes into the lease, for people.
    pub fn next(&self, now: Duration, wall: Timestamp) -> ElectionStep {
        if now < self.next {
            return ElectionStep::Wait(self.next);
        }
        if !self.current {
            return ElectionStep::Request(LeaseRequest::Read);
        }
        let before = self.seen.as_ref().map(|seen| &seen.lease);
        let own = before.filter(|lease| lease.holder == self.identity);
        let lease = Lease {
            holder: self.identity.clone(),
            duration: self.duration,
            transitions: before.map_or(0, |lease| lease.transitions.saturating_add(i32::from(own.is_none()))),
            acquired: own.map_or(Some(wall), |lease| lease.acquired),
            renewed: Some(wall),
            settled: false,
        };
        ElectionStep::Request(LeaseRequest::Write(lease, self.version()))
    }

    /// Takes in the response to `request`, which was sent at `sent`. `jitter` is a
    /// random number up to one, so that the others don't come all at once.
    pub fn handle(
        &mut self,
        request: LeaseRequest,
        response: LeaseResponse,
        sent: Duration,
        now: Duration,
        jitter: f64,
    ) {
        self.current = false;
        self.next = now;
        match (request, response) {
            (_, LeaseResponse::Found(lease, version)) => {
                self.other_renews |= self.seen.as_ref().is_some_and(|seen| seen.lease != lease);
                let since = self.seen.as_ref().filter(|seen| seen.lease == lease).map_or(now, |seen| seen.since);
                self.seen = Some(Seen { lease, version: Some(version), since });
                self.consider(now, jitter);
            }
            (_, LeaseResponse::Missing) => {
                // one that has just seen it held does not believe that it is free
                self.seen.iter_mut().for_each(|seen| seen.version = None);
                self.consider(now, jitter);
            }
            (LeaseRequest::Write(lease, _), LeaseResponse::Written(version)) => {
                self.hold(sent, now);
                self.seen = Some(Seen { lease, version: Some(version), since: now });
                self.current = true;
                self.next = sent.saturating_add(RETRY);
            }
            (_, LeaseResponse::Conflict) => self.next = now.saturating_add(RETRY / 4),
            (_, LeaseResponse::Written(_) | LeaseResponse::Failed) => self.next = now.saturating_add(RETRY),
        }
    }

    /// Tries again later, from a read on: somebody else must not be disturbed.
    pub(super) fn postpone(&mut self, now: Duration, jitter: f64) {
        self.current = false;
        self.next = now.saturating_add(pause(jitter));
    }

    /// Gives the lease back, if this process has it. `settled`: all that it has sent is
    /// applied or never will be.
    pub fn release(&self, now: Duration, wall: Timestamp, settled: bool) -> Option<LeaseRequest> {
        let held = self.seen.as_ref().filter(|seen| self.term(now).is_some() && seen.lease.holder == self.identity)?;
        let lease =
            Lease { holder: String::new(), duration: RELEASED, renewed: Some(wall), settled, ..held.lease.clone() };
        Some(LeaseRequest::Write(lease, self.version()))
    }

    fn version(&self) -> Option<String> {
        self.seen.as_ref()?.version.clone()
    }

    /// Whether to take the lease that was just seen.
    fn consider(&mut self, now: Duration, jitter: f64) {
        let others = self.seen.as_ref().filter(|seen| !seen.lease.holder.is_empty());
        let others = others.filter(|seen| seen.lease.holder != self.identity);
        let ends = others.map(|seen| seen.since.saturating_add(seen.lease.duration));
        if ends.is_some() {
            self.term = None;
        }
        self.current = ends.is_none_or(|ends| now >= ends);
        if let Some(ends) = ends.filter(|ends| now < *ends) {
            self.next = ends.min(now.saturating_add(pause(jitter)));
        }
    }

    /// The lease was written at `sent` or later, so the others wait at least from then on.
    fn hold(&mut self, sent: Duration, now: Duration) {
        let predecessor = match &self.seen {
            None => Predecessor::Unknown,
            Some(seen) if seen.lease.holder.is_empty() && seen.lease.settled => Predecessor::Settled,
            Some(_) => Predecessor::Interrupted,
        };
        let held = self.term(now);
        let (since, predecessor) = held.map_or((now, predecessor), |term| (term.since, term.predecessor));
        self.term = Some(Term {
            since,
            predecessor,
            ends: sent.saturating_add(self.duration * 2 / 3),
            valid_until: sent.saturating_add(self.duration - self.duration / SKEW),
        });
    }
}
