//! How many requests to the API server resources cost, by its own count.

use crate::{
    cluster::{Cluster, eventually},
    failures::crowd::Crowd,
    world::{World, condition},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Resources, each with an organization of its own.
const N: u64 = 20;

/// What was asked of the API server about all resources.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Asked {
    reads: u64,
    status_writes: u64,
    other_writes: u64,
}

impl Asked {
    fn of(cluster: &Cluster) -> Self {
        let metrics = cluster.ok(&["get", "--raw", "/metrics"]);
        let ours = |line: &&str| {
            line.starts_with("apiserver_request_total{") && line.contains("resource=\"organizationsessionpolicies\"")
        };
        let count = |labels: &[&str]| {
            let lines = metrics.lines().filter(ours).filter(|line| labels.iter().all(|label| line.contains(label)));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
        };
        let (whole, status) = ("subresource=\"\"", "subresource=\"status\"");
        Self {
            reads: count(&["verb=\"GET\""]),
            status_writes: ["APPLY", "PATCH", "PUT"]
                .map(|verb| count(&[status, &format!("verb=\"{verb}\"")]))
                .iter()
                .sum(),
            other_writes: ["APPLY", "PATCH", "PUT"]
                .map(|verb| count(&[whole, &format!("verb=\"{verb}\"")]))
                .iter()
                .sum(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            reads: self.reads - before.reads,
            status_writes: self.status_writes - before.status_writes,
            other_writes: self.other_writes - before.other_writes,
        }
    }
}

/// An API server of its own, whose counts are of this test alone, and new resources that have come to
/// rest; what the operator asked for that. Their organizations have `session_policy` on or off.
async fn arrived(feature: bool, latency: u64, interval: &'static str) -> (World, Crowd, Asked) {
    let cluster = Arc::new(Cluster::exclusive());
    let mut world = World::on(cluster, World::scalekit(json!({ "latency_ms": latency })).await);
    let crowd = Crowd(N);
    crowd.arrive(&world, None);
    let features = json!([{"name": "session_policy", "enabled": feature}]);
    crowd.organizations().for_each(|organization| world.edit(&organization, &json!({ "features": features })));
    let before = Asked::of(&world.cluster);
    world.arguments = vec!["--resync-interval", interval];
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    let asked = Asked::of(&world.cluster).since(before);
    (world, crowd, asked)
}

/// Edits all resources at once, and waits until all of them are Ready again.
fn edit(world: &World) {
    let all: Value = serde_json::from_str(&world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
    for resource in all["items"].as_array().unwrap() {
        let patch = json!({"spec": {"policy": {"absoluteSessionTimeout": 240}}}).to_string();
        world.kubectl(&["patch", "osp", resource["metadata"]["name"].as_str().unwrap(), "--type=merge", "-p", &patch]);
    }
    eventually("all edits are applied", 120, || {
        let all: Value = serde_json::from_str(&world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
        let applied = |resource: &Value| {
            let now = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
            now && condition(resource, "Ready").is_some_and(|ready| ready["reason"] == "InSync")
        };
        all["items"].as_array().unwrap().iter().all(applied).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_a_resource_is_neither_read_nor_written_and_an_edit_writes_one_status() {
    let (world, crowd, new) = arrived(true, 0, "2s").await;
    assert_eq!(new, Asked { reads: N, status_writes: 2 * N, other_writes: N });
    world.until_reconciled(2 * N);
    let (before, versions) = (Asked::of(&world.cluster), crowd.until(&world, "True", "InSync"));
    world.until_reconciled(4 * N);
    let asked = Asked::of(&world.cluster).since(before);
    assert_eq!((asked.status_writes, asked.other_writes), (0, 0));
    assert!(asked.reads <= 2, "one in half a minute for all, and none for each: {asked:?}");
    assert_eq!(crowd.until(&world, "True", "InSync"), versions);

    let before = Asked::of(&world.cluster);
    edit(&world);
    let asked = Asked::of(&world.cluster).since(before);
    assert_eq!(asked.other_writes, N, "those of the edits themselves");
    assert!((N..N + N / 2).contains(&asked.status_writes), "few of them took longer than a second: {asked:?}");

    let before = Asked::of(&world.cluster);
    let declared = world.stored("org_1")["policy"].clone();
    let other = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200, "idle_enabled": false, "idle_minutes": null}});
    crowd.organizations().for_each(|organization| world.edit(&organization, &other));
    eventually("all drift is corrected", 120, || {
        crowd.organizations().all(|organization| world.stored(&organization)["policy"] == declared).then_some(())
    });
    let asked = Asked::of(&world.cluster).since(before);
    assert!((N..N + N / 2).contains(&asked.reads) && asked.status_writes <= N, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_takes_long_says_that_it_is_under_way() {
    let (world, _, new) = arrived(false, 600, "1h").await;
    assert_eq!(new, Asked { reads: N, status_writes: 3 * N, other_writes: N });
    let before = Asked::of(&world.cluster);
    edit(&world);
    assert_eq!(Asked::of(&world.cluster).since(before).status_writes, 2 * N);
}
