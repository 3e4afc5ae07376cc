//! What one pass over a resource has seen so far, and how an answer changes
//! it. A pass starts with an empty view and forgets it at the end.

use super::{
    Access, ClusterWrite, Condition, ConditionStatus, ConditionType, CredentialsError, Observation, Reason, Release,
    RemoteError, RemoteRequest, RemoteResponse, Request, Response, StatusUpdate, remote,
};
use crate::policy::{OrganizationId, ValidatedSpec};
use jiff::Timestamp;
use std::time::Duration;

/// Everything a decision may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// How this operator is set up.
    pub settings: Settings,
    /// What the shell remembers of earlier passes. Forgetting it can only make
    /// the decision more careful.
    pub history: History,
    /// The resource, fresh from the API server.
    pub resource: Found,
    /// Which environment the credentials lead to, or why there are none.
    pub credentials: Option<Result<Access, CredentialsError>>,
    /// The credentials were gone, and this pass asked for those last used.
    pub recalled: bool,
    /// Whether the resource's namespace is going, where that was asked.
    pub namespace_terminating: Option<bool>,
    /// Who owns the organization.
    pub ownership: Option<Ownership>,
    /// What was seen of the organization.
    pub observation: Observation,
    /// This pass has told the user that work is under way.
    pub progress_reported: bool,
    /// Why our finalizer went in this pass.
    pub released: Option<Release>,
    /// The operator is being uninstalled: every resource is let go as if it
    /// were being deleted.
    pub uninstalling: bool,
}

/// How this operator is set up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Time between two looks where a resource does not say.
    pub interval: Duration,
    /// How long after a write with an unknown outcome it may still land:
    /// twice the request deadline.
    pub settle: Duration,
    /// How long a deletion waits for credentials.
    pub grace: Duration,
    /// The same where the whole namespace goes.
    pub namespace_grace: Duration,
}

/// What the shell remembers, as ages measured on a monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct History {
    /// Since when passes don't get through to Scalekit, from the first that
    /// did not; zero: the last one did.
    pub unseen_for: Duration,
    /// Since when no write with an unknown outcome was sent; `None`: there was
    /// none. A resource older than this process counts one at its start,
    /// since its predecessor may have been killed in the middle of a write.
    pub unknown_write_age: Option<Duration>,
    /// How often others undid what we wrote, and we wrote it again.
    pub corrections: Corrections,
}

/// Own writes that others undid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Corrections {
    /// Within the last hour.
    pub lately: u32,
    /// Since the last one; for a resource older than this process no longer
    /// than that, since its predecessor may have made one. `None`: never.
    pub last: Option<Duration>,
    /// There were too many before, and none of ours has held for an hour since.
    pub contended: bool,
}

/// The resource at the API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Found {
    /// To be read (again).
    Unread,
    /// There is none with this uid.
    Gone,
    /// As just read.
    Here(Box<Resource>),
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
    pub spec: Result<ValidatedSpec, Vec<String>>,
    /// Where its policy was written to before.
    pub pinned: Option<Pinned>,
    /// The generation its status speaks of; −1 before the first.
    pub observed_generation: i64,
    /// The conditions of its status.
    pub conditions: Vec<Condition>,
    /// The value of the reconcile-now annotation.
    pub requested_at: Option<String>,
    /// When it goes all the same, as its status announced.
    pub release: Option<PlannedRelease>,
}

/// A deletion that waits for a person, but not for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedRelease {
    /// What it waits for.
    pub reason: Reason,
    /// When the resource goes all the same, and the policy stays in Scalekit.
    pub at: Timestamp,
}

/// The organization a resource was found to mean, recorded in its status
/// before the first write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pinned {
    /// The environment's host.
    pub environment: String,
    /// The id there.
    pub organization: OrganizationId,
}

/// Whether this resource is the one that may write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// It is the oldest claim.
    Owner {
        /// Another live resource waits to take over.
        successor: bool,
    },
    /// An older claim exists.
    Conflicted {
        /// Its name, when it is in the same namespace.
        owner: Option<String>,
    },
}

impl State {
    /// The view at the start of a pass.
    pub fn new(settings: Settings, history: History) -> Self {
        Self {
            settings,
            history,
            resource: Found::Unread,
            credentials: None,
            recalled: false,
            namespace_terminating: None,
            ownership: None,
            observation: Observation::default(),
            progress_reported: false,
            released: None,
            uninstalling: false,
        }
    }

