//! What the status records of the organization's policy before this reconcile, so that
//! deleting the resource undoes what was written for it and nothing else.

use super::{Resource, State};
use crate::policy::{Live, Mode, Policy, ValidatedSpec, diff, tighten};

/// What the status has recorded of the organization's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// What it was before the resource.
    pub adopted: Option<Live>,
    /// What was written for the resource last.
    pub written: Option<Policy>,
}

impl Past {
    pub(super) fn of(resource: &Resource) -> Self {
        Self { adopted: resource.adopted, written: resource.written }
    }
}

impl State {
    /// Whether the status speaks of the environment that the credentials lead to, or of
    /// none.
    pub(super) fn is_about_here(&self, resource: &Resource) -> bool {
        resource.pinned.is_none() || self.pin_here().is_some() || self.access().is_none()
    }

    /// The policy that TightenOnly would write now, which no spec tells afterwards.
    fn tightened(&self) -> Option<Policy> {
        let spec = self.spec().filter(|spec| spec.mode == Mode::TightenOnly && !self.deleting())?;
        tighten(&spec.policy, self.observation.live.as_ref()?)
    }

    /// The custom policy that was written for the resource last, or may have been: one
    /// that is as declared may be of a write of which no status is left. While a reconcile
    /// works (`working`), it is the one that it is about to write, where no spec will tell
    /// that.
    pub fn written(&self, working: bool) -> Option<Policy> {
        let resource = self.here()?;
        if let Some(tightened) = self.tightened().filter(|_| working) {
            return Some(tightened);
        }
        let declares = |spec: &&ValidatedSpec| spec.mode != Mode::Observe && !self.deleting();
        let declared = self.spec().filter(declares).map(|spec| spec.policy);
        let found = declared.filter(|policy| self.observation.live.is_some_and(|live| diff(policy, &live).is_empty()));
        let before = resource.written.filter(|_| self.is_about_here(resource));
        self.observation.writes.last.or(found).or(before).filter(|policy| *policy != Policy::Application)
    }

    /// What the organization had before the resource first wrote its policy: nothing
    /// before that write is sent, or is about to be (`working`). Where an own policy may
    /// be there of which no status is left, it counts as inherited: as declared already,
    /// or without the status that comes before our finalizer. And what is there may be what
    /// another resource has written.
    pub fn adopts(&self, working: bool) -> Option<Live> {
        let resource = self.here()?;
        if let Some(before) = resource.adopted.filter(|_| self.is_about_here(resource)) {
            return Some(before);
        }
        let spec = self.spec().filter(|spec| spec.mode != Mode::Observe && !self.deleting())?;
        let live = self.observation.live;
        let is_declared = |live: &Live| diff(&spec.policy, live).is_empty();
        let found = self.observation.writes.before.or(live.filter(|live| working || is_declared(live)))?;
        let theirs = self.other_writers.iter().filter(|other| other.wrote(&found)).map(|other| other.adopted);
        let before = if self.status_is_lost || is_declared(&found) { Live::Application } else { found };
        Some(theirs.reduce(|one, two| if one == Live::Application { two } else { one }).unwrap_or(before))
    }

    /// Whether the status has what must be known of the policies before and after a write
    /// now.
    pub fn live_is_recorded(&self) -> bool {
        let tightened = self.tightened();
        let recorded = |r: &Resource| r.adopted.is_some() && (tightened.is_none() || r.written == tightened);
        self.live_reported || (self.pin_here().is_some() && self.here().is_some_and(recorded))
    }

    /// Whether the organization had a custom policy when the resource was last
    /// reconciled, or one was written for it, that may still be stored.
    pub(super) fn may_be_custom(&self) -> bool {
        let custom = |live: Live| live != Live::Application;
        self.here().is_some_and(|r| r.finalizer || (self.pin_here().is_some() && r.observed.is_some_and(custom)))
    }
}
