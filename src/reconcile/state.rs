//! What one reconcile of a resource has seen so far, and how a response
//! changes it. A reconcile starts with an empty state and forgets it at the
//! end; nothing is decided here.

use super::{
    Access, Cached, ClusterWrite, ConditionType, Contest, CredentialsError, ErrorClass, Feature, Found, Goal, History,
    HistoryEvent, Observation, Ownership, Pinned, Reads, Reason, Release, RemoteError, RemoteRequest, RemoteResponse,
    Request, Resource, Response, SESSION_POLICY, Settings, Term, Writer, ownership,
};
use crate::policy::ValidatedSpec;
use std::time::Duration;

/// Everything a decision may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// How this operator is set up.
    pub settings: Settings,
    /// What is remembered of earlier reconciles. Forgetting it can only make
    /// the decision more careful.
    pub history: History,
    /// When this reconcile began, on the process's monotonic clock.
    pub began: Duration,
    /// What that clock shows now.
    pub clock: Duration,
    /// The right to write, as far as it is known then.
    pub term: Term,
    /// When this reconcile has read what.
    pub reads: Reads,
    /// The resource.
    pub resource: Found,
    /// It is as the cache has it, and was not read from the API server: the digest of
    /// what its status shows.
    pub cached: Option<u64>,
    /// Which environment the credentials lead to, or why there are none.
    pub credentials: Option<Result<Access, CredentialsError>>,
    /// How Scalekit's refusal of the credentials was dealt with.
    pub refusal: Refusal,
    /// The credentials were gone, and this reconcile asked for those last used.
    pub last_known_read: bool,
    /// Whether the resource's namespace is being deleted, where that was asked.
    pub namespace_terminating: Option<bool>,
    /// What the environment calls itself, else its host; `None` before that was
    /// asked.
    pub identity: Option<String>,
    /// Who owns the organization.
    pub ownership: Option<Ownership>,
    /// What the environment says that it is, where nobody could be asked whether
    /// that is true.
    pub alleged: Option<String>,
    /// Another resource has written there, so that this one would fight with it if
    /// it is true.
    pub same_environment_unknown: bool,
    /// The resource whose claim stands before this one's, and is to be confirmed.
    pub contests: Option<Contest>,
    /// An older resource that may own the organization was not reconciled yet.
    pub undecided: bool,
    /// What was seen of the organization.
    pub observation: Observation,
    /// This reconcile has written into the status that work is under way.
    pub progress_reported: bool,
    /// It did so when it had read the live policy, so that the status keeps what
    /// was there before our first write.
    pub live_reported: bool,
    /// It said then that the feature is switched on for it.
    pub feature_reported: bool,
    /// A write may have been under way when the resource was read.
    pub under_way: bool,
    /// The resource has our finalizer, which comes after a status that this one has not.
    pub status_is_lost: bool,
    /// The other resources that have written the organization's policy, or may have.
    pub other_writers: Vec<Writer>,
    /// Why our finalizer was removed in this reconcile.
    pub released: Option<Release>,
    /// It waited for its turn for an interval, and the rate limit allows fewer requests than the resources of the
    /// environment need.
    pub falls_behind: bool,
    /// The operator is being uninstalled: every resource is released as if it
    /// were being deleted.
    pub uninstalling: bool,
}

/// Credentials that Scalekit refuses are read again once, in case they were
/// rotated a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Refusal {
    /// They were not refused.
    #[default]
    None,
    /// They were, and are to be read again.
    Pending,
    /// They were read again; a further refusal is final.
    Final,
}

impl State {
    /// The state at the start of a reconcile, which `began` at this time of the
    /// process's monotonic clock.
    pub fn new(settings: Settings, history: History, began: Duration) -> Self {
        Self { settings, history, began, clock: began, ..Self::default() }
    }

