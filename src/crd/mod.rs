//! The Kubernetes side of a session policy: the custom resource, its rules,
//! its manifest, and a check of manifests without a cluster.
//!
//! A raw [`OrganizationSessionPolicySpec`] is only ever turned into a
//! [`crate::policy::ValidatedSpec`]; nothing past [`validate`] reads the raw one.

mod check;
mod conditions;
mod editor;
mod interval;
mod manifest;
mod names;
mod report;
mod rules;
mod spec;
mod status;
mod validate;

pub use check::{check, read};
pub use editor::{json_schema, json_schema_text};
pub use interval::{deadline, duration};
pub use manifest::{definition, manifest};
pub use names::{NOT_A_LABEL, is_label, is_subdomain};
pub use report::drift_summary;
pub use spec::{
    DeletionPolicy, Mode, OrganizationReference, OrganizationSessionPolicy, OrganizationSessionPolicySpec,
    PolicySource, SecretReference, SessionPolicy, TimeoutUnit,
};
pub use status::{
    ApplicationLimits, DriftedField, EffectiveLimit, EffectiveLimits, OrganizationSessionPolicyStatus, ReportedPolicy,
    ReportedRelease,
};
pub use validate::validate;

pub use crate::policy::{RuleId, Violation};

/// The finalizer of a resource whose deletion may have to write to Scalekit.
pub const FINALIZER: &str = "scalekit.com/session-policy";

/// The annotation that asks for a reconcile now; its value is echoed in
/// `status.lastHandledReconcileAt`. Flux' name, so `flux reconcile` works.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
