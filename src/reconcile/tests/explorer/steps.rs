//! One step of a reconcile in the explored world, and whom it concerns.

use super::{
    place::{BACKOFF, Place, Running, SUPERSEDED, Work},
    properties, reached,
    scenes::Fate,
    search::Made,
};
use crate::policy::Live;
use crate::reconcile::{
    Claim, ErrorKind, Outcome, Release, RemoteError, RemoteRequest, RemoteResponse, Request, Requeue, Response, State,
    Step, Trigger, Watched,
    tests::world::{On, Trouble, Uid, World, writes},
};
use std::time::Duration;

impl Place {
    pub(super) fn begin(&mut self, uid: Uid) {
        self.side.due.retain(|(of, _)| *of != uid);
        let mut state = self.world.begin(uid);
        let step = self.world.decide(&mut state);
        let (wrote, undisturbed, feature_undisturbed, policies) = Default::default();
        self.side.running = Some(Running { uid, state, step, wrote, undisturbed, feature_undisturbed, policies });
    }

    pub(super) fn die(&mut self) {
        self.side.running = None;
        if self.scene.leaders {
            self.cut.get_or_insert(self.world.now);
            self.side.due.clear();
        } else {
            self.world.restart();
            self.start();
        }
    }

    /// The process has begun and lists the resources.
    pub(super) fn start(&mut self) {
        self.side = Work::default();
        let interval = self.world.settings.interval;
        let all: Vec<_> =
            self.world.cluster.objects.iter().map(|o| (o.uid, Watched::of(&o.read(), self.world.now))).collect();
        for (uid, watched) in all {
            let scheduled = watched.trigger(None, true) == Trigger::Scheduled;
            self.enqueue(uid, if scheduled { interval } else { Duration::ZERO });
        }
    }

