//! Two processes that want to lead for the same resources by Leases of different names, by the real rules: all orders in which
//! what they send is carried out and answered, responses that are lost, and time that passes in between.

use super::{
    delivery::Delivery,
    key::Mix,
    search::{Found, Made, Model, Search, Story},
};
use crate::reconcile::{Candidacy, CandidacyStep, Lease, LeaseRequest, LeaseResponse, OtherLease};
use jiff::Timestamp;
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

const NAMES: [&str; 2] = ["one", "two"];
/// How much time passes at once while somebody has something to do.
const FREEZES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(16)];
/// It does so only up to then, which leaves time for what follows.
const LAST_FREEZE: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Candidates {
    now: Duration,
    /// So long they are watched; then one has to lead.
    end: Duration,
    /// Of each process; with a number that grows with each write, as versions do.
    leases: [Option<(Lease, u32)>; 2],
    writes: u32,
    processes: [Process; 2],
    losses: u8,
    freezes: u8,
    is_calm: bool,
}

#[derive(Clone, Hash)]
struct Process {
    candidacy: Candidacy,
    sent: Option<(CandidacyStep, Duration, Option<Response>)>,
    /// How often it took its Lease and gave it back.
    gave_way: u8,
}

#[derive(Clone, Hash)]
enum Response {
    Of(LeaseResponse),
    Others(Option<Vec<OtherLease>>),
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Send(usize),
    Deliver(Delivery),
    /// Until somebody has something to do.
    Wait,
    Freeze(usize),
}

impl Candidates {
    /// Their Leases are there, and nobody holds them: `left` is how they were given back.
    fn new(left: Option<bool>, end: u64, losses: u8, freezes: u8) -> Self {
        let process = |name: &str| Process {
            candidacy: Candidacy::new(name.into(), format!("process-{name}"), Duration::from_secs(10)),
            sent: None,
            gave_way: 0,
        };
        let lease = left.map(|settled| (Lease { settled, ..Lease::default() }, 0));
        let (now, end) = (Duration::ZERO, Duration::from_secs(end));
        let leases = [lease.clone(), lease];
        let (processes, is_calm) = (NAMES.map(process), losses + freezes == 0);
        Self { now, end, leases, writes: 0, processes, losses, freezes, is_calm }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + self.now
    }

    fn next(&self, who: usize) -> CandidacyStep {
        self.processes[who].candidacy.next(self.now, self.wall())
    }

    fn leads(&self, who: usize) -> bool {
        self.processes[who].candidacy.term(self.now).is_some()
    }

    fn carry_out(&mut self, who: usize, step: &CandidacyStep) -> Response {
        let version = |lease: &Option<(Lease, u32)>| lease.as_ref().map(|(_, version)| version.to_string());
        Response::Of(match step {
            CandidacyStep::Wait(_) => unreachable!("nothing is sent"),
            CandidacyStep::Look => return Response::Others(Some(self.other(1 - who).into_iter().collect())),
            CandidacyStep::Request(LeaseRequest::Read) => match &self.leases[who] {
                Some((lease, version)) => LeaseResponse::Found(lease.clone(), version.to_string()),
                None => LeaseResponse::Missing,
            },
            CandidacyStep::Request(LeaseRequest::Write(_, over)) if *over != version(&self.leases[who]) => {
                LeaseResponse::Conflict
            }
            CandidacyStep::Request(LeaseRequest::Write(lease, _)) => {
                self.writes += 1;
                self.processes[who].gave_way += u8::from(lease.holder.is_empty());
                self.leases[who] = Some((lease.clone(), self.writes));
                LeaseResponse::Written(self.writes.to_string())
            }
        })
    }

    fn other(&self, who: usize) -> Option<OtherLease> {
        let (lease, version) = self.leases[who].as_ref()?;
        let (holder, duration) = (lease.holder.clone(), lease.duration);
        Some(OtherLease { name: NAMES[who].into(), holder, duration, version: version.to_string() })
    }

    fn hear(&mut self, who: usize, response: Option<Response>) {
        let now = self.now;
        let process = &mut self.processes[who];
        match (process.sent.take(), response) {
            (Some((CandidacyStep::Request(request), sent, _)), response) => {
                let response = match response {
                    Some(Response::Of(response)) => response,
                    _ => LeaseResponse::Failed,
                };
                process.candidacy.handle(request, response, sent, now, 0.0);
            }
            (Some(_), Some(Response::Others(all))) => process.candidacy.handle_look(all, now, 0.0),
            (sent, _) => process.candidacy.handle_look(sent.and(None), now, 0.0),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.leads(0) && self.leads(1) {
            return Err("both lead".into());
        }
        let gave_way: u8 = self.processes.iter().map(|process| process.gave_way).sum();
        if self.is_calm && gave_way > 1 {
            return Err("they give way to each other".into());
        }
        Ok(())
    }
}

impl Model for Candidates {
    type Move = Move;

