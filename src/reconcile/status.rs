//! What a reconcile writes into the status: conditions and what was observed. The
//! rules are kstatus's: Ready always, Reconciling and Stalled only when True
//! and never both, `observedGeneration` on success and failure alike.

use super::{
    Application, ClaimState, Condition, ConditionStatus, ConditionType, CredentialsError, Outcome, Pinned,
    PlannedRelease, Reason, RemoteError, RemoteOutcome, Resource, State, claims,
    condition::set,
    contention, in_effect, overdue, recorded,
    wording::{Audience, hold_message, problem, violations_message},
};
use crate::policy::{Difference, Live, Policy, diff, summary};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// A status to be; the shell adds times and writes it only when something
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatusUpdate {
    /// The generation this speaks of.
    pub observed_generation: i64,
    /// The organization the resource means.
    pub pinned: Option<Pinned>,
    /// How it claims that organization.
    pub claim: Option<ClaimState>,
    /// What the organization had before.
    pub adopted: Option<Live>,
    /// The policy that was written last.
    pub written: Option<Policy>,
    /// The operator has switched the feature session_policy on.
    pub enabled_feature: bool,
    /// The live policy and its drift; `None`: not seen, the current ones stay.
    pub observed: Option<Observed>,
    /// The application's policy; `None`: not seen, the current one stays.
    pub application: Option<Application>,
    /// All conditions.
    pub conditions: Vec<Condition>,
    /// The last reconcile-now request that was acknowledged.
    pub handled_at: Option<String>,
    /// What a deletion waits for, and until when.
    pub release: Option<PlannedRelease>,
}

/// What a reconcile observed of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The live policy.
    pub live: Live,
    /// Where it is not the declared one.
    pub drift: Vec<Difference>,
}

impl StatusUpdate {
    /// Whether it says something of the application's policy, which is shown beside a
    /// live one; else what was known stays.
    pub fn tells_application(&self) -> bool {
        match self.application {
            Some(Application::Known(_)) => self.observed.is_some(),
            Some(Application::Unreadable) => true,
            Some(Application::Unread | Application::Failed) | None => false,
        }
    }

    /// Tells it from any other update.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The update that leaves the status of a resource as it is.
    pub(super) fn unchanged(resource: &Resource) -> Self {
        Self {
            observed_generation: resource.observed_generation,
            pinned: resource.pinned.clone(),
            claim: resource.claim,
            adopted: resource.adopted,
            written: resource.written,
            enabled_feature: resource.enabled_feature,
            observed: None,
            application: None,
            conditions: resource.conditions.clone(),
            handled_at: resource.handled_at.clone(),
            release: resource.release.clone(),
        }
    }

    /// The status while a reconcile works.
    pub fn progress(state: &State) -> Self {
        let handled_at = state.here().and_then(|resource| resource.handled_at.clone());
        let mut update = Self { handled_at, ..Self::of(state, None) };
        if state.deleting() {
            update.pend(state, Reason::Deleting, &Reason::Deleting.message("it is being written"));
            return update;
        }
        let what = state.spec().map(|d| d.policy.to_string()).unwrap_or_default();
        let message = format!("applying {what}");
        update.pend(state, Reason::Progressing, &message);
        update.set(ConditionType::Ready, ConditionStatus::Unknown, Reason::Progressing, message);
        update
    }

