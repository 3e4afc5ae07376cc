//! The election of the leader: what one process does, and a model of several with
//! clocks that differ, requests that are late or lost, and processes that stop.

use crate::reconcile::{Election, ElectionStep, Lease, LeaseRequest, LeaseResponse, Predecessor, Term};
use jiff::Timestamp;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// That of a request to Scalekit.
const DEADLINE: Duration = Duration::from_secs(10);

/// The API server, as far as it has the lease.
#[derive(Default)]
struct Server {
    lease: Option<Lease>,
    version: u32,
}

impl Server {
    fn carry_out(&mut self, request: &LeaseRequest) -> LeaseResponse {
        let version = self.lease.is_some().then(|| self.version.to_string());
        match request {
            LeaseRequest::Read => match (&self.lease, version) {
                (Some(lease), Some(version)) => LeaseResponse::Found(lease.clone(), version),
                _ => LeaseResponse::Missing,
            },
            LeaseRequest::Write(_, over) if *over != version => LeaseResponse::Conflict,
            LeaseRequest::Write(lease, _) => {
                (self.lease, self.version) = (Some(lease.clone()), self.version + 1);
                LeaseResponse::Written(self.version.to_string())
            }
        }
    }
}

/// A process whose requests take no time.
struct Candidate {
    election: Election,
    now: Duration,
}

impl Candidate {
    fn new(name: &str) -> Self {
        Self { election: Election::new(name.into(), DEADLINE), now: Duration::ZERO }
    }

    fn respond(&mut self, server: &mut Option<&mut Server>) -> bool {
        let ElectionStep::Request(request) = self.election.next(self.now, wall(self.now)) else { return false };
        let response = server.as_mut().map_or(LeaseResponse::Failed, |server| server.carry_out(&request));
        self.election.handle(request, response, self.now, self.now, 1.0);
        true
    }

    /// Goes on for so long; without an answer, if `server` is `None`.
    fn run(&mut self, mut server: Option<&mut Server>, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            while self.respond(&mut server) {}
            self.now += 100 * MILLISECOND;
        }
    }

    fn term(&self) -> Option<Term> {
        self.election.term(self.now)
    }

    fn release(&mut self, server: &mut Server, settled: bool) {
        let request = self.election.release(self.now, wall(self.now), settled).unwrap();
        assert!(matches!(server.carry_out(&request), LeaseResponse::Written(_)));
    }
}

fn wall(now: Duration) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + now
}

fn leader(server: &mut Server) -> Candidate {
    let mut candidate = Candidate::new("first");
    candidate.run(Some(server), SECOND);
    assert!(candidate.term().is_some());
    candidate
}

#[test]
fn who_finds_no_lease_leads_at_once_and_does_not_know_who_did_before() {
    let term = leader(&mut Server::default()).term().unwrap();
    assert_eq!((term.since, term.predecessor), (Duration::ZERO, Predecessor::Unknown));
}

#[test]
fn a_leader_renews_every_two_seconds_with_one_write() {
    let mut server = Server::default();
    let mut first = leader(&mut server);
    first.run(Some(&mut server), 60 * SECOND);
    assert_eq!(server.version, 31);
    assert_eq!(first.term().unwrap().since, Duration::ZERO);
}

#[test]
fn row_060_a_lease_counts_from_when_it_was_seen_to_change_whatever_the_times_in_it() {
    let mut server = Server::default();
    leader(&mut server);
    for year in [1970, 2300] {
        let time = Timestamp::from_second((year - 1970) * 31_557_600).unwrap();
        server.lease.as_mut().unwrap().renewed = Some(time);
        let mut second = Candidate::new("second");
        second.run(Some(&mut server), 14 * SECOND);
        assert_eq!(second.term(), None, "{year}");
    }
}

