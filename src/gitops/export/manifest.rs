//! The manifest of an organization as it is now, so that applying it changes nothing.

use super::name::name;
use crate::{
    policy::{Live, Minutes, Mode, OrganizationId, Policy},
    reconcile::Organization,
};

/// What the manifest needs of an organization; kept until all have been read, to sort them.
pub(super) struct Exported {
    pub(super) name: String,
    id: OrganizationId,
    mode: Mode,
    policy: Policy,
}

impl Exported {
    /// `None` if the policy can't be declared, since it is incomplete, inconsistent, or of an unknown
    /// source. The mode is Observe for a custom policy whose feature is off, since any other mode would
    /// switch it on.
    pub(super) fn new(organization: &Organization, live: &Live) -> Option<Self> {
        let policy = live.declarable()?;
        let as_is = policy == Policy::Application || organization.session_policy_enabled();
        let mode = if as_is { Mode::Enforce } else { Mode::Observe };
        Some(Self { name: name(organization), id: organization.id.clone(), mode, policy })
    }

    /// The manifest as YAML.
    pub(super) fn yaml(&self, namespace: Option<&str>) -> String {
        let mut yaml = String::from("apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata:\n");
        yaml += &format!("  name: \"{}\"\n", self.name);
        if let Some(namespace) = namespace {
            yaml += &format!("  namespace: \"{namespace}\"\n");
        }
        yaml += &format!("spec:\n  organization:\n    id: {}\n  policy:\n", self.id);
        match &self.policy {
            Policy::Application => yaml += "    policySource: APPLICATION\n",
            Policy::Custom(session) => {
                yaml += "    policySource: CUSTOM\n";
                yaml += &timeout("absoluteSessionTimeout", session.absolute());
                yaml += &format!("    idleSessionTimeoutEnabled: {}\n", session.idle().is_some());
                yaml += &session.idle().map(|idle| timeout("idleSessionTimeout", idle)).unwrap_or_default();
            }
        }
        if self.mode == Mode::Observe {
            yaml += "  mode: Observe # its feature session_policy is off; Enforce would switch it on\n";
        }
        yaml
    }
}

/// The two fields of a timeout, in the largest unit that divides it.
fn timeout(field: &str, minutes: Minutes) -> String {
    let (value, unit) = minutes.in_largest_unit();
    format!("    {field}: {value}\n    {field}Unit: {}\n", unit.name())
}