    /// Takes in the response to `request`.
    pub fn handle_response(&mut self, request: &Request, response: Response) {
        match (request, response) {
            (_, Response::Resource(found)) => self.resource = found,
            (_, Response::Namespace { terminating }) => self.namespace_terminating = Some(terminating),
            (request, Response::Credentials(credentials)) => {
                self.recalled |= *request == Request::RecallCredentials;
                self.credentials = Some(credentials);
            }
            (_, Response::Claimants(ownership)) => self.ownership = Some(ownership),
            (_, Response::Cluster(ClusterWrite::Gone)) => self.resource = Found::Gone,
            (_, Response::Cluster(ClusterWrite::Outdated)) => self.resource = Found::Unread,
            (Request::ReportProgress(_), Response::Cluster(ClusterWrite::Done)) => self.progress_reported = true,
            (Request::AddFinalizer, Response::Cluster(ClusterWrite::Done)) => self.set_finalizer(true),
            (Request::RemoveFinalizer(release), Response::Cluster(ClusterWrite::Done)) => {
                self.set_finalizer(false);
                self.released = Some(release.clone());
            }
            (Request::Remote(request), Response::Remote(response)) => self.observe_response(request, response),
            (_, Response::Cluster(ClusterWrite::Done) | Response::Remote(_)) => {}
        }
    }

    fn observe_response(&mut self, request: &RemoteRequest, response: Result<RemoteResponse, RemoteError>) {
        // a revert is confirmed by reading, not by its echo
        let goal = self.goal().filter(|_| !self.deleting());
        self.observation
            .observe(request, response, |live| goal.as_ref().is_some_and(|goal| remote::satisfied(goal, live)));
    }

    fn set_finalizer(&mut self, present: bool) {
        if let Found::Here(resource) = &mut self.resource {
            resource.finalizer = present;
        }
    }

    /// The resource, once read.
    pub fn here(&self) -> Option<&Resource> {
        match &self.resource {
            Found::Here(resource) => Some(resource),
            Found::Unread | Found::Gone => None,
        }
    }

    /// The declaration, once read and if valid.
    pub fn spec(&self) -> Option<&ValidatedSpec> {
        self.here().and_then(|resource| resource.spec.as_ref().ok())
    }

    /// Where the credentials lead, once read and if usable.
    pub fn access(&self) -> Option<&Access> {
        self.credentials.as_ref()?.as_ref().ok()
    }

    /// What is wanted of the organization.
    pub fn goal(&self) -> Option<remote::Goal> {
        let spec = self.spec()?;
        Some(remote::Goal {
            organization: spec.organization.clone(),
            pinned: self.pin_here(),
            untold: self.here().is_some_and(|r| r.conditions.iter().any(|c| c.reason == Reason::FeatureStateUnknown)),
            policy: spec.policy,
            mode: spec.mode,
        })
    }

    /// The pinned organization, if it was pinned in the environment that the
    /// credentials lead to now.
    fn pin_here(&self) -> Option<OrganizationId> {
        let pinned = self.here()?.pinned.as_ref()?;
        (pinned.environment == self.access()?.environment).then(|| pinned.organization.clone())
    }

    /// Time between two looks at this resource.
    pub fn interval(&self) -> Duration {
        self.spec().and_then(|d| d.interval).unwrap_or(self.settings.interval)
    }

    /// Whether the resource is being deleted, or let go as if it were.
    pub fn deleting(&self) -> bool {
        self.here().is_some_and(|r| self.uninstalling || r.deleting)
    }

    /// Whether the status says that this generation was made so: what is
    /// otherwise now, somebody else did.
    pub fn was_ready(&self) -> bool {
        self.said(|c| c.kind == ConditionType::Ready && c.status == ConditionStatus::True)
    }

    /// Whether the status says of this generation that others keep undoing it.
    pub(super) fn was_contended(&self) -> bool {
        self.said(|c| c.kind == ConditionType::Ready && c.reason == Reason::Contended)
    }

    fn said(&self, what: impl Fn(&Condition) -> bool) -> bool {
        let about = |r: &&Resource| r.observed_generation == r.generation;
        self.here().filter(about).is_some_and(|r| r.conditions.iter().any(what))
    }

    /// How long until no write of ours can land any more; zero: now.
    pub fn unsettled_for(&self) -> Duration {
        if self.observation.may_still_land() {
            return self.settings.settle;
        }
        let age = self.history.unknown_write_age.unwrap_or(Duration::MAX);
        self.settings.settle.saturating_sub(age)
    }

    /// The report of this pass while it still works.
    pub(super) fn progress(&self) -> Option<StatusUpdate> {
        (!self.progress_reported).then(|| StatusUpdate::progress(self))
    }
}