    /// Takes in the response to `request`.
    pub fn handle_response(&mut self, request: &Request, response: Response) {
        self.observation.organization_is_fresh &= matches!(request, Request::Remote(_));
        match (request, response) {
            (_, Response::Resource(found)) => self.handle_resource(found),
            (_, Response::Cached(Cached { resource, reported })) => {
                (self.resource, self.cached) = (Found::Here(resource), Some(reported));
            }
            (_, Response::Namespace { terminating }) => self.namespace_terminating = Some(terminating),
            (request, Response::Credentials(credentials)) => {
                self.last_known_read |= *request == Request::ReadLastKnownCredentials;
                self.handle_credentials(credentials);
            }
            (_, Response::Issuer { known, alleged }) => {
                self.identity = known.or_else(|| Some(self.access()?.environment.clone()));
                self.alleged = alleged;
            }
            (_, Response::Claimants { own, mut others }) => {
                let keys = self.claim_keys(&own.namespace);
                self.undecided = others.iter().any(|other| other.may_come_before(&own, &keys));
                self.other_writers = others.iter().filter_map(|other| other.as_writer(&keys)).collect();
                let alleged = self.alleged_key();
                let pinned = self.here().and_then(|resource| resource.pinned.as_ref());
                self.same_environment_unknown = (alleged.is_some()
                    && self.alleged.as_deref() == pinned.map(Pinned::identity))
                    || alleged.is_some_and(|key| others.iter().any(|other| other.claims(std::slice::from_ref(&key))));
                others.retain(|other| other.claims(&keys));
                // whoever uninstalls releases them all
                others.iter_mut().for_each(|other| other.claim.takes_over &= !self.uninstalling);
                self.ownership = Some(ownership::ownership(&own, &others, self.deleting()));
                let owner = ownership::owner(&others).filter(|_| self.ownership != Some(Ownership::Owner));
                let host = self.access().map(|access| &access.environment);
                self.contests =
                    owner.map(|owner| Contest { uid: owner.uid.clone(), elsewhere: owner.host.as_ref() != host });
            }
            (_, Response::Cluster(ClusterWrite::Gone)) => self.resource = Found::Gone,
            (_, Response::Cluster(ClusterWrite::Outdated)) => {
                if let Found::Here(resource) = std::mem::replace(&mut self.resource, Found::Unread) {
                    self.resource = Found::Outdated(resource);
                }
            }
            (Request::ReportProgress, Response::Cluster(ClusterWrite::Done)) => {
                self.progress_reported = true;
                self.live_reported = self.observation.live.is_some();
                self.feature_reported = self.enables_feature(true);
            }
            (Request::AddFinalizer, Response::Cluster(ClusterWrite::Done)) => {
                self.set_finalizer(true);
            }
            (Request::RemoveFinalizer(release), Response::Cluster(ClusterWrite::Done)) => {
                self.set_finalizer(false);
                self.released = Some(release.clone());
            }
            (Request::Remote(request), Response::Remote(response)) => {
                self.note_read(request, &response);
                self.handle_remote(request, response);
            }
            (Request::Remote(_), Response::Listed { organization, age }) => {
                self.reads.organization = self.clock.saturating_sub(age);
                self.observation.see_listed(organization);
            }
            (_, Response::Cluster(ClusterWrite::Done) | Response::Remote(_) | Response::Listed { .. }) => {}
        }
    }

    /// A spec that was edited since the last read may name other credentials or
    /// another organization: what was seen for the old one does not count. Nor does
    /// what was seen for a copy in the cache that was too old in anything.
    fn handle_resource(&mut self, found: Found) {
        let cached = self.cached.take().is_some();
        let same_target = !cached && self.has_same_target(&found);
        let changed = match (&self.resource, &found) {
            (Found::Here(before) | Found::Outdated(before), Found::Here(now)) if cached => {
                now.cached().as_ref() != Some(&**before)
            }
            (Found::Here(before) | Found::Outdated(before), Found::Here(now)) => before.generation != now.generation,
            _ => false,
        };
        self.reads.refreshes += u8::from(!cached && self.here().is_some());
        if changed && same_target {
            // what the status is to say first depends on the spec
            (self.progress_reported, self.live_reported, self.ownership) = (false, false, None);
        } else if changed {
            self.credentials = None;
            self.forget_organization();
        }
        self.reads.resource = self.clock;
        self.resource = found;
        self.under_way |= self.here().is_some_and(Resource::may_be_under_way);
        self.status_is_lost |= self.here().is_some_and(|r| r.finalizer && r.pinned.is_none());
    }

