//! Finds out from labels and annotations which GitOps tool applies a resource from Git. The tool sets
//! every field that Git declares, so `osp suspend` warns about it and `osp explain` names it.

use kube::{Resource, ResourceExt};
use std::fmt;

/// The tool, and the object through which it applies the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The namespace/name of Flux's Kustomization.
    Flux(String),
    /// The name of Argo CD's Application.
    ArgoCd(String),
    /// The value of `app.kubernetes.io/instance`, which Argo CD and Helm both set.
    Instance(String),
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flux(name) => write!(f, "Flux (Kustomization {name})"),
            Self::ArgoCd(name) => write!(f, "Argo CD (Application {name})"),
            Self::Instance(name) => write!(f, "Argo CD or Helm ({name})"),
        }
    }
}

impl Delivery {
    pub(super) fn of(resource: &impl Resource) -> Option<Self> {
        let (labels, annotations) = (resource.labels(), resource.annotations());
        let label = |key: &str| labels.get(key).cloned();
        if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
            let namespace = label("kustomize.toolkit.fluxcd.io/namespace");
            return Some(Self::Flux(namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"))));
        }
        // APPLICATION:group/kind:namespace/name
        let tracked = annotations.get("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
        let tracked = tracked.map(ToOwned::to_owned).or_else(|| label("argocd.argoproj.io/instance"));
        tracked.map(Self::ArgoCd).or_else(|| label("app.kubernetes.io/instance").map(Self::Instance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    #[test]
    fn each_tool_leaves_its_mark() {
        let of = |metadata: Value| {
            let resource: ConfigMap = serde_json::from_value(json!({"metadata": metadata})).unwrap();
            Delivery::of(&resource).map(|delivery| delivery.to_string()).unwrap_or_default()
        };
        let flux =
            json!({"kustomize.toolkit.fluxcd.io/name": "policies", "kustomize.toolkit.fluxcd.io/namespace": "a"});
        let tracked = "apps:scalekit.com/OrganizationSessionPolicy:a/acme";
        assert_eq!(of(json!({"labels": flux})), "Flux (Kustomization a/policies)");
        assert_eq!(
            of(json!({"annotations": {"argocd.argoproj.io/tracking-id": tracked}})),
            "Argo CD (Application apps)"
        );
        assert_eq!(of(json!({"labels": {"app.kubernetes.io/instance": "x"}})), "Argo CD or Helm (x)");
        assert_eq!(of(json!({"labels": {"app": "x"}})), "");
    }
}