#[test]
fn row_060_who_stops_renewing_is_followed_within_18_seconds() {
    let mut server = Server::default();
    leader(&mut server);
    let mut second = Candidate::new("second");
    second.run(Some(&mut server), SECOND);
    server.lease.as_mut().unwrap().renewed = Some(wall(second.now)); // the last time, and seen within three seconds
    second.run(Some(&mut server), 14 * SECOND);
    assert_eq!(second.term(), None);
    second.run(Some(&mut server), 4 * SECOND);
    assert_eq!(second.term().unwrap().predecessor, Predecessor::Interrupted);
    assert_eq!(server.lease.unwrap().transitions, 1);
}

#[test]
fn those_that_wait_look_again_after_two_to_three_seconds_each_at_its_own_time() {
    for (jitter, pause) in [(0.0, 2 * SECOND), (0.5, 2500 * MILLISECOND), (1.0, 3 * SECOND)] {
        let mut waits = Election::new("second".into(), DEADLINE);
        let held = Lease { holder: "first".into(), duration: 15 * SECOND, ..Lease::default() };
        waits.handle(LeaseRequest::Read, LeaseResponse::Found(held, "1".into()), SECOND, SECOND, jitter);
        assert_eq!(waits.next(SECOND, wall(SECOND)), ElectionStep::Wait(SECOND + pause));
    }
}

#[test]
fn row_058_a_lease_that_was_given_back_is_taken_within_three_seconds() {
    for (settled, predecessor) in [(true, Predecessor::Settled), (false, Predecessor::Interrupted)] {
        let mut server = Server::default();
        let (mut first, mut second) = (leader(&mut server), Candidate::new("second"));
        second.run(Some(&mut server), 2 * SECOND);
        first.release(&mut server, settled);
        second.run(Some(&mut server), 3 * SECOND);
        assert_eq!(second.term().unwrap().predecessor, predecessor);
        assert!(!server.lease.unwrap().settled, "it is no longer true once somebody leads");
    }
}

#[test]
fn row_061_without_renewals_writes_end_first_then_the_work_and_then_others_lead() {
    let mut server = Server::default();
    let mut first = leader(&mut server);
    first.run(Some(&mut server), 60 * SECOND);
    let renewed = first.term().unwrap().ends - 10 * SECOND;
    let after = |time: Duration| renewed + time;
    first.run(None, SECOND);
    let term = first.term().unwrap();
    assert_eq!((term.ends, term.valid_until), (after(10 * SECOND), after(14_700 * MILLISECOND)));
    assert!(term.admits_write(after(4_700 * MILLISECOND), DEADLINE));
    assert!(!term.admits_write(after(4_701 * MILLISECOND), DEADLINE));
    first.run(None, 10 * SECOND);
    assert_eq!(first.term(), None);
    first.run(Some(&mut server), 3 * SECOND);
    let term = first.term().unwrap();
    assert!(term.since > after(10 * SECOND), "another term, since what it knew may not be true any more");
    assert_eq!(term.predecessor, Predecessor::Interrupted);
}

#[test]
fn a_lease_that_is_given_back_is_free_in_a_second_and_who_leads_no_more_gives_none_back() {
    let mut server = Server::default();
    let mut first = leader(&mut server);
    first.release(&mut server, true);
    let lease = server.lease.unwrap();
    assert_eq!((lease.duration, lease.renewed), (SECOND, Some(wall(first.now))));
    first.now += 60 * SECOND;
    assert_eq!((first.term(), first.election.release(first.now, wall(first.now), true)), (None, None));
}

#[test]
fn row_059_who_was_stopped_for_a_minute_does_not_lead_when_it_goes_on() {
    let mut server = Server::default();
    let mut first = leader(&mut server);
    let mut second = Candidate::new("second");
    second.run(Some(&mut server), 20 * SECOND);
    second.run(Some(&mut server), 60 * SECOND);
    first.now += 80 * SECOND;
    assert_eq!(first.term(), None, "before it has asked anybody");
    first.run(Some(&mut server), 10 * SECOND);
    assert_eq!(first.term(), None, "the lease is the other one's");
    assert_eq!(first.election.holder(), Some("second"));
}

