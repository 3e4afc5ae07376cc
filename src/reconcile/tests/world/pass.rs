//! One pass as the shell will run it, and one that is cut short.

use super::{Entry, Uid, World};
use crate::policy::Policy;
use crate::reconcile::{
    Announcement, Answer, Call, FaultKind, HOUR, Outcome, Report, Requeue, Step, Verdict, View, announcements, next,
    requeue,
};
use std::time::Duration;

/// No pass needs more steps.
const BOUND: usize = 40;

/// A pass that came to its end.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) outcome: Outcome,
    pub(crate) steps: Vec<Step>,
    pub(crate) view: View,
    pub(crate) report: Option<Report>,
    pub(crate) events: Vec<Announcement>,
    pub(crate) requeue: Requeue,
}

/// The process dies at a step of its pass, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) at: usize,
    pub(crate) fate: Fate,
}

/// What becomes of the step at which the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    NotSent,
    CarriedOut,
    /// Scalekit carries it out after so much time.
    Late(Duration),
}

impl World {
    /// Runs a pass to its end and stores what it reports.
    pub(crate) fn pass(&mut self, uid: Uid) -> Pass {
        self.run(uid, None).unwrap()
    }

    /// Runs a pass; `None` when it was cut, and then the process has restarted.
    pub(crate) fn run(&mut self, uid: Uid, cut: Option<Cut>) -> Option<Pass> {
        let fresh = View::new(self.settings.clone(), self.history(uid));
        let mut view = View { letting_go: self.letting_go, ..fresh };
        let mut steps = Vec::new();
        self.passes += 1;
        for n in 0..BOUND {
            for (_, happens) in take_at(&mut self.happenings, n) {
                happens(self);
            }
            self.advance(Duration::from_secs(1));
            let step = next(&view, self.now);
            let entry = Entry {
                pass: self.passes,
                uid,
                step: step.clone(),
                answer: None,
                view: view.clone(),
                object: self.cluster.get(uid).cloned(),
                at: self.now,
                in_flight: self.scalekit.has_policy_in_flight(uid),
            };
            self.journal.push(entry);
            if let Some(cut) = cut.filter(|cut| cut.at == n) {
                self.die(uid, &view, &step, cut.fate);
                return None;
            }
            if let Step::Done(outcome) = step {
                return Some(self.end(uid, view, steps, outcome));
            }
            let answer = self.carry_out(uid, &view, &step);
            self.journal.last_mut().unwrap().answer = Some(answer.clone());
            view.absorb(&step, answer);
            steps.push(step);
        }
        panic!("a pass does not end: {steps:#?}")
    }

    fn end(&mut self, uid: Uid, view: View, steps: Vec<Step>, outcome: Outcome) -> Pass {
        self.happenings.clear();
        if !is_outage(&outcome) {
            self.memory.get_mut(&uid).unwrap().through = self.now;
        }
        self.remember(uid, &outcome);
        let report = Report::after(&view, &outcome);
        if let Some(report) = &report {
            self.cluster.store(uid, report.clone());
        }
        let events = announcements(&view, &outcome, report.as_ref());
        let requeue = requeue(&view, &outcome);
        Pass { outcome, steps, view, report, events, requeue }
    }

    /// As the shell does.
    fn remember(&mut self, uid: Uid, outcome: &Outcome) {
        let now = self.now;
        let memory = self.memory.get_mut(&uid).unwrap();
        let held = memory.corrections.last().is_none_or(|last| *last + HOUR <= now);
        memory.contended = match outcome {
            Outcome::Contended => true,
            Outcome::Looked(Verdict::InSync | Verdict::StricterKept) if held => false,
            _ => memory.contended,
        };
    }

    fn die(&mut self, uid: Uid, view: &View, step: &Step, fate: Fate) {
        self.happenings.clear();
        match (step, fate) {
            (Step::Done(outcome), Fate::CarriedOut) => {
                if let Some(report) = Report::after(view, outcome) {
                    self.cluster.store(uid, report);
                }
            }
            (_, Fate::NotSent) | (Step::Done(_), Fate::Late(_)) => {}
            (Step::Scalekit(call), Fate::Late(by)) if call.writes() => {
                self.scalekit.in_flight.push((self.now.checked_add(by).unwrap(), uid, call.clone()));
            }
            _ => {
                let _: Answer = self.carry_out(uid, view, step);
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

/// A pass that did not get through.
fn is_outage(outcome: &Outcome) -> bool {
    use FaultKind::{AuthFailed, CredentialsRejected, Forbidden, Rejected, Unsupported};
    let terminal = |kind| matches!(kind, AuthFailed | CredentialsRejected | Forbidden | Rejected | Unsupported);
    match outcome {
        Outcome::Looked(Verdict::Fault(fault)) | Outcome::CleanupPending(fault) => !terminal(fault.kind),
        _ => false,
    }
}

impl Pass {
    /// The steps as words.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.steps.iter().map(word).collect()
    }

    /// The policies it wrote.
    pub(crate) fn policies(&self) -> Vec<Policy> {
        let policy = |step: &Step| match step {
            Step::Scalekit(Call::WritePolicy { policy, .. }) => Some(*policy),
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
        Step::Scalekit(call) => call.writes(),
        Step::ReportProgress(_) | Step::AddFinalizer | Step::RemoveFinalizer(_) => true,
        _ => false,
    }
}

fn word(step: &Step) -> &'static str {
    match step {
        Step::ReadResource => "read resource",
        Step::ReadNamespace => "read namespace",
        Step::ReadCredentials => "read credentials",
        Step::RecallCredentials => "recall credentials",
        Step::ReadClaims => "read claims",
        Step::ReportProgress(_) => "progress",
        Step::AddFinalizer => "add finalizer",
        Step::RemoveFinalizer(_) => "remove finalizer",
        Step::Scalekit(Call::ReadOrganization(_) | Call::LookUp(_)) => "read organization",
        Step::Scalekit(Call::ReadApplicationPolicy(_)) => "read application policy",
        Step::Scalekit(Call::ReadPolicy(_)) => "read policy",
        Step::Scalekit(Call::WriteFeatures { .. }) => "features",
        Step::Scalekit(Call::WritePolicy { .. }) => "write policy",
        Step::Done(_) => "done",
    }
}
