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

    /// The policy that was written last, if nothing of what was before is in it.
    pub(super) fn wholly_written(self) -> Option<Policy> {
        self.written.filter(|written| !self.adopted.is_some_and(|adopted| keeps_something_of(written, &adopted)))
    }
}

/// Whether a limit of `live` is one of `policy`.
fn keeps_something_of(policy: &Policy, live: &Live) -> bool {
    match (policy, live) {
        (Policy::Custom(session), Live::Custom { absolute, idle }) => {
            let idle_limit = idle.limit().filter(|limit| Some(*limit) == session.idle());
            *absolute == Some(session.absolute()) || idle_limit.is_some()
        }
        (Policy::Application, _) | (_, Live::Application) => false,
        (Policy::Custom(_), Live::Unrecognized) => true,
    }
}

impl State {
    /// Whether the organization that this reconcile has read is in another environment
    /// than the one that the status speaks of, so that nothing of that holds here.
    pub(super) fn pin_moves(&self) -> bool {
        let pinned = self.here().is_some_and(|resource| resource.pinned.is_some());
        let here = self.access().is_some() && self.observation.resolved.is_some();
        pinned && here && self.pin_here().is_none() && !self.deleting()
    }

    /// Whether somebody has changed the policy while the resource only observes: then
    /// that is what it finds when it enforces again.
    fn observes_a_change(&self, resource: &Resource) -> bool {
        let observes = self.spec().is_some_and(|spec| spec.mode == Mode::Observe) && !self.deleting();
        let written = resource.written.unwrap_or(Policy::Application);
        observes && self.shown().is_some_and(|live| !diff(&written, &live).is_empty())
    }

    /// What the status has recorded, as far as it still holds.
    fn recorded(&self, resource: &Resource) -> Past {
        match self.pin_moves() || self.observes_a_change(resource) {
            true => Past::default(),
            false => Past::of(resource),
        }
    }

    /// The spec, if the operator writes for it.
    fn writing_spec(&self) -> Option<&ValidatedSpec> {
        self.spec().filter(|spec| spec.mode != Mode::Observe && !self.deleting())
    }

    /// The live policy, if the server showed it.
    fn shown(&self) -> Option<Live> {
        self.observation.live.filter(|_| !self.observation.live_is_inferred)
    }

    /// The policy that TightenOnly would write now, which no spec tells afterwards.
    fn tightened(&self) -> Option<Policy> {
        let spec = self.writing_spec().filter(|spec| spec.mode == Mode::TightenOnly)?;
        tighten(&spec.policy, self.observation.live.as_ref()?)
    }

    /// The custom policy that was written for the resource last, or may have been: one
    /// that is as declared may be of a write of which no status is left. One that keeps
    /// what somebody made stricter since is not the resource's own. While a reconcile
    /// works (`working`), it is the one that it is about to write, where no spec will tell
    /// that.
    pub fn written(&self, working: bool) -> Option<Policy> {
        let resource = self.here()?;
        if self.deleting() {
            return resource.written; // a revert of unknown outcome may not have been applied
        }
        let spec = self.writing_spec();
        let sent = self.tightened().filter(|_| working).or(self.observation.writes.last);
        if let Some(sent) = sent {
            let spec = spec?;
            let stricter = || self.adopts(true).and_then(|adopted| tighten(&spec.policy, &adopted));
            let was_own = || {
                let before = self.observation.writes.before.or(self.shown());
                resource.written.zip(before).is_some_and(|(written, before)| diff(&written, &before).is_empty())
            };
            let begun = resource.written == Some(sent); // by a reconcile that was cut off
            let own = begun || sent == spec.policy || Some(sent) == stricter() || was_own();
            return Some(sent).filter(|sent| *sent != Policy::Application && own);
        }
        let is_live = |policy: &Policy| self.shown().is_some_and(|live| diff(policy, &live).is_empty());
        let found = spec.map(|spec| spec.policy).filter(is_live);
        let theirs = || self.shown().filter(|live| spec.is_some() && self.had_others_before(live).is_some());
        let found = found.or_else(|| theirs()?.declarable()).or(self.recorded(resource).written);
        found.filter(|policy| *policy != Policy::Application)
    }

    /// What the organization had before another resource wrote `live`.
    fn had_others_before(&self, live: &Live) -> Option<Live> {
        let theirs = self.other_writers.iter().filter(|other| other.wrote(live)).map(|other| other.adopted);
        theirs.reduce(|one, two| if one == Live::Application { two } else { one })
    }

    /// What the organization had before the resource first wrote its policy: nothing
    /// before that write is sent, or is about to be (`working`). Where the status is lost,
    /// what is there may be an own policy, so it counts as inherited. And it may be what
    /// another resource has written.
    pub fn adopts(&self, working: bool) -> Option<Live> {
        let resource = self.here()?;
        if let Some(before) = self.recorded(resource).adopted {
            return Some(before);
        }
        let spec = self.writing_spec()?;
        let is_declared = |live: &Live| diff(&spec.policy, live).is_empty();
        let counts = |live: &Live| working || is_declared(live) || self.had_others_before(live).is_some();
        let found = self.observation.writes.before.or(self.shown().filter(counts));
        let before = if self.status_is_lost { Some(Live::Application) } else { found };
        found.and_then(|found| self.had_others_before(&found)).or(before)
    }

    /// Whether the status has what must be known of the policies before and after a write
    /// now.
    pub fn live_is_recorded(&self) -> bool {
        let written = self.tightened().map(|_| self.written(true));
        let recorded = |r: &Resource| r.adopted.is_some() && written.is_none_or(|written| r.written == written);
        self.live_reported || (self.pin_here().is_some() && self.here().is_some_and(recorded))
    }

    /// Whether the organization had a custom policy when the resource was last
    /// reconciled, or one was written for it or for another resource, that may still be
    /// stored.
    pub(super) fn may_be_custom(&self) -> bool {
        let custom = |live: Live| live != Live::Application;
        let recorded = |r: &Resource| r.finalizer || (self.pin_here().is_some() && r.observed.is_some_and(custom));
        !self.other_writers.is_empty() || self.here().is_some_and(recorded)
    }
}
