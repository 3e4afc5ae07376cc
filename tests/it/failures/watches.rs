//! Rows 63, 64, 66, 67 and 109: what the operator hears of the API server ends, or is silent, and who asks the
//! operator itself is slow.

use super::{eight_hours, foreign, minutes, spec};
use crate::{
    between::Between,
    cluster::eventually,
    proxy::{Proxy, Way},
    world::{World, default_credentials},
};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// `acme` of org_1, Ready by an operator that has a proxy before its API server.
async fn ready(arguments: &[&'static str], way: Way) -> (World, Proxy) {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = arguments.to_vec();
    let proxy = Proxy::start(&world).await;
    proxy.set(way);
    let url = world.simulator.base_url();
    let kubeconfig = ("KUBECONFIG", proxy.kubeconfig.to_str().unwrap());
    world.start_with(&[&default_credentials(&url)[..], &[kubeconfig]].concat());
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    (world, proxy)
}

fn until_stored(world: &World, policy: &Value) {
    eventually(&format!("{policy}"), 60, || (world.stored("org_1")["policy"] == *policy).then_some(()));
}

fn somebody_changes_it(world: &World) {
    world.edit("org_1", &json!({"policy": foreign()}));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_063_connections_that_end_each_second_keep_nothing_from_being_seen_and_are_no_storm() {
    let (world, proxy) = ready(&[], Way::Brief).await;
    let (before, began) = (proxy.connections(), Instant::now());
    for absolute in [540, 600, 660] {
        world.apply("acme", &minutes(absolute));
        world.until("acme", "True", "InSync");
        assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], absolute);
    }
    somebody_changes_it(&world);
    eventually("drift is corrected", 60, || (world.stored("org_1")["policy"]["absolute_minutes"] == 660).then_some(()));
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    let (connections, seconds) = (proxy.connections() - before, began.elapsed().as_secs() + 1);
    assert!(connections < 10 * seconds, "{connections} connections in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_063_behind_a_watch_that_shows_nothing_any_more_drift_is_corrected_and_an_edit_is_seen_by_the_next_list() {
    let (world, proxy) = ready(&["--relist-interval", "5s"], Way::Open).await;
    proxy.set(Way::OnlyNew);
    somebody_changes_it(&world);
    until_stored(&world, &eight_hours());
    world.apply("acme", &minutes(600));
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 600);
}

/// The methods of the requests for the policy of org_1, in their order.
fn requests_of_the_policy(world: &World) -> Vec<String> {
    let journal = world.admin("GET", "journal", &Value::Null);
    let all = journal.as_array().unwrap().iter();
    let of_policy = all.filter(|entry| entry["path"].as_str().unwrap().ends_with("org_1/session-policy"));
    of_policy.map(|entry| entry["method"].as_str().unwrap().to_owned()).collect()
}

/// The API server is as `gone` makes it for a minute, and then as `back` does.
fn a_minute_without_the_api_server(world: &World, gone: impl FnOnce(), back: impl FnOnce()) {
    let (before, began) = (world.writes().len(), Instant::now());
    gone();
    world.apply("acme", &minutes(600));
    somebody_changes_it(world);
    eventually("the end of a minute", 90, || (began.elapsed() >= Duration::from_secs(60)).then_some(()));
    assert_eq!(world.writes().len(), before, "{}", world.log());
    let read = requests_of_the_policy(world).len();
    assert!(!world.log().contains("kube_client"), "a line for each request would hide the others: {}", world.log());
    let returned = Instant::now();
    back();
    world.until("acme", "True", "InSync");
    assert!(returned.elapsed() < Duration::from_secs(60));
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 600);
    let since = requests_of_the_policy(world).split_off(read);
    let write = since.iter().position(|method| method == "PATCH").unwrap();
    assert!(since[..write].contains(&"GET".to_owned()), "{since:?}");
    assert_eq!(world.log().matches("this operator leads").count(), 2, "it is the same process: {}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_064_while_the_api_server_is_gone_for_a_minute_nothing_is_written_and_then_nothing_unread() {
    let (world, proxy) = ready(&[], Way::Open).await;
    a_minute_without_the_api_server(&world, || proxy.set(Way::Refused), || proxy.set(Way::Open));
    let log = world.log();
    assert!(log.contains("the API server does not answer; nothing is logged of single resources"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_064_while_the_api_server_answers_503_for_a_minute_nothing_is_written_and_then_nothing_unread() {
    let mut world = World::without_operator(json!({})).await;
    let between = Between::before(&mut world).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let back = || {
        assert!(between.hits() > 10, "it was asked again and again");
        between.plan(&[]);
    };
    a_minute_without_the_api_server(&world, || between.refuse(&["*"], 503), back);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_066_what_is_suspended_behind_a_silent_watch_is_read_afresh_and_not_written() {
    let (world, proxy) = ready(&[], Way::Open).await;
    let before = world.writes().len();
    proxy.set(Way::OnlyNew);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec": {"suspend": true}}"#]);
    somebody_changes_it(&world);
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(world.writes().len(), before, "{}", world.log());
    assert_eq!(world.stored("org_1")["policy"], foreign());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_067_a_deletion_that_no_watch_shows_is_in_the_next_list_and_reverts() {
    let (world, proxy) = ready(&["--resync-interval", "1h", "--relist-interval", "5s"], Way::Open).await;
    proxy.set(Way::OnlyNew);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_109_a_flood_of_slow_clients_keeps_nobody_from_a_probe_or_the_metrics_and_no_policy_from_being_kept() {
    let world = World::new().await;
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let log = world.log();
    let address = log.split("address=").nth(1).unwrap().lines().next().unwrap().trim();
    let send = |text: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        drop(stream.write_all(text.as_bytes())); // one that was closed to make room for others takes nothing
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..1000).map(|_| send("GET /metrics HTTP/1.1\r\nhost: ")).collect();
    for (path, answer) in [("/livez", ""), ("/readyz", ""), ("/metrics", "session_policy_operator_leader 1")] {
        let mut said = String::new();
        send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains(answer), "{path}: {said}");
    }
    world.apply("acme", &minutes(600));
    world.until("acme", "True", "InSync");
    for stream in &mut slow {
        match stream.read(&mut [0; 64]) {
            Ok(read) => assert_eq!(read, 0, "half a request has no answer"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}
