//! A state of the explored world: cluster, Scalekit, and one or two processes of the
//! operator, each with a reconcile under way or none.

use super::{
    key::Mix,
    scenes::{Fate, Scene},
    worlds,
};
use crate::reconcile::{
    RemoteRequest, State, StatusUpdate, Step,
    tests::world::{Process, Uid, World},
};
use jiff::{SignedDuration, Timestamp};
use std::{hash::Hash, time::Duration};

/// How long a process that was cut off may still write, and how long nobody else leads.
pub(super) const WRITES: Duration = Duration::from_millis(4_700);
pub(super) const WORKS: Duration = Duration::from_secs(10);
pub(super) const VALID: Duration = Duration::from_millis(14_700);
/// The delay that stands for a growing one.
pub(super) const BACKOFF: Duration = Duration::from_secs(5);

/// Marks the sender of a write after which it has written another policy.
pub(super) const SUPERSEDED: u8 = 2;

#[derive(Clone)]
pub(super) struct Place {
    pub(super) scene: &'static Scene,
    pub(super) world: World,
    pub(super) side: Work,
    /// The operator that follows, or that led before.
    pub(super) other: Option<(Process, Work)>,
    /// Since when the first operator can't renew its lease.
    pub(super) cut: Option<Timestamp>,
    pub(super) taken: bool,
    pub(super) changes: u8,
    pub(super) faults: u8,
    pub(super) crashes: u8,
    pub(super) pauses: u8,
    pub(super) used: [u8; 24],
    /// Which process sent each of the writes that may still land.
    pub(super) senders: Vec<u8>,
    /// A status that lands after its process is gone.
    pub(super) late_status: Option<(Uid, StatusUpdate, u64)>,
    /// The resources whose policy may stay.
    pub(super) excused: u32,
    /// Which process the world and `side` are of now.
    pub(super) seen_by: u8,
}

/// What one process works on.
#[derive(Clone, Default)]
pub(super) struct Work {
    pub(super) running: Option<Running>,
    pub(super) due: Vec<(Uid, Timestamp)>,
}

/// A reconcile under way.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) uid: Uid,
    pub(super) state: State,
    pub(super) step: Step,
    /// Its last step wrote.
    pub(super) wrote: bool,
    /// Nobody has changed the organization since its policy was read or written.
    pub(super) undisturbed: bool,
    /// Nor its feature since that was.
    pub(super) feature_undisturbed: bool,
    /// Policies that it has sent for this generation.
    pub(super) policies: (i64, u8),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    Begin(u8, Uid),
    Go(u8, Fate),
    Die(u8),
    Pause(u8, u8),
    Tick,
    Land(u8),
    LandStatus,
    WatchEnds,
    Others(u8),
    Cut,
    TakeOver,
}

impl Place {
    /// The start of a world.
    pub(super) fn new(scene: &'static Scene, bounds: &worlds::World) -> Self {
        let mut used = [0; 24];
        for (change, used) in scene.changes.iter().zip(&mut used) {
            *used = if bounds.without.iter().any(|name| name == change.name) { u8::MAX } else { 0 };
        }
        let world = (scene.start)();
        let other = scene.leaders.then(|| (world.follower(), Work::default()));
        let due = world.cluster.objects.iter().map(|object| (object.uid, world.now)).collect();
        Self {
            scene,
            other,
            side: Work { running: None, due },
            cut: None,
            taken: false,
            changes: bounds.changes,
            faults: bounds.faults,
            crashes: bounds.crashes,
            pauses: bounds.pauses,
            used,
            senders: Vec::new(),
            late_status: None,
            excused: 0,
            seen_by: 0,
            world,
        }
    }

    /// Whether others have done this.
    pub(super) fn happened(&self, name: &str) -> bool {
        let at = self.scene.changes.iter().position(|change| change.name == name);
        at.is_some_and(|at| (1..u8::MAX).contains(&self.used[at]))
    }

    pub(super) fn turn(&mut self, who: u8) {
        if let (true, Some((process, work))) = (who != self.seen_by, &mut self.other) {
            self.world.swap(process);
            std::mem::swap(&mut self.side, work);
            self.seen_by = who;
        }
    }

    pub(super) fn works(&self) -> impl Iterator<Item = &Work> {
        // whoever is cut off is waited for by nobody
        let first = Some(&self.side).filter(|_| self.cut.is_none());
        first.into_iter().chain(self.other.as_ref().map(|(_, work)| work))
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Running> {
        [Some(&self.side), self.other.as_ref().map(|(_, work)| work)]
            .into_iter()
            .flatten()
            .filter_map(|w| w.running.as_ref())
    }

    pub(super) fn runs_mut(&mut self) -> impl Iterator<Item = &mut Running> {
        let other = self.other.as_mut().map(|(_, work)| work);
        [Some(&mut self.side), other].into_iter().flatten().filter_map(|work| work.running.as_mut())
    }

    pub(super) fn since_cut(&self) -> Duration {
        let since = self.cut.map(|cut| self.world.now.duration_since(cut));
        since.and_then(|since| Duration::try_from(since).ok()).unwrap_or_default()
    }

    /// The lease, as the process that acts knows it.
    pub(super) fn lease(&mut self, who: u8) {
        if self.scene.leaders && (who == 1 || self.cut.is_none()) {
            let now = self.world.uptime();
            (self.world.term.ends, self.world.term.valid_until) = (now + WORKS, now + VALID);
        }
    }

    pub(super) fn at(&self, by: Duration) -> Timestamp {
        self.world.now.checked_add(SignedDuration::try_from(by).unwrap()).unwrap()
    }

    pub(super) fn enqueue(&mut self, uid: Uid, after: Duration) {
        let at = self.at(after);
        match self.side.due.iter_mut().find(|(of, _)| *of == uid) {
            Some((_, due)) => *due = (*due).min(at),
            None => self.side.due.push((uid, at)),
        }
        self.side.due.sort();
    }

    /// Decides the next step anew: time, or the lease, are others.
    pub(super) fn decide(&mut self) {
        if let Some(running) = &mut self.side.running {
            running.step = self.world.decide(&mut running.state);
        }
    }

    pub(super) fn by<T>(&mut self, who: u8, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.seen_by;
        self.turn(who);
        self.lease(who);
        let done = act(self);
        self.turn(before);
        done
    }

    /// The policy writes of the first operator that may still be applied.
    pub(super) fn of_the_first(&self) -> impl Iterator<Item = &RemoteRequest> {
        self.world.scalekit.in_flight.iter().zip(&self.senders).filter(|(_, who)| **who == 0).map(|((.., r), _)| r)
    }

    pub(super) fn hash_work(&self, work: &Work, h: &mut Mix, holds_current: impl Fn(Uid) -> bool) {
        let world = &self.world;
        for (uid, at) in &work.due {
            (uid, at.duration_since(world.now).max(SignedDuration::ZERO)).hash(h);
        }
        let Some(running) = &work.running else { return 0_u8.hash(h) };
        (running.uid, running.wrote, running.undisturbed, running.feature_undisturbed, running.policies.1).hash(h);
        holds_current(running.uid).hash(h);
        world.hash_state(&running.state, self.scene.long, h);
    }
}
