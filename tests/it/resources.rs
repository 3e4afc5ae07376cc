//! Resources through the API, without a process for each look, for tests that make and read very many.

use crate::cluster::Cluster;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Those of a namespace.
pub async fn resources(cluster: &Cluster, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("scalekit.com", "v1alpha1", "OrganizationSessionPolicy");
    let resource = ApiResource::from_gvk_with_plural(&kind, "organizationsessionpolicies");
    Api::namespaced_with(cluster.client().await, namespace, &resource)
}

/// The resource, or null.
pub async fn read(api: &Api<DynamicObject>, name: &str) -> Value {
    api.get_opt(name).await.unwrap().map_or(Value::Null, |object| serde_json::to_value(object).unwrap())
}

/// Types, states and reasons of the conditions: what does not tell of times.
pub fn conditions(resource: &Value) -> Vec<String> {
    let all = resource["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let word = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> =
        all.iter().map(|one| ["type", "status", "reason"].map(|field| word(one, field)).join(" ")).collect();
    all.sort();
    all
}

/// Declares the resource as somebody's.
pub async fn apply(api: &Api<DynamicObject>, name: &str, spec: &Value) -> kube::Result<()> {
    let resource = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"name": name}, "spec": spec});
    api.patch(name, &PatchParams::apply("somebody").force(), &Patch::Apply(resource)).await.map(drop)
}

/// Looks until there is what is looked for; `Err`: what was there last.
pub async fn until<T, E>(patience: Duration, mut look: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    loop {
        match look().await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(50)).await, // between two looks
            ended => return ended,
        }
    }
}
