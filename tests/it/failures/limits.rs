//! Rows 10 to 13 and 15: environments that want fewer requests, and those that
//! can't take any. What nothing must be sent to is watched by the clock of
//! another environment, whose resource is reconciled every two seconds.

use super::{ORGANIZATION, always, crowd::Crowd, journal::message, organization, refuse, spec, world_with_faults};
use crate::{
    cluster::eventually,
    world::{World, condition, scalekit},
};
use serde_json::{Value, json};
use session_policy_operator::simulator::Simulator;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Another environment with a resource in order.
struct Clock(Simulator);

impl Clock {
    async fn start(world: &World) -> Self {
        let simulator = Simulator::start(scalekit()).await.unwrap();
        world.secret_for("clock", &simulator.base_url(), "test_simulator");
        world.apply("clock", &organization("org_3", ", credentialsSecretRef: {name: clock}"));
        world.until("clock", "True", "InSync");
        Self(simulator)
    }

    /// Waits for two further reconciles, so some seconds have passed and nobody
    /// stands in the way.
    fn tick(&self) {
        let path = "/_simulator/journal/count?method=GET&path=/api/v1/organizations/org_3/session-policy";
        let reconciles = || self.0.admin("GET", path, &Value::Null).1["count"].as_u64().unwrap();
        let before = reconciles();
        eventually("two reconciles in another environment", 60, || (reconciles() >= before + 2).then_some(()));
    }
}

fn limited(headers: Value, body: Value) -> Value {
    json!({"kind": "refuse", "status": 429, "headers": headers, "body": body})
}

/// A 429 with this, once, is followed by nothing: neither for the resource that
/// met it nor for another one.
async fn pauses_the_environment(headers: Value, body: Value) {
    let fault = json!({"method": "GET", "path": ORGANIZATION, "fault": limited(headers.clone(), body)});
    let world = world_with_faults(&[fault]).await;
    let clock = Clock::start(&world).await;
    let resource = world.until("acme", "Unknown", "RateLimited");
    assert!(condition(&resource, "Reconciling").is_some());
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "Unknown");
    world.apply("other", &organization("org_2", ""));
    world.until("other", "Unknown", "RateLimited");
    world.reconcile_now("acme", "again");
    clock.tick();
    assert_eq!((world.count("path=/api/**"), world.count("status=429")), (1, 1), "{headers}");
    let own = |event: &&Value| event["regarding"]["name"] == "acme";
    assert!(world.events("RateLimited").iter().filter(own).count() <= 1);
}

fn in_ten_minutes() -> SystemTime {
    SystemTime::now() + Duration::from_secs(600)
}

