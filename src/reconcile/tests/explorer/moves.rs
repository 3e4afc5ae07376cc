//! What can happen in a state of the explored world.

use super::{
    key::Mix,
    place::{Move, Place, VALID, WORKS, WRITES},
    properties,
    scenes::{Change, Fate, Side},
    search::{Made, Model},
};
use crate::reconcile::{
    HOUR, RemoteRequest, Request, Step,
    tests::world::{word, writes},
};
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

impl Place {
    /// A write that was given up on is applied.
    pub(super) fn land(&mut self, at: usize) {
        let before = self.organization();
        let (_, uid, request) = self.world.scalekit.in_flight.remove(at);
        self.senders.remove(at);
        self.world.scalekit.by = Some(uid);
        drop(self.world.scalekit.serve(&request));
        self.disturb(&before);
    }

    pub(super) fn advance(&mut self, by: Duration) {
        let until = self.at(by);
        while let Some(at) = self.world.scalekit.in_flight.iter().position(|(at, ..)| *at <= until) {
            self.land(at);
        }
        self.world.advance(by);
        for who in 0..=u8::from(self.other.is_some()) {
            self.by(who, Self::decide);
        }
    }

    /// The next time at which anything may be different, with nothing to do until then.
    pub(super) fn next_time(&self) -> Option<Duration> {
        let now = self.world.now;
        let busy = self.works().any(|work| work.running.is_some() || work.due.iter().any(|(_, at)| *at <= now));
        if busy || self.late_status.is_some() {
            return None;
        }
        let due = self.works().flat_map(|work| &work.due).map(|(_, at)| *at);
        let landing = self.world.scalekit.in_flight.iter().map(|(at, ..)| *at);
        let waits = due.chain(landing).filter_map(|at| Duration::try_from(at.duration_since(now)).ok());
        let lease = [WRITES + Duration::from_millis(1), WORKS, VALID]
            .into_iter()
            .filter_map(|at| at.checked_sub(self.since_cut()));
        let lease = lease.filter(|_| self.cut.is_some() && !self.taken);
        waits.chain(lease).filter(|wait| !wait.is_zero()).min()
    }

    pub(super) fn change(&mut self, at: u8) {
        let Change { happen, .. } = &self.scene.changes[at as usize];
        let before = self.organization();
        self.used[at as usize] += 1;
        self.changes -= 1;
        self.watching(|place| {
            let retained: Vec<_> = place.world.cluster.objects.iter().map(|o| (o.uid, o.finalizer)).collect();
            happen(&mut place.world);
            for (uid, held) in retained {
                // by hand, or with nothing to revert
                if !held && place.world.cluster.get(uid).is_none() {
                    place.excused |= 1 << uid;
                }
            }
        });
        self.disturb(&before);
    }

    /// Whether what others do to this side can matter right now: before a step that reads or
    /// writes there, or between reconciles.
    fn matters(&self, side: Side) -> bool {
        let concerns = |step: &Step| match step {
            Step::Request(Request::Remote(_)) => side == Side::Scalekit,
            Step::Request(Request::ReadCredentials { .. } | Request::ReadIssuer) => side == Side::Credentials,
            Step::Request(_) | Step::Done(_) => side == Side::Cluster,
        };
        let mut runs = self.runs().peekable();
        runs.peek().is_none() || runs.any(|running| concerns(&running.step))
    }

    /// A watch that is silent ends in minutes (`controller/watch.rs`); then all is listed, and whoever
    /// is not as the cache had it is reconciled.
    fn watch_again(&mut self) {
        self.world.watch.silent = false;
        for uid in self.world.outdated_copies() {
            self.enqueue(uid, Duration::ZERO);
        }
    }

    fn moves_of(&mut self, who: u8, into: &mut Vec<Move>) {
        let now = self.world.now;
        let leads = if who == 1 { self.taken } else { self.since_cut() < WORKS || self.cut.is_none() };
        let Some(running) = &self.side.running else {
            if leads {
                let due = self.side.due.iter().filter(|(_, at)| *at <= now);
                into.extend(due.map(|(uid, _)| Move::Begin(who, *uid)));
                let crashes = self.crashes > 0 && (who == 0 && self.cut.is_none());
                into.extend(crashes.then_some(Move::Die(who)));
            }
            return;
        };
        into.push(Move::Go(who, Fate::Fine));
        let remote = matches!(running.step, Step::Request(Request::Remote(_)));
        if self.faults > 0 {
            // nobody comes after the second operator
            let ends = |fate: &Fate| who == 1 && *fate == Fate::LateStatus;
            let may = self.scene.faults.iter().filter(|fate| fate.fits(&running.step) && !ends(fate));
            into.extend(may.map(|fate| Move::Go(who, *fate)));
        }
        if self.crashes > 0 && running.wrote {
            into.push(Move::Die(who));
        }
        if self.pauses > 0 && (writes(&running.step) || (remote && running.wrote)) {
            into.extend((0..self.scene.pause_by.len()).map(|by| Move::Pause(who, u8::try_from(by).unwrap())));
        }
    }
}

impl Model for Place {
    type Move = Move;

    fn moves(&mut self, into: &mut Vec<Move>) {
        for who in 0..=u8::from(self.other.is_some()) {
            self.turn(who);
            self.moves_of(who, into);
        }
        self.turn(0);
        if self.next_time().is_some() {
            into.push(Move::Tick);
        }
        let quiet = self.runs().next().is_none();
        if quiet || self.matters(Side::Scalekit) {
            into.extend((0..self.senders.len()).map(|at| Move::Land(u8::try_from(at).unwrap())));
        }
        into.extend(self.late_status.is_some().then_some(Move::LandStatus));
        into.extend((self.world.watch.silent && quiet).then_some(Move::WatchEnds));
        if self.changes > 0 {
            for (at, change) in self.scene.changes.iter().enumerate() {
                if self.used[at] < change.times && self.matters(change.side) && (change.applies)(&self.world) {
                    into.push(Move::Others(u8::try_from(at).unwrap()));
                }
            }
        }
        if self.other.is_some() {
            into.extend(self.cut.is_none().then_some(Move::Cut));
            into.extend((!self.taken && self.since_cut() >= VALID).then_some(Move::TakeOver));
        }
    }

