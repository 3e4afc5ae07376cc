//! What becomes of resources from their creation to their deletion, with an operator that works through `Between`.

use crate::{
    between::{Between, Step},
    cluster::Cluster,
    world::{World, condition},
};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// What somebody does, or what is waited for.
pub enum Act {
    Start,
    /// Name, organization, absolute timeout in hours, and the Secret.
    Apply(&'static str, &'static str, u32, Option<&'static str>),
    /// Waits for a Ready condition of the present generation with this reason.
    Until(&'static str, &'static str),
    Delete(&'static str),
    Gone(&'static str),
    Secret(&'static str),
}

/// How a run went: what each wait ended with, and what passed between operator and API server.
pub struct Run {
    pub ends: Vec<Value>,
    pub passed: BTreeMap<String, u64>,
    pub hits: u64,
}

/// Longer than any pause of an operator that is disturbed once or twice.
const PATIENCE: Duration = Duration::from_secs(120);

/// The resources of a namespace, without a process for each look.
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

/// One life, disturbed by this plan.
pub async fn live(cluster: Arc<Cluster>, acts: &[Act], plan: &[Step]) -> Run {
    let mut world = World::on(cluster, World::scalekit(json!({})).await);
    world.arguments = vec!["--relist-interval", "2s", "--resync-interval", "1h"];
    let between = Between::before(&mut world).await;
    between.plan(plan);
    let api = resources(&world.cluster, &world.namespace).await;
    let mut ends = Vec::new();
    for act in acts {
        match *act {
            Act::Start => world.start_operator(),
            Act::Secret(name) => world.apply_secret(name, "test_simulator"),
            Act::Apply(name, organization, hours, secret) => {
                let mut spec = json!({"organization": {"id": organization}, "policy": {"policySource": "CUSTOM",
                    "absoluteSessionTimeout": hours, "absoluteSessionTimeoutUnit": "HOURS"}});
                if let Some(secret) = secret {
                    spec["credentialsSecretRef"] = json!({"name": secret});
                }
                let resource = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
                    "metadata": {"name": name}, "spec": spec});
                api.patch(name, &PatchParams::apply("somebody").force(), &Patch::Apply(resource)).await.unwrap();
            }
            Act::Delete(name) => drop(api.delete(name, &DeleteParams::default()).await.unwrap()),
            Act::Until(name, reason) => {
                let found = until(&api, name, |resource| {
                    let now = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
                    now && condition(resource, "Ready").is_some_and(|ready| ready["reason"] == reason)
                });
                let found =
                    found.await.unwrap_or_else(|last| panic!("{name} is not {reason}: {last:#}\n{}", world.tail()));
                ends.push(end(&world, &found));
            }
            Act::Gone(name) => {
                let gone = until(&api, name, Value::is_null).await;
                gone.unwrap_or_else(|last| panic!("{name} is still there: {last:#}\n{}", world.tail()));
                ends.push(end(&world, &Value::Null));
            }
        }
    }
    Run { ends, passed: between.passed(), hits: between.hits() }
}

/// The resource as soon as it is like this; `Err`: as it was last.
pub async fn until(api: &Api<DynamicObject>, name: &str, mut like: impl FnMut(&Value) -> bool) -> Result<Value, Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = read(api, name).await;
        match like(&now) {
            true => return Ok(now),
            false if Instant::now() > deadline => return Err(now),
            false => tokio::time::sleep(Duration::from_millis(50)).await, // between two looks
        }
    }
}

/// What is stored at Scalekit, what was written to it so far, and what the status says.
fn end(world: &World, resource: &Value) -> Value {
    let stored = world.stored("org_1");
    json!({"conditions": conditions(resource), "policy": stored["policy"], "features": stored["features"],
        "writes": world.writes()})
}
