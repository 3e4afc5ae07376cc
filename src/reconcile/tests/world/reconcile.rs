//! One reconcile as the shell runs it, and one that is cut short.

use super::{Entry, Held, Uid, World};
use crate::policy::Policy;
use crate::reconcile::{
    ClusterWrite, Contest, Drift, Event, HistoryEvent, Lane, Outcome, RemoteRequest, Report, Request, Requeue,
    Response, STATUS_TRIES, State, StatusUpdate, Step, next,
};
use std::time::Duration;

/// No reconcile needs more steps.
const BOUND: usize = 40;

/// A reconcile that came to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reconciled {
    pub(crate) outcome: Outcome,
    pub(crate) steps: Vec<Step>,
    pub(crate) state: State,
    pub(crate) update: Option<StatusUpdate>,
    pub(crate) events: Vec<Event>,
    pub(crate) requeue: Requeue,
    pub(crate) drift: Option<Drift>,
    /// The resources that its success wakes after an outage.
    pub(crate) woken: Vec<(Uid, Lane)>,
}

/// The process dies at a step of its reconcile, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) at: usize,
    pub(crate) interrupted: Interrupted,
}

/// What becomes of the step at which the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    NotSent,
    CarriedOut,
    /// Scalekit carries it out after so much time.
    Late(Duration),
}

/// What the decisions of a reconcile cost, counted so that it is the same on every
/// machine.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effort {
    /// How often the next step was asked for.
    pub(crate) decisions: usize,
    /// Allocations of memory.
    pub(crate) allocations: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Effort {
    fn of<T>(&mut self, decide: impl FnOnce() -> T) -> T {
        let mut result = None;
        let counted = allocation_counter::measure(|| result = Some(decide()));
        self.allocations += counted.count_total;
        self.bytes += counted.bytes_total;
        result.unwrap()
    }
}

impl World {
    /// Runs a reconcile to its end and stores what it reports.
    pub(crate) fn reconcile(&mut self, uid: Uid) -> Reconciled {
        self.run(uid, None).unwrap()
    }

    /// Runs a reconcile; `None` after a crash: the process has restarted.
    pub(crate) fn run(&mut self, uid: Uid, crash: Option<Crash>) -> Option<Reconciled> {
        self.deliver();
        let mut state = self.state(uid);
        self.held = self.cluster.get(uid).map_or_else(Held::default, Held::of);
        let mut steps = Vec::new();
        self.reconciles += 1;
        for n in 0..BOUND {
            for (_, happens) in take_at(&mut self.happenings, n) {
                happens(self);
            }
            self.advance(self.step);
            let step = self.decide(&mut state);
            let entry = Entry { reconciled: self.reconciles, ..self.entry(uid, &step, &state) };
            self.journal.push(entry);
            if let Some(crash) = crash.filter(|crash| crash.at == n) {
                self.die(uid, &state, &step, crash.interrupted);
                return None;
            }
            let request = match step {
                Step::Done(outcome) => return Some(self.end(uid, state, steps, outcome)),
                Step::Request(request) => request,
            };
            let response = self.carry_out(uid, &state, &request);
            self.journal.last_mut().unwrap().response = Some(response.clone());
            state.handle_response(&request, response);
            steps.push(Step::Request(request));
        }
        panic!("a reconcile does not end: {steps:#?}")
    }

    /// Runs a reconcile; what its decisions cost.
    pub(crate) fn measure(&mut self, uid: Uid) -> Effort {
        self.deliver();
        let (mut state, mut effort, mut steps) = (self.state(uid), Effort::default(), Vec::new());
        self.held = self.cluster.get(uid).map_or_else(Held::default, Held::of);
        loop {
            self.advance(self.step);
            state.clock = self.uptime();
            effort.decisions += 1;
            match effort.of(|| next(&state, self.now)) {
                Step::Done(outcome) => {
                    drop(effort.of(|| Report::of(&state, &outcome)));
                    self.end(uid, state, steps, outcome);
                    return effort;
                }
                Step::Request(request) => {
                    let response = self.carry_out(uid, &state, &request);
                    effort.of(|| state.handle_response(&request, response));
                    steps.push(Step::Request(request));
                }
            }
        }
    }

    /// The shell finds that a resource has been due for so long, and not had its turn.
    pub(crate) fn wait_for_turn(&mut self, uid: Uid, waited: Duration) {
        let mut state = self.state(uid);
        let read = Request::ReadResource { fresh: true };
        let response = self.carry_out(uid, &state, &read);
        state.handle_response(&read, response);
        if let Some(update) = StatusUpdate::overdue(&state, waited) {
            assert_eq!(self.store(uid, update), ClusterWrite::Done);
        }
    }

    /// The lane in which a reconcile that begins now would read the organization.
    pub(crate) fn lane_of_a_read(&mut self, uid: Uid) -> Lane {
        let mut state = self.state(uid);
        let read = Request::ReadResource { fresh: true };
        let response = self.carry_out(uid, &state, &read);
        state.handle_response(&read, response);
        state.lane(false)
    }