#[test]
fn a_lease_that_somebody_else_edited_is_renewed_all_the_same() {
    let mut server = Server::default();
    let mut first = leader(&mut server);
    server.version += 1;
    first.run(Some(&mut server), 5 * SECOND);
    assert_eq!(first.term().unwrap().since, Duration::ZERO);
    assert!(first.term().unwrap().admits_write(first.now, DEADLINE));
}

#[test]
fn a_lease_that_somebody_deletes_gives_nobody_a_shorter_wait() {
    let mut server = Server::default();
    leader(&mut server);
    let mut second = Candidate::new("second");
    second.run(Some(&mut server), SECOND);
    server.lease = None;
    second.run(Some(&mut server), 13 * SECOND);
    assert_eq!(second.term(), None);
    second.run(Some(&mut server), 5 * SECOND);
    assert!(second.term().is_some());
}

#[test]
fn a_leader_has_time_for_its_longest_request() {
    for seconds in [1, 10, 11, 30, 120] {
        let deadline = Duration::from_secs(seconds) + 500 * MILLISECOND;
        let mut candidate = Candidate { election: Election::new("slow".into(), deadline), now: Duration::ZERO };
        let mut server = Server::default();
        candidate.run(Some(&mut server), SECOND);
        let term = candidate.term().unwrap();
        assert!(term.admits_write(2 * SECOND, deadline), "{seconds}: at the time of the next renewal");
        assert_eq!(server.lease.unwrap().duration.subsec_nanos(), 0);
    }
}

/// A process of the model.
struct Process {
    election: Election,
    /// What its clock showed at the start, and how fast it goes.
    clock: (Duration, f64),
    stopped_until: Duration,
    cut_off_until: Duration,
    pending: Option<Pending>,
    /// It may be writing until then, by its clock.
    writes_until: Duration,
}

/// A request without an answer so far.
struct Pending {
    number: usize,
    request: LeaseRequest,
    sent: Duration,
    answer: Option<(Duration, LeaseResponse)>,
}

/// A request on its way: when it is carried out, and when its sender hears of it.
struct Sent {
    process: usize,
    number: usize,
    request: LeaseRequest,
    at: Duration,
    answered: Option<Duration>,
}

struct Model {
    rng: fastrand::Rng,
    server: Server,
    processes: Vec<Process>,
    sent: Vec<Sent>,
    now: Duration,
    numbers: usize,
    faults: bool,
    terms: usize,
}

