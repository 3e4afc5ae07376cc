//! Two processes that want the same lease, by the real election: clocks that differ, responses
//! that are lost, and processes that stop in between for a while.

use super::{
    delivery::Delivery,
    key::Mix,
    search::{Found, Made, Model, Search, Story},
};
use crate::reconcile::{Election, ElectionStep, Lease, LeaseRequest, LeaseResponse};
use jiff::Timestamp;
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

const NAMES: [&str; 2] = ["one", "two"];
/// How long a write to Scalekit may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// So long it is watched.
const END: Duration = Duration::from_secs(60);
/// How fast the clock of each process runs, in fiftieths.
const PACE: [u32; 2] = [49, 50];
/// How much time passes at once.
const TICKS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(16)];

#[derive(Clone)]
struct Ballot {
    now: Duration,
    lease: Option<(Lease, u32)>,
    processes: [Process; 2],
    /// Responses that may still get lost, and how often time may pass while somebody has
    /// something to do.
    losses: u8,
    freezes: u8,
}

#[derive(Clone, Hash)]
struct Process {
    election: Election,
    /// What was sent when, and its response, once the API server has carried it out.
    sent: Option<(LeaseRequest, Duration, Option<LeaseResponse>)>,
    /// Until when what it was allowed to send may be under way.
    writes_until: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Send(usize),
    Deliver(Delivery),
    Tick(usize),
}

impl Ballot {
    fn new(losses: u8, freezes: u8) -> Self {
        let process = |name: &str| Process {
            election: Election::new(name.into(), DEADLINE),
            sent: None,
            writes_until: Duration::ZERO,
        };
        Self { now: Duration::ZERO, lease: None, processes: NAMES.map(process), losses, freezes }
    }

    fn clock(&self, who: usize) -> Duration {
        self.now * PACE[who] / 50
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + i64::try_from(self.now.as_secs()).unwrap()).unwrap()
    }

    fn asks(&self, who: usize) -> Option<LeaseRequest> {
        match self.processes[who].election.next(self.clock(who), self.wall()) {
            ElectionStep::Request(request) => Some(request),
            ElectionStep::Wait(_) => None,
        }
    }

    fn execute(&mut self, request: &LeaseRequest) -> LeaseResponse {
        match request {
            LeaseRequest::Read => match &self.lease {
                Some((lease, version)) => LeaseResponse::Found(lease.clone(), version.to_string()),
                None => LeaseResponse::Missing,
            },
            LeaseRequest::Write(lease, version) => {
                let current = self.lease.as_ref().map(|(_, version)| version.to_string());
                if *version != current {
                    return LeaseResponse::Conflict;
                }
                let next = self.lease.as_ref().map_or(1, |(_, version)| version + 1);
                self.lease = Some((lease.clone(), next));
                LeaseResponse::Written(next.to_string())
            }
        }
    }

    fn hear(&mut self, who: usize, response: LeaseResponse) {
        let now = self.clock(who);
        let process = &mut self.processes[who];
        if let Some((request, sent, _)) = process.sent.take() {
            process.election.handle(request, response, sent, now, 0.0);
        }
    }

    /// Whoever leads and has time for a write may send one now; nobody else may lead before
    /// it is over.
    fn check(&mut self) -> Result<(), String> {
        for who in [0, 1] {
            let clock = self.clock(who);
            let Some(term) = self.processes[who].election.term(clock) else { continue };
            if self.now < self.processes[1 - who].writes_until {
                return Err(format!("I9 LeaseGuard: {} leads while the other one may be writing", NAMES[who]));
            }
            if term.admits_write(clock, DEADLINE) {
                // by its own clock, which may be slow
                self.processes[who].writes_until = self.now + DEADLINE * 50 / PACE[who];
            }
        }
        Ok(())
    }
}

impl Model for Ballot {
    type Move = Move;

    fn moves(&mut self, into: &mut Vec<Move>) {
        if self.now >= END {
            return;
        }
        let mut busy = false;
        for who in [0, 1] {
            match &self.processes[who].sent {
                None if self.asks(who).is_some() => into.push(Move::Send(who)),
                None => continue,
                Some((.., response)) => {
                    into.extend(Delivery::next(who, response.is_some(), self.losses).map(Move::Deliver));
                }
            }
            busy = true;
        }
        match (busy, self.freezes) {
            (false, _) => into.push(Move::Tick(0)),
            (true, 0) => {}
            (true, _) => into.extend((0..TICKS.len()).map(Move::Tick)),
        }
    }

    fn is_trouble(made: Move) -> bool {
        matches!(made, Move::Deliver(Delivery::Lose(_)))
    }

    fn make(&mut self, made: Move) -> Result<Made, String> {
        match made {
            Move::Send(who) => {
                let request = self.asks(who).unwrap();
                self.processes[who].sent = Some((request, self.clock(who), None));
            }
            Move::Deliver(Delivery::Execute(who)) => {
                let (request, sent, _) = self.processes[who].sent.take().unwrap();
                let response = self.execute(&request);
                self.processes[who].sent = Some((request, sent, Some(response)));
            }
            Move::Deliver(Delivery::Lose(who)) => {
                self.losses -= 1;
                self.hear(who, LeaseResponse::Failed);
            }
            Move::Deliver(Delivery::Hear(who)) => {
                let response = self.processes[who].sent.as_mut().and_then(|sent| sent.2.take()).unwrap();
                self.hear(who, response);
            }
            Move::Tick(by) => {
                let mut moves = Vec::new();
                self.moves(&mut moves);
                self.freezes -= u8::from(moves.len() > 1);
                self.now += TICKS[by];
            }
        }
        self.check()?;
        Ok(Made::default())
    }

    fn tell(&mut self, made: Move) -> String {
        match made {
            Move::Send(who) => {
                let reads = self.asks(who) == Some(LeaseRequest::Read);
                format!("process {} {} the lease", NAMES[who], if reads { "reads" } else { "writes" })
            }
            Move::Deliver(delivery) => delivery.told(NAMES),
            Move::Tick(by) => format!("{:?} pass", TICKS[by]),
        }
    }

    fn key(&self) -> u64 {
        let mut h = Mix::default();
        (self.now, &self.lease, &self.processes, self.losses, self.freezes).hash(&mut h);
        h.finish()
    }

    fn rest(&self) -> Option<Result<(), String>> {
        (self.now >= END).then_some(Ok(()))
    }
}

/// Two processes and one lease.
pub(super) fn elections(losses: u8, freezes: u8, most: usize) -> Result<Found, Story> {
    Search::run(Ballot::new(losses, freezes), most)
}