    pub(super) fn end(&mut self, uid: Uid, state: State, steps: Vec<Step>, outcome: Outcome) -> Reconciled {
        self.happenings.clear();
        self.assert_nothing_is_hidden(uid, &state, &outcome);
        let Report { update, events, requeue, history, contests, merges, drift } = Report::of(&state, &outcome);
        self.merging.extend(merges);
        self.record(uid, history);
        let mut woken = self.outages.record(&uid, &state, &outcome);
        if let Some(Contest { uid: other, elsewhere }) = contests {
            let other = other.parse().unwrap();
            let now = self.uptime();
            if !self.histories[&other].was_just_confirmed(now) {
                self.record(other, [HistoryEvent::Contested { elsewhere }]);
                woken.push((other, Lane::Awaited));
            }
        }
        for _ in 0..STATUS_TRIES {
            let Some(update) = update.clone() else { break };
            if self.store(uid, update) != ClusterWrite::Outdated {
                break;
            }
            self.held.version = self.cluster.get(uid).map_or(0, |object| object.version);
        }
        let reconciled = Reconciled { outcome, steps, state, update, events, requeue, drift, woken };
        self.ended.push(reconciled.clone());
        reconciled
    }

    /// What the cache served for is as a read would have shown it.
    fn assert_nothing_is_hidden(&self, uid: Uid, state: &State, outcome: &Outcome) {
        let Some(object) = self.cluster.get(uid).filter(|_| state.cached.is_some()) else { return };
        if self.copy(uid).is_some_and(|copy| copy.version == object.version) {
            let fresh = State { resource: self.cluster.found(uid, self.now), cached: None, ..state.clone() };
            let mut written = self.clone();
            written.held.version = object.version;
            written.store(uid, StatusUpdate::after(&fresh, outcome).unwrap());
            assert_eq!(written.cluster.get(uid), Some(object), "{outcome:?}: {state:#?}");
            assert!(Report::of(&fresh, outcome).events.is_empty());
        }
    }

    fn die(&mut self, uid: Uid, state: &State, step: &Step, interrupted: Interrupted) {
        self.happenings.clear();
        match (step, interrupted) {
            (Step::Done(outcome), Interrupted::CarriedOut) => {
                if let Some(update) = StatusUpdate::after(state, outcome) {
                    self.store(uid, update);
                }
            }
            (_, Interrupted::NotSent) | (Step::Done(_), Interrupted::Late(_)) => {}
            (Step::Request(Request::Remote(request)), Interrupted::Late(by)) if request.writes() => {
                self.scalekit.in_flight.push((self.now.checked_add(by).unwrap(), uid, request.clone()));
            }
            (Step::Request(request), _) => {
                let _: Response = self.carry_out(uid, state, request);
            }
        }
        self.restart();
    }
}

fn take_at<T>(all: &mut Vec<(usize, T)>, n: usize) -> Vec<(usize, T)> {
    let (now, later) = std::mem::take(all).into_iter().partition(|(at, _)| *at == n);
    *all = later;
    now
}

impl Reconciled {
    /// The steps as words.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.steps.iter().map(word).collect()
    }

    /// The policies it wrote.
    pub(crate) fn policies(&self) -> Vec<Policy> {
        let policy = |step: &Step| match step {
            Step::Request(Request::Remote(RemoteRequest::WritePolicy { policy, .. })) => Some(*policy),
            _ => None,
        };
        self.steps.iter().filter_map(policy).collect()
    }

    /// How often it did the step of this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.words().iter().filter(|w| **w == name).count()
    }

    /// Whether it wrote nothing, to neither side.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.steps.iter().any(writes)
    }
}

pub(crate) fn writes(step: &Step) -> bool {
    match step {
        Step::Request(Request::Remote(request)) => request.writes(),
        Step::Request(Request::ReportProgress)
        | Step::Request(Request::AddFinalizer)
        | Step::Request(Request::RemoveFinalizer(_)) => true,
        _ => false,
    }
}

pub(crate) fn word(step: &Step) -> &'static str {
    match step {
        Step::Request(Request::ReadResource { .. }) => "read resource",
        Step::Request(Request::ReadNamespace) => "read namespace",
        Step::Request(Request::ReadCredentials { .. }) => "read credentials",
        Step::Request(Request::ReadLastKnownCredentials) => "read last known credentials",
        Step::Request(Request::ReadIssuer) => "read issuer",
        Step::Request(Request::ReadClaimants) => "read claimants",
        Step::Request(Request::ReportProgress) => "progress",
        Step::Request(Request::AddFinalizer) => "add finalizer",
        Step::Request(Request::RemoveFinalizer(_)) => "remove finalizer",
        Step::Request(Request::Remote(RemoteRequest::ReadOrganization(_) | RemoteRequest::LookUp(_))) => {
            "read organization"
        }
        Step::Request(Request::Remote(RemoteRequest::ReadApplicationPolicy(_))) => "read application policy",
        Step::Request(Request::Remote(RemoteRequest::ReadPolicy(_))) => "read policy",
        Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. })) => "features",
        Step::Request(Request::Remote(RemoteRequest::WritePolicy { .. })) => "write policy",
        Step::Done(_) => "done",
    }
}
