//! Which resource owns an organization. A resource claims the organization that
//! its own credentials have read, and the operator writes that into its status;
//! what a spec says alone claims nothing, or a tenant could take over whatever
//! it can name. Of all that claim an organization the oldest owns it, then the
//! first by namespace and name: a total order that every observer sees alike.

use super::{Declared, History};
use crate::policy::{Live, OrganizationId, OrganizationRef, Policy, diff};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// Where claims of one organization are found. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClaimKey {
    /// The claimant's own credentials have read it.
    Verified {
        /// What the environment calls itself, else its host.
        environment: Arc<str>,
        /// The id there.
        organization: OrganizationId,
    },
    /// The claimant names it together with these credentials, so whoever reads
    /// it with the same ones has verified this claim too.
    Declared {
        /// Namespace and name of the Secret; `None`: the operator's default
        /// credentials.
        credentials: Option<(Arc<str>, Arc<str>)>,
        /// As declared, or the id it resolved to.
        organization: OrganizationRef,
    },
    /// The resource names it, and nobody knows yet whether it may.
    Named(OrganizationRef),
}

/// What a resource claims, by its spec and its status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Claim {
    /// Where others find it.
    pub keys: Vec<ClaimKey>,
    /// It claims what its own credentials have read; else it only waits for
    /// what becomes of that organization.
    pub counts: bool,
    /// It would keep the policy if it became the owner: neither deleted nor
    /// suspended, valid, and not in mode Observe.
    pub takes_over: bool,
    /// What it declares, if that is valid.
    pub declared: Option<Declared>,
    /// It takes over, and its status says that its policy is live.
    pub in_sync: bool,
    /// It is being deleted, and its revert is under way.
    pub reverting: bool,
    /// It has our finalizer, or has written the policy of what it claims, or may have.
    pub responsible: bool,
    /// What it found there before.
    pub adopted: Option<Live>,
    /// The policy that was written for it last.
    pub written: Option<Policy>,
    /// The operator has switched the feature session_policy on for it.
    pub enabled_feature: bool,
}

/// A resource that claims an organization, as far as ownership depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claimant {
    /// When it was created, in whole seconds as Kubernetes keeps times.
    pub created: Timestamp,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; tells two resources of one name apart.
    pub uid: String,
    /// What it claims.
    pub claim: Claim,
    /// A reconcile of it has ended since the operator started, so that what it
    /// claims is known.
    pub reconciled: bool,
    /// Its claim was contested for so long that its credentials can't be good any more,
    /// or it takes care that nobody tries them.
    pub lapsed: bool,
    /// A reconcile of it has just found its policy live.
    pub just_in_sync: bool,
    /// The operator's default credentials are for resources of its namespace.
    pub served: bool,
    /// The host of the environment that its status names.
    pub host: Option<String>,
}

/// A claim that another resource has met, which has just read the organization.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Contest {
    /// The uid of the resource whose claim is to be confirmed.
    pub uid: String,
    /// The other one has reached the environment under another host name, which may
    /// be all that is reachable of it.
    pub elsewhere: bool,
}

/// What another resource has made of the organization's policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Writer {
    /// What it found there before.
    pub adopted: Live,
    /// The operator has switched the feature session_policy on for it.
    pub enabled_feature: bool,
    /// The policy that was written for it last.
    written: Option<Policy>,
}

impl Writer {
    /// Whether it wrote `live`, so that nobody else has changed it since.
    pub fn wrote(&self, live: &Live) -> bool {
        self.written.is_some_and(|policy| diff(&policy, live).is_empty())
    }
}

/// The status of another resource says that its policy is live. That may be long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InSync {
    /// What it declares.
    pub declared: Declared,
    /// A reconcile of it has just found that.
    pub just_now: bool,
}

/// Whether a resource is the one that may write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// It has the first claim.
    Owner,
    /// It is being deleted, and another resource takes over.
    Succeeded {
        /// The policy of the other one is live.
        in_sync: Option<InSync>,
    },
    /// Another resource has an earlier claim.
    Conflicted {
        /// Its name, where it is in the same namespace.
        owner: Option<String>,
        /// The policy of the other one is live.
        in_sync: Option<InSync>,
    },
}

impl Ownership {
    /// The other resource's policy, where its status says that it is live.
    pub fn in_sync(&self) -> Option<&InSync> {
        match self {
            Self::Succeeded { in_sync } | Self::Conflicted { in_sync, .. } => in_sync.as_ref(),
            Self::Owner => None,
        }
    }
}

impl Claim {
    /// Where to find those whom a change from `before` to `after` may concern.
    pub fn concerned(before: Option<&Self>, after: Option<&Self>) -> Vec<ClaimKey> {
        let keys = before.into_iter().chain(after).flat_map(|claim| &claim.keys);
        keys.filter(|key| !matches!(key, ClaimKey::Named(_))).cloned().collect()
    }

