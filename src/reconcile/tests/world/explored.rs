//! The world one step at a time, for those who explore all that can happen in it, and what
//! tells two of them apart.

use super::{Entry, Held, Object, Reconciled, Uid, World};
use crate::policy::{OrganizationId, RuleId, ValidatedSpec, Violation};
use crate::reconcile::{
    ClaimKey, Condition, History, Outages, Outcome, Predecessor, Reads, Request, Resource, Response, State,
    StatusUpdate, Step, Term, next,
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    time::Duration,
};

/// What one process knows, and its right to write.
#[derive(Clone)]
pub(crate) struct Process {
    term: Term,
    started: Timestamp,
    histories: BTreeMap<Uid, History>,
    outages: Outages<Uid>,
    merging: Vec<String>,
    held: Held,
}

impl World {
    /// The world as another process knows it, and that process as this one did.
    pub(crate) fn swap(&mut self, other: &mut Process) {
        std::mem::swap(&mut self.term, &mut other.term);
        std::mem::swap(&mut self.started, &mut other.started);
        std::mem::swap(&mut self.histories, &mut other.histories);
        std::mem::swap(&mut self.outages, &mut other.outages);
        std::mem::swap(&mut self.merging, &mut other.merging);
        std::mem::swap(&mut self.held, &mut other.held);
        let now = self.uptime();
        for object in &self.cluster.objects {
            self.histories.entry(object.uid).or_insert_with(|| History::new(None, now));
        }
    }

    /// Whether the reconcile under way has read the resource as it is.
    pub(crate) fn holds_current(&self, uid: Uid) -> bool {
        self.cluster.get(uid).is_some_and(|object| object.version == self.held.version)
    }

    /// Who owns the organization as far as this process knows, when `own` has just read it: who
    /// reverts it, else the oldest of those that have read it.
    pub(crate) fn owner_known(&self, own: Uid, id: &OrganizationId) -> Option<Uid> {
        let environment = self.scalekit.issuer.clone().unwrap_or_else(|| self.scalekit.environment.clone());
        let keys = [ClaimKey::Verified { environment: environment.into(), organization: id.clone() }];
        let mut claimants: Vec<_> = self.cluster.objects.iter().map(|object| (object.uid, object.claimant())).collect();
        claimants.iter_mut().for_each(|(uid, claimant)| claimant.see(&self.histories[uid], self.uptime()));
        claimants.iter_mut().filter(|(uid, _)| *uid == own).for_each(|(_, claimant)| claimant.lapsed = false);
        let claims = claimants.into_iter().filter(|(_, claimant)| claimant.claims(&keys));
        // said once more, since the decision must not be checked by itself
        claims.min_by_key(|(uid, claimant)| (!claimant.claim.reverting, claimant.created, *uid)).map(|(uid, _)| uid)
    }

    /// Another process beside the present one, which knows nothing yet.
    pub(crate) fn follower(&self) -> Process {
        Process {
            term: self.term,
            started: self.started,
            histories: self.histories.clone(),
            outages: Outages::default(),
            merging: Vec::new(),
            held: Held::default(),
        }
    }

    /// The process begins to lead after one that was interrupted.
    pub(crate) fn begin_term(&mut self) {
        self.take_over(Predecessor::Interrupted);
    }

    /// Somebody declares this, or what can't be acted on: by a version of the CRD that admits it.
    pub(crate) fn redeclare(&mut self, uid: Uid, spec: Option<ValidatedSpec>) {
        if let Some(object) = self.cluster.get_mut(uid) {
            object.spec = spec.ok_or_else(|| vec![Violation::new(RuleId::Schema, "spec.policy", "is invalid")]);
            object.generation += 1;
            object.version += 1;
        }
    }

    /// A reconcile begins.
    pub(crate) fn begin(&mut self, uid: Uid) -> State {
        self.deliver();
        self.held = self.cluster.get(uid).map_or_else(Held::default, Held::of);
        self.state(uid)
    }

    /// What it does next.
    pub(crate) fn decide(&self, state: &mut State) -> Step {
        (state.clock, state.term) = (self.uptime(), self.term);
        next(state, self.now)
    }

    /// The step that is about to be carried out.
    pub(crate) fn entry(&self, uid: Uid, step: &Step, state: &State) -> Entry {
        Entry {
            reconciled: 0,
            uid,
            step: step.clone(),
            response: None,
            state: state.clone(),
            object: self.cluster.get(uid).cloned(),
            at: self.now,
            secret: self.held.client.as_ref().map(|(secret, _)| secret.clone()),
            in_flight: self.scalekit.has_policy_in_flight(uid),
        }
    }

    /// The step is carried out.
    pub(crate) fn send(&mut self, uid: Uid, state: &mut State, request: &Request) -> Response {
        let response = self.carry_out(uid, state, request);
        state.handle_response(request, response.clone());
        response
    }

    /// The reconcile ends.
    pub(crate) fn finish(&mut self, uid: Uid, state: State, outcome: Outcome) -> Reconciled {
        let reconciled = self.end(uid, state, Vec::new(), outcome);
        self.ended.clear();
        reconciled
    }

    /// The status that the reconcile under way would write, and the version that it replaces.
    pub(crate) fn late_status(&self, state: &State, outcome: &Outcome) -> Option<(StatusUpdate, u64)> {
        StatusUpdate::after(state, outcome).map(|update| (update, self.held.version))
    }

