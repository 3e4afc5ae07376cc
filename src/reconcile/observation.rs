//! What one reconcile has read of one organization. It is forgotten when the
//! reconcile ends: nothing is decided from an earlier read, except from what the
//! list has shown of the organization (`sweep`).

use super::{Detail, ErrorKind, Feature, Goal, Organization, RemoteError, RemoteRequest, RemoteResponse, features};
use crate::policy::{ApplicationPolicy, Live, Minutes, OrganizationId, OrganizationRef, Policy};

/// What has been seen, and what was tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Observation {
    /// The organization as last read in this reconcile; `None`: to be read (again).
    pub organization: Option<Organization>,
    /// Nothing was asked or written since the organization was read.
    pub organization_is_fresh: bool,
    /// It was not read by itself: this is what the list shows of it.
    pub organization_is_listed: bool,
    /// Its id, once known; it stays when the organization must be read again.
    pub resolved: Option<OrganizationId>,
    /// The application's policy.
    pub application: Application,
    /// The organization's policy as last read in this reconcile; `None`: to be read
    /// (again).
    pub live: Option<Live>,
    /// The server did not show it: without the feature the organization inherits.
    pub live_is_inferred: bool,
    /// Writes of the feature flag.
    pub flag: FlagWrites,
    /// Writes of the policy.
    pub writes: PolicyWrites,
    /// The policy route answered 404; the organization is read again to tell
    /// which of the two is missing.
    pub policy_route_missing: bool,
    /// How often the organization was not found.
    pub not_found: u8,
    /// The request that ended the reconcile, and its error.
    pub failure: Option<(RemoteRequest, RemoteError)>,
}

/// The application's policy, as far as this reconcile got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Application {
    /// Not asked yet.
    #[default]
    Unread,
    /// The server does not tell (400, 403, 404, 501).
    Unreadable,
    /// This time the question failed; what was known stands.
    Failed,
    /// As read.
    Known(ApplicationPolicy),
}

/// What was tried with the feature flag in this reconcile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FlagWrites {
    /// Writes that were taken, or may have been.
    pub tries: u8,
    /// Lists that were answered 400.
    pub refused: u8,
    /// Why the last write is not known to have been applied.
    pub error: Option<RemoteError>,
    /// All flags before our first write.
    pub before: Option<Vec<Feature>>,
    /// The server did not report them, so nothing can be said about the others.
    pub blind: bool,
    /// A response has shown that the server merges the flags that are sent with the others.
    pub merging_seen: bool,
    /// Other flags that were not the same after it.
    pub changed_others: Vec<String>,
}

impl FlagWrites {
    pub(super) fn detail(&self) -> Detail {
        self.error.as_ref().map(|f| f.detail.clone()).unwrap_or_default()
    }
}

/// What was tried with the policy in this reconcile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PolicyWrites {
    /// Writes with a readable response.
    pub answered: u8,
    /// Writes of which it is not known whether they were applied; they may
    /// still land.
    pub unknown: u8,
    /// Writes answered 409.
    pub conflicts: u8,
    /// The error of the last write that had one.
    pub error: Option<RemoteError>,
    /// The policy before our first write.
    pub before: Option<Live>,
    /// The last that was sent and may have been applied.
    pub last: Option<Policy>,
}

impl Observation {
    /// The request that finds the organization.
    pub(super) fn find(&self, organization: &OrganizationRef) -> RemoteRequest {
        match (&self.resolved, organization) {
            (Some(id), _) | (None, OrganizationRef::Id(id)) => RemoteRequest::ReadOrganization(id.clone()),
            (None, OrganizationRef::External(id)) => RemoteRequest::LookUp(id.clone()),
        }
    }

    /// The application's access-token lifetime, if it is known.
    pub fn access_token(&self) -> Option<Minutes> {
        match self.application {
            Application::Known(application) => application.access_token,
            _ => None,
        }
    }

