//! What a resource claims, and what its status says of that at the end of a
//! reconcile. Which of several claims counts is decided in `ownership`.

use super::{Claim, ClaimKey, ClaimState, Declared, ErrorClass, Outcome, RemoteOutcome, Resource, State};
use crate::policy::{ExternalId, OrganizationId, OrganizationRef, ValidatedSpec};
use std::{sync::Arc, time::Duration};

impl Claim {
    /// The claim of a resource in `namespace`.
    pub fn of(resource: &Resource, namespace: &str) -> Self {
        let spec = resource.spec.as_ref().ok().filter(|_| !resource.deleting);
        let counts = resource.claim.is_some_and(|claim| claim.counts(resource.deleting, resource.finalizer));
        let verified = resource.pinned.as_ref().map(|pinned| verified(pinned.identity(), &pinned.organization));
        // one that is suspended reads nothing, so nothing would ever verify it
        let active = spec.filter(|_| !resource.sleeps());
        let declared = active.map(|spec| {
            let resolved = resource.pinned.as_ref().map(|pinned| OrganizationRef::Id(pinned.organization.clone()));
            let organization = match &spec.organization {
                id @ OrganizationRef::Id(_) => id.clone(),
                external => resolved.unwrap_or_else(|| external.clone()),
            };
            ClaimKey::Declared { credentials: credentials(spec, namespace), organization }
        });
        let named = active.map(|spec| ClaimKey::Named(spec.organization.clone()));
        let takes_over = active.is_some_and(ValidatedSpec::is_active);
        Self {
            counts,
            keys: verified.into_iter().chain(declared).chain(named).collect(),
            takes_over,
            declared: resource.spec.as_ref().ok().map(Declared::of),
            in_sync: counts && takes_over && resource.was_ready(),
            reverting: counts && resource.claim == Some(ClaimState::Reverting),
            // what retains its policy has no finalizer
            responsible: resource.finalizer || (resource.adopted.is_some() && takes_over),
            adopted: resource.adopted,
            written: resource.written,
            enabled_feature: resource.enabled_feature,
        }
    }
}

impl State {
    /// The organization whose claims are looked up: the one that this reconcile
    /// has read, or of a deletion that can't read it the pinned one.
    pub fn claimed(&self) -> Option<(String, OrganizationId)> {
        match (&self.identity, &self.observation.organization) {
            (Some(identity), Some(organization)) if !self.is_elsewhere() => {
                Some((identity.clone(), organization.id.clone()))
            }
            _ => {
                let pinned = self.here().filter(|_| self.deleting())?.pinned.as_ref()?;
                Some((pinned.identity().to_owned(), pinned.organization.clone()))
            }
        }
    }

    /// Where the claims on it are found for a resource in `namespace`; while that
    /// one has never claimed it, also all that name it. What it did not read itself
    /// only others have verified.
    pub fn claim_keys(&self, namespace: &str) -> Vec<ClaimKey> {
        let claimed = self.claimed();
        let mut keys = Vec::from_iter(claimed.map(|(identity, organization)| verified(&identity, &organization)));
        let (Some(_), Some(resource), Some(spec), Some(organization)) =
            (&self.identity, self.here(), self.spec(), &self.observation.organization)
        else {
            return keys;
        };
        if self.is_elsewhere() {
            return keys;
        }
        let credentials = credentials(spec, namespace);
        let external = organization.external_id.as_deref().and_then(ExternalId::parse).map(OrganizationRef::External);
        let names = [Some(OrganizationRef::Id(organization.id.clone())), external, Some(spec.organization.clone())];
        for organization in names.into_iter().flatten() {
            if resource.claim.is_none() {
                keys.push(ClaimKey::Named(organization.clone()));
            }
            keys.push(ClaimKey::Declared { credentials: credentials.clone(), organization });
        }
        keys
    }

