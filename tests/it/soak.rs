//! Two operators, of which again and again one is killed, with edits, drift and faults: in the end nothing is stuck, and
//! no policy is left of a resource that is gone.

use crate::{
    cluster::{cluster, eventually, within},
    figures::{publish, today},
    leader::Replica,
    world::{World, condition, scalekit},
};
use fastrand::Rng;
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Organizations, each with a resource or none.
const ORGANIZATIONS: usize = 40;
const BETWEEN_KILLS: Duration = Duration::from_millis(2500);
const BETWEEN_ACTS: Duration = Duration::from_millis(250);
/// What somebody else sets, and no resource declares.
const FOREIGN: u32 = 43_200;

#[derive(Debug, Default)]
struct Done {
    kills: usize,
    of_leaders: usize,
    acts: usize,
    faults: usize,
}

struct Soak {
    world: World,
    replicas: Vec<Replica>,
    random: Rng,
    /// The absolute timeout of each resource, in minutes; `None`: there is no resource.
    declared: Vec<Option<u32>>,
    done: Done,
}

fn name(nth: usize) -> String {
    format!("soak-{nth}")
}

fn organization(nth: usize) -> String {
    format!("org_{}", nth + 1)
}

fn fault(random: &mut Rng) -> Value {
    let refuse = |status: u16| json!({"kind": "refuse", "status": status});
    let fault = match random.u32(..7) {
        0 => refuse(503),
        1 => refuse(500),
        2 => json!({"kind": "refuse", "status": 429, "headers": {"retry-after": "1"}}),
        3 => refuse(409),
        4 => json!({"kind": "lost_request"}),
        5 => json!({"kind": "lost_response"}),
        _ => json!({"kind": "late", "after_ms": 1500, "then": "silence"}),
    };
    json!({"method": random.choice(["GET", "PATCH"]), "path": "/api/**", "times": random.u32(1..4), "fault": fault})
}

impl Soak {
    async fn begin(seed: u64) -> Self {
        let config = Config { organizations: ORGANIZATIONS, ..scalekit() };
        let mut world = World::on(cluster(), Arc::new(Simulator::start(config).await.unwrap()));
        world.arguments = vec!["--resync-interval", "20s", "--rate-limit", "100"];
        let replicas: Vec<Replica> = ["first", "second"].map(|name| Replica::start(&world, name, None)).into();
        let random = Rng::with_seed(seed);
        Self { world, replicas, random, declared: vec![None; ORGANIZATIONS], done: Done::default() }
    }

    /// Kills one of the two, and starts it again. When it leads, the next one need not wait for the end of its lease.
    fn kill(&mut self) {
        let nth = self.random.usize(..2);
        let leads = self.replicas[nth].leads();
        let names = ["first", "second"];
        drop(self.replicas.remove(nth)); // SIGKILL
        if leads {
            let lease = format!("lease/{}", self.world.namespace);
            drop(self.world.cluster.kubectl(&["-n", "default", "delete", &lease]));
        }
        self.replicas.insert(nth, Replica::start(&self.world, names[nth], None));
        self.done.kills += 1;
        self.done.of_leaders += usize::from(leads);
    }

    fn act(&mut self, with_faults: bool) {
        let nth = self.random.usize(..ORGANIZATIONS);
        self.done.acts += 1;
        match self.random.u32(..10) {
            0 if self.declared[nth].is_some() => {
                self.world.kubectl(&["delete", "osp", &name(nth), "--wait=false"]);
                self.declared[nth] = None;
            }
            1 if self.declared[nth].is_some() => {
                let policy = json!({"source": "CUSTOM", "absolute_minutes": FOREIGN, "idle_enabled": false});
                self.world.edit(&organization(nth), &json!({ "policy": policy }));
            }
            2..=4 if with_faults => {
                self.done.faults += 1;
                self.world.admin("POST", "faults", &fault(&mut self.random));
            }
            _ if self.declared[nth].is_none() && self.world.resource(&name(nth)).is_some() => {} // it is being deleted
            _ => {
                let minutes = self.random.u32(60..1440);
                let policy = format!(
                    "{{policySource: CUSTOM, absoluteSessionTimeout: {minutes}, absoluteSessionTimeoutUnit: MINUTES}}"
                );
                self.world
                    .apply(&name(nth), &format!("{{organization: {{id: {}}}, policy: {policy}}}", organization(nth)));
                self.declared[nth] = Some(minutes);
            }
        }
    }