    /// Whoever is concerned by what `change` does to the resources is reconciled.
    pub(super) fn watching<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        let see = |world: &World| -> Vec<_> {
            let all = world.cluster.objects.iter();
            all.map(|o| (o.uid, o.version, Watched::of(&o.read(), world.now), Claim::of(&o.read(), o.namespace)))
                .collect()
        };
        let before = see(&self.world);
        let done = change(self);
        let after = see(&self.world);
        let acts = self.seen_by;
        self.turn(u8::from(self.taken));
        for (uid, version, watched, claim) in &after {
            let was = before.iter().find(|(of, ..)| of == uid);
            if was.is_some_and(|was| was.1 == *version) {
                continue;
            }
            if watched.trigger(was.map(|was| &was.2), false) != Trigger::None {
                self.enqueue(*uid, Duration::ZERO);
            }
            self.concern(*uid, was.map(|was| &was.3), Some(claim), &after);
        }
        for (uid, _, _, claim) in before.iter().filter(|(uid, ..)| after.iter().all(|(of, ..)| of != uid)) {
            self.concern(*uid, Some(claim), None, &after);
            self.side.due.retain(|(of, _)| of != uid);
        }
        self.turn(acts);
        done
    }

    fn concern(&mut self, of: Uid, before: Option<&Claim>, now: Option<&Claim>, all: &[(Uid, u64, Watched, Claim)]) {
        if before == now {
            return;
        }
        let keys = Claim::concerned(before, now);
        for (uid, _, _, claim) in all.iter().filter(|(uid, ..)| *uid != of) {
            if claim.keys.iter().any(|key| keys.contains(key)) && claim.is_concerned(before, now) {
                self.enqueue(*uid, Duration::ZERO);
            }
        }
    }

    pub(super) fn go(&mut self, who: u8, fate: Fate) -> Result<Made, String> {
        let Some(running) = self.side.running.take() else { return Ok(Made::default()) };
        properties::before(self, who, &running)?;
        reached::note_step(&running.step);
        let uid = running.uid;
        if fate == Fate::StatusConflict
            && let Some(object) = self.world.cluster.get_mut(uid)
        {
            object.version += 1;
        }
        match running.step.clone() {
            Step::Done(outcome) if fate == Fate::LateStatus => {
                self.late_status = self.world.late_status(&running.state, &outcome).map(|(update, v)| (uid, update, v));
                self.die();
                Ok(Made::default())
            }
            Step::Done(outcome) => {
                properties::at_end(self, &running, &outcome)?;
                self.watching(|place| place.end(running, outcome)).map(|()| Made::default())
            }
            Step::Request(request) => self.request(who, fate, running, &request),
        }
    }

    fn end(&mut self, running: Running, outcome: Outcome) -> Result<(), String> {
        let reconciled = self.world.finish(running.uid, running.state, outcome);
        reached::note_end(&reconciled);
        let after = match reconciled.requeue {
            Requeue::Never => None,
            Requeue::Interval(time) | Requeue::After(time) => Some(time),
            Requeue::Backoff { cap } => Some(cap.min(BACKOFF)),
        };
        if self.world.cluster.get(running.uid).is_some() {
            after.into_iter().for_each(|after| self.enqueue(running.uid, after));
        }
        properties::announced(&reconciled)?;
        for (uid, _) in reconciled.woken {
            self.enqueue(uid, Duration::ZERO);
        }
        Ok(())
    }

    fn request(&mut self, who: u8, fate: Fate, mut running: Running, request: &Request) -> Result<Made, String> {
        let (uid, flying) = (running.uid, self.world.scalekit.in_flight.len());
        let settle = self.world.settings.settle - Duration::from_secs(1);
        let trouble = match fate {
            Fate::Refused(kind) => Some(Trouble::Refused(kind)),
            Fate::Lost => Some(Trouble::Lost(ErrorKind::Unreachable)),
            Fate::ResponseLost => Some(Trouble::ResponseLost(ErrorKind::Unavailable)),
            Fate::Late => Some(Trouble::Late(ErrorKind::Unreachable, settle)),
            Fate::Fine | Fate::StatusConflict | Fate::LateStatus => None,
        };
        trouble.into_iter().for_each(|trouble| self.world.trouble(On::Anything, 0, trouble));
        let before = self.organization();
        let response = match request {
            Request::ReportProgress | Request::AddFinalizer | Request::RemoveFinalizer(_) => {
                self.watching(|place| place.world.send(uid, &mut running.state, request))
            }
            _ => self.world.send(uid, &mut running.state, request),
        };
        if self.world.scalekit.in_flight.len() > flying {
            self.senders.push(who);
        }
        if let Request::RemoveFinalizer(release) = request {
            self.excuse(uid, &running.state, release);
        }
        let changed = self.organization() != before;
        self.disturb(&before);
        if let (Request::Remote(RemoteRequest::WritePolicy { .. }), Response::Remote(response)) = (request, &response) {
            let generation = running.state.here().map_or(0, |resource| resource.generation);
            let counts = response.as_ref().map_or_else(|error: &RemoteError| error.outcome_unknown, |_| true);
            if response.is_ok() {
                // one that was given up on, and then written over, is nobody else's to wait for
                self.senders.iter_mut().filter(|sender| **sender == who).for_each(|sender| *sender += SUPERSEDED);
            }
            let before = Some(running.policies.1).filter(|_| running.policies.0 == generation);
            running.policies = (generation, before.unwrap_or(0) + u8::from(counts));
        }
        running.undisturbed = match response {
            Response::Remote(Ok(RemoteResponse::Policy(_))) => true,
            _ => running.undisturbed && !changed,
        };
        running.feature_undisturbed |= matches!(response, Response::Remote(Ok(RemoteResponse::Organization(_))));
        running.wrote = writes(&Step::Request(request.clone()));
        self.side.running = Some(running);
        self.decide();
        let wrote = matches!(request, Request::Remote(request) if request.writes());
        Ok(Made { wrote, ..Made::default() })
    }

    /// The policy of each organization, and whether its feature is on.
    pub(super) fn organization(&self) -> Vec<(Live, bool)> {
        self.world.scalekit.organizations.values().map(|tenant| (tenant.live, tenant.session_policy_on())).collect()
    }

    /// Whoever is under way has not seen what has changed since it was as `before`.
    pub(super) fn disturb(&mut self, before: &[(Live, bool)]) {
        let now = self.organization();
        let features = |all: &[(Live, bool)]| all.iter().map(|(_, on)| *on).collect::<Vec<_>>();
        let (changed, switched) = (now != before, features(&now) != features(before));
        self.runs_mut().for_each(|running| {
            running.undisturbed &= !changed;
            running.feature_undisturbed &= !switched;
        });
    }

    fn excuse(&mut self, uid: Uid, state: &State, release: &Release) {
        let retains = state.spec().is_none_or(|spec| !spec.may_revert());
        let stays = matches!(release, Release::Orphaned(_) | Release::Restored | Release::CustomersOwn);
        // two answers of Scalekit in a row that there is no such organization are believed
        let pinned = state.here().and_then(|resource| resource.pinned.as_ref()).map(|pinned| &pinned.organization);
        let lied = *release == Release::OrganizationGone
            && pinned.is_some_and(|pinned| self.world.scalekit.organizations.contains_key(pinned))
            && !self.world.scalekit.has_policy_in_flight(uid);
        if stays || retains || lied {
            self.excused |= 1 << uid;
        }
    }
}