    /// Whether `found` names the organization and the credentials that this reconcile has read, and nothing
    /// was written: then what was seen is as good for the new spec. Otherwise a resource that is edited
    /// faster than a reconcile takes would never be written.
    fn has_same_target(&self, found: &Found) -> bool {
        let (Found::Here(before) | Found::Outdated(before), Found::Here(now)) = (&self.resource, found) else {
            return false;
        };
        let (Ok(spec), Ok(edited)) = (&before.spec, &now.spec) else { return false };
        let wrote = self.observation.wrote_policy() || self.observation.flag.tries > 0;
        !(wrote || before.deleting || now.deleting)
            && (&spec.organization, &spec.secret) == (&edited.organization, &edited.secret)
    }

    fn note_read(&mut self, request: &RemoteRequest, response: &Result<RemoteResponse, RemoteError>) {
        let again = match (request, response) {
            (_, Ok(RemoteResponse::Organization(_))) => {
                self.reads.organization = self.clock;
                request.reads_organization() && self.observation.organization.is_some()
            }
            (_, Ok(RemoteResponse::Policy(_))) => {
                self.reads.policy = self.clock;
                matches!(request, RemoteRequest::ReadPolicy(_)) && self.observation.live.is_some()
            }
            (_, Ok(RemoteResponse::ApplicationPolicy(_)) | Err(_)) => false,
        };
        self.reads.refreshes += u8::from(again);
    }

    /// What was seen with credentials of another environment does not count.
    fn handle_credentials(&mut self, credentials: Result<Access, CredentialsError>) {
        if self.refusal == Refusal::Pending {
            self.refusal = Refusal::Final;
            if self.access().map(|a| &a.environment) != credentials.as_ref().ok().map(|a| &a.environment) {
                self.forget_organization();
            }
        }
        self.credentials = Some(credentials);
    }

    fn handle_remote(&mut self, request: &RemoteRequest, response: Result<RemoteResponse, RemoteError>) {
        if let Err(error) = &response
            && error.kind.class() == ErrorClass::Unauthenticated
            && !error.outcome_unknown
            && self.refusal == Refusal::None
        {
            self.refusal = Refusal::Pending;
            return;
        }
        // a revert is confirmed by reading, not by its echo
        let goal = self.goal().filter(|_| !self.deleting());
        self.observation.observe(request, response, goal.as_ref());
    }

