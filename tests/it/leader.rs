//! Two operators with one lease: real processes that are killed, stopped, cut off
//! from the API server and replaced, and what the journal of the simulator has of it.

use crate::{
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
    let fault = json!({"kind": "late", "after_ms": 20_000, "then": "silence"});
    world.admin(
        "POST",
        "faults",
        &json!({"method": "PATCH", "path": "/api/v1/organizations/org_1/session-policy", "fault": fault}),
    );
    world.apply("acme", &hours("org_1", 9));
    eventually("the write of the first", 30, || (sent(&world, "org_1") == [8, 9]).then_some(()));
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
    eventually("the first follows", 60, || (first.says("another operator leads") == 1).then_some(()));
    assert!(second.ends());
    first.until_leading(TAKEOVER);
    world.apply("acme", &hours("org_1", 10));
    world.until("acme", "True", "InSync");
    assert_eq!(sent(&world, "org_1"), [8, 9, 10]);
    assert_eq!((first.writes(), second.writes()), (2, 1));
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

/// As after a rollback, with Argo CD or kustomize, or with a second release: the chart does not see these.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_lease_for_the_same_resources_waits_until_that_one_is_given_back() {
    let mut world = World::without_operator(json!({})).await;
    let mut first = Replica::start(&world, "first", None);
    first.until_leading(60);
    let other = format!("{}-renamed", world.namespace);
    world.cluster.grant_lease(&other);
    world.arguments = vec!["--lease-name", other.leak()];
    let mut second = Replica::start(&world, "second", None);
    second.until_ready();
    let waits = format!("leads for the same resources by the Lease {}, and this one waits", world.namespace);
    eventually("it says what it waits for", 30, || (second.says(&waits) > 0).then_some(()));
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    assert!(first.leads() && !second.leads() && second.says(&waits) == 1, "{}", second.log());

    // two more of the first Lease, one of which is the first to stand by
    world.arguments.clear();
    let third = Replica::start(&world, "third", None);
    third.until_ready();
    assert!(first.ends());
    let leads = || [&second, &third].iter().filter(|replica| replica.leads()).count();
    eventually("one of the two leads", 30, || (leads() == 1).then_some(()));
    world.apply("acme", &hours("org_1", 9));
    world.until("acme", "True", "InSync");
    assert_eq!((leads(), second.writes() + third.writes()), (1, 1), "{}{}", second.log(), third.log());
    assert!(second.ends());
    third.until_leading(TAKEOVER);
}

/// As two releases that a GitOps tool applies at once: both see that nobody leads, and both may take their Leases.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_start_together_with_different_leases_one_leads_and_the_other_waits_for_it() {
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &hours("org_1", 8));
    let names = ["", "-renamed"].map(|suffix| format!("{}{suffix}", world.namespace));
    world.cluster.grant_lease(&names[1]);
    let replicas = names.each_ref().map(|name| {
        world.arguments = vec!["--lease-name", name.clone().leak()];
        Replica::start(&world, name, None)
    });
    let waits =
        || replicas.iter().filter(|replica| replica.says("leads for the same resources by the Lease") > 0).count();
    eventually("one of them waits", 30, || (waits() == 1).then_some(()));
    for more in 8..=10 {
        world.apply("acme", &hours("org_1", more));
        world.until("acme", "True", "InSync");
    }
    assert_eq!(sent(&world, "org_1"), [8, 9, 10]);
    let mut writes = replicas.each_ref().map(Replica::writes);
    writes.sort_unstable();
    assert_eq!((writes, waits()), ([0, 3], 1), "{}{}", replicas[0].log(), replicas[1].log());
    let leases = names.iter().filter_map(|name| world.cluster.get("default", &format!("lease/{name}")));
    let specs: Vec<Value> = leases.map(|lease| lease["spec"].clone()).collect();
    assert_eq!(specs.iter().filter(|spec| spec["holderIdentity"] != "").count(), 1, "{specs:?}");
    assert!(specs.iter().all(|spec| spec["leaseTransitions"] == 0), "nobody took one a second time: {specs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_lease_that_was_left_behind_is_waited_for_as_long_as_it_says() {
    let world = World::without_operator(json!({})).await;
    let left = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": format!("{}-left", world.namespace), "namespace": "default",
            "labels": {"app.kubernetes.io/name": "session-policy-operator"},
            "annotations": {"scalekit.com/watched-namespaces": world.namespace}},
        "spec": {"holderIdentity": "gone", "leaseDurationSeconds": 3}});
    assert!(world.with_input(&["apply", "-f", "-"], &left.to_string()).0);
    let replica = Replica::start(&world, "only", None);
    replica.until_leading(TAKEOVER);
    assert_eq!(replica.says("gone leads for the same resources by the Lease"), 1, "{}", replica.log());
    drop(replica);
    let said = world.uninstall(&["--yes"]);
    assert!(said.status.success(), "an uninstall waits for it too: {}", String::from_utf8_lossy(&said.stderr));
}
