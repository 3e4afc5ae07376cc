//! A plan: what has to be written to Scalekit so that it is as the files declare. Each organization
//! is reconciled as in the operator, but writes are recorded instead of sent.

mod cause;
mod claims;
mod command;
mod document;
mod lines;
mod markdown;
mod refresh;
mod removed;
mod saved;
mod shape;
mod shared;
mod text;

pub use command::{Arguments, run};
pub use lines::{detail, effective_line, field_lines, style};

pub(super) use cause::LastApplied;
pub(super) use refresh::{PlanOptions, refresh};
pub(super) use removed::{Baseline, removed};
pub(super) use saved::read;
pub(super) use shared::SharedProblems;
pub(super) use text::{text, title};

use super::Manifest;
use crate::{
    policy::{
        ApplicationPolicy, Bounds, Direction, FieldChange, Live, OrganizationId, Policy, changes,
        looser_than_application,
    },
    reconcile::{Audience, Detail, Feature, Organization, Reason, RemoteError, RemoteOutcome, RemoteRequest, problem},
    terminal::counted,
};
use serde::Serialize;
use std::rc::Rc;
use strum::IntoStaticStr;

/// The plan for one environment.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) environment: String,
    /// `None` if it can't be read.
    pub(super) application: Option<ApplicationPolicy>,
    /// One for each manifest, in the same order.
    pub(super) entries: Vec<Entry<'a>>,
    /// The number of files that could not be read.
    pub(super) unread: usize,
    /// The organizations that have a custom policy and are in no file, as far as they were looked for.
    pub(super) unclaimed: Vec<String>,
}

/// The plan for one manifest.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) id: Option<OrganizationId>,
    pub(super) flag: Flag,
    pub(super) result: ResourceChange,
}

/// The state of the feature flag session_policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// The organization was not read, or not found.
    Unread,
    /// The response had no list of features.
    Unreported,
    Off,
    On,
}

/// What the plan does for one manifest, like a resource change of Terraform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourceChange {
    /// It is suspended, so the organization was not read.
    Suspended,
    NoOp {
        reason: NoOp,
        live: Live,
    },
    Change(Change),
    /// It can't be made as declared, and nothing would be written.
    Problem(Problem),
}

/// Why an organization can't be made as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: Reason,
    pub(super) message: String,
    /// The message without what differs from one organization to the next; only of a problem that is
    /// not the organization's own, such as an outage.
    pub(super) shared: Option<String>,
}

impl Problem {
    /// The problem that `outcome` is, if it is one.
    pub(super) fn of(outcome: &RemoteOutcome, organization: &str, live: &str) -> Option<Self> {
        let said = |outcome: &RemoteOutcome| problem(outcome, organization, live, Audience::CommandLine);
        let (reason, message) = said(outcome)?;
        let shared = match outcome {
            RemoteOutcome::Error(error) => {
                let detail = Detail { request_id: None, ..error.detail.clone() };
                said(&RemoteOutcome::Error(RemoteError { detail, ..error.clone() })).map(|(_, message)| message)
            }
            _ => None,
        };
        Some(Self { reason, message, shared })
    }
}

/// Why there is nothing to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum NoOp {
    /// The live policy is the declared one.
    InSync,
    /// The mode is TightenOnly, and the live policy is at least as strict.
    StricterKept,
    /// The mode is Observe, and the live policy is not the declared one.
    Drifted,
}

/// What is written to one organization, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The live policy; `None` if it can't be read before the feature is on.
    pub(super) before: Option<Live>,
    pub(super) after: Option<Live>,
    pub(super) writes: Writes,
    pub(super) cause: Cause,
    /// The problem that keeps the organization from being as declared, also after these writes.
    pub(super) then: Option<Problem>,
}

/// The writes of a change: the feature flags first, then the policy. The lists of flags are shared
/// ([`Scalekit::intern`](super::scalekit::Scalekit::intern)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Writes {
    pub(super) features: Option<Rc<[Feature]>>,
    pub(super) policy: Option<Policy>,
}

impl Writes {
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

/// Which side changed since `--last-applied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub(super) enum Cause {
    /// There is no `--last-applied`, or it does not have this organization.
    #[strum(serialize = "change")]
    Unknown,
    /// The files changed, and the live policy is as it was applied last.
    #[strum(serialize = "change in Git")]
    Git,
    /// The live policy changed, and the files are as they were applied last.
    #[strum(serialize = "drift")]
    Drift,
    #[strum(serialize = "drift and change in Git")]
    Both,
    /// The organization is in the files of `--last-applied` and no longer in the present ones.
    #[strum(serialize = "removed from the files")]
    Removed,
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