    /// The status at the end of a reconcile; `None` when no resource is left to
    /// say it on.
    pub fn after(state: &State, outcome: &Outcome) -> Option<Self> {
        let resource = state.here()?;
        let mut update = Self::of(state, Some(outcome));
        match outcome {
            Outcome::Released(_) if state.uninstalling => update.leave_alone(Reason::Uninstalled, ""),
            Outcome::Gone if resource.claim.is_none() && !resource.was_ready() => return None,
            Outcome::NotLeading => return None,
            // finalizers of others hold it
            Outcome::Gone | Outcome::Released(_) => {
                update.pend(state, Reason::Released, Reason::Released.means());
                update.release = None;
            }
            Outcome::Undecided => {
                update.pend(state, Reason::Progressing, "an older resource that names the organization is read first")
            }
            Outcome::Suspended { left } => {
                let until = left.and_then(|_| resource.suspended_until());
                update.leave_alone(Reason::Suspended, &until.map(|until| format!("until {until}")).unwrap_or_default());
            }
            Outcome::InvalidSpec(violations) => {
                update.stall(state, Reason::InvalidSpec, &violations_message(violations))
            }
            Outcome::Credentials(error) => update.credentials(state, resource, error),
            Outcome::Conflict { owner } => {
                let owner = match owner {
                    Some(name) => format!("the resource {name} has the earlier claim"),
                    None => "a resource in another namespace has the earlier claim".into(),
                };
                update.stall(state, Reason::Conflict, &Reason::Conflict.message(&owner));
            }
            Outcome::Contended { gives_way: true, .. } => {
                let message = Reason::Contended.message("the live policy is stricter and stays for now");
                update.stall(state, Reason::Contended, &message);
            }
            Outcome::Contended { .. } => {
                update.pend(state, Reason::Contended, &Reason::Contended.message("it is corrected again soon"));
            }
            Outcome::Reconciled(RemoteOutcome::Error(error)) => update.error(state, resource, error),
            Outcome::Reconciled(remote_outcome) => update.reconciled(state, remote_outcome),
            Outcome::Holding { hold, until, .. } => {
                let (reason, why) = (hold.reason(), hold_message(hold));
                let message = format!(
                    "{why} Without that the resource goes at {until} and the policy stays in Scalekit \
                     (or at once with spec.deletionPolicy: Retain)."
                );
                update.pend(state, reason, &message);
                update.release = Some(PlannedRelease { reason, at: *until });
            }
            Outcome::Waiting { reason, until, .. } => {
                let message = reason.message(&format!("at {until}, unless another resource takes over"));
                update.pend(state, *reason, &message);
                update.release = Some(PlannedRelease { reason: *reason, at: *until });
            }
            Outcome::ApiServer(error) => {
                update.outage(state, resource, Reason::ApiServerError, &Reason::ApiServerError.message(error));
            }
            Outcome::CleanupPending(error) => {
                let because = format!("{}: {}", error.kind.reason(), error.kind.reason().means());
                update.pend(state, Reason::CleanupPending, &Reason::CleanupPending.message(&because));
            }
            Outcome::Settling(_) => {
                let reason = if state.deleting() { Reason::Deleting } else { Reason::Progressing };
                update.pend(state, reason, &reason.message("an earlier write may still land"));
            }
            Outcome::Crashed(crash) => {
                update.pend(state, Reason::InternalError, &Reason::InternalError.message(&crash.to_string()));
            }
        }
        Some(update)
    }

    /// The current status, with what this reconcile observed.
    fn of(state: &State, outcome: Option<&Outcome>) -> Self {
        let resource = state.here();
        let mut conditions = resource.map(|r| r.conditions.clone()).unwrap_or_default();
        conditions.retain(|c| {
            !matches!(c.type_, ConditionType::Contended | ConditionType::Reconciling | ConditionType::Stalled)
        });
        let mut update = Self {
            observed_generation: resource.map_or(-1, |r| r.generation),
            pinned: recorded::pin(state),
            claim: claims::claim(state, outcome),
            adopted: state.adopts(outcome.is_none()),
            written: state.written(outcome.is_none()),
            enabled_feature: state.enables_feature(outcome.is_none()),
            observed: observed(state),
            application: match state.observation.application {
                Application::Unread | Application::Failed => None,
                Application::Known(_) if state.observation.live.is_none() => None,
                seen => Some(seen),
            },
            conditions,
            handled_at: resource.and_then(|r| r.requested_at.clone().or_else(|| r.handled_at.clone())),
            release: resource.filter(|_| state.deleting()).and_then(|r| r.release.clone()),
        };
        update.say_contended(state);
        update.say_feature(state);
        if let Some(effective) = in_effect::effective(state) {
            set(&mut update.conditions, effective);
        }
        update
    }

    fn set(&mut self, type_: ConditionType, status: ConditionStatus, reason: Reason, message: impl Into<String>) {
        set(&mut self.conditions, Condition::new(type_, status, reason, message));
    }

    fn has(&self, type_: ConditionType) -> bool {
        self.conditions.iter().any(|c| c.type_ == type_)
    }

