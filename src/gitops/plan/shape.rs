//! A plan as JSON: what `--output json` prints, `--save` writes and
//! `osp apply --plan` reads. Timeouts are minutes.

use super::Writes;
use crate::{
    crd::EffectiveLimits,
    policy::{ApplicationPolicy, Effective, FieldChange, Idle, Live, Minutes, Mode, OrganizationRef, Policy, Session},
    reconcile::Feature,
};
use serde::{Deserialize, Serialize};

/// The format's version; another one is not read.
pub(super) const VERSION: u32 = 1;

/// One manifest, and what was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) organization: Named,
    /// The id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization_id: Option<String>,
    pub(super) mode: String,
    pub(super) declared: Limits,
    /// `change`, `in-sync`, `stricter-kept`, `drifted`, `suspended` or
    /// `problem`.
    pub(super) result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<State>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) fields: Vec<Field>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) writes: Vec<Write>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Problem>,
}

/// An organization by one of its names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Named {
    Id(String),
    ExternalId(String),
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) policy_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) absolute_session_timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle_session_timeout_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle_session_timeout: Option<i32>,
}

/// An organization as it is, or will be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct State {
    /// Missing where Scalekit does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_policy_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Limits>,
    /// What applies to new sessions: `8h (organization) / 1h (organization)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective: Option<String>,
}

/// A field that changes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Field {
    field: String,
    before: String,
    after: String,
    direction: String,
}

/// One request.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Write {
    /// The complete list of feature flags.
    Features(Vec<Flag>),
    /// The complete policy.
    Policy(Limits),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flag {
    name: String,
    enabled: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Problem {
    pub(super) reason: String,
    pub(super) message: String,
}

/// The application's policy, in minutes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_session_timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_session_timeout: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_expiry: Option<i32>,
}

impl From<&ApplicationPolicy> for Application {
    fn from(application: &ApplicationPolicy) -> Self {
        Self {
            absolute_session_timeout: application.bounds.absolute.map(Minutes::get),
            idle_session_timeout: application.bounds.idle.map(Minutes::get),
            access_token_expiry: application.access_token.map(Minutes::get),
        }
    }
}

impl From<&OrganizationRef> for Named {
    fn from(organization: &OrganizationRef) -> Self {
        match organization {
            OrganizationRef::Id(id) => Self::Id(id.to_string()),
            OrganizationRef::External(id) => Self::ExternalId(id.to_string()),
        }
    }
}

impl From<&Live> for Limits {
    fn from(live: &Live) -> Self {
        let (absolute, idle) = match live {
            Live::Custom { absolute, idle } => (*absolute, Some(*idle)),
            Live::Application | Live::Unrecognized => (None, None),
        };
        Self {
            policy_source: live.source().to_owned(),
            absolute_session_timeout: absolute.map(Minutes::get),
            idle_session_timeout_enabled: idle.map(|idle| idle != Idle::Off),
            idle_session_timeout: idle.and_then(Idle::limit).map(Minutes::get),
        }
    }
}

impl Limits {
    /// The policy that this declares; `None` when it is none.
    pub(super) fn policy(&self) -> Option<Policy> {
        if self.policy_source == Live::Application.source() {
            return Some(Policy::Application);
        }
        let minutes = |value: i32| Minutes::new(value.into());
        let idle = match self.idle_session_timeout {
            Some(idle) => Some(minutes(idle)?),
            None => None,
        };
        let session = Session::new(minutes(self.absolute_session_timeout?)?, idle).ok().map(Policy::Custom)?;
        // nothing else may stand there than what it was made from
        (Self::from(&Live::from(session)) == *self).then_some(session)
    }
}

impl State {
    pub(super) fn new(enabled: Option<bool>, live: Option<&Live>, effective: Option<Effective>) -> Self {
        let effective = effective.and_then(|effective| EffectiveLimits::from(&effective).summary);
        Self { session_policy_enabled: enabled, policy: live.map(Limits::from), effective }
    }
}

impl From<&super::Problem> for Problem {
    fn from(problem: &super::Problem) -> Self {
        Self { reason: problem.reason.to_string(), message: problem.message.clone() }
    }
}

impl From<&FieldChange> for Field {
    fn from(change: &FieldChange) -> Self {
        Self {
            field: change.field.name().to_owned(),
            before: change.before.clone(),
            after: change.after.clone(),
            direction: change.direction.name().to_owned(),
        }
    }
}

impl Write {
    /// In their order.
    pub(super) fn all(writes: &Writes) -> Vec<Self> {
        let flag = |feature: &Feature| Flag { name: feature.name.clone(), enabled: feature.enabled };
        let features = writes.features.as_ref().map(|list| Self::Features(list.iter().map(flag).collect()));
        let policy = writes.policy.map(|policy| Self::Policy(Limits::from(&Live::from(policy))));
        features.into_iter().chain(policy).collect()
    }
}

/// The mode as the resource spells it.
pub(super) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::TightenOnly => "TightenOnly",
        Mode::Observe => "Observe",
    }
}