    /// What the process and the world are like; no age is told above `long`.
    pub(crate) fn hash_all(&self, long: Duration, h: &mut impl Hasher) {
        for object in &self.cluster.objects {
            self.hash_object(object, h);
        }
        let scalekit = &self.scalekit;
        for (id, tenant) in &scalekit.organizations {
            id.hash(h);
            (&tenant.features, tenant.live, tenant.author, tenant.stale).hash(h);
        }
        (&scalekit.external, scalekit.application, scalekit.down, scalekit.breaker_open).hash(h);
        (&scalekit.issuer, &scalekit.alleged, scalekit.in_flight.len()).hash(h);
        for (at, uid, request) in &scalekit.in_flight {
            (self.until(*at), uid, request).hash(h);
        }
        (&self.credentials, &self.secrets, &self.kept, self.namespace_terminating, self.uninstalling).hash(h);
        (self.watch.silent, self.watch.serves).hash(h);
        self.hash_copies(h);
        self.hash_process(long, h);
    }

    /// What the process knows.
    pub(crate) fn hash_process(&self, long: Duration, h: &mut impl Hasher) {
        let now = self.uptime();
        for (uid, history) in &self.histories {
            // of one that is gone nothing is asked any more
            if self.cluster.get(*uid).is_some() {
                uid.hash(h);
                history.hash_ages(now, long, h);
            }
        }
        self.merging.hash(h);
        hash_term(&self.term, now, h);
        self.held.client.hash(h);
    }

    fn hash_copies(&self, h: &mut impl Hasher) {
        for (object, reported) in self.watch.copies() {
            let now = self.cluster.get(object.uid);
            let current = now.is_some_and(|now| now.version == object.version);
            (object.uid, current, reported).hash(h);
            if !current {
                self.hash_object(object, h);
            }
        }
    }

    fn until(&self, at: Timestamp) -> i64 {
        at.duration_since(self.now).as_millis().try_into().unwrap_or(i64::MAX).max(-1) // over is over
    }

    fn hash_object(&self, object: &Object, h: &mut impl Hasher) {
        let Object { uid, version: _, created: _, namespace, generation, spec, finalizer, deleting_since, .. } = object;
        (uid, namespace, generation, spec, finalizer, deleting_since.is_some(), object.foreign).hash(h);
        object.requested_at.hash(h);
        let Some(status) = &object.status else { return 0_u8.hash(h) };
        (status.observed_generation, &status.pinned, status.claim, status.adopted, status.written).hash(h);
        (status.enabled_feature, &status.observed, &status.application, &status.handled_at).hash(h);
        hash_conditions(&status.conditions, h);
        self.hash_release(status.release.as_ref(), h);
    }

    fn hash_release(&self, release: Option<&crate::reconcile::PlannedRelease>, h: &mut impl Hasher) {
        release.map(|release| (release.reason, self.until(release.at))).hash(h);
    }

    /// What a reconcile under way has seen.
    pub(crate) fn hash_state(&self, state: &State, long: Duration, h: &mut impl Hasher) {
        let now = self.uptime();
        let age = |at: Duration| now.saturating_sub(at).min(Duration::from_secs(40));
        state.history.hash_ages(state.began, long, h);
        let Reads { resource, organization, policy, refreshes } = state.reads;
        (age(state.began), age(resource), age(organization), age(policy), refreshes).hash(h);
        std::mem::discriminant(&state.resource).hash(h);
        if let Some(resource) = state.here() {
            self.hash_resource(resource, h);
        }
        (state.cached, &state.credentials, state.refusal, state.last_known_read, state.namespace_terminating).hash(h);
        (&state.identity, &state.ownership, &state.alleged, state.same_environment_unknown, &state.contests).hash(h);
        (state.undecided, &state.observation).hash(h);
        (state.progress_reported, state.live_reported, state.feature_reported).hash(h);
        (state.under_way, state.status_is_lost, &state.other_writers, &state.released).hash(h);
    }

    fn hash_resource(&self, resource: &Resource, h: &mut impl Hasher) {
        let Resource { generation, deleting, finalizer, spec, pinned, claim, enabled_feature, .. } = resource;
        (generation, deleting, finalizer, spec, pinned, claim, enabled_feature).hash(h);
        (resource.adopted, resource.written, resource.observed, resource.observed_generation).hash(h);
        (&resource.requested_at, &resource.handled_at).hash(h);
        hash_conditions(&resource.conditions, h);
        self.hash_release(resource.release.as_ref(), h);
    }
}

/// Nothing is decided by a message.
fn hash_conditions(conditions: &[Condition], h: &mut impl Hasher) {
    for condition in conditions {
        (condition.type_, condition.status, condition.reason).hash(h);
    }
}

fn hash_term(term: &Term, now: Duration, h: &mut impl Hasher) {
    let since = now.saturating_sub(term.since).min(Duration::from_secs(60));
    let left =
        |until: Duration| Some(until).filter(|until| *until < Duration::MAX).map(|until| until.saturating_sub(now));
    (since, term.predecessor, left(term.ends), left(term.valid_until)).hash(h);
}

impl Process {
    /// As [`World::holds_current`].
    pub(crate) fn holds_current(&self, world: &World, uid: Uid) -> bool {
        world.cluster.get(uid).is_some_and(|object| object.version == self.held.version)
    }

    /// What it knows, beside the one that the world is seen by.
    pub(crate) fn hash_beside(&self, world: &World, long: Duration, h: &mut impl Hasher) {
        let now = Duration::try_from(world.now.duration_since(self.started)).unwrap_or_default();
        for (uid, history) in self.histories.iter().filter(|(uid, _)| world.cluster.get(**uid).is_some()) {
            uid.hash(h);
            history.hash_ages(now, long, h);
        }
        hash_term(&self.term, now, h);
        self.held.client.hash(h);
    }
}
