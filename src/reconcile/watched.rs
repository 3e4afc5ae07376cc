//! What is remembered of a resource between two events of its watch, to tell
//! an event that asks for a reconcile from one that doesn't.

use super::Resource;
use jiff::Timestamp;
use std::num::NonZeroI64;

/// A resource as last seen by the watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    generation: i64,
    deleting: bool,
    finalizer: bool,
    requested_at: Option<Box<str>>,
    /// Until when it is suspended, in seconds since 1970.
    suspended_until: Option<NonZeroI64>,
    /// Whether the spec is valid. Of one generation that changes with the annotation that suspends, which may name no time.
    valid: bool,
    at_rest: bool,
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Nothing: a status that we wrote ourselves must not cause the next
    /// reconcile.
    None,
    /// A reconcile, since the resource is new or its spec, its deletion or its
    /// finalizer changed.
    Changed,
    /// A reconcile, since a person asked for it.
    Requested,
    /// A reconcile within its interval: it was there, and at rest, when the
    /// operator started. No herd after a restart.
    Scheduled,
}

impl Watched {
    /// The resource as an event shows it that came at this time.
    pub fn of(resource: &Resource, now: Timestamp) -> Self {
        // the annotation as it is: that its time is over is no change of it
        let until = resource.suspended_until();
        Self {
            generation: resource.generation,
            deleting: resource.deleting,
            finalizer: resource.finalizer,
            requested_at: resource.requested_at.as_deref().map(Into::into),
            suspended_until: until.and_then(|until| NonZeroI64::new(until.as_second())),
            valid: resource.spec.is_ok(),
            at_rest: resource.clone().at(now).at_rest(),
        }
    }

    /// Whether its status says that nothing is left to do.
    pub fn at_rest(&self) -> bool {
        self.at_rest
    }

    /// What the event asks for that shows the resource so, after `before`;
    /// `starting`: it is the operator's first list.
    pub fn trigger(&self, before: Option<&Self>, starting: bool) -> Trigger {
        let Some(before) = before else {
            return if starting && self.at_rest { Trigger::Scheduled } else { Trigger::Changed };
        };
        let lost_finalizer = before.finalizer && !self.finalizer;
        let suspended = self.suspended_until != before.suspended_until || self.valid != before.valid;
        if self.generation != before.generation || self.deleting != before.deleting || lost_finalizer || suspended {
            Trigger::Changed
        } else if self.requested_at.is_some() && self.requested_at != before.requested_at {
            Trigger::Requested
        } else {
            Trigger::None
        }
    }
}