    /// Whether it is a deletion whose credentials lead to another environment than
    /// the pinned one.
    fn is_elsewhere(&self) -> bool {
        self.deleting() && self.here().is_some_and(|r| r.pinned.is_some()) && self.pin_here().is_none()
    }

    /// Where those are found that have read the organization in the environment that
    /// this one may be.
    pub fn alleged_key(&self) -> Option<ClaimKey> {
        Some(verified(self.alleged.as_deref()?, &self.observation.organization.as_ref()?.id))
    }
}

fn verified(environment: &str, organization: &OrganizationId) -> ClaimKey {
    ClaimKey::Verified { environment: environment.into(), organization: organization.clone() }
}

fn credentials(spec: &ValidatedSpec, namespace: &str) -> Option<(Arc<str>, Arc<str>)> {
    spec.secret.as_ref().map(|secret| (namespace.into(), secret.as_str().into()))
}

/// The claim that the status of the resource states after a reconcile, or while
/// it works (`outcome` is `None`). Without accepted credentials there is none.
pub(super) fn claim(state: &State, outcome: Option<&Outcome>) -> Option<ClaimState> {
    let resource = state.here()?;
    let before = resource.claim;
    if state.deleting() {
        let yields = match outcome {
            Some(Outcome::Released(_) | Outcome::Gone) => true,
            // who waits, or fails again and again, keeps nobody else out once its writes are settled
            Some(Outcome::Waiting { .. } | Outcome::Holding { .. } | Outcome::CleanupPending(_)) => {
                state.unsettled_for().is_zero()
            }
            _ => false,
        };
        let reverting = state.progress_reported || outcome.is_none();
        return if reverting { Some(ClaimState::Reverting) } else { before }.filter(|_| !yields);
    }
    let read = state.observation.organization.is_some();
    match outcome {
        Some(outcome) if !confirms(state, outcome) && state.history.has_lapsed(state.began) => None,
        Some(Outcome::Undecided | Outcome::Reconciled(RemoteOutcome::OrganizationChanged { .. })) => before,
        Some(outcome) if is_refused(outcome) => None,
        Some(outcome) if is_unconfirmed(state, outcome) => {
            before.filter(|_| state.history.unconfirmed_for(state.began) < UNCONFIRMED)
        }
        _ => read.then_some(ClaimState::Verified).or(before),
    }
}

/// How long an unconfirmed claim stays: a Secret that is made
/// anew, or one odd answer, must not give the organization to somebody else.
const UNCONFIRMED: Duration = Duration::from_secs(60);

/// Whether a reconcile that ended in `outcome` confirms the claim: it has read the
/// organization itself and no other one, in an environment that is known to be this
/// one.
pub(super) fn confirms(state: &State, outcome: &Outcome) -> bool {
    let changed = matches!(outcome, Outcome::Reconciled(RemoteOutcome::OrganizationChanged { .. }));
    let pinned = state.pin_here().map(|pinned| &pinned.organization);
    let another = pinned.is_some_and(|pinned| state.observation.resolved.as_ref() != Some(pinned));
    let reached = state.observation.reaches_organization() && state.alleged.is_none();
    reached && !changed && !another && !is_refused(outcome)
}

/// Whether Scalekit refused the credentials.
pub(super) fn is_refused(outcome: &Outcome) -> bool {
    outcome.remote_error().is_some_and(|error| error.kind.class() == ErrorClass::Unauthenticated)
}

/// Whether `outcome` leaves open that the credentials still reach the
/// organization, and not because of an outage.
pub(super) fn is_unconfirmed(state: &State, outcome: &Outcome) -> bool {
    let refused = outcome.remote_error().is_some_and(|error| error.kind.class() == ErrorClass::Refused);
    match outcome {
        Outcome::Credentials(error) => !error.is_transient(),
        Outcome::Reconciled(RemoteOutcome::OrganizationNotFound) => true,
        _ => refused && state.observation.organization.is_none(),
    }
}