#[tokio::test(flavor = "multi_thread")]
async fn row_010_a_rate_limit_in_seconds_pauses_the_whole_environment_and_no_other() {
    pauses_the_environment(json!({"retry-after": "600"}), json!("status")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_010_a_rate_limit_until_a_date_pauses_the_whole_environment() {
    pauses_the_environment(json!({"retry-after": httpdate::fmt_http_date(in_ten_minutes())}), json!("status")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_010_a_rate_limit_that_ends_is_survived_without_a_hand() {
    let fault = json!({"path": "/api/**", "times": 2, "fault": limited(json!({"retry-after": "1"}), json!("status"))});
    let world = world_with_faults(&[fault]).await;
    world.until("acme", "True", "InSync");
    assert_eq!((world.count("status=429"), world.policies("org_1").len()), (2, 1));
}

/// Six new organizations at a server that allows two requests a second; how many
/// requests that took, and how many of them got a 429.
async fn six_under_a_limit(reported: bool) -> (u64, u64) {
    let limit = json!({"per_second": 2, "burst": 2, "reported": reported, "form": "body_number"});
    let mut world = World::without_operator(json!({ "rate_limit": limit })).await;
    world.arguments.extend(["--rate-limit", "10", "--resync-interval", "10m"]);
    let crowd = Crowd(6);
    crowd.arrive(&world, None);
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    (world.count("path=/api/**"), world.count("status=429"))
}

#[tokio::test(flavor = "multi_thread")]
async fn row_125_new_organizations_get_through_a_limit_that_the_server_reports_without_one_429() {
    let (sent, limited) = six_under_a_limit(true).await;
    assert!(limited == 0 && sent <= 6 * 6, "{limited} of {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_125_new_organizations_get_through_a_limit_that_only_its_429s_tell() {
    let (sent, limited) = six_under_a_limit(false).await;
    assert!(sent - limited <= 6 * 6, "what was seen before a 429 is not asked again: {limited} of {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_or_a_request_for_a_resource_whose_turn_for_a_resync_has_not_come_goes_before_the_others() {
    let mut world = World::without_operator(json!({})).await;
    let crowd = Crowd(8); // all of them are begun at once, and wait
    crowd.arrive(&world, None);
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    world.kill_operator();
    world.arguments.extend(["--rate-limit", "2"]);
    world.start_operator();
    world.until_reconciled(12);
    for n in 1..=6 {
        let before = world.count("path=/api/**");
        let edit = json!({"spec": {"policy": {"absoluteSessionTimeout": 240 + n}}}).to_string();
        world.kubectl(&["patch", "osp", &format!("crowd-{n}"), "--type=merge", "-p", &edit]);
        let written = format!("method=PATCH&path=/api/v1/organizations/org_{n}/session-policy");
        eventually("the edit is sent", 60, || (world.count(&written) > 1).then_some(()));
        // three of its own, one of another resource in five, and what was under way
        let sent = world.count("path=/api/**") - before;
        assert!(sent <= 9, "{sent} requests until the edit of {n} was sent");
    }
    for n in [7, 8] {
        let (name, before) = (format!("crowd-{n}"), world.count("path=/api/**"));
        world.reconcile_now(&name, "now");
        let handled = || world.resource(&name).unwrap()["status"]["lastHandledReconcileAt"] == "now";
        eventually("the request is handled", 60, || handled().then_some(()));
        // what is left of the reconcile that had begun, and the one that was requested
        let sent = world.count("path=/api/**") - before;
        assert!(sent <= 10, "{sent} requests until the one for {n} was handled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_for_long_since_the_rate_is_too_low_says_so_and_the_log_says_what_it_takes() {
    let mut world = World::without_operator(json!({})).await;
    let crowd = Crowd(40);
    crowd.arrive(&world, None);
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    world.kill_operator();
    world.arguments.extend(["--rate-limit", "1"]);
    world.start_operator(); // and they would need 40 requests/s
    let says = |kind: &str, reason: &str, least: usize| {
        eventually(&format!("{least} with {kind} Unknown for {reason}"), 60, || {
            let all: Value = serde_json::from_str(&world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
            let unknown =
                |r: &&Value| condition(r, kind).is_some_and(|c| c["status"] == "Unknown" && c["reason"] == reason);
            (all["items"].as_array().unwrap().iter().filter(unknown).count() >= least).then_some(())
        });
    };
    says("Synced", "RateLimited", 20);
    says("Ready", "Stale", 20);
    let log = world.log();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("raise spec.interval")).collect();
    assert!(said.len() == 1 && said[0].contains("40 resources need 40.0 requests/s"), "{said:?}");
    world.kill_operator();
    world.arguments.clear();
    world.start_operator();
    crowd.until(&world, "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_reconciles_that_only_wait_for_their_turn() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments.extend(["--rate-limit", "0.05", "--request-timeout", "30s"]);
    let crowd = Crowd(10);
    crowd.arrive(&world, None);
    world.start_operator();
    eventually("the first request", 60, || (world.count("method=GET") > 0).then_some(()));
    assert!(world.stop_operator(30), "twice as long before: {}", world.log());
    assert!(!world.log().contains("stopped before all reconciles were complete"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_011_a_rate_limit_in_the_body_pauses_the_environment() {
    for ran in [json!(600), json!("600")] {
        let detail = json!({"error_code": "RATE_LIMIT_EXCEEDED", "retry_after": ran});
        let body = json!({"json": {"code": 429, "message": "rate limited", "details": [detail]}});
        pauses_the_environment(json!({}), body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_011_a_rate_limit_as_a_reset_pauses_the_environment() {
    let epoch = in_ten_minutes().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for ran in ["600".to_owned(), epoch.to_string()] {
        pauses_the_environment(json!({"x-ratelimit-reset": ran}), json!("status")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_012_a_rate_limit_without_a_delay_or_with_an_absurd_one_is_survived_without_a_hand() {
    for headers in [json!({}), json!({"retry-after": "99999999999"}), json!({"x-ratelimit-reset": "1000000001"})] {
        let fault = json!({"path": "/api/**", "times": 2, "fault": limited(headers.clone(), json!("status"))});
        let world = world_with_faults(&[fault]).await;
        world.until("acme", "True", "InSync");
        assert_eq!((world.count("status=429"), world.policies("org_1").len()), (2, 1), "{headers}");
        assert!(world.events("RateLimited").len() <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_012_a_rate_limit_without_a_delay_pauses_those_who_have_not_met_it() {
    let mut world = World::without_operator(json!({})).await;
    let crowd = Crowd(60);
    crowd.arrive(&world, Some("1h"));
    world.inject(&always("GET", "/api/**", limited(json!({}), json!("status"))));
    world.start_operator();
    crowd.until(&world, "Unknown", "RateLimited");
    let sent = world.count("path=/api/**");
    assert!(sent < 60, "{sent}: not everybody had to ask to know");
    world.clear_faults();
    crowd.until(&world, "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_013_a_rate_limit_holds_a_deletion_up_and_loses_nothing() {
    let mut world = World::new().await;
    let clock = Clock::start(&world).await;
    world.apply("acme", &spec(", interval: 1h"));
    world.until("acme", "True", "InSync");
    world.inject(&always("GET", "/api/**", limited(json!({"retry-after": "600"}), json!("status"))));
    let before = world.count("path=/api/**");
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let resource = world.until("acme", "False", "CleanupPending");
    assert!(message(&resource, "Ready").contains("RateLimited"));
    clock.tick();
    world.reconcile_now("acme", "again");
    assert_eq!(world.count("path=/api/**"), before + 1, "one request, and no busy loop");
    assert!(!world.resource("acme").unwrap()["metadata"]["finalizers"].is_null());
    assert_eq!(world.policies("org_1").len(), 1);
    world.clear_faults();
    world.kill_operator(); // the pause goes with it
    world.start_operator();
    world.until_gone("acme");
    assert_eq!(world.policies("org_1")[1..], [json!({"policy_source": "APPLICATION"})]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_015_an_outage_is_probed_and_not_stormed_and_is_over_for_all_at_its_end() {
    let mut world = World::without_operator(json!({})).await;
    let crowd = Crowd(60);
    crowd.arrive(&world, Some("30s"));
    world.inject(&always("GET", "/api/**", refuse(503)));
    world.start_operator();
    crowd.until(&world, "Unknown", "ApiUnavailable");
    // sixteen reconciles may be under way when it begins; without a breaker each of
    // the sixty would have had to send one to know
    let sent = world.count("path=/api/**");
    assert!((5..=40).contains(&sent), "{sent}");
    eventually("one more probe", 60, || (world.count("path=/api/**") > sent).then_some(()));
    let resource = world.resource("crowd-60").unwrap();
    assert!(condition(&resource, "Reconciling").is_some());
    assert_eq!(world.writes(), [], "nothing is written into an outage");
    world.clear_faults();
    let before = world.count("status=503");
    crowd.until(&world, "True", "InSync");
    assert_eq!(world.count("status=503"), before);
    assert_eq!(world.writes().len(), 120, "one feature and one policy each");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_015_a_resource_alone_in_an_outage_sends_the_probes_and_is_in_order_soon_after_it() {
    let world = world_with_faults(&[always("GET", "/api/**", refuse(503))]).await;
    // five failures are an outage; the pauses behind them are its probes', the longest eight seconds
    eventually("four probes", 90, || (world.count("status=503") >= 9).then_some(()));
    world.clear_faults();
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_015_an_outage_in_the_middle_of_everything_ends_where_it_would_have_ended() {
    let world = World::new().await;
    let crowd = Crowd(20);
    crowd.arrive(&world, None);
    crowd.until(&world, "True", "InSync");
    world.inject(&always("GET", "/api/**", json!({"kind": "lost_request"})));
    world.inject(&always("PATCH", "/api/**", json!({"kind": "lost_request"})));
    world.kubectl(&["delete", "osp", "crowd-1", "--wait=false"]);
    world.kubectl(&[
        "patch",
        "osp",
        "crowd-2",
        "--type=merge",
        "-p",
        r#"{"spec":{"policy":{"absoluteSessionTimeout":90}}}"#,
    ]);
    world.until("crowd-1", "False", "CleanupPending");
    world.until("crowd-2", "Unknown", "ApiUnreachable");
    let writes = world.writes().len();
    world.clear_faults();
    world.until_gone("crowd-1");
    world.until("crowd-2", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.stored("org_2")["policy"]["absolute_minutes"], 90);
    assert_eq!(world.writes().len(), writes + 2, "what was held back was not sent as well");
}