    /// The operator does nothing about it any more.
    fn leave_alone(&mut self, reason: Reason, detail: &str) {
        for type_ in [ConditionType::Ready, ConditionType::Synced, ConditionType::Effective] {
            self.set(type_, ConditionStatus::Unknown, reason, reason.message(detail));
        }
    }

    /// A person is needed.
    fn stall(&mut self, state: &State, reason: Reason, message: &str) {
        self.say_unsynced(state, reason);
        self.set(ConditionType::Ready, ConditionStatus::False, reason, message);
        self.set(ConditionType::Stalled, ConditionStatus::True, reason, message);
    }

    /// Something is still to be done, and the operator will.
    fn pend(&mut self, state: &State, reason: Reason, message: &str) {
        self.say_unsynced(state, reason);
        self.set(ConditionType::Ready, ConditionStatus::False, reason, message);
        self.set(ConditionType::Reconciling, ConditionStatus::True, reason, message);
    }

    fn credentials(&mut self, state: &State, resource: &Resource, error: &CredentialsError) {
        let reason = error.reason();
        let message = reason.message(&error.to_string());
        match error {
            // a Secret often comes seconds after its resource
            CredentialsError::Missing(_) => self.pend(state, reason, &message),
            error if error.is_transient() => self.outage(state, resource, reason, &message),
            _ => self.stall(state, reason, &message),
        }
    }

    fn reconciled(&mut self, state: &State, remote_outcome: &RemoteOutcome) {
        let live = state.observation.live.map(|l| l.to_string()).unwrap_or_default();
        match problem(remote_outcome, &named(state), &live, Audience::Cluster) {
            None => self.done(state, remote_outcome, &live),
            Some((reason, message)) => self.stall(state, reason, &message),
        }
    }

    fn done(&mut self, state: &State, remote_outcome: &RemoteOutcome, live: &str) {
        let reason = remote_outcome.reason();
        let (synced, message) = match (remote_outcome, &self.observed) {
            (RemoteOutcome::InSync, _) => (ConditionStatus::True, None),
            (_, observed) => (ConditionStatus::False, observed.as_ref().map(|observed| summary(&observed.drift))),
        };
        let message = message.unwrap_or_else(|| format!("the session policy of {} is {live}", named(state)));
        let stays_late = synced == ConditionStatus::True && stays_late(state);
        let ready = if reason == Reason::DriftDetected { Reason::Observing } else { reason };
        self.set(ConditionType::Ready, ConditionStatus::True, ready, &message);
        if !stays_late {
            self.set(ConditionType::Synced, synced, reason, &message);
        }
    }

    fn error(&mut self, state: &State, resource: &Resource, error: &RemoteError) {
        let reason = error.kind.reason();
        if error.kind.class().is_terminal() {
            let source = state.access().map(|access| access.source.to_string()).unwrap_or_default();
            let known: Vec<String> =
                [error.detail.to_string(), source].into_iter().filter(|known| !known.is_empty()).collect();
            return self.stall(state, reason, &reason.message(&known.join(", ")));
        }
        self.outage(state, resource, reason, &reason.message(""));
    }

    /// Where something is pending the status says it at once, else only when it has
    /// lasted an interval: a blip must not write ten thousand statuses.
    fn outage(&mut self, state: &State, resource: &Resource, reason: Reason, message: &str) {
        if pending(state, resource) {
            self.pend(state, reason, message);
            return self.set(ConditionType::Ready, ConditionStatus::Unknown, reason, message);
        }
        let stalled = resource.condition(ConditionType::Stalled);
        if let Some(stalled) = stalled {
            set(&mut self.conditions, stalled.clone());
        }
        let outage = state.history.unreachable_for(state.began);
        let [unknown, stale] = overdue::tells(outage, state.interval());
        // whoever asked for this reconcile is told how it ended
        if unknown || (resource.is_awaited() && stalled.is_none()) {
            self.set(ConditionType::Synced, ConditionStatus::Unknown, reason, message);
        }
        if stale && stalled.is_none() {
            let seen = &state.observation;
            let unseen = [
                (ConditionType::Ready, true),
                (ConditionType::FeatureEnabled, seen.organization.is_none()),
                (ConditionType::Effective, seen.live.is_none() || !matches!(seen.application, Application::Known(_))),
            ];
            for (type_, _) in unseen.into_iter().filter(|(_, unseen)| *unseen) {
                self.set(type_, ConditionStatus::Unknown, Reason::Stale, Reason::Stale.message(""));
            }
        }
    }