    fn forget_organization(&mut self) {
        self.progress_reported = false; // it pinned what is forgotten
        (self.identity, self.alleged, self.ownership) = (None, None, None);
        self.observation = self.observation.started_over();
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
            Found::Unread | Found::Outdated(_) | Found::Gone => None,
        }
    }

    /// The spec, once read and if valid.
    pub fn spec(&self) -> Option<&ValidatedSpec> {
        self.here().and_then(|resource| resource.spec.as_ref().ok())
    }

    /// Where the credentials lead, once read and if usable.
    pub fn access(&self) -> Option<&Access> {
        self.credentials.as_ref()?.as_ref().ok()
    }

    /// What is wanted of the organization.
    pub fn goal(&self) -> Option<Goal> {
        let spec = self.spec()?;
        let unreported = |r: &Resource| r.conditions.iter().any(|c| c.reason == Reason::FeatureStateUnknown);
        Some(Goal {
            organization: spec.organization.clone(),
            pinned: self.pin_here().map(|pinned| pinned.organization.clone()),
            merges_features: self.access().is_some_and(|access| access.merges_features),
            may_be_custom: self.may_be_custom(),
            features_unreported: self.here().is_some_and(unreported),
            policy: spec.policy,
            mode: spec.mode,
        })
    }

    /// The pin, if it leads to the environment that the credentials lead to now:
    /// by the same host or, once that is known, under another name of it.
    pub fn pin_here(&self) -> Option<&Pinned> {
        let environment = &self.access()?.environment;
        let same = |pinned: &&Pinned| {
            let names = [&self.identity, &self.alleged];
            pinned.environment == *environment || names.iter().any(|name| name.as_deref() == Some(pinned.identity()))
        };
        self.here()?.pinned.as_ref().filter(same)
    }

    /// Asks who owns the organization that was read, and first where that is.
    pub(super) const fn find_owner(&self) -> Request {
        if self.identity.is_some() { Request::ReadClaimants } else { Request::ReadIssuer }
    }

    /// Time between two reconciles of this resource.
    pub fn interval(&self) -> Duration {
        self.spec().and_then(|spec| spec.interval).unwrap_or(self.settings.interval)
    }

    /// Whether the resource is being deleted, or released as if it were.
    pub fn deleting(&self) -> bool {
        self.here().is_some_and(|r| self.uninstalling || r.deleting)
    }

    /// How long until no write of ours can land any more; zero: now.
    pub fn unsettled_for(&self) -> Duration {
        if self.observation.may_still_land() {
            return self.settings.settle;
        }
        let age = self.history.unknown_write_age(self.began).unwrap_or(Duration::MAX);
        self.settings.settle.saturating_sub(age)
    }

    /// What to record before `request` is sent.
    pub fn before_request(&self, request: &RemoteRequest) -> Option<HistoryEvent> {
        matches!(request, RemoteRequest::WritePolicy { .. }).then_some(HistoryEvent::PolicyWriteSent)
    }

    /// What to record when `request` got its response. One that was not sent,
    /// throttled, or refused with its credentials undid nothing of others.
    pub fn after_request(
        &self,
        request: &RemoteRequest,
        response: &Result<RemoteResponse, RemoteError>,
    ) -> impl Iterator<Item = HistoryEvent> + use<> {
        let outcome_unknown = response.as_ref().is_err_and(|error| error.outcome_unknown);
        let answered = self.before_request(request).map(|_| HistoryEvent::PolicyWriteAnswered { outcome_unknown });
        let in_vain = |error: &RemoteError| {
            error.not_sent || matches!(error.kind.class(), ErrorClass::Throttled | ErrorClass::Unauthenticated)
        };
        let corrected = request.writes() && self.corrects() && !response.as_ref().is_err_and(in_vain);
        answered.into_iter().chain(corrected.then_some(HistoryEvent::CorrectionSent))
    }

    /// Whether this reconcile has written what somebody else undid.
    pub fn corrected(&self) -> bool {
        self.has_written() && self.undoes_others()
    }

    /// Whether a write now would be the first of its reconcile and undo what
    /// somebody else did to an own one that was seen to hold.
    pub fn corrects(&self) -> bool {
        !self.has_written() && self.undoes_others()
    }

    /// Whether the status of another resource says that its policy is live there.
    pub fn is_succeeded(&self) -> bool {
        self.ownership.as_ref().is_some_and(|ownership| ownership.in_sync().is_some())
    }

    /// Whether this reconcile is the first of an owner after another resource that
    /// has written: what that one has sent may still land.
    pub fn takes_over(&self) -> bool {
        let conflicted = |r: &Resource| r.condition(ConditionType::Ready).is_some_and(|c| c.reason == Reason::Conflict);
        self.here().is_some_and(|r| !r.was_ready() && (conflicted(r) || !self.other_writers.is_empty()))
    }

    /// Whether this operator has switched the feature session_policy on, or is
    /// about to: a reconcile that reports progress where it is off (`working`). One that
    /// was found off since, others have switched off.
    pub fn enables_feature(&self, working: bool) -> bool {
        let off = |features: &[Feature]| !features.iter().any(|f| f.name == SESSION_POLICY && f.enabled);
        let (flag, organization) = (&self.observation.flag, self.observation.organization.as_ref());
        let now = match organization {
            Some(o) if o.session_policy_enabled() => !flag.blind && flag.before.as_deref().is_some_and(off),
            Some(o) => working && o.features_reported && self.goal().is_some_and(|goal| goal.needs_feature()),
            None => false,
        };
        let found_off = organization.is_some_and(|o| o.features_reported && !o.session_policy_enabled());
        // else a write of it may still be applied
        let undone = |resource: &Resource| found_off && resource.was_ready();
        let before = |r: &Resource| r.enabled_feature && !self.pin_moves() && !undone(r);
        let for_others = !found_off && self.other_writers.iter().any(|other| other.enabled_feature);
        now || for_others || self.here().is_some_and(before)
    }

    fn has_written(&self) -> bool {
        self.observation.wrote_policy() || self.observation.flag.before.is_some()
    }

    fn undoes_others(&self) -> bool {
        self.here().is_some_and(|resource| resource.was_ready() || resource.was_contended())
    }
}