    /// Acts, and kills if that is wanted, for so long.
    fn go_on(&mut self, lasts: Duration, kills: bool) {
        let (end, mut last) = (Instant::now() + lasts, Instant::now());
        while Instant::now() < end {
            self.act(kills);
            if kills && last.elapsed() >= BETWEEN_KILLS {
                last = Instant::now();
                self.kill();
            }
            std::thread::sleep(BETWEEN_ACTS); // the load, not a wait
        }
    }

    fn leader(&self) -> &Replica {
        eventually("one leads", 60, || self.replicas.iter().find(|replica| replica.leads()))
    }

    /// What is not as it was declared.
    fn left(&self) -> Vec<String> {
        let all: Value = serde_json::from_str(&self.world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
        let all = all["items"].as_array().unwrap();
        let wrong = |(nth, declared): (usize, &Option<u32>)| {
            let resource = all.iter().find(|resource| resource["metadata"]["name"] == name(nth));
            let live = &self.world.stored(&organization(nth))["policy"];
            let is_as_declared = match (declared, resource) {
                (Some(minutes), Some(resource)) => {
                    let ready = condition(resource, "Ready").is_some_and(|ready| ready["status"] == "True");
                    let now = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
                    ready && now && live["source"] == "CUSTOM" && live["absolute_minutes"] == *minutes
                }
                // what somebody else has set stays
                (None, None) => live["source"] != "CUSTOM" || live["absolute_minutes"] == FOREIGN,
                _ => false,
            };
            (!is_as_declared).then(|| format!("{}, declared {declared:?}, live {live}: {resource:?}", name(nth)))
        };
        self.declared.iter().enumerate().filter_map(wrong).collect()
    }

    /// For so long; returns the memory of the leader at the begin and at the end of the last sixth.
    fn run(&mut self, lasts: Duration) -> [f64; 2] {
        self.go_on(lasts * 5 / 6, true);
        self.world.admin("DELETE", "faults", &Value::Null);
        self.go_on(lasts / 24, false);
        let before = self.leader().memory();
        self.go_on(lasts / 8, false);
        let after = self.leader().memory();
        let mut left = Vec::new();
        let quiet = within(180, || {
            left = self.left();
            left.is_empty().then_some(())
        });
        assert!(quiet.is_some(), "stuck, or left behind: {left:#?}");
        [before, after]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_057_operators_that_are_killed_every_three_seconds_leave_nothing_behind() {
    let mut soak = Soak::begin(1).await;
    soak.run(Duration::from_secs(24));
    assert!(soak.done.kills >= 4 && soak.done.acts >= 20, "{:?}", soak.done);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make soak`: takes half an hour, and writes docs/proof.md"]
async fn long() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let seed = std::env::var("SEED").map_or_else(|_| fastrand::u64(..1 << 32), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut soak = Soak::begin(seed).await;
    let [before, after] = soak.run(Duration::from_secs(60) * minutes);
    let Done { kills, of_leaders, acts, faults } = soak.done;
    let figures = format!(
        "{}, seed {seed}.\n\n| minutes | kills | of the leader | what somebody did | faults | stuck or left behind | MB of the \
         leader without kills |\n|---|---|---|---|---|---|---|\n| {minutes} | {kills} | {of_leaders} | {acts} | {faults} | 0 | \
         {before:.1}, then {after:.1} |",
        today()
    );
    println!("{figures}");
    assert!(after <= before * 1.1 + 2.0, "it grows");
    publish("docs/proof.md", "soak", "soak", &figures);
}
