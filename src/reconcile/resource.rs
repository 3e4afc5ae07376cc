//! The resource as a reconcile sees it: what was declared, and what its status
//! has recorded so far.

use super::{Condition, ConditionStatus, ConditionType, Reason};
use crate::policy::{Live, OrganizationId, Policy, ValidatedSpec, Violation};
use jiff::Timestamp;
use strum::{EnumString, IntoStaticStr};

/// The resource at the API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Found {
    /// To be read.
    #[default]
    Unread,
    /// To be read again: somebody changed it since it was read like this.
    Outdated(Box<Resource>),
    /// There is none with this uid.
    Gone,
    /// As just read.
    Here(Box<Resource>),
}

/// A resource at rest as the cache has it. It may have changed since.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cached {
    /// As [`Resource::cached`] makes it.
    pub resource: Box<Resource>,
    /// The digest of the update that its status shows
    /// ([`StatusUpdate::digest`](super::StatusUpdate::digest)).
    pub reported: u64,
}

/// A resource as just read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Which generation of its spec this is.
    pub generation: i64,
    /// Its deletion was asked for.
    pub deleting: bool,
    /// Whether it carries our finalizer.
    pub finalizer: bool,
    /// Its spec, or what is wrong with it.
    pub spec: Result<ValidatedSpec, Vec<Violation>>,
    /// Where its policy was written to before.
    pub pinned: Option<Pinned>,
    /// How it claims what is pinned; `None`: it does not.
    pub claim: Option<ClaimState>,
    /// The operator has switched the feature session_policy on for it.
    pub enabled_feature: bool,
    /// What the organization had before the resource first wrote its policy there;
    /// `None`: it has not written yet.
    pub adopted: Option<Live>,
    /// The policy that was written for it last.
    pub written: Option<Policy>,
    /// The policy that was live at its last reconcile.
    pub observed: Option<Live>,
    /// The generation its status speaks of; −1 before the first.
    pub observed_generation: i64,
    /// The conditions of its status.
    pub conditions: Vec<Condition>,
    /// The value of the reconcile-now annotation.
    pub requested_at: Option<String>,
    /// The last value of it that a reconcile acknowledged.
    pub handled_at: Option<String>,
    /// What its deletion waits for, as its status announced.
    pub release: Option<PlannedRelease>,
}

/// A deletion that waits, but not for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedRelease {
    /// What it waits for.
    pub reason: Reason,
    /// When it goes on all the same: while it waits for another resource, the
    /// policy is set back then; while it waits for a person, the resource goes
    /// and the policy stays in Scalekit.
    pub at: Timestamp,
}

/// The organization a resource was found to mean, recorded in its status
/// before the first write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pinned {
    /// The environment's host.
    pub environment: String,
    /// What the environment calls itself, where that is not its host.
    pub issuer: Option<String>,
    /// The id there.
    pub organization: OrganizationId,
}

impl Pinned {
    /// What tells the environment from others: one that is reached under two host
    /// names has the same under both.
    pub fn identity(&self) -> &str {
        self.issuer.as_deref().unwrap_or(&self.environment)
    }

    /// Whether it is in the environment that was reached at `host` and called itself
    /// `identity`: what was seen of it then is not of another one.
    pub fn is_in(&self, host: &str, identity: &str) -> bool {
        self.environment == host || self.identity() == identity
    }
}

/// How a resource claims the organization that is pinned in its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
pub enum ClaimState {
    /// Its own credentials have read the organization, and were not refused
    /// since.
    Verified,
    /// It is being deleted and sets the organization back, so nobody else may
    /// write until it is gone.
    Reverting,
}

impl ClaimState {
    /// Whether it counts of a resource that is being deleted or not, with our
    /// finalizer or without: nothing once our finalizer is off, however long
    /// those of others hold it.
    pub fn counts(self, deleting: bool, finalizer: bool) -> bool {
        match self {
            Self::Verified => finalizer || !deleting,
            Self::Reverting => deleting && finalizer,
        }
    }

    /// As the status spells it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The longest value of the reconcile-now annotation in bytes.
const LONGEST_REQUEST: usize = 256;

/// The value of the reconcile-now annotation as far as it is a request: a longer
/// one is not echoed in the status, so it asks for nothing.
pub fn requested(annotation: Option<&String>) -> Option<String> {
    annotation.filter(|value| value.len() <= LONGEST_REQUEST).cloned()
}

impl Resource {
    /// The condition of this type.
    pub fn condition(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_)
    }

    /// Whether the status says that this generation was made so: what is
    /// otherwise now, somebody else did.
    pub fn was_ready(&self) -> bool {
        self.ready().is_some_and(|c| c.status == ConditionStatus::True)
    }

