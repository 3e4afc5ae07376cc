//! Two operators with one lease: real processes that are killed, stopped, cut off
//! from the API server and replaced, and what the journal of the simulator has of it.

mod other_leases;

use crate::{
    between::Between,
    canary,
    cluster::{cluster, eventually, within},
    proxy::{Proxy, Way},
    world::{World, default_credentials, scalekit},
};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::interval;

/// Longer than anybody waits for a lease that is not renewed.
const TAKEOVER: u64 = 20;

/// One of the operators.
pub struct Replica {
    process: Child,
    log: PathBuf,
}

impl Replica {
    pub fn start(world: &World, name: &str, kubeconfig: Option<&Path>) -> Self {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.log", world.namespace));
        let mut command = world.command(&default_credentials(&world.simulator.base_url()));
        if let Some(kubeconfig) = kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        let process = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { process, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn says(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }

    fn signal(&self, name: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    }

    /// Its memory now, in MB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// SIGTERM: whether it ends well.
    fn ends(&mut self) -> bool {
        self.signal("-TERM");
        self.ended_well()
    }

    fn ended_well(&mut self) -> bool {
        within(30, || self.process.try_wait().unwrap()).is_some_and(|status| status.success())
    }

    fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    fn get(&self, path: &str) -> String {
        let log = eventually("it serves probes", 30, || Some(self.log()).filter(|log| log.contains("address=")));
        let address = log.split("address=").nth(1).unwrap().lines().next().unwrap().trim();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn leads(&self) -> bool {
        self.get("/metrics").lines().any(|line| line == "session_policy_operator_leader 1")
    }

    pub fn until_leading(&self, seconds: u64) {
        let leads = within(seconds, || self.leads().then_some(()));
        leads.unwrap_or_else(|| panic!("it does not lead: {}", self.log()));
    }

    fn until_ready(&self) {
        eventually("it is ready", 60, || self.get("/readyz").starts_with("HTTP/1.1 200 ").then_some(()));
    }

    /// The policies that it has sent.
    fn writes(&self) -> usize {
        let write = |line: &&str| line.contains("writes=true") && line.contains("session-policy");
        self.log().lines().filter(write).count()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if !std::thread::panicking() {
            canary::assert_none("the log", &self.log());
        }
    }
}

/// So many hours for an organization.
fn hours(organization: &str, hours: u32) -> String {
    let policy =
        format!("{{policySource: CUSTOM, absoluteSessionTimeout: {hours}, absoluteSessionTimeoutUnit: HOURS}}");
    format!("{{organization: {{id: {organization}}}, policy: {policy}}}")
}

/// Two operators, the first of which leads, and `acme` of `org_1` ready with eight
/// hours.
async fn two(arguments: &[&'static str]) -> (World, Replica, Replica) {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = arguments.to_vec();
    let first = Replica::start(&world, "first", None);
    first.until_leading(60);
    let second = Replica::start(&world, "second", None);
    second.until_ready();
    assert!(!second.leads(), "a follower is ready, and its cache is warm");
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    (world, first, second)
}

/// Lets the first one of [`two`] send nine hours, a write that meets this fault.
fn write_nine_hours(world: &World, fault: Value) {
    world.admin(
        "POST",
        "faults",
        &json!({"method": "PATCH", "path": "/api/v1/organizations/org_1/session-policy", "fault": fault}),
    );
    world.apply("acme", &hours("org_1", 9));
    eventually("the write of the first", 30, || (sent(world, "org_1") == [8, 9]).then_some(()));
}

/// The absolute timeouts that were sent for an organization, in hours.
fn sent(world: &World, organization: &str) -> Vec<u64> {
    let hours = |body: &Value| body["absolute_session_timeout"].as_u64().unwrap_or(0) / 60;
    world.policies(organization).iter().map(hours).collect()
}

/// Longer than any lease, deadline or pause.
fn until_a_minute_after(began: Instant) {
    eventually("the end of a minute", 90, || (began.elapsed() >= Duration::from_secs(60)).then_some(()));
}

fn assert_no_drift(world: &World) {
    let events = world.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
    assert!(!events.contains("DriftCorrected"), "nobody changed anything in Scalekit: {events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_060_a_leader_that_is_killed_is_followed_within_twenty_seconds() {
    let (world, mut first, second) = two(&[]).await;
    first.process.kill().unwrap();
    first.process.wait().unwrap();
    world.apply("acme", &hours("org_1", 9));
    second.until_leading(TAKEOVER);
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9]);
    assert_no_drift(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_060_a_lease_of_somebody_whose_clock_is_a_century_off_is_kept_and_taken_as_any_other() {
    let world = World::without_operator(json!({})).await;
    let renew = |time: &str| {
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": world.namespace},
            "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 15, "renewTime": time}});
        assert!(world.with_input(&["apply", "-f", "-"], &lease.to_string()).0);
    };
    renew("1999-01-01T00:00:00.000000Z");
    let replica = Replica::start(&world, "only", None);
    replica.until_ready();
    world.apply("acme", &hours("org_1", 8));
    let mut ticks = interval(Duration::from_secs(2));
    for nth in 1..=10 {
        ticks.tick().await;
        renew(&format!("1999-01-01T00:00:{nth:02}.000000Z"));
        assert!(!replica.leads(), "it is renewed, however long ago: {}", replica.log());
    }
    renew("2099-01-01T00:00:00.000000Z");
    replica.until_leading(TAKEOVER);
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_059_a_leader_that_stops_in_a_write_and_goes_on_writes_nothing_beside_the_next_one() {
    let (world, mut first, second) = two(&["--gateway-timeout", "15s"]).await;
    write_nine_hours(&world, json!({"kind": "late", "after_ms": 20_000, "then": "silence"}));
    let stopped = Instant::now();
    first.signal("-STOP");
    world.apply("acme", &hours("org_1", 10));
    second.until_leading(TAKEOVER);
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9, 10]);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 600, "the late write landed before it");
    until_a_minute_after(stopped);
    world.apply("acme", &hours("org_1", 11));
    first.signal("-CONT");
    eventually("the first follows", 30, || (first.says("another operator leads") > 0).then_some(()));
    world.until("acme", "True", "InSync");
    world.apply("acme", &hours("org_1", 12));
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9, 10, 11, 12]);
    assert_eq!((second.writes(), first.leads(), first.runs()), (3, false, true));
    assert_no_drift(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_058_in_a_rolling_update_under_edits_each_edit_is_written_once() {
    let organizations: Vec<String> = (1..=8).map(|n| format!("org_{n}")).collect();
    let config = Config { organizations: 8, settings: json!({"latency_ms": 20}), ..scalekit() };
    let mut world = World::on(cluster(), Arc::new(Simulator::start(config).await.unwrap()));
    world.arguments = vec!["--resync-interval", "10m"];
    // an update right after the install: there was no Lease before the first
    let mut first = Replica::start(&world, "first", None);
    let apply = |to: u32| {
        let manifest = |org: &String| {
            json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
                "metadata": {"name": org.replace('_', "-"), "namespace": world.namespace},
                "spec": {"organization": {"id": org}, "policy": {"policySource": "CUSTOM",
                    "absoluteSessionTimeout": to, "absoluteSessionTimeoutUnit": "HOURS"}}})
        };
        let all = json!({"apiVersion": "v1", "kind": "List",
            "items": organizations.iter().map(manifest).collect::<Vec<_>>()});
        let (accepted, said) = world.with_input(&["apply", "-f", "-"], &all.to_string());
        assert!(accepted, "{said}");
    };
    let ready = || organizations.iter().for_each(|org| drop(world.until(&org.replace('_', "-"), "True", "InSync")));
    apply(8);
    ready();
    let lease = format!("lease/{}", world.namespace);
    world.cluster.ok(&["-n", "default", "annotate", &lease, "example.com/own=kept"]);
    let second = Replica::start(&world, "second", None);
    second.until_ready();
    apply(9);
    assert!(first.ends(), "{}", first.log());
    apply(10);
    second.until_leading(TAKEOVER);
    assert!(second.log().contains("predecessor=\"Settled\""), "nothing is to be waited for: {}", second.log());
    ready();
    for organization in &organizations {
        let sent = sent(&world, organization);
        let expected: [&[u64]; 2] = [&[8, 9, 10], &[8, 10]]; // two edits may be seen as one
        assert!(expected.contains(&&*sent), "{organization}: {sent:?}");
    }
    assert_no_drift(&world);
    let lease = world.cluster.get("default", &format!("lease/{}", world.namespace)).unwrap();
    assert_eq!(lease["metadata"]["annotations"]["scalekit.com/operator-version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(lease["metadata"]["annotations"]["example.com/own"], "kept");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_058_a_leader_that_is_asked_to_end_gives_the_lease_back_when_its_write_is_answered_and_not_before() {
    let (world, mut first, second) = two(&["--request-timeout", "10s"]).await;
    // longer than the other one takes to find a lease that was given back
    write_nine_hours(&world, json!({"kind": "slow_headers", "delay_ms": 6000}));
    first.signal("-TERM");
    second.until_leading(TAKEOVER);
    let log = first.log();
    let answered = |line: &&str| line.contains("after=\"absolute 9h") && line.contains("result=\"applied\"");
    assert_eq!(log.lines().filter(answered).count(), 1, "{log}");
    assert!(first.ended_well(), "{}", first.log());
    assert!(second.log().contains("predecessor=\"Settled\""), "nothing is to be waited for: {}", second.log());
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9]);
    assert_no_drift(&world);
}

/// The first, which has written 8 and reaches its Lease again, follows the second, and writes once that has ended.
fn comes_back(world: &World, first: &Replica, second: &mut Replica) {
    eventually("the first follows", 60, || (first.says("another operator leads") == 1).then_some(()));
    assert!(second.ends());
    first.until_leading(TAKEOVER);
    world.apply("acme", &hours("org_1", 10));
    world.until("acme", "True", "InSync");
    assert_eq!(sent(world, "org_1"), [8, 9, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_061_a_leader_that_is_cut_off_from_the_api_server_neither_writes_nor_exits_and_comes_back() {
    let world = World::without_operator(json!({})).await;
    let proxy = Proxy::start(&world).await;
    let mut first = Replica::start(&world, "first", Some(&proxy.kubeconfig));
    first.until_leading(60);
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    let mut second = Replica::start(&world, "second", None);
    second.until_ready();
    let began = Instant::now();
    proxy.set(Way::Silent);
    world.apply("acme", &hours("org_1", 9));
    // drift, which the first could see without the API server
    world.edit("org_1", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200}}));
    eventually("the first stops working", 30, || (first.says("does not lead any more") == 1).then_some(()));
    second.until_leading(TAKEOVER);
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9]);
    until_a_minute_after(began);
    assert!(first.runs() && !first.leads() && first.get("/readyz").starts_with("HTTP/1.1 200 "));
    proxy.set(Way::Open);
    comes_back(&world, &first, &mut second);
    assert_eq!((first.writes(), second.writes()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_061_a_leader_whose_lease_alone_is_refused_with_503_neither_writes_nor_exits_and_comes_back() {
    let mut world = World::without_operator(json!({})).await;
    let between = Between::before(&mut world).await;
    let kubeconfig = world.kubeconfig.take().unwrap();
    let mut first = Replica::start(&world, "first", Some(&kubeconfig));
    first.until_leading(60);
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    let mut second = Replica::start(&world, "second", None);
    second.until_ready();
    between.refuse(&["GET leases/own", "PUT leases/own"], 503);
    eventually("the first stops working", 30, || (first.says("does not lead any more") == 1).then_some(()));
    world.apply("acme", &hours("org_1", 9));
    second.until_leading(TAKEOVER);
    world.until("acme", "True", "InSync");
    assert_eq!((first.writes(), second.writes(), sent(&world, "org_1")), (1, 1, vec![8, 9]));
    assert!(between.hits() > 2 && first.runs() && first.get("/readyz").starts_with("HTTP/1.1 200 "), "{}", first.log());
    between.plan(&[]);
    comes_back(&world, &first, &mut second);
    assert_no_drift(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_080_a_leader_that_loses_the_right_to_its_lease_stops_and_goes_on_when_it_has_it_back() {
    let mut world = World::without_operator(json!({})).await;
    let between = Between::before(&mut world).await;
    let mut replica = Replica::start(&world, "only", None);
    replica.until_leading(60);
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    between.refuse(&["GET leases/own", "PUT leases/own"], 403);
    let refused = "refuses every request about the lease";
    eventually("it is not ready", 60, || replica.get("/readyz").contains(refused).then_some(()));
    assert!(!replica.leads() && replica.runs() && replica.get("/livez").starts_with("HTTP/1.1 200 "));
    world.apply("acme", &hours("org_1", 9));
    assert_eq!(
        replica.log().lines().filter(|line| line.contains("no lease") && line.contains("WARN")).count(),
        1,
        "{}",
        replica.log()
    );
    assert_eq!(sent(&world, "org_1"), [8], "nobody leads, so nobody writes");
    between.plan(&[]);
    replica.until_ready();
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_080_an_operator_without_the_right_to_its_lease_says_so_once_and_works_when_it_has_it() {
    let mut world = World::without_operator(json!({})).await;
    world.user = "limited";
    world.kubectl(&["create", "rolebinding", "limited", "--clusterrole=session-policy-operator", "--user=limited"]);
    world.arguments = vec!["--lease-namespace", world.namespace.clone().leak()];
    let replica = Replica::start(&world, "only", None);
    world.apply("acme", &hours("org_1", 8));
    let refused = "refuses every request about the lease";
    eventually("it is not ready", 60, || replica.get("/readyz").contains(refused).then_some(()));
    let warned = replica.log().lines().filter(|line| line.contains("WARN") && line.contains("rbac.yaml")).count();
    assert_eq!((warned, sent(&world, "org_1").len()), (1, 0), "{}", replica.log());
    let rule = |verbs: &[&str], names: &[&str]| json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs, "resourceNames": names});
    let rules = json!([rule(&["get", "update"], &[&world.namespace]), rule(&["create"], &[])]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "lease", "namespace": world.namespace}, "rules": rules});
    assert!(world.with_input(&["apply", "-f", "-"], &role.to_string()).0);
    world.kubectl(&["create", "rolebinding", "lease", "--role=lease", "--user=limited"]);
    replica.until_ready();
    world.until("acme", "True", "InSync");
    assert!(replica.leads());
}
