//! The real operator along ways through the explorer's worlds: its requests to Scalekit, what its status says and what
//! is live in the end are the model's. The ways are written by `src/reconcile/tests/explorer/ways.rs`.

mod way;

use crate::{
    cluster::{Cluster, cluster},
    figures::{publish, today},
    resources::{self, conditions, read, resources, until},
    side_by_side::side_by_side,
    world::World,
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use way::{Part, Way, calls, live, ways};

/// Whether one of two resources wakes the other depends on whether that was confirmed in the last half minute, and
/// whether it does so once more than in the model on which of them is faster.
const TWO: &str = "two resources of one organization";
/// So many reads of each kind there may be more or fewer then.
const READS: usize = 2;
/// So much time passes in the model before each thing that somebody does.
const LATER: Duration = Duration::from_secs(31);

/// One way under way.
struct Drive {
    world: World,
    api: Api<DynamicObject>,
    /// The specs of the resources that were ever declared.
    specs: Vec<Value>,
    two: bool,
    /// Requests that belong to earlier parts.
    seen: usize,
}

fn custom(absolute: u32, idle: Option<u32>) -> Value {
    let mut policy =
        json!({"policySource": "CUSTOM", "absoluteSessionTimeout": absolute, "absoluteSessionTimeoutUnit": "MINUTES"});
    if let Some(idle) = idle {
        policy["idleSessionTimeoutEnabled"] = json!(true);
        policy["idleSessionTimeout"] = json!(idle);
        policy["idleSessionTimeoutUnit"] = json!("MINUTES");
    }
    policy
}

fn name(number: usize) -> String {
    format!("osp-{number}")
}

impl Drive {
    async fn begin(cluster: Arc<Cluster>, way: &Way) -> Self {
        let mut world = World::on(cluster, World::scalekit(json!({})).await);
        world.arguments = vec!["--resync-interval", "1h", "--revert-delay", "1s"];
        let api = resources(&world.cluster, &world.namespace).await;
        let two = way.world == TWO;
        let mut spec = json!({"organization": {"id": "org_1"}, "policy": custom(480, Some(60))});
        if way.world == "what was there before is restored" {
            (spec["mode"], spec["deletionPolicy"]) = (json!("TightenOnly"), json!("Restore"));
            let mut features = world.stored("org_1")["features"].clone();
            features.as_array_mut().unwrap().push(json!({"name": "session_policy", "enabled": true}));
            let live = json!({"source": "CUSTOM", "absolute_minutes": 600, "idle_enabled": true, "idle_minutes": 30});
            world.edit("org_1", &json!({"features": features, "policy": live}));
        }
        Self { world, api, specs: vec![spec], two, seen: 0 }
    }

    async fn apply(&self, number: usize) {
        resources::apply(&self.api, &name(number), &self.specs[number - 1]).await.unwrap();
    }

    async fn edit(&mut self, field: &str, value: Value) {
        self.specs[0][field] = value;
        self.apply(1).await;
    }

    async fn merge(&self, number: usize, patch: Value) {
        drop(self.api.patch(&name(number), &PatchParams::default(), &Patch::Merge(patch)).await);
    }

    /// Somebody changes something at Scalekit, which the next reconcile sees.
    async fn at_scalekit(&self, change: Value) {
        self.world.edit("org_1", &change);
        let annotations =
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": self.seen.to_string()}}});
        for number in 1..=self.specs.len() {
            self.merge(number, annotations.clone()).await;
        }
    }

    async fn act(&mut self, what: &str) {
        match what {
            "start" => {
                self.apply(1).await;
                self.world.start_operator();
            }
            "somebody declares a tighter policy" => self.edit("policy", custom(240, Some(30))).await,
            "somebody declares a looser policy" => self.edit("policy", custom(600, None)).await,
            "somebody declares APPLICATION" => self.edit("policy", json!({"policySource": "APPLICATION"})).await,
            "somebody suspends the resource, or wakes it" => {
                let suspended = self.specs[0]["suspend"] == true;
                self.edit("suspend", json!(!suspended)).await;
            }
            "somebody sets mode Observe" => self.edit("mode", json!("Observe")).await,
            "somebody sets mode TightenOnly" => self.edit("mode", json!("TightenOnly")).await,
            "somebody sets mode Enforce" => self.edit("mode", json!("Enforce")).await,
            "somebody sets deletionPolicy Retain" => self.edit("deletionPolicy", json!("Retain")).await,
            "somebody deletes resource 1" => drop(self.api.delete(&name(1), &DeleteParams::default()).await.unwrap()),
            "somebody deletes resource 2" => drop(self.api.delete(&name(2), &DeleteParams::default()).await.unwrap()),
            "another controller adds a finalizer" => {
                let now = read(&self.api, &name(1)).await;
                let mut finalizers = now["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
                finalizers.push(json!("example.com/held"));
                self.merge(1, json!({"metadata": {"finalizers": finalizers}})).await;
            }
            "somebody creates another one" => {
                let second = || jiff::Timestamp::now().as_second();
                let now = second();
                while second() == now {
                    tokio::time::sleep(Duration::from_millis(50)).await; // creation times have whole seconds
                }
                self.specs.push(json!({"organization": {"id": "org_1"}, "policy": custom(120, None)}));
                self.apply(self.specs.len()).await;
            }
            "somebody makes the live policy looser" => self.at_scalekit(policy(43_200, None)).await,
            "somebody makes the live policy tighter" => self.at_scalekit(policy(120, Some(15))).await,
            "somebody switches the feature off" => {
                let mut features = self.world.stored("org_1")["features"].clone();
                for flag in features.as_array_mut().unwrap().iter_mut().filter(|flag| flag["name"] == "session_policy")
                {
                    flag["enabled"] = json!(false);
                }
                self.at_scalekit(json!({ "features": features })).await;
            }
            other => panic!("nobody knows how to do this: {other}"),
        }
    }

    /// What was asked of Scalekit since the end of the last part.
    fn calls(&self) -> Vec<String> {
        calls(&self.world.admin("GET", "journal", &Value::Null).as_array().unwrap()[self.seen..])
    }

    /// That, what the resources say, and what is live.
    async fn now(&self) -> Part {
        let calls = self.calls();
        let mut state = Vec::new();
        for number in 1..=self.specs.len() {
            let resource = read(&self.api, &name(number)).await;
            if !resource.is_null() {
                state.push(format!("resource {number}: {}", conditions(&resource).join(", ")));
            }
        }
        state.push(live(&self.world.stored("org_1")));
        Part { calls, state, ..Part::default() }
    }

    /// One part of the way; `Err`: it ended otherwise than in the model.
    async fn part(&mut self, part: &Part) -> Result<(), String> {
        if self.two && part.what != "start" {
            tokio::time::sleep(LATER).await; // what is waited for is that nothing happens
            if self.calls().iter().any(|call| is_write(call)) {
                return Err(format!("written before {}:\n  {}", part.what, self.calls().join("\n  ")));
            }
            self.seen = self.world.admin("GET", "journal", &Value::Null).as_array().unwrap().len();
        }
        self.world.admin("DELETE", "faults", &Value::Null);
        self.world.admin("POST", "faults", &json!(part.rules()));
        self.act(&part.what).await;
        let same = until(Duration::from_secs(60), async || {
            let now = self.now().await;
            let same = if self.two { are_alike(&now.calls, &part.calls) } else { now.calls == part.calls };
            if same && now.state == part.state { Ok(()) } else { Err(now) }
        });
        if let Err(now) = same.await {
            let [expected, now] = [part, &now].map(|part| [&*part.calls, &*part.state].concat().join("\n  "));
            return Err(format!("{}\n{:?}\n  {now}\nin the model\n  {expected}", part.what, part.faults));
        }
        self.seen = self.world.admin("GET", "journal", &Value::Null).as_array().unwrap().len();
        Ok(())
    }
}

fn is_write(call: &str) -> bool {
    call.starts_with("write ")
}

/// Whether these are the same writes in the same order, and nearly as many reads of each kind.
fn are_alike(some: &[String], others: &[String]) -> bool {
    let writes = |calls: &[String]| calls.iter().filter(|call| is_write(call)).cloned().collect::<Vec<_>>();
    let reads = |calls: &[String], kind| calls.iter().filter(|call| *call == kind).count();
    let near = |kind| reads(some, kind).abs_diff(reads(others, kind)) <= READS;
    writes(some) == writes(others) && ["read organization", "read policy"].iter().all(near)
}

fn policy(absolute: u32, idle: Option<u32>) -> Value {
    json!({"policy": {"source": "CUSTOM", "absolute_minutes": absolute, "idle_enabled": idle.is_some(), "idle_minutes": idle}})
}

/// The stories of those ways that ended otherwise than in the model.
async fn drive(ways: Vec<Way>) -> Vec<String> {
    let cluster = cluster();
    let ways = ways.into_iter().map(|way| (Arc::clone(&cluster), way));
    let driven = side_by_side(ways, 20, async |(cluster, way): (Arc<Cluster>, Way)| {
        let mut drive = Drive::begin(cluster, &way).await;
        let mut before = vec![way.world.clone()];
        for part in &way.parts {
            let ended = drive.part(part).await;
            ended.map_err(|story| {
                format!("WAY={}: {}: {story}\n{}", way.number, before.join(", "), drive.world.log())
            })?;
            before.push(part.what.clone());
        }
        Ok::<(), String>(())
    });
    let driven = driven.await.into_iter().map(|driven| driven.map_err(|error| error.to_string()).and_then(|way| way));
    driven.filter_map(Result::err).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn along_ways_of_the_explorer_the_real_operator_does_what_the_model_did() {
    let (two, one): (Vec<Way>, Vec<Way>) = ways().into_iter().partition(|way| way.world == TWO);
    let short = two.into_iter().filter(|way| way.parts.len() == 2); // each part takes half a minute
    let stories = drive(one.into_iter().step_by(20).chain(short.step_by(5)).collect()).await;
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make traces`: takes some minutes, and writes docs/proof.md"]
async fn every_way() {
    let (mut ways, begun) = (ways(), Instant::now());
    if let Ok(number) = std::env::var("WAY") {
        let stories = drive(vec![ways.swap_remove(number.parse::<usize>().unwrap() - 1)]).await;
        assert!(stories.is_empty(), "{}", stories.join("\n\n"));
        return;
    }
    let (count, parts) = (ways.len(), ways.iter().map(|way| way.parts.len()).sum::<usize>());
    let faults: usize = ways.iter().flat_map(|way| &way.parts).map(|part| part.faults.len()).sum();
    let stories = drive(ways).await;
    println!("{count} ways, {} ended otherwise\n{}", stories.len(), stories.join("\n\n"));
    assert!(stories.is_empty());
    let head =
        "| ways | what somebody did | requests that went wrong | ended otherwise | seconds |\n|---|---|---|---|---|";
    let row = format!("| {count} | {parts} | {faults} | {} | {} |", stories.len(), begun.elapsed().as_secs());
    publish("docs/proof.md", "traces", "traces", &format!("{}.\n\n{head}\n{row}", today()));
}
