//! One run's world: an API server, a simulated Scalekit behind TLS, the resources, and a watch that sees when
//! they are Ready.

use crate::{
    authority::Authority,
    cluster::Cluster,
    counts::Call,
    results::{LATENCY, Setup},
};
use futures::{StreamExt, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::watcher,
};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio_util::task::AbortOnDropHandle;

const NAMESPACE: &str = "default";

/// What resources declare at first, in minutes.
pub const DECLARED: u64 = 480;

pub struct World {
    pub setup: Setup,
    pub cluster: Cluster,
    pub authority: Authority,
    pub url: String,
    simulator: Simulator,
    client: Client,
    api: Api<DynamicObject>,
    /// Each resource that there is, and whether it is Ready with its present spec.
    ready: Arc<Mutex<HashMap<String, bool>>>,
    _watch: AbortOnDropHandle<()>,
}

impl World {
    /// A world with all resources but no contestant yet.
    pub async fn new(setup: Setup) -> Self {
        let cluster = Cluster::exclusive();
        // of baselines; the administrator itself would not be subject to the API server's fairness
        cluster.ok(&["create", "clusterrolebinding", "all", "--clusterrole=cluster-admin", "--user=limited"]);
        let config = Config {
            organizations: setup.organizations(),
            settings: json!({"latency_ms": LATENCY.as_millis(), "gate": {"mode": "flag"}}),
            ..Config::default()
        };
        let simulator = Simulator::start(config).await.unwrap();
        let authority = Authority::new("bench");
        let url = authority.front(simulator.address()).await;
        let client = cluster.client().await;
        let gvk = GroupVersionKind::gvk("scalekit.com", "v1alpha1", "OrganizationSessionPolicy");
        let kind = ApiResource::from_gvk_with_plural(&gvk, "organizationsessionpolicies");
        let api = Api::namespaced_with(client.clone(), NAMESPACE, &kind);
        let ready = Arc::default();
        let watch = AbortOnDropHandle::new(tokio::spawn(watch(api.clone(), Arc::clone(&ready))));
        let world = Self { setup, cluster, authority, url, simulator, client, api, ready, _watch: watch };
        world.create(1..=setup.resources).await;
        world
    }

    /// Applies new resources, named after their organizations.
    pub async fn create(&self, numbers: impl Iterator<Item = usize>) {
        stream::iter(numbers).for_each_concurrent(8, |n| self.declare(n, DECLARED)).await;
    }

    /// Applies a resource that declares this absolute timeout in minutes.
    pub async fn declare(&self, number: usize, absolute: u64) {
        let name = name(number);
        let policy = json!({"policySource": "CUSTOM", "absoluteSessionTimeout": absolute,
            "absoluteSessionTimeoutUnit": "MINUTES"});
        let resource = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "metadata": {"name": name},
            "spec": {"organization": {"id": organization(number)}, "policy": policy},
        });
        // applied, so that the API server counts it as another verb than what the contestants use
        let parameters = PatchParams::apply("bench").force();
        self.api.patch(&name, &parameters, &Patch::Apply(resource)).await.unwrap();
    }

    pub async fn delete_all(&self) {
        self.api.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    }

    pub fn count_ready(&self) -> usize {
        self.ready.lock().unwrap().values().filter(|ready| **ready).count()
    }

    pub fn is_ready(&self, number: usize) -> bool {
        self.ready.lock().unwrap().get(&name(number)) == Some(&true)
    }

    pub fn count(&self) -> usize {
        self.ready.lock().unwrap().len()
    }

    /// Sends the simulator an admin request.
    pub fn simulated(&self, method: &str, target: &str, body: &Value) -> Value {
        let (status, said) = self.simulator.admin(method, &format!("/_simulator/{target}"), body);
        assert_eq!(status, 200, "{said}");
        said
    }

    /// Scalekit allows so many requests per second from now on, and says so.
    pub fn limit(&self, per_second: Option<f64>) {
        let burst = per_second.map_or(1.0, |rate| rate.max(1.0));
        let limit = json!({"per_second": per_second, "burst": burst as u32, "reported": true});
        self.simulated("PATCH", "settings", &json!({"rate_limit": limit}));
    }

    /// The calls since the journal was cleared.
    pub fn calls(&self) -> Vec<Call> {
        serde_json::from_value(self.simulated("GET", "journal?path=/api/**", &Value::Null)).unwrap()
    }

    /// Successful writes of policies since the journal was cleared.
    pub fn count_policy_patches(&self) -> u64 {
        let filter = "journal/count?method=PATCH&status=200&path=/api/v1/organizations/*/session-policy";
        self.simulated("GET", filter, &Value::Null)["count"].as_u64().unwrap()
    }

    /// The API server's metrics.
    pub async fn metrics(&self) -> String {
        let request = http_get("/metrics");
        self.client.request_text(request).await.unwrap()
    }

    /// Waits until `condition` holds, at most this long; how long it took.
    pub async fn until(&self, bound: Duration, condition: impl Fn(&Self) -> bool) -> Option<Duration> {
        let start = Instant::now();
        while start.elapsed() < bound {
            if condition(self) {
                return Some(start.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }
}

fn http_get(path: &str) -> axum::http::Request<Vec<u8>> {
    axum::http::Request::get(path).body(Vec::new()).unwrap()
}

fn name(number: usize) -> String {
    format!("p-{number}")
}

pub fn organization(number: usize) -> String {
    format!("org_{number}")
}

async fn watch(api: Api<DynamicObject>, ready: Arc<Mutex<HashMap<String, bool>>>) {
    let mut events = pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                ready.lock().unwrap().insert(object.metadata.name.clone().unwrap(), is_ready(&object));
            }
            Ok(watcher::Event::Delete(object)) => {
                ready.lock().unwrap().remove(&object.metadata.name.unwrap());
            }
            Ok(watcher::Event::Init) => ready.lock().unwrap().clear(),
            Ok(watcher::Event::InitDone) => {}
            Err(error) => eprintln!("watch: {error}"),
        }
    }
}

fn is_ready(object: &DynamicObject) -> bool {
    let status = &object.data["status"];
    let conditions = status["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
        && status["observedGeneration"] == json!(object.metadata.generation)
}
