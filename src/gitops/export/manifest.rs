//! The manifest of an organization. An exported one is as the organization is now, so that applying it
//! changes nothing.

use super::name::{name, of_reference};
use crate::{
    policy::{Live, Minutes, Mode, OrganizationRef, Policy},
    reconcile::Organization,
};

/// `-o` of a verb that prints manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::gitops) enum ManifestFormat {
    Yaml,
}

/// What a manifest declares; kept until all organizations have been read, to sort them.
pub(in crate::gitops) struct Manifest {
    pub(in crate::gitops) name: String,
    pub(in crate::gitops) organization: OrganizationRef,
    pub(in crate::gitops) mode: Mode,
    pub(in crate::gitops) policy: Policy,
    /// Why it has this mode.
    pub(in crate::gitops) remark: Option<&'static str>,
}

impl Manifest {
    /// The name that a manifest of this organization gets by default.
    pub(in crate::gitops) fn name_of(organization: &OrganizationRef) -> Option<String> {
        of_reference(organization)
    }

    /// `None` if the policy can't be declared, since it is incomplete, inconsistent, or of an unknown
    /// source. The mode is Observe for a custom policy whose feature is off, since any other mode would
    /// switch it on.
    pub(super) fn new(organization: &Organization, live: &Live) -> Option<Self> {
        let policy = live.declarable()?;
        let as_is = policy == Policy::Application || organization.session_policy_enabled();
        let mode = if as_is { Mode::Enforce } else { Mode::Observe };
        let remark = (!as_is).then_some("its feature session_policy is off; Enforce would switch it on");
        let id = OrganizationRef::Id(organization.id.clone());
        Some(Self { name: name(organization), organization: id, mode, policy, remark })
    }

    /// The manifest as YAML.
    pub(in crate::gitops) fn yaml(&self, namespace: Option<&str>) -> String {
        let mut yaml = String::from("apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata:\n");
        yaml += &format!("  name: \"{}\"\n", self.name);
        if let Some(namespace) = namespace {
            yaml += &format!("  namespace: \"{namespace}\"\n");
        }
        let organization = match &self.organization {
            OrganizationRef::Id(id) => format!("id: {id}"),
            // a text in JSON is one in YAML
            OrganizationRef::External(id) => format!("externalId: {}", serde_json::Value::from(id.as_str())),
        };
        yaml += &format!("spec:\n  organization:\n    {organization}\n  policy:\n");
        match &self.policy {
            Policy::Application => yaml += "    policySource: APPLICATION\n",
            Policy::Custom(session) => {
                yaml += "    policySource: CUSTOM\n";
                yaml += &timeout("absoluteSessionTimeout", session.absolute());
                yaml += &format!("    idleSessionTimeoutEnabled: {}\n", session.idle().is_some());
                yaml += &session.idle().map(|idle| timeout("idleSessionTimeout", idle)).unwrap_or_default();
            }
        }
        if self.mode != Mode::Enforce {
            let remark = self.remark.map(|remark| format!(" # {remark}")).unwrap_or_default();
            yaml += &format!("  mode: {}{remark}\n", self.mode.name());
        }
        yaml
    }
}

/// The two fields of a timeout, in the largest unit that divides it.
fn timeout(field: &str, minutes: Minutes) -> String {
    let (value, unit) = minutes.in_largest_unit();
    format!("    {field}: {value}\n    {field}Unit: {}\n", unit.name())
}
