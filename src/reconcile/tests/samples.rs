//! Short words for what the tests talk about.

use crate::policy::{
    ApplicationPolicy, Bounds, DeletionPolicy, ExternalId, Idle, Live, Minutes, Mode, OrganizationId, OrganizationRef,
    Policy, Session, ValidatedSpec,
};
use crate::reconcile::{Feature, SESSION_POLICY};
use std::time::Duration;

pub(crate) const HOST: &str = "acme.scalekit.com";
/// Another host name of the same environment.
pub(crate) const CUSTOM_DOMAIN: &str = "auth.example.com";
/// What that environment calls itself, where it does.
pub(crate) const ISSUER: &str = "env.scalekit.com";

/// A step that takes so long leaves its reconcile quick.
pub(crate) const QUICK: Duration = Duration::from_millis(20);

pub(crate) fn minutes(n: i64) -> Minutes {
    Minutes::new(n).unwrap()
}

pub(crate) fn custom(absolute: i64, idle: impl Into<Option<i64>>) -> Policy {
    Policy::Custom(Session::new(minutes(absolute), idle.into().map(minutes)).unwrap())
}

/// What most tests declare.
pub(crate) fn declared() -> Policy {
    custom(480, 60)
}

/// What somebody else made of it.
pub(crate) fn foreign() -> Live {
    custom(600, 30).into()
}

pub(crate) fn no_idle(absolute: i64) -> Live {
    Live::Custom { absolute: Some(minutes(absolute)), idle: Idle::Off }
}

pub(crate) fn org(id: &str) -> OrganizationId {
    OrganizationId::parse(id).unwrap()
}

pub(crate) fn by_external_id(id: &str) -> OrganizationRef {
    OrganizationRef::External(ExternalId::parse(id).unwrap())
}

/// Enforce and Revert, for `org_1`.
pub(crate) fn enforce(policy: Policy) -> ValidatedSpec {
    ValidatedSpec {
        organization: OrganizationRef::Id(org("org_1")),
        policy,
        mode: Mode::Enforce,
        deletion: DeletionPolicy::Revert,
        suspend: false,
        suspended_until: None,
        interval: None,
        secret: None,
    }
}

pub(crate) fn tighten_only(policy: Policy) -> ValidatedSpec {
    ValidatedSpec { mode: Mode::TightenOnly, ..enforce(policy) }
}

pub(crate) fn observe(policy: Policy) -> ValidatedSpec {
    ValidatedSpec { mode: Mode::Observe, ..enforce(policy) }
}

pub(crate) fn retain(policy: Policy) -> ValidatedSpec {
    ValidatedSpec { deletion: DeletionPolicy::Retain, ..enforce(policy) }
}

pub(crate) fn application(absolute: i64, access_token: i64) -> ApplicationPolicy {
    ApplicationPolicy {
        bounds: Bounds { absolute: Some(minutes(absolute)), idle: None },
        access_token: Some(minutes(access_token)),
    }
}

pub(crate) fn flag(name: &str, enabled: bool) -> Feature {
    Feature { name: name.into(), enabled }
}

/// Some flags of others, and ours.
pub(crate) fn flags(session_policy: bool) -> Vec<Feature> {
    vec![flag("sso", true), flag("dir_sync", false), flag(SESSION_POLICY, session_policy)]
}