impl Model {
    const TICK: Duration = Duration::from_millis(50);
    /// Of a request about the lease.
    const DEADLINE: Duration = Duration::from_secs(5);

    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let process = |name: usize| Process {
            election: Election::new(format!("process {name}"), DEADLINE),
            clock: (Duration::from_secs(rng.u64(..100_000)), 0.99 + 0.02 * rng.f64()),
            stopped_until: Duration::ZERO,
            cut_off_until: Duration::ZERO,
            pending: None,
            writes_until: Duration::ZERO,
        };
        let processes = (0..2).map(process).collect();
        let (server, sent, now) = Default::default();
        Self { rng, server, processes, sent, now, numbers: 0, faults: true, terms: 0 }
    }

    fn clock(&self, process: usize) -> Duration {
        let (offset, rate) = self.processes[process].clock;
        offset + self.now.mul_f64(rate)
    }

    fn tick(&mut self) {
        self.now += Self::TICK;
        let (due, later) = std::mem::take(&mut self.sent).into_iter().partition(|sent| sent.at <= self.now);
        self.sent = later;
        for Sent { process, number, request, answered, .. } in due {
            let response = self.server.carry_out(&request);
            let pending = self.processes[process].pending.as_mut().filter(|pending| pending.number == number);
            if let (Some(pending), Some(at)) = (pending, answered) {
                pending.answer = Some((at, response));
            }
        }
        (0..self.processes.len()).for_each(|process| self.step(process));
        let may_write = |process: &usize| self.clock(*process) < self.processes[*process].writes_until;
        assert!((0..self.processes.len()).filter(may_write).count() <= 1, "two may write at {:?}", self.now);
    }

    fn step(&mut self, nth: usize) {
        let (local, now) = (self.clock(nth), self.now);
        if self.faults && self.rng.u32(..2000) == 0 {
            self.processes[nth].stopped_until = now + self.rng.u32(1..60) * SECOND;
        }
        if self.faults && self.rng.u32(..2000) == 0 {
            self.processes[nth].cut_off_until = now + self.rng.u32(1..60) * SECOND;
        }
        let process = &mut self.processes[nth];
        if now < process.stopped_until {
            return;
        }
        if let Some(pending) = &process.pending {
            let answered = pending.answer.as_ref().is_some_and(|(at, _)| *at <= now);
            if !answered && local < pending.sent + Self::DEADLINE {
                return;
            }
            let Some(Pending { request, sent, answer, .. }) = process.pending.take() else { return };
            let response = answer.filter(|_| answered).map_or(LeaseResponse::Failed, |(_, response)| response);
            let before = process.election.term(local);
            process.election.handle(request, response, sent, local, self.rng.f64());
            let term = process.election.term(local);
            self.terms += usize::from(term.is_some() && before.map(|term| term.since) != term.map(|term| term.since));
            process.writes_until = term.map_or(process.writes_until, |term| term.valid_until);
        }
        let ElectionStep::Request(request) = process.election.next(local, wall(local)) else { return };
        self.numbers += 1;
        let number = self.numbers;
        process.pending = Some(Pending { number, request: request.clone(), sent: local, answer: None });
        let slow = self.faults && self.rng.u32(..5) == 0;
        let mut latency = || if slow { self.rng.u64(..40_000) } else { self.rng.u64(5..50) };
        let (to, back) = (Duration::from_millis(latency()), Duration::from_millis(latency()));
        let cut_off = now < process.cut_off_until;
        if cut_off && self.rng.bool() {
            return; // it gets lost, else only its answer
        }
        let answered = (!cut_off).then_some(now + to + back);
        self.sent.push(Sent { process: nth, number, request, at: now + to, answered });
    }
}

#[test]
fn row_060_two_never_lead_at_once_whatever_clocks_networks_and_schedulers_do() {
    let mut terms = 0;
    for seed in 0..100 {
        let mut model = Model::new(seed);
        while model.now < 300 * SECOND {
            model.tick();
        }
        terms += model.terms;
        model.faults = false;
        let calm = model.now + 120 * SECOND; // the last request is late by 80, and then a lease ends
        while model.now < calm {
            model.tick();
        }
        let leads = |process: &usize| model.processes[*process].election.term(model.clock(*process)).is_some();
        assert_eq!((0..2).filter(leads).count(), 1, "one leads in the end, seed {seed}");
    }
    assert!(terms > 500, "they take turns: {terms}");
}

#[test]
fn whoever_asks_before_it_takes_the_lease_sees_whether_another_one_is_there() {
    let mut server = Server::default();
    let mut leader = Candidate::new("leader");
    leader.run(Some(&mut server), SECOND);
    let mut asks = Candidate::new("asks");
    asks.now = leader.now;
    let look = |asks: &mut Candidate, server: &mut Server| {
        let mut server = Some(server);
        while !matches!(asks.election.next(asks.now, wall(asks.now)), ElectionStep::Request(LeaseRequest::Write(..))) {
            if !asks.respond(&mut server) {
                return;
            }
        }
    };
    look(&mut asks, &mut server);
    assert!(!asks.election.is_held_by_other(), "it was only seen once, and may be dead");
    leader.run(Some(&mut server), 4 * SECOND);
    asks.now = leader.now;
    look(&mut asks, &mut server);
    assert!(asks.election.is_held_by_other());
    server.carry_out(&leader.election.release(leader.now, wall(leader.now), true).unwrap());
    asks.now += 4 * SECOND;
    look(&mut asks, &mut server);
    assert!(!asks.election.is_held_by_other(), "it has given it back");
}
