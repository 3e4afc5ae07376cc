//! The custom resource: its types, its rules, its definition, and a check of manifests without a
//! cluster.
//!
//! [`validate`] turns a raw [`OrganizationSessionPolicySpec`] into a [`crate::policy::ValidatedSpec`],
//! and other modules read only that one.

mod check;
mod conditions;
mod editor;
mod interval;
mod manifest;
mod names;
mod operator_lease;
mod report;
mod rules;
mod spec;
mod status;
mod validate;

pub use check::{check, check_list, read};
pub use editor::{json_schema, json_schema_text};
pub use interval::{NO_LIMIT, deadline, delay, duration, duration_or_days, request_deadline, request_timeout};
pub use manifest::{definition, manifest};
pub use names::{NOT_A_LABEL, NOT_A_SUBDOMAIN, is_label, is_subdomain};
pub use operator_lease::{LEASE_LABEL, OperatorFacts, OperatorLease};
pub use report::drift_summary;
pub use spec::{
    DeletionPolicy, GROUP, Mode, OrganizationReference, OrganizationSessionPolicy, OrganizationSessionPolicySpec,
    PLURAL, PolicySource, SecretReference, SessionPolicy, TimeoutUnit, VERSION,
};
pub use status::{
    ApplicationLimits, DriftedField, EffectiveLimit, EffectiveLimits, OrganizationSessionPolicyStatus, ReportedPolicy,
    ReportedRelease,
};
pub use validate::{validate, without_unit};

pub use crate::policy::{RuleId, SUSPENDED_UNTIL, Violation};

/// The finalizer of a resource whose deletion may have to write to Scalekit.
pub const FINALIZER: &str = "scalekit.com/session-policy";

/// The annotation that says why a resource is suspended, for people; the operator does not read it.
pub const SUSPEND_REASON: &str = "scalekit.com/suspend-reason";

/// The annotation that requests a reconcile; its value is echoed in `status.lastHandledReconcileAt`. The
/// name is Flux's, so that its tools can set it.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