    /// Whether it concerns this one, found there. All care who the owner is; that
    /// its policy is live matters to those alone who wait for that, since they have
    /// written: an edit of the owner must not wake hundreds of others.
    pub fn is_concerned(&self, before: Option<&Self>, after: Option<&Self>) -> bool {
        let in_sync = |claim: Option<&Self>| claim.is_some_and(|claim| claim.in_sync);
        let rank = |claim: Option<&Self>| {
            claim.map(|claim| Self {
                in_sync: false,
                responsible: false,
                declared: None,
                adopted: None,
                written: None,
                enabled_feature: false,
                ..claim.clone()
            })
        };
        rank(before) != rank(after) || (self.responsible && in_sync(before) != in_sync(after))
    }
}

impl Claimant {
    /// Takes in what this process has seen of it until `now`.
    pub fn see(&mut self, history: &History, now: Duration) {
        self.reconciled = history.was_reconciled();
        self.lapsed = history.has_lapsed(now);
        self.just_in_sync = history.was_just_in_sync(now);
    }

    /// Whether it claims what is found at one of `keys`. One that is declared
    /// with the credentials that have just read the organization counts too,
    /// unless it may not use them.
    pub fn claims(&self, keys: &[ClaimKey]) -> bool {
        let verified = self.claim.counts && !self.lapsed;
        let counts = |key: &ClaimKey| match key {
            ClaimKey::Verified { .. } => verified,
            ClaimKey::Declared { credentials, .. } => {
                !self.lapsed && (credentials.is_some() || self.served || verified)
            }
            ClaimKey::Named(_) => false,
        };
        self.claim.keys.iter().any(|key| counts(key) && keys.contains(key))
    }

    /// What it has made of the policy of the organization that is found at one of `keys`;
    /// `None`: nothing. What its spec declares by now does not count: it may never have
    /// been written, and its tenant may have no right to it any more.
    pub fn as_writer(&self, keys: &[ClaimKey]) -> Option<Writer> {
        let here = |key: &ClaimKey| matches!(key, ClaimKey::Verified { .. }) && keys.contains(key);
        let Claim { adopted, written, enabled_feature, .. } = self.claim;
        let adopted = adopted.filter(|_| self.claim.keys.iter().any(here))?;
        Some(Writer { adopted, enabled_feature, written })
    }

    /// Whether it names what is found at one of `keys` and would come before
    /// `own`, but was not reconciled yet, so that nobody knows if it may.
    pub fn may_come_before(&self, own: &Self, keys: &[ClaimKey]) -> bool {
        let named = |key: &ClaimKey| matches!(key, ClaimKey::Named(_)) && keys.contains(key);
        let unknown = !self.reconciled && !self.claim.counts;
        unknown && rank(self) < rank(own) && self.claim.keys.iter().any(named)
    }
}

/// The ownership of `own` among `others`, which claim the same organization of
/// the same environment. A resource that is being deleted (`own_goes`) yields to
/// one that takes over or already reverts, and to others only if they rank
/// before it.
pub fn ownership(own: &Claimant, others: &[Claimant], own_goes: bool) -> Ownership {
    let Some(owner) = owner(others) else { return Ownership::Owner };
    let first = rank(own) < rank(owner);
    let in_sync = owner.claim.declared.filter(|_| owner.claim.in_sync);
    let in_sync = in_sync.map(|declared| InSync { declared, just_now: owner.just_in_sync });
    let succeeded = own_goes && (owner.claim.takes_over || owner.claim.reverting);
    match (first, succeeded) {
        (true, false) => Ownership::Owner,
        (false, false) => Ownership::Conflicted { owner: named(owner, own), in_sync },
        // it never was the owner, and the live policy is the owner's
        (false, true) if in_sync.is_some() => Ownership::Conflicted { owner: named(owner, own), in_sync },
        (_, true) => Ownership::Succeeded { in_sync },
    }
}

/// Nobody learns the names of other namespaces.
fn named(owner: &Claimant, own: &Claimant) -> Option<String> {
    (owner.namespace == own.namespace).then(|| owner.name.clone())
}

/// The one of `claimants` that owns what they claim.
pub fn owner(claimants: &[Claimant]) -> Option<&Claimant> {
    claimants.iter().min_by_key(|claimant| rank(claimant))
}

/// A revert under way comes first: nobody else may write until it is over.
fn rank(claimant: &Claimant) -> (bool, Timestamp, &str, &str, &str) {
    let Claimant { created, namespace, name, uid, claim, .. } = claimant;
    (!claim.reverting, *created, namespace, name, uid)
}
