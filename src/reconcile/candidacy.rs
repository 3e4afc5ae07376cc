//! The election of one that wants to lead where somebody may lead for the same resources by a Lease of another name
//! (`other_leases`): after a rename of the Lease, or of a second release in the namespace. Without IO.
//!
//! Who wants to take its own Lease looks at the others first, and waits while one of them is held. Who has just taken it looks
//! once more, before it does anything, and leads only if it sees nobody: of two that take theirs at the same time at least
//! one sees the other. The one whose Lease has the smaller name then keeps it and waits for the other, which gives its own back. The
//! first gives way, too, where the other renews: that one had looked before the first was there, and leads.

use super::{
    election::{Election, ElectionStep, LeaseRequest, LeaseResponse},
    lease::{Predecessor, Term},
    other_leases::{OtherLease, OtherLeases},
};
use jiff::Timestamp;
use std::time::Duration;

/// Between two looks of one that waits for the other to give way.
const LOOK: Duration = Duration::from_millis(500);
/// So long before its term ends such a one gives way itself: the other has stopped in between.
const SPARE: Duration = Duration::from_secs(2);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CandidacyStep {
    /// Send this.
    Request(LeaseRequest),
    /// List the other Leases for the same resources.
    Look,
    /// Nothing until then.
    Wait(Duration),
}

/// One of the processes that want to lead.
#[derive(Debug, Clone, Hash)]
pub struct Candidacy {
    /// That of its Lease.
    name: String,
    election: Election,
    others: OtherLeases,
    /// Somebody has looked: what is not renewed from then on was left behind.
    looked: bool,
    /// The last look showed that no other Lease is held, and nothing was sent since.
    alone: bool,
    claim: Option<Claim>,
    waits_for: Option<OtherLease>,
}

/// The own Lease, just taken; nothing is done by it yet.
#[derive(Debug, Clone, Hash)]
struct Claim {
    /// The election if nobody else is there.
    won: Election,
    next_look: Duration,
    gives_way: bool,
}

impl Candidacy {
    /// A process of this `identity`, which no other may have, and with a Lease of this `name`; a write of it takes at
    /// most `deadline`.
    pub fn new(name: String, identity: String, deadline: Duration) -> Self {
        let election = Election::new(identity, deadline);
        let (others, looked, alone, claim, waits_for) = Default::default();
        Self { name, election, others, looked, alone, claim, waits_for }
    }

    /// The present term, if this process leads.
    pub fn term(&self, now: Duration) -> Option<Term> {
        self.election.term(now)
    }

    /// Who holds the own Lease, as far as known.
    pub fn holder(&self) -> Option<&str> {
        self.election.holder()
    }

    /// Whether another process is there that holds the own Lease: this one saw it renewed.
    pub fn is_held_by_other(&self) -> bool {
        self.election.is_held_by_other()
    }

    /// The other Lease for whose holder this process waits.
    pub fn waits_for(&self) -> Option<&OtherLease> {
        self.waits_for.as_ref()
    }

    /// Whether the holder of this one is there: it was seen to be renewed.
    pub fn is_renewed(&self, other: &OtherLease) -> bool {
        self.others.is_renewed(other)
    }

    /// What to do now; `wall` goes into the Lease, for people.
    pub fn next(&self, now: Duration, wall: Timestamp) -> CandidacyStep {
        if let Some(claim) = &self.claim {
            return match claim.given_back(now, wall) {
                Some(request) => CandidacyStep::Request(request),
                None if now < claim.next_look => CandidacyStep::Wait(claim.next_look),
                None => CandidacyStep::Look,
            };
        }
        match self.election.next(now, wall) {
            ElectionStep::Wait(until) => CandidacyStep::Wait(until),
            ElectionStep::Request(request) if !self.looked || (self.begins(&request, now) && !self.alone) => {
                CandidacyStep::Look
            }
            ElectionStep::Request(request) => CandidacyStep::Request(request),
        }
    }

    /// Takes in the response to `request`, which was sent at `sent`. `jitter` is a random number up to one, so that the others
    /// don't come all at once.
    pub fn handle(
        &mut self,
        request: LeaseRequest,
        response: LeaseResponse,
        sent: Duration,
        now: Duration,
        jitter: f64,
    ) {
        self.alone = false;
        if self.claim.take().is_some() {
            return self.election.postpone(now, jitter); // it was given back; if not, it ends by itself
        }
        if self.begins(&request, sent) && matches!(response, LeaseResponse::Written(_)) {
            let mut won = self.election.clone();
            won.handle(request, response, sent, now, jitter);
            self.claim = Some(Claim { won, next_look: now, gives_way: false });
        } else {
            self.election.handle(request, response, sent, now, jitter);
        }
    }

    /// Takes in the other Leases for the same resources; `None`: they can't be listed now.
    pub fn handle_look(&mut self, all: Option<Vec<OtherLease>>, now: Duration, jitter: f64) {
        let first = !std::mem::replace(&mut self.looked, true);
        self.claim = self.claim.take().filter(|claim| claim.won.term(now).is_some());
        let Some(all) = all else { return self.see_nothing(now, jitter) };
        let held = self.others.held(all, now);
        match (&held, self.claim.take()) {
            (None, Some(claim)) => self.election = claim.won,
            (Some(other), Some(claim)) => {
                let gives_way = other.name < self.name || self.others.is_renewed(other);
                self.claim = Some(Claim { next_look: now.saturating_add(LOOK), gives_way, ..claim });
            }
            (None, None) => self.alone = true,
            (Some(_), None) if first => {}
            (Some(_), None) => self.election.postpone(now, jitter),
        }
        let stays = self.claim.as_ref().is_some_and(|claim| !claim.gives_way);
        self.waits_for = held.filter(|_| !stays);
    }

    fn see_nothing(&mut self, now: Duration, jitter: f64) {
        match &mut self.claim {
            Some(claim) => claim.next_look = now.saturating_add(LOOK),
            None => self.election.postpone(now, jitter),
        }
    }

    /// Gives the Lease back, if this process has it. `settled`: all that it has sent is applied or never will be.
    pub fn release(&self, now: Duration, wall: Timestamp, settled: bool) -> Option<LeaseRequest> {
        match &self.claim {
            Some(claim) => claim.release(now, wall),
            None => self.election.release(now, wall, settled),
        }
    }

    /// Whether this would begin a term.
    fn begins(&self, request: &LeaseRequest, now: Duration) -> bool {
        matches!(request, LeaseRequest::Write(..)) && self.term(now).is_none()
    }
}

impl Claim {
    /// How it is given back, if that is to be now.
    fn given_back(&self, now: Duration, wall: Timestamp) -> Option<LeaseRequest> {
        let ends = self.won.term(now.saturating_add(SPARE)).is_none();
        self.release(now, wall).filter(|_| self.gives_way || ends)
    }

    /// Nothing was done by it: it is as settled as before.
    fn release(&self, now: Duration, wall: Timestamp) -> Option<LeaseRequest> {
        let settled = self.won.term(now).is_some_and(|term| term.predecessor == Predecessor::Settled);
        self.won.release(now, wall, settled)
    }
}