    /// Nothing seen, as at the start of a reconcile; but what was sent may still
    /// land.
    pub fn started_over(&self) -> Self {
        let writes = PolicyWrites { unknown: self.writes.unknown, last: self.writes.last, ..PolicyWrites::default() };
        Self { writes, ..Self::default() }
    }

    /// Whether a policy write of this reconcile was sent, whatever came of it.
    pub fn wrote_policy(&self) -> bool {
        self.writes.answered + self.writes.unknown > 0
    }

    /// Whether a policy write of this reconcile may still land.
    pub fn may_still_land(&self) -> bool {
        self.writes.unknown > 0
    }

    /// Takes in what came back from `request`. An echoed policy that does not satisfy
    /// `goal` is read again. Without a goal none does, and none counts as inherited
    /// without being read.
    pub fn observe(
        &mut self,
        request: &RemoteRequest,
        response: Result<RemoteResponse, RemoteError>,
        goal: Option<&Goal>,
    ) {
        self.organization_is_fresh = false;
        match (request, response) {
            (request, Ok(RemoteResponse::Organization(organization))) if request.reads_organization() => {
                self.see_organization(organization);
                if self.policy_route_missing && self.inherits(goal, ErrorKind::NotFound) {
                    self.policy_route_missing = false;
                    self.infer_inherited();
                }
            }
            (request, Err(error)) if request.reads_organization() => {
                self.not_found += u8::from(error.kind == ErrorKind::NotFound);
                self.fail(request, error);
            }
            (RemoteRequest::ReadApplicationPolicy(_), Ok(RemoteResponse::ApplicationPolicy(policy))) => {
                self.application = Application::Known(policy);
            }
            (RemoteRequest::ReadApplicationPolicy(_), response) => {
                let settled = response.is_err_and(|error| error.kind.settles_application_policy());
                self.application = if settled { Application::Unreadable } else { Application::Failed };
            }
            (RemoteRequest::ReadPolicy(_), Ok(RemoteResponse::Policy(live))) => {
                (self.live, self.live_is_inferred) = (Some(live), false);
            }
            (RemoteRequest::ReadPolicy(_), Err(error)) if error.kind == ErrorKind::NotFound => {
                self.reread_organization()
            }
            // the feature may have been switched off since
            (RemoteRequest::ReadPolicy(_) | RemoteRequest::WritePolicy { .. }, Err(error))
                if self.organization_is_listed && error.kind.hides_policy() && !error.outcome_unknown =>
            {
                self.organization = None;
            }
            (RemoteRequest::ReadPolicy(_), Err(error)) if self.inherits(goal, error.kind) => self.infer_inherited(),
            (RemoteRequest::WritePolicy { policy, .. }, Ok(RemoteResponse::Policy(echo))) => {
                self.note_before();
                self.writes.last = Some(*policy);
                self.live_is_inferred = false;
                self.writes.answered += 1;
                self.live = goal.is_some_and(|goal| goal.declared().is_satisfied_by(&echo)).then_some(echo);
            }
            (RemoteRequest::WritePolicy { policy, .. }, Err(error)) => {
                self.policy_write_failed(request, *policy, error)
            }
            (RemoteRequest::WriteFeatures { features, .. }, Ok(RemoteResponse::Organization(echo))) => {
                self.see_flag_echo(request.enables_session_policy(), features, echo)
            }
            (RemoteRequest::WriteFeatures { .. }, Err(error)) => self.flag_write_failed(request, error),
            (_, Err(error)) => self.fail(request, error),
            (_, Ok(_)) => self.fail(request, RemoteError::new(ErrorKind::BadResponse)), // a reply to another question
        }
    }

    /// Whether the organization inherits, as `goal` wants it to, although the read of its
    /// policy failed with `kind`. A policy that was read or written before is not explained
    /// away.
    fn inherits(&self, goal: Option<&Goal>, kind: ErrorKind) -> bool {
        let wanted = goal.is_some_and(|goal| goal.policy == Policy::Application && !goal.may_be_custom);
        let shown = self.writes.before.is_some();
        wanted && !shown && self.organization.as_ref().is_some_and(|organization| organization.inherits_despite(kind))
    }

