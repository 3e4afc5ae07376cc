//! What becomes of resources from their creation to their deletion, with an operator that works through `Between`.

use crate::{
    between::{Between, Step},
    cluster::Cluster,
    resources::{apply, conditions, read, resources, until},
    world::{World, condition},
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
                apply(&api, name, &spec).await.unwrap();
            }
            Act::Delete(name) => drop(api.delete(name, &DeleteParams::default()).await.unwrap()),
            Act::Until(name, reason) => {
                let ready = found(&api, name, |resource| {
                    let now = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
                    now && condition(resource, "Ready").is_some_and(|ready| ready["reason"] == reason)
                });
                let ready =
                    ready.await.unwrap_or_else(|last| panic!("{name} is not {reason}: {last:#}\n{}", world.tail()));
                ends.push(end(&world, &ready));
            }
            Act::Gone(name) => {
                let gone = found(&api, name, Value::is_null).await;
                gone.unwrap_or_else(|last| panic!("{name} is still there: {last:#}\n{}", world.tail()));
                ends.push(end(&world, &Value::Null));
            }
        }
    }
    Run { ends, passed: between.passed(), hits: between.hits() }
}

/// The resource as soon as it is like this; `Err`: as it was last.
async fn found(api: &Api<DynamicObject>, name: &str, mut like: impl FnMut(&Value) -> bool) -> Result<Value, Value> {
    let look = async || {
        let now = read(api, name).await;
        if like(&now) { Ok(now) } else { Err(now) }
    };
    until(PATIENCE, look).await
}

/// What is stored at Scalekit, what was written to it so far, and what the status says.
fn end(world: &World, resource: &Value) -> Value {
    let stored = world.stored("org_1");
    json!({"conditions": conditions(resource), "policy": stored["policy"], "features": stored["features"],
        "writes": world.writes()})
}
