//! A reconcile that a limit of Scalekit ends is parked, and the next one goes on from there. So a limit that lets few
//! requests through between two pauses makes nothing begin anew for ever, and what somebody waits for still comes first
//! after the pause.

use super::{
    ErrorClass, Lane, Outcome, RemoteRequest, Response, State,
    parked::{Parked, Read},
    state::Refusal,
};

impl State {
    /// What this reconcile leaves that ended in `outcome`, if a limit has ended it.
    pub(super) fn parks(&self, outcome: &Outcome) -> Option<Parked> {
        let limited = outcome.remote_error().is_some_and(|error| error.kind.class() == ErrorClass::Throttled);
        let before = || self.history.parked().and_then(|parked| parked.read.clone());
        let read = || self.has_read().map(Box::new).or_else(before);
        limited.then(|| Parked { awaited: self.lane(false) == Lane::Awaited, read: read() })
    }

    fn has_read(&self) -> Option<Read> {
        let seen = &self.observation;
        let wrote = self.has_written() || seen.writes.conflicts > 0 || seen.flag.refused > 0;
        let doubtful = wrote || seen.organization_is_listed || seen.policy_route_missing || seen.not_found > 0;
        let organization = seen.organization.clone().filter(|_| !doubtful)?;
        let (declared, access) = (self.declared()?, self.access()?.clone());
        Some(Read { declared, access, organization, at: self.reads.organization })
    }

    /// The response to `request` that the reconcile before has got, which counts as what the list shows: not where it
    /// may be too old, where the resource or its credentials have changed since, nor where the claim is contested.
    pub fn resumes(&self, request: &RemoteRequest) -> Option<Response> {
        let (seen, read) = (&self.observation, self.history.parked()?.read.as_ref()?);
        let first = seen.resolved.is_none() && seen.failure.is_none() && self.refusal == Refusal::None;
        let same = self.declared().as_ref() == Some(&read.declared)
            && self.access().is_some_and(|access| access.is_same_client(&read.access));
        let age = self.clock.saturating_sub(read.at);
        let serves = first && same && age <= self.longest_listing() && !self.history.is_contested();
        (serves && request.reads_organization())
            .then(|| Response::Listed { organization: read.organization.clone(), age })
    }

    fn declared(&self) -> Option<(i64, Option<String>)> {
        self.here().map(|resource| (resource.generation, resource.requested_at.clone()))
    }
}
