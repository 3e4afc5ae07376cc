//! What would have to be written to Scalekit so that it is as the files say:
//! found out with the operator's own reconcile of each organization, whose
//! writes are recorded instead of sent.

mod cause;
mod claims;
mod command;
mod document;
mod markdown;
mod refresh;
mod saved;
mod shape;
mod text;

pub use command::{Arguments, run};

pub(super) use cause::LastApplied;
pub(super) use command::{Failure, block_on, finish, input, load, refresh};
pub(super) use refresh::{PlanOptions, goal};
pub(super) use saved::read;
pub(super) use text::{text, title};

use super::Manifest;
use crate::{
    crd::EffectiveLimits,
    policy::{ApplicationPolicy, Bounds, Direction, FieldChange, Live, OrganizationId, Policy, changes, effective},
    reconcile::{Feature, Organization, Reason, RemoteRequest},
};
use serde::Serialize;
use std::rc::Rc;

/// A plan for one environment.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) environment: String,
    /// The application's policy, where it can be read.
    pub(super) application: Option<ApplicationPolicy>,
    /// One for each manifest, in their order.
    pub(super) entries: Vec<Entry<'a>>,
}

/// What was found for one manifest.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) manifest: &'a Manifest,
    /// The id of its organization, once known.
    pub(super) id: Option<OrganizationId>,
    pub(super) flag: Flag,
    pub(super) result: ResourceChange,
}

/// Whether the organization may have a policy of its own now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Not read, or not found.
    Unread,
    /// Scalekit's responses have no list of features.
    Unreported,
    Off,
    On,
}

/// What a plan does about one manifest, as a resource change of Terraform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourceChange {
    /// `spec.suspend` is true: not read.
    Suspended,
    /// Nothing to write.
    NoOp { reason: NoOp, live: Live },
    /// Something to write.
    Change(Change),
    /// It can't be made so, and nothing is written.
    Problem(Problem),
}

/// Why an organization can't be made as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// Why there is nothing to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoOp {
    /// As declared.
    InSync,
    /// TightenOnly, and at least as strict.
    StricterKept,
    /// Observe, and not as declared.
    Drifted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// As it is; `None`: can't be read before the feature is on.
    pub(super) before: Option<Live>,
    pub(super) after: Option<Live>,
    pub(super) writes: Writes,
    pub(super) cause: Cause,
    /// The problem that follows those writes and ends the reconcile short of what
    /// is declared.
    pub(super) then: Option<Problem>,
}

/// The requests of a change: the feature flags first, then the policy. Ten
/// thousand organizations have few different lists of flags, so those are
/// shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Writes {
    pub(super) features: Option<Rc<[Feature]>>,
    pub(super) policy: Option<Policy>,
}

impl Writes {
    /// Whether `request` is one of them.
    pub(super) fn has(&self, request: &RemoteRequest) -> bool {
        match request {
            RemoteRequest::WriteFeatures { features, .. } => self.features.as_deref() == Some(features),
            RemoteRequest::WritePolicy { policy, .. } => self.policy == Some(*policy),
            _ => false,
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// `--last-applied` was not given, or does not have this organization.
    Unknown,
    /// The files changed, Scalekit is as it was left.
    Git,
    /// Scalekit changed, the files are as they were.
    Drift,
    Both,
}

impl Cause {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "change",
            Self::Git => "change in Git",
            Self::Drift => "drift",
            Self::Both => "drift and change in Git",
        }
    }
}

impl NoOp {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::StricterKept => "stricter-kept",
            Self::Drifted => "drifted",
        }
    }
}

impl Flag {
    fn of(organization: Option<&Organization>) -> Self {
        match organization {
            None => Self::Unread,
            Some(organization) if !organization.features_reported => Self::Unreported,
            Some(organization) if organization.session_policy_enabled() => Self::On,
            Some(_) => Self::Off,
        }
    }

    /// `None`: not known.
    fn enabled(self) -> Option<bool> {
        match self {
            Self::Unread | Self::Unreported => None,
            Self::Off => Some(false),
            Self::On => Some(true),
        }
    }
}

impl Entry<'_> {
    /// What becomes of the feature flag, if anything.
    fn flag_change(&self) -> Option<&'static str> {
        match &self.result {
            ResourceChange::Change(change) if change.writes.features.is_some() => {
                Some(if self.flag == Flag::Unreported { "unknown → on" } else { "off → on" })
            }
            _ => None,
        }
    }
}

impl Change {
    /// The fields that change. Where the policy can't be read yet, none is
    /// known.
    pub(super) fn fields(&self) -> Vec<FieldChange> {
        self.before.as_ref().zip(self.after.as_ref()).map(|(b, a)| changes(b, a)).unwrap_or_default()
    }

    /// Which way all of it goes together.
    pub(super) fn direction(&self) -> Direction {
        match self.before {
            None => Direction::Unknown,
            Some(_) => self.fields().iter().fold(Direction::Neutral, |all, field| all.and(field.direction)),
        }
    }
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Counts {
    pub(super) changes: usize,
    /// Of the changes, those that loosen something, perhaps beside tightening.
    pub(super) loosening: usize,
    /// Of the changes, those that tighten something, perhaps beside loosening.
    pub(super) tightening: usize,
    /// Of the changes, those of which it is not known.
    pub(super) unknown: usize,
    /// As declared, or at least as strict where that is the mode.
    pub(super) settled: usize,
    pub(super) drifted: usize,
    pub(super) suspended: usize,
    pub(super) problems: usize,
    /// Of all, those whose feature this server does not tell.
    #[serde(rename = "untold")]
    pub(super) features_unreported: usize,
}

impl Plan<'_> {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.entries {
            counts.features_unreported += usize::from(entry.flag == Flag::Unreported);
            match &entry.result {
                ResourceChange::Suspended => counts.suspended += 1,
                ResourceChange::NoOp { reason: NoOp::Drifted, .. } => counts.drifted += 1,
                ResourceChange::NoOp { .. } => counts.settled += 1,
                ResourceChange::Problem(_) => counts.problems += 1,
                ResourceChange::Change(change) => {
                    counts.changes += 1;
                    counts.problems += usize::from(change.then.is_some());
                    let direction = change.direction();
                    counts.loosening += usize::from(matches!(direction, Direction::Loosening | Direction::Mixed));
                    counts.tightening += usize::from(matches!(direction, Direction::Tightening | Direction::Mixed));
                    counts.unknown += usize::from(direction == Direction::Unknown);
                }
            }
        }
        counts
    }

    /// What really applies to an organization with this policy, absolute and
    /// idle, and who set it.
    pub(super) fn effective(&self, live: Option<&Live>) -> Option<String> {
        EffectiveLimits::from(&effective(self.application?.bounds, Bounds::from(live?))).summary
    }
}

impl Counts {
    /// In one line, for people.
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![match self.changes {
            0 => "no changes".to_owned(),
            1 => format!("1 change ({})", self.directions()),
            n => format!("{n} changes ({})", self.directions()),
        }];
        for (n, what) in [
            (self.settled, "as declared"),
            (self.drifted, "observed with drift"),
            (self.suspended, "suspended"),
            (self.problems, "with a problem"),
            (self.features_unreported, "where Scalekit does not tell whether session_policy is on"),
        ] {
            if n > 0 {
                parts.push(format!("{n} {what}"));
            }
        }
        parts.join(", ")
    }

    fn directions(&self) -> String {
        let known = format!("{} loosening, {} tightening", self.loosening, self.tightening);
        if self.unknown == 0 { known } else { format!("{known}, {} unknown", self.unknown) }
    }
}