    fn enabled(self) -> Option<bool> {
        match self {
            Self::Unread | Self::Unreported => None,
            Self::Off => Some(false),
            Self::On => Some(true),
        }
    }
}

impl Entry<'_> {
    /// The change of the feature flag in words, if it changes.
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
    /// The fields that change; none if the live policy is not known. `application`: its limits, if they
    /// are known.
    fn fields(&self, application: Option<Bounds>) -> Vec<FieldChange> {
        self.before.as_ref().zip(self.after.as_ref()).map(|(b, a)| changes(b, a, application)).unwrap_or_default()
    }

    fn direction(&self, application: Option<Bounds>) -> Direction {
        match self.before {
            None => Direction::Unknown,
            Some(_) => self.fields(application).iter().fold(Direction::Neutral, |all, field| all.and(field.direction)),
        }
    }
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Counts {
    pub(super) changes: usize,
    /// The changes that loosen something; a mixed one counts here and as tightening.
    pub(super) loosening: usize,
    pub(super) tightening: usize,
    /// The changes whose direction is not known.
    pub(super) unknown: usize,
    /// As declared, or with TightenOnly at least as strict.
    #[serde(rename = "asDeclared")]
    pub(super) as_declared: usize,
    pub(super) drifted: usize,
    pub(super) suspended: usize,
    /// The resources that declare a value looser than the application's.
    pub(super) ineffective: usize,
    pub(super) problems: usize,
    /// The organizations whose features Scalekit does not report.
    pub(super) unreported: usize,
    /// The files of the input that could not be read.
    pub(super) unread: usize,
}

impl Plan<'_> {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts { unread: self.unread, ..Counts::default() };
        for entry in &self.entries {
            counts.unreported += usize::from(entry.flag == Flag::Unreported);
            counts.ineffective += usize::from(self.ineffective(entry).is_some());
            match &entry.result {
                ResourceChange::Suspended => counts.suspended += 1,
                ResourceChange::NoOp { reason: NoOp::Drifted, .. } => counts.drifted += 1,
                ResourceChange::NoOp { .. } => counts.as_declared += 1,
                ResourceChange::Problem(_) => counts.problems += 1,
                ResourceChange::Change(change) => {
                    counts.changes += 1;
                    counts.problems += usize::from(change.then.is_some());
                    let direction = change.direction(self.limits());
                    counts.loosening += usize::from(matches!(direction, Direction::Loosening | Direction::Mixed));
                    counts.tightening += usize::from(matches!(direction, Direction::Tightening | Direction::Mixed));
                    counts.unknown += usize::from(direction == Direction::Unknown);
                }
            }
        }
        counts
    }

    /// The application's limits, if they are known.
    fn limits(&self) -> Option<Bounds> {
        self.application.map(|application| application.bounds)
    }

    /// The warning that declared values have no effect, since the application's are stricter.
    fn ineffective(&self, entry: &Entry<'_>) -> Option<String> {
        let declared = entry.manifest.spec.policy;
        let limits = looser_than_application(&declared, self.limits()?).into_iter();
        let said = limits.map(|(field, own, application)| {
            format!("{} {own} has no effect: the application's {application} is stricter", field.word())
        });
        let said: Vec<String> = said.collect();
        (!said.is_empty() && !matches!(entry.result, ResourceChange::Suspended)).then(|| said.join("; "))
    }

    /// The absolute and the idle limit that apply to new sessions under this policy, and whether each is
    /// the organization's or the application's.
    pub(super) fn effective(&self, live: Option<&Live>) -> Option<String> {
        lines::effective_limits(live, self.limits())
    }
}

/// The most organizations in no file that are named.
const SHOWN: usize = 10;

impl Plan<'_> {
    /// `CUSTOM in Scalekit and in no file: 3 (org_7, org_8, org_9)`.
    fn in_no_file(&self) -> Option<String> {
        let names = self.unclaimed.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = self.unclaimed.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let count = self.unclaimed.len();
        (count > 0).then(|| format!("CUSTOM in Scalekit and in no file: {count} ({names}{more})"))
    }
}

impl Counts {
    /// `2 changes (1 loosening, 1 tightening), 12 as declared`.
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![match self.changes {
            // of what could not be read it is not known
            0 if self.problems + self.unread > 0 => "0 changes".to_owned(),
            0 => "no changes".to_owned(),
            n => format!("{} ({})", counted(n, "change", "changes"), self.directions()),
        }];
        for (n, what) in [
            (self.as_declared, "as declared"),
            (self.drifted, "observed with drift"),
            (self.suspended, "suspended"),
            (self.ineffective, "with a value that has no effect"),
            (self.problems, "with a problem"),
            (self.unread, if self.unread == 1 { "file not read" } else { "files not read" }),
            (self.unreported, "where Scalekit does not report whether session_policy is on"),
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