    fn moves(&mut self, into: &mut Vec<Move>) {
        if self.now >= self.end {
            return;
        }
        for who in [0, 1] {
            match &self.processes[who].sent {
                None if matches!(self.next(who), CandidacyStep::Wait(_)) => continue,
                None => into.push(Move::Send(who)),
                Some((.., response)) => {
                    into.extend(Delivery::next(who, response.is_some(), self.losses).map(Move::Deliver));
                }
            }
        }
        if into.is_empty() {
            into.push(Move::Wait);
        } else if self.freezes > 0 && self.now <= LAST_FREEZE {
            into.extend((0..FREEZES.len()).map(Move::Freeze));
        }
    }

    fn is_trouble(made: Move) -> bool {
        matches!(made, Move::Deliver(Delivery::Lose(_)) | Move::Freeze(_))
    }

    fn make(&mut self, made: Move) -> Result<Made, String> {
        match made {
            Move::Send(who) => self.processes[who].sent = Some((self.next(who), self.now, None)),
            Move::Deliver(Delivery::Execute(who)) => {
                let (step, sent, _) = self.processes[who].sent.take().unwrap();
                let response = self.carry_out(who, &step);
                self.processes[who].sent = Some((step, sent, Some(response)));
            }
            Move::Deliver(Delivery::Lose(who)) => {
                self.losses -= 1;
                self.hear(who, None);
            }
            Move::Deliver(Delivery::Hear(who)) => {
                let response = self.processes[who].sent.as_mut().and_then(|sent| sent.2.take());
                self.hear(who, response);
            }
            Move::Wait => {
                let until = |who| match self.next(who) {
                    CandidacyStep::Wait(until) => until,
                    CandidacyStep::Look | CandidacyStep::Request(_) => self.now,
                };
                self.now = until(0).min(until(1)).min(self.end);
            }
            Move::Freeze(by) => {
                self.freezes -= 1;
                self.now += FREEZES[by];
            }
        }
        self.check()?;
        Ok(Made::default())
    }

    fn tell(&mut self, made: Move) -> String {
        match made {
            Move::Send(who) => {
                let what = match self.next(who) {
                    CandidacyStep::Look => "looks at the other Lease",
                    CandidacyStep::Request(LeaseRequest::Read) => "reads its Lease",
                    _ => "writes its Lease",
                };
                format!("{:?}: process {} {what}", self.now, NAMES[who])
            }
            Move::Deliver(delivery) => delivery.told(NAMES),
            Move::Wait => "nobody has anything to do".into(),
            Move::Freeze(by) => format!("{:?} pass", FREEZES[by]),
        }
    }

    fn key(&self) -> u64 {
        let mut h = Mix::default();
        (self.now, &self.leases, &self.processes, self.losses, self.freezes).hash(&mut h);
        h.finish()
    }

    fn rest(&self) -> Option<Result<(), String>> {
        let leads = self.leads(0) || self.leads(1);
        let held = self.leases.iter().flatten().filter(|(lease, _)| !lease.holder.is_empty()).count();
        (self.now >= self.end).then(|| match (leads, held) {
            (true, 2) if self.is_calm => Err("somebody holds a Lease and does not lead".into()),
            (true, _) => Ok(()),
            (false, _) => Err("nobody leads".into()),
        })
    }
}

fn explore(model: Candidates) -> Found {
    Search::run(model, 2_000_000).unwrap_or_else(|Story(story)| panic!("{story}"))
}

#[test]
fn of_two_that_start_together_with_leases_of_their_own_one_leads_at_once_and_the_other_waits() {
    for left in [None, Some(true), Some(false)] {
        // the longest way is that the first waits for the second, which gives way, or renews after two seconds
        let found = explore(Candidates::new(left, 4, 0, 0));
        assert!(found.states > 500, "{found:?}");
    }
}

#[test]
fn whatever_is_lost_or_late_never_do_both_lead_and_one_leads_in_the_end() {
    // as long as what was lost or late may keep a Lease
    for (end, losses, freezes) in [(20, 1, 0), (38, 0, 1)] {
        let found = explore(Candidates::new(Some(true), end, losses, freezes));
        assert!(found.states > 1000, "{found:?}");
    }
}