    /// The status of a resource at rest whose reconcile has been due for so long and
    /// waits for its turn; `None`: of no use to it.
    pub fn overdue(state: &State, waited: Duration) -> Option<Self> {
        state.here().filter(|resource| resource.at_rest() && !state.deleting())?;
        let mut update = Self::of(state, None);
        let [unknown, stale] = overdue::tells(waited, state.interval());
        if unknown {
            update.set(ConditionType::Synced, ConditionStatus::Unknown, Reason::RateLimited, overdue::MESSAGE);
        }
        if stale {
            update.set(ConditionType::Ready, ConditionStatus::Unknown, Reason::Stale, Reason::Stale.message(""));
        }
        Some(update)
    }

    /// Synced as far as this reconcile knows.
    fn say_unsynced(&mut self, state: &State, reason: Reason) {
        match self.observed.as_ref().map(|observed| &observed.drift) {
            Some(drift) if !drift.is_empty() => {
                self.set(ConditionType::Synced, ConditionStatus::False, Reason::DriftDetected, summary(drift));
            }
            _ => {
                let message = format!("the live policy of {} is not known to be the declared one", named(state));
                self.set(ConditionType::Synced, ConditionStatus::Unknown, reason, message);
            }
        }
    }

    fn say_contended(&mut self, state: &State) {
        if contention::is_contended(state) && !state.deleting() {
            let reason = Reason::Contended;
            self.set(ConditionType::Contended, ConditionStatus::True, reason, reason.means());
        }
    }

    fn say_feature(&mut self, state: &State) {
        let tried = state.observation.flag.tries > 0
            || state.goal().is_some_and(|goal| goal.features_unreported || !goal.needs_feature());
        let (status, reason) = match &state.observation.organization {
            Some(organization) if organization.session_policy_enabled() => (ConditionStatus::True, Reason::Enabled),
            Some(organization) if tried && !organization.features_reported => {
                (ConditionStatus::Unknown, Reason::FeatureStateUnknown)
            }
            Some(_) => (ConditionStatus::False, Reason::Disabled),
            None if self.has(ConditionType::FeatureEnabled) => return,
            None => (ConditionStatus::Unknown, Reason::NotChecked),
        };
        self.set(ConditionType::FeatureEnabled, status, reason, reason.means());
    }
}

fn observed(state: &State) -> Option<Observed> {
    let (live, declared) = (state.observation.live?, state.spec()?.policy);
    // inheriting is the goal of a deletion, so it is no drift there
    let desired = if state.deleting() { Policy::Application } else { declared };
    Some(Observed { live, drift: diff(&desired, &live) })
}

/// Whether the status says, and goes on saying, that the resource is read late. It would else say so and take it back in
/// turn, two writes for each read. Ready is right at each read all the same.
fn stays_late(state: &State) -> bool {
    let resource = state.here().filter(|resource| state.falls_behind && !resource.is_awaited());
    resource.is_some_and(|resource| resource.is_unknown(ConditionType::Synced, Reason::RateLimited))
}

/// Whether the user waits for something.
fn pending(state: &State, resource: &Resource) -> bool {
    let ready = resource.condition(ConditionType::Ready);
    let stalled = resource.condition(ConditionType::Stalled).is_some();
    let was_ready = ready.is_some_and(|c| c.status == ConditionStatus::True || c.reason == Reason::Stale);
    resource.observed_generation != resource.generation
        || state.deleting()
        || state.pin_moves()
        || state.progress_reported
        || state.observation.wrote_policy()
        || state.observation.flag.before.is_some()
        || !(was_ready || stalled)
}

fn named(state: &State) -> String {
    let resolved = state.observation.resolved.as_ref().map(ToString::to_string);
    let declared = || state.spec().map(|d| d.organization.described());
    let pinned = || Some(state.here()?.pinned.as_ref()?.organization.to_string());
    // of a spec that was never valid nothing is known
    resolved.or_else(declared).or_else(pinned).unwrap_or_else(|| "the organization".to_owned())
}
