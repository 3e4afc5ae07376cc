//! `make record-metrics`: an hour of two replicas with edits, drift, faults and a failover under a real
//! Prometheus. What the dashboard's queries say of it is committed, and drawn in `docs/dashboard.svg`.

use super::{
    dashboard::{filled_in, panels, targets},
    prometheus::{Prometheus, Scrape},
};
use crate::{
    cluster::{Cluster, eventually},
    failures::{always, foreign, refuse},
    world::{World, default_credentials, scalekit},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, interval};

/// Where the recording is kept.
pub const RECORDING: &str = "tests/monitoring/recording.json";

const RESOURCES: u64 = 30;
const ADDRESSES: [&str; 2] = ["127.66.0.1:8080", "127.66.0.2:8080"];
const SCRAPE: &str = "15s";
/// Four scrapes, as Grafana has it.
const RATE_INTERVAL: &str = "1m";
/// Seconds between two points of the recording.
const STEP: u64 = 30;
/// Seconds between two edits, and between two policies that somebody changes in Scalekit.
const EDITS: u64 = 20;
const DRIFTS: u64 = 45;

type Event = (u64, &'static str, fn(&mut Run));

/// What happens besides, at which minute of an hour.
const EVENTS: [Event; 12] = [
    (6, "the application's policy becomes stricter than some resources", |run| {
        run.application(json!({"absolute": 4, "absolute_unit": "HOURS"}))
    }),
    (11, "the application's policy as before", |run| run.application(Value::Null)),
    (16, "Scalekit answers 429", |run| {
        run.inject(&json!({"kind": "refuse", "status": 429, "headers": {"retry-after": "15"}}));
    }),
    (18, "Scalekit's limit is over", |run| run.world.clear_faults()),
    (24, "Scalekit answers 503", |run| run.inject(&refuse(503))),
    (29, "Scalekit is back", |run| run.world.clear_faults()),
    (34, "the client secret of some resources becomes wrong", |run| run.world.apply_secret("scalekit", "wrong")),
    (38, "the right client secret again", |run| run.world.apply_secret("scalekit", "test_simulator")),
    (42, "the operator loses the right to write statuses", |run| {
        let remove = r#"[{"op": "remove", "path": "/rules/1"}]"#;
        run.world.cluster.ok(&["patch", "clusterrole", "session-policy-operator", "--type=json", "-p", remove]);
    }),
    (45, "it has the right again", |run| {
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rbac.yaml");
        run.world.cluster.ok(&["apply", "-f", rules]);
    }),
    (49, "the leader is killed", |run| run.kill(0)),
    (52, "the killed replica is started again", |run| run.start(0)),
];

struct Run {
    world: World,
    replicas: [Option<Child>; 2],
}

impl Run {
    async fn new() -> Self {
        let settings = json!({"latency_ms": 20, "latency_jitter_ms": 60});
        let config = Config { organizations: RESOURCES as usize, settings, ..scalekit() };
        let simulator = Arc::new(Simulator::start(config).await.unwrap());
        let world = World::on(Arc::new(Cluster::exclusive()), simulator);
        world.apply_secret("scalekit", "test_simulator");
        Self { world, replicas: [None, None] }
    }

    /// Starts a replica with the defaults of its options, but for the interval.
    fn start(&mut self, nth: usize) {
        self.world.arguments = ["--resync-interval", "1m", "--revert-delay", "10s", "--request-timeout", "10s"].into();
        self.world.arguments.extend(["--gateway-timeout", "62s", "--rate-limit", "10", "--http-addr", ADDRESSES[nth]]);
        let url = self.world.simulator.base_url();
        let log = Prometheus::folder("recording").join(format!("operator-{nth}.log"));
        let mut command = self.world.command(&default_credentials(&url));
        let log = File::options().append(true).create(true).open(log).unwrap();
        self.replicas[nth] = Some(command.env("RUST_LOG", "info").stderr(log).spawn().unwrap());
    }

    fn kill(&mut self, nth: usize) {
        if let Some(mut replica) = self.replicas[nth].take() {
            drop(replica.kill());
            drop(replica.wait());
        }
    }

    fn inject(&self, fault: &Value) {
        self.world.inject(&always("GET", "/api/**", fault.clone()));
    }

    fn application(&self, policy: Value) {
        self.world.admin("PATCH", "settings", &json!({"application": policy}));
    }

    /// Resources of all modes; some have credentials of their own.
    fn arrive(&self) {
        for nth in 1..=RESOURCES {
            let mode = match nth % 10 {
                0 => "Observe",
                5 => "TightenOnly",
                _ => "Enforce",
            };
            let credentials = if nth % 6 == 0 { ", credentialsSecretRef: {name: scalekit}" } else { "" };
            let policy = "{policySource: CUSTOM, absoluteSessionTimeout: 480, absoluteSessionTimeoutUnit: MINUTES}";
            self.world.apply(
                &format!("policy-{nth}"),
                &format!("{{organization: {{id: org_{nth}}}, mode: {mode}, policy: {policy}{credentials}}}"),
            );
        }
    }

    /// Somebody edits a resource: longer, shorter, longer …
    fn edit(&self, count: u64) {
        let minutes = if (count / RESOURCES).is_multiple_of(2) { 240 + count % 60 } else { 600 + count % 60 };
        let patch = json!({"spec": {"policy": {"absoluteSessionTimeout": minutes}}}).to_string();
        let name = format!("osp/policy-{}", 1 + count % RESOURCES);
        self.world.kubectl(&["patch", &name, "--type=merge", "-p", &patch]);
    }

    /// Somebody changes a policy in Scalekit.
    fn drift(&self, count: u64) {
        self.world.edit(&format!("org_{}", 1 + (count * 7) % RESOURCES), &json!({"policy": foreign()}));
    }

    /// Lets it all happen within this time.
    async fn last(&mut self, minutes: u64) {
        let mut events = EVENTS.iter().peekable();
        let (began, mut second) = (Instant::now(), interval(Duration::from_secs(1)));
        let end = Duration::from_secs(60 * minutes);
        for nth in 1.. {
            second.tick().await;
            if began.elapsed() >= end {
                break;
            }
            while let Some((_, what, happens)) =
                events.next_if(|(minute, ..)| began.elapsed() >= end * u32::try_from(*minute).unwrap() / 60)
            {
                eprintln!("{:>5} s: {what}", began.elapsed().as_secs());
                happens(self);
            }
            if nth % EDITS == 0 {
                self.edit(nth / EDITS);
            }
            if nth % DRIFTS == 0 {
                self.drift(nth / DRIFTS);
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        (0..self.replicas.len()).for_each(|nth| self.kill(nth));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an hour; make record-metrics"]
async fn the_dashboards_queries_show_something_of_an_hour_of_edits_drift_and_faults() {
    let minutes = env::var("OSP_RECORD_MINUTES").map_or(60, |minutes| minutes.parse().unwrap());
    let mut run = Run::new().await;
    let prometheus = Prometheus::start("recording", Scrape { targets: &ADDRESSES, interval: SCRAPE });
    let began = Timestamp::now();
    run.start(0);
    eventually("a leader", 60, || run.world.cluster.get("default", &format!("lease/{}", run.world.namespace)));
    run.start(1);
    run.arrive();
    run.last(minutes).await;

    let from = u64::try_from(began.as_second()).unwrap();
    let mut series = BTreeMap::new();
    for target in panels().iter().flat_map(|panel| targets(panel).to_vec()) {
        let query = filled_in(&target["expr"], RATE_INTERVAL);
        let found = prometheus.range(&query, (from, from + 60 * minutes), STEP);
        series.insert(target["expr"].as_str().unwrap().to_owned(), thinned(&found, from, minutes));
    }
    let commit = Command::new("git").args(["describe", "--always", "--dirty"]).output().unwrap().stdout;
    let events: Vec<_> = EVENTS.iter().map(|(minute, what, _)| json!([minute * minutes / 60, what])).collect();
    let facts = json!({
        "recorded": began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "commit": String::from_utf8(commit).unwrap().trim(),
        "minutes": minutes, "resources": RESOURCES, "scrape": SCRAPE, "rate_interval": RATE_INTERVAL, "step": STEP,
        "edits": EDITS, "drifts": DRIFTS, "events": events,
    });
    fs::write(RECORDING, text(facts.as_object().unwrap(), &series)).unwrap();
    eprintln!("{RECORDING} is written; what Prometheus has: {}", Prometheus::folder("recording").display());
    let silent: Vec<&String> = series.iter().filter(|(_, all)| all.is_empty()).map(|(query, _)| query).collect();
    assert!(silent.is_empty(), "nothing is shown by {silent:#?}");
}

/// Each series that has a number: its labels, and a number or null for each point, with four digits.
fn thinned(found: &[Value], from: u64, minutes: u64) -> Vec<Value> {
    let number = |value: &Value| {
        let number: f64 = value.as_str()?.parse().ok().filter(|number: &f64| number.is_finite())?;
        format!("{number:.3e}").parse::<f64>().ok()
    };
    let thinned = |series: &Value| {
        let mut values = vec![Value::Null; 1 + (60 * minutes / STEP) as usize];
        for point in series["values"].as_array().unwrap() {
            let nth = (point[0].as_f64().unwrap() - from as f64) / STEP as f64;
            values[nth.round() as usize] = json!(number(&point[1]));
        }
        let some = values.iter().any(|value| !value.is_null());
        some.then(|| json!({"labels": series["metric"], "values": values}))
    };
    let mut all: Vec<Value> = found.iter().filter_map(thinned).collect();
    all.sort_by_key(|series| series["labels"].to_string());
    all
}

/// As JSON with one line for each series, so that a difference can be read.
fn text(facts: &Map<String, Value>, series: &BTreeMap<String, Vec<Value>>) -> String {
    let facts: Vec<String> = facts.iter().map(|(name, fact)| format!("{}: {fact}", json!(name))).collect();
    let lines = |all: &[Value]| all.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n");
    let queries: Vec<String> =
        series.iter().map(|(query, all)| format!("{}: [\n{}\n]", json!(query), lines(all))).collect();
    format!("{{\n{},\n\"series\": {{\n{}\n}}\n}}\n", facts.join(",\n"), queries.join(",\n"))
}