    fn infer_inherited(&mut self) {
        (self.live, self.live_is_inferred) = (Some(Live::Application), true);
    }

    fn fail(&mut self, request: &RemoteRequest, error: RemoteError) {
        self.failure = Some((request.clone(), error));
    }

    fn see_organization(&mut self, organization: Organization) {
        if let Some(before) = self.flag.before.as_ref().filter(|_| !self.flag.blind) {
            self.flag.changed_others = features::changed_others(before, &organization.features);
        }
        self.failure = None; // a second read may find what the first one missed
        self.resolved = Some(organization.id.clone());
        self.organization = Some(organization);
        (self.organization_is_fresh, self.organization_is_listed) = (true, false);
    }

    /// Takes in what the list shows of the organization.
    pub(super) fn see_listed(&mut self, organization: Organization) {
        self.see_organization(organization);
        (self.organization_is_fresh, self.organization_is_listed) = (false, true);
    }

    /// Whether a response to this reconcile has shown that the credentials reach the
    /// organization; the list may be older than that.
    pub fn reaches_organization(&self) -> bool {
        self.organization.is_some() && (!self.organization_is_listed || self.live.is_some())
    }

    /// An echo that does not show what we wanted is not believed; the
    /// organization is read again. So it is where it did not tell before, to
    /// learn whether reads tell now.
    fn see_flag_echo(&mut self, wanted: bool, sent: &[Feature], echo: Organization) {
        self.note_flags();
        self.flag.tries += 1;
        self.flag.error = None;
        let before = self.flag.before.as_deref().unwrap_or_default();
        self.flag.merging_seen |= features::shows_merging(before, sent, &echo.features);
        let as_wanted =
            echo.session_policy_enabled() == wanted && features::changed_others(before, &echo.features).is_empty();
        self.organization = (as_wanted && !self.flag.blind).then_some(echo);
    }

    fn flag_write_failed(&mut self, request: &RemoteRequest, error: RemoteError) {
        self.note_flags();
        match error.kind {
            ErrorKind::Rejected => {
                self.flag.refused += 1;
                self.flag.error = Some(error);
            }
            kind if error.outcome_unknown || matches!(kind, ErrorKind::Conflict | ErrorKind::NotFound) => {
                // not found: the organization went, or has no settings; reading it again tells
                self.flag.tries = if kind == ErrorKind::NotFound { u8::MAX } else { self.flag.tries + 1 };
                self.flag.error = Some(error);
                self.organization = None;
            }
            _ => self.fail(request, error),
        }
    }

    fn policy_write_failed(&mut self, request: &RemoteRequest, policy: Policy, error: RemoteError) {
        self.note_before();
        match error.kind {
            ErrorKind::NotFound => self.reread_organization(),
            kind if kind == ErrorKind::Conflict || error.outcome_unknown => {
                let conflict = kind == ErrorKind::Conflict;
                self.writes.last = Some(policy).filter(|_| !conflict).or(self.writes.last);
                self.writes.conflicts += u8::from(conflict);
                self.writes.unknown += u8::from(!conflict);
                self.writes.error = Some(error);
                self.live = None;
            }
            _ => self.fail(request, error),
        }
    }

    fn reread_organization(&mut self) {
        self.policy_route_missing = true;
        self.organization = None;
        self.live = None;
    }

    fn note_flags(&mut self) {
        if self.flag.before.is_none() {
            self.flag.before = self.organization.as_ref().map(|o| o.features.clone());
            self.flag.blind = self.organization.as_ref().is_some_and(|o| !o.features_reported);
        }
    }

    fn note_before(&mut self) {
        if self.writes.before.is_none() {
            self.writes.before = self.live;
        }
    }
}