    fn is_trouble(made: Move) -> bool {
        match made {
            Move::Go(_, fate) => fate != Fate::Fine,
            Move::Die(_) | Move::Pause(..) | Move::Others(_) | Move::Cut => true,
            Move::Begin(..) | Move::Tick | Move::Land(_) | Move::LandStatus | Move::WatchEnds | Move::TakeOver => false,
        }
    }

    fn make(&mut self, made: Move) -> Result<Made, String> {
        let mut did = Made::default();
        match made {
            Move::Begin(who, uid) => self.by(who, |place| place.begin(uid)),
            Move::Go(who, fate) => {
                self.faults -= u8::from(fate != Fate::Fine);
                did = self.by(who, |place| place.go(who, fate))?;
            }
            Move::Die(who) => {
                self.crashes -= 1;
                self.by(who, Self::die);
            }
            Move::Pause(_, by) => {
                self.pauses -= 1;
                self.advance(self.scene.pause_by[by as usize]);
            }
            Move::Tick => {
                let by = self.next_time().unwrap();
                self.advance(by);
                did.waited = by;
            }
            Move::Land(at) => self.land(at as usize),
            Move::LandStatus => {
                let (uid, update, version) = self.late_status.take().unwrap();
                self.watching(|place| place.world.cluster.store(uid, update, version));
            }
            Move::WatchEnds => self.watch_again(),
            Move::Others(at) => self.change(at),
            Move::Cut => {
                // it has just renewed it
                self.by(0, |place| place.cut = Some(place.world.now));
                self.by(0, Self::decide);
            }
            Move::TakeOver => {
                self.taken = true;
                self.by(1, |place| {
                    place.world.begin_term();
                    place.start();
                });
            }
        }
        properties::always(self)?;
        Ok(did)
    }

    fn tell(&mut self, made: Move) -> String {
        let step = |place: &Self| place.side.running.as_ref().map(|running| told(&running.step)).unwrap_or_default();
        let process = if self.other.is_some() { ["the first operator: ", "the second operator: "] } else { [""; 2] };
        match made {
            Move::Begin(who, uid) => format!("{}resource {uid} is reconciled", process[who as usize]),
            Move::Go(who, fate) => {
                let step = self.by(who, |place| step(place));
                let fate = fate.tell();
                if self.other.is_some() && self.runs().count() > 1 {
                    format!("{}{step}{fate}", process[who as usize])
                } else {
                    format!("- {step}{fate}")
                }
            }
            Move::Die(who) => format!("{}it is killed", process[who as usize]),
            Move::Pause(who, by) => format!("{}{:?} pass", process[who as usize], self.scene.pause_by[by as usize]),
            Move::Tick => format!("{:?} pass", self.next_time().unwrap_or_default()),
            Move::Land(at) => {
                let (_, uid, request) = self.world.scalekit.in_flight[at as usize].clone();
                format!(
                    "the late request of resource {uid} is applied: {}",
                    told(&Step::Request(Request::Remote(request)))
                )
            }
            Move::LandStatus => "the late status is written".into(),
            Move::WatchEnds => "the silent watch ends, and all resources are listed".into(),
            Move::Others(at) => self.scene.changes[at as usize].name.into(),
            Move::Cut => "the first operator can't renew its lease any more".into(),
            Move::TakeOver => "the second operator begins to lead".into(),
        }
    }

    fn key(&self) -> u64 {
        let mut h = Mix::default();
        let long = self.scene.long;
        self.world.hash_all(long, &mut h);
        self.hash_work(&self.side, &mut h, |uid| self.world.holds_current(uid));
        if let Some((process, work)) = &self.other {
            process.hash_beside(&self.world, long, &mut h);
            self.hash_work(work, &mut h, |uid| process.holds_current(&self.world, uid));
        }
        let cut = self.cut.map(|_| self.since_cut().min(Duration::from_secs(60)));
        (cut, self.taken, self.changes, self.faults, self.crashes, self.pauses, self.used).hash(&mut h);
        (&self.senders, self.excused).hash(&mut h);
        if let Some((uid, update, version)) = &self.late_status {
            (uid, update, self.world.cluster.get(*uid).is_some_and(|object| object.version == *version)).hash(&mut h);
        }
        h.finish()
    }

    fn seldom() -> Duration {
        HOUR / 2
    }

    fn rest(&self) -> Option<Result<(), String>> {
        let now = self.world.now;
        let quiet = self.works().all(|work| work.running.is_none() && work.due.iter().all(|(_, at)| *at > now));
        let settled = self.senders.is_empty()
            && self.late_status.is_none()
            && !self.world.watch.silent
            && (self.cut.is_none() || self.taken);
        (quiet && settled).then(|| properties::agrees(self))
    }
}

fn told(step: &Step) -> String {
    match step {
        Step::Request(Request::Remote(RemoteRequest::WritePolicy { policy, .. })) => {
            format!("writes the policy {policy}")
        }
        Step::Request(Request::RemoveFinalizer(release)) => {
            format!("removes the finalizer ({})", <&str>::from(release))
        }
        Step::Done(outcome) => format!("ends: {}", outcome.name()),
        step => word(step).into(),
    }
}