    /// Whether the status says of this generation that others keep undoing it.
    pub fn was_contended(&self) -> bool {
        let contended = |type_| self.condition(type_).is_some_and(|c| c.reason == Reason::Contended);
        self.observed_generation == self.generation
            && (contended(ConditionType::Ready) || contended(ConditionType::Contended))
    }

    /// Whether a policy may have been written for it: not before the organization is
    /// pinned and the finalizer is there.
    pub fn may_have_written(&self) -> bool {
        self.pinned.is_some() || self.finalizer
    }

    /// Whether a leader that was interrupted may have been in the middle of a write: the
    /// status says that one is under way, or nothing of the present generation.
    pub fn may_be_under_way(&self) -> bool {
        let working = self.condition(ConditionType::Reconciling).is_some() || !self.is_observed();
        self.may_have_written() && working
    }

    /// Whether a person waits for this reconcile: an edit that was not
    /// observed, a request that was not acknowledged, or a deletion.
    pub fn is_awaited(&self) -> bool {
        let requested = self.requested_at.is_some() && self.requested_at != self.handled_at;
        self.deleting || requested || !self.is_observed()
    }

    /// Whether the status speaks of the present generation.
    pub fn is_observed(&self) -> bool {
        self.observed_generation == self.generation
    }

    /// The time in the annotation that suspends it; see [`Self::at`].
    pub fn suspended_until(&self) -> Option<Timestamp> {
        self.spec.as_ref().ok()?.suspended_until
    }

    /// The same at this time: a suspension that is over is none, and costs nothing any more.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if let Ok(spec) = &mut self.spec {
            spec.suspended_until = spec.suspended_until.filter(|until| now < *until);
        }
        self
    }

    /// Whether it claims nothing anew, since nothing of it is read: by its spec, or by its status until that time is
    /// over.
    pub fn sleeps(&self) -> bool {
        let reported = || self.condition(ConditionType::Ready).is_some_and(|c| c.reason == Reason::Suspended);
        self.spec.as_ref().is_ok_and(|spec| spec.suspend) || (self.suspended_until().is_some() && reported())
    }

    /// Whether nothing is to be done before its next reconcile is due: a start
    /// of the operator leaves it alone until then.
    pub fn at_rest(&self) -> bool {
        self.was_ready()
            && self.claim.is_some()
            && self.suspended_until().is_none()
            && !self.is_awaited()
            && self.condition(ConditionType::Reconciling).is_none()
    }

    /// Whether its status says that this is not known, and why.
    pub fn is_unknown(&self, type_: ConditionType, reason: Reason) -> bool {
        let said = self.condition(type_);
        said.is_some_and(|said| said.status == ConditionStatus::Unknown && said.reason == reason)
    }

    /// Whether it was in order when it was read last, and its status says that this was long ago since it waits for its turn.
    pub fn is_late(&self) -> bool {
        !self.is_awaited()
            && self.is_unknown(ConditionType::Ready, Reason::Stale)
            && self.is_unknown(ConditionType::Synced, Reason::RateLimited)
            && self.condition(ConditionType::Reconciling).is_none()
    }

    /// As much of it as the cache keeps, if it is at rest: its conditions have no
    /// messages, and its annotation is the last request that was handled.
    pub fn cached(&self) -> Option<Self> {
        let blank = |c: &Condition| Condition { message: String::new(), ..c.clone() };
        (self.at_rest() && self.claim == Some(ClaimState::Verified)).then(|| {
            let mut conditions: Vec<Condition> = self.conditions.iter().map(blank).collect();
            conditions.sort_by_key(|condition| condition.type_);
            Self { conditions, requested_at: self.handled_at.clone(), release: None, ..self.clone() }
        })
    }

    /// Ready, where it speaks of the present generation.
    fn ready(&self) -> Option<&Condition> {
        self.condition(ConditionType::Ready).filter(|_| self.observed_generation == self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_counts_of_a_deletion_whose_finalizer_is_off() {
        for (deleting, finalizer, verified, reverting) in [
            (false, false, true, false),
            (false, true, true, false),
            (true, true, true, true),
            (true, false, false, false),
        ] {
            let counts = [ClaimState::Verified, ClaimState::Reverting].map(|claim| claim.counts(deleting, finalizer));
            assert_eq!(counts, [verified, reverting], "{deleting} {finalizer}");
        }
        assert_eq!([ClaimState::Verified, ClaimState::Reverting].map(ClaimState::name), ["Verified", "Reverting"]);
    }

    #[test]
    fn a_request_that_is_too_long_to_be_echoed_asks_for_nothing() {
        let asks = |length| requested(Some(&"x".repeat(length))).map(|echo| echo.len());
        assert_eq!([asks(1), asks(LONGEST_REQUEST), asks(LONGEST_REQUEST + 1)], [Some(1), Some(LONGEST_REQUEST), None]);
        assert_eq!(requested(None), None);
    }
}
