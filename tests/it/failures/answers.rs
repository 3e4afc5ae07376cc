//! Rows 5 to 9, 14 and 17 to 20: answers that say no, and answers that say
//! nothing.

use super::{
    ORGANIZATION, POLICY, always, at_rest, forged, journal::message, once, organization, refuse, spec,
    world_with_faults,
};
use crate::{
    cluster::eventually,
    world::{World, condition, scalekit},
};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};

#[tokio::test(flavor = "multi_thread")]
async fn row_005_a_403_is_named_and_keeps_the_token() {
    for path in [ORGANIZATION, POLICY] {
        let world = world_with_faults(&[always("GET", path, refuse(403))]).await;
        world.apply("neighbour", &organization("org_2", ""));
        let resource = world.until("acme", "False", "Forbidden");
        assert!(condition(&resource, "Stalled").is_some());
        assert!(message(&resource, "Ready").contains("HTTP 403"));
        world.until_event("Forbidden", "Warning");
        let before = world.request_sequence("org_1");
        world.until_organization_reconciled("org_2", 3);
        assert_eq!(world.request_sequence("org_1"), before, "{path}: not again for five minutes");
        assert_eq!((world.policies("org_1").len(), world.tokens()), (0, 1), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_006_a_missing_organization_is_named_and_nothing_else_is_asked_of_it() {
    let world = World::new().await;
    world.apply("acme", &organization("org_404", ""));
    world.apply("neighbour", &organization("org_2", ""));
    let resource = world.until("acme", "False", "OrganizationNotFound");
    assert!(condition(&resource, "Stalled").is_some());
    assert!(resource["metadata"]["finalizers"].is_null());
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.request_sequence("org_404"), "O", "one read, and no more for ten minutes");
    world.until_event("OrganizationNotFound", "Warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_007_a_deleted_organization_lets_its_resource_go_after_a_second_read() {
    let world = at_rest(&[]).await;
    world.admin("DELETE", "organizations/org_1", &Value::Null);
    world.until("acme", "False", "OrganizationNotFound");
    let before = world.request_sequence("org_1");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    let sequence = &world.request_sequence("org_1")[before.len()..];
    assert!(
        sequence.starts_with("OO") && sequence.chars().all(|request| request == 'O'),
        "confirmed, nothing written: {sequence}"
    );
    world.until_event("OrganizationGone", "Normal");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_007_a_404_of_another_environment_proves_nothing() {
    let mut world = World::without_operator(json!({})).await;
    let elsewhere = Simulator::start(Config { organizations: 0, ..scalekit() }).await.unwrap();
    world.start_with(&[]);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
    world.kill_operator();
    world.secret_for("scalekit", &elsewhere.base_url(), "test_simulator");
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.start_with(&[]);
    let resource = world.until("acme", "False", "EnvironmentChanged");
    assert!(!resource["metadata"]["finalizers"].is_null());
    let asked = elsewhere.admin("GET", "/_simulator/journal/count?path=/api/**", &Value::Null).1;
    assert_eq!((&asked["count"], world.stored("org_1")["policy"]["source"].as_str()), (&json!(0), Some("CUSTOM")));
    world.secret_for("scalekit", &world.simulator.base_url(), "test_simulator");
    world.kill_operator(); // or wait for the minute in which a Secret is read again
    world.start_with(&[]);
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_008_an_organization_deleted_in_the_middle_of_a_reconcile_costs_one_write() {
    let read_slowly = json!({"kind": "slow_headers", "delay_ms": 1500});
    let world = world_with_faults(&[once("GET", POLICY, read_slowly)]).await;
    world.apply("neighbour", &organization("org_2", ""));
    eventually("the read", 30, || (world.count(&format!("method=GET&path={POLICY}")) == 1).then_some(()));
    world.admin("DELETE", "organizations/org_1", &Value::Null);
    world.until("acme", "False", "OrganizationNotFound");
    world.until_organization_reconciled("org_2", 3);
    let after_the_read = world.request_sequence("org_1");
    assert!(after_the_read.ends_with("RWO"), "{after_the_read}");
    assert_eq!(world.count(&format!("method=PATCH&path={POLICY}&status=404")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_009_a_conflict_is_decided_anew_and_at_most_three_times_a_reconcile() {
    let world = world_with_faults(&[once("PATCH", POLICY, refuse(409))]).await;
    world.until("acme", "True", "InSync");
    assert_eq!(world.request_sequence("org_1").replace('A', "")[..7], *"OOFRWRW", "read again before the second");

    let world = world_with_faults(&[always("PATCH", POLICY, refuse(409))]).await;
    let resource = world.until("acme", "Unknown", "WriteConflict");
    assert!(condition(&resource, "Reconciling").is_some());
    eventually("a second reconcile", 30, || (world.policies("org_1").len() > 3).then_some(()));
    let sequence = world.request_sequence("org_1");
    assert!(!sequence.contains("WW"), "{sequence}");
    assert!(sequence.split('O').all(|one| one.matches('W').count() <= 3), "{sequence}");
    world.clear_faults();
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_014_one_server_error_is_survived_and_a_write_is_looked_for_first() {
    let world = at_rest(&[]).await;
    for (number, status) in [500, 502, 503, 504].into_iter().enumerate() {
        let before = world.request_sequence("org_1").len();
        world.inject(&once("PATCH", POLICY, refuse(status)));
        let absolute = 90 + number as u32;
        world.apply("acme", &super::minutes(absolute));
        world.until("acme", "True", "InSync");
        world.until_reconciled(2);
        assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], absolute, "{status}");
        let sequence = &world.request_sequence("org_1")[before..];
        assert_eq!((sequence.contains("WW"), sequence.matches('W').count()), (false, 2), "{status}: {sequence}");
        world.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_014_one_server_error_at_rest_changes_no_status() {
    for status in [500, 503] {
        let world = at_rest(&[]).await;
        let before = world.resource("acme").unwrap();
        for path in [ORGANIZATION, POLICY] {
            world.inject(&once("GET", path, refuse(status)));
        }
        let struck = || (world.count(&format!("status={status}")) >= 2).then_some(());
        eventually("both faults", 60, struck);
        world.until_organization_reconciled("org_1", 2);
        let after = world.resource("acme").unwrap();
        assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
        assert_eq!(world.policies("org_1").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_014_server_errors_without_end_are_named_and_nothing_is_written() {
    for (status, path) in [(500, ORGANIZATION), (503, POLICY)] {
        let world = world_with_faults(&[always("GET", path, refuse(status))]).await;
        let resource = world.until("acme", "Unknown", "ApiUnavailable");
        assert!(condition(&resource, "Reconciling").is_some());
        assert_eq!(world.policies("org_1"), [] as [Value; 0]);
        world.clear_faults();
        world.until("acme", "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_017_a_write_without_an_answer_in_time_is_looked_for() {
    for (fault, sequence) in [
        (json!({"kind": "slow_headers", "delay_ms": 30_000}), "OAOFRWR"),
        (json!({"kind": "late", "then": "silence"}), "OAOFRWRW"),
    ] {
        let world = world_with_faults(&[once("PATCH", POLICY, fault)]).await;
        world.until("acme", "True", "InSync");
        world.until_reconciled(2);
        assert!(world.request_sequence("org_1").starts_with(sequence), "{}", world.request_sequence("org_1"));
        assert_eq!(world.policies("org_1").len(), sequence.matches('W').count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_018_an_answer_in_drops_ends_at_the_deadline_and_others_are_not_held_up() {
    for fault in [
        json!({"kind": "slow_headers", "delay_ms": 30_000}),
        json!({"kind": "slow_body", "chunk_bytes": 1, "every_ms": 1000}),
    ] {
        let world = world_with_faults(&[always("GET", ORGANIZATION, fault)]).await;
        world.apply("neighbour", &organization("org_2", ""));
        let resource = world.until("acme", "Unknown", "TimedOut");
        assert!(condition(&resource, "Reconciling").is_some());
        world.until("neighbour", "True", "InSync");
        world.until_organization_reconciled("org_2", 2);
        assert!(world.request_sequence("org_1").chars().all(|request| request == 'O'));
        world.clear_faults();
        world.until("acme", "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_019_an_answer_that_breaks_off_or_says_nothing_is_named_and_nothing_is_written() {
    for fault in [
        json!({"kind": "truncated", "keep_bytes": 5}),
        json!({"kind": "refuse", "status": 200, "body": "empty"}),
        json!({"kind": "refuse", "status": 200, "body": "garbled"}),
        forged(&json!({})),
        forged(&json!({"policy": null})),
    ] {
        let world = world_with_faults(&[always("GET", POLICY, fault.clone())]).await;
        world.until("acme", "Unknown", "BadResponse");
        assert_eq!(world.policies("org_1"), [] as [Value; 0], "{fault}");
        world.clear_faults();
        world.until("acme", "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_019_one_bad_answer_at_rest_changes_nothing() {
    let world = at_rest(&[]).await;
    let before = world.resource("acme").unwrap();
    world.inject(&once("GET", POLICY, forged(&json!({}))));
    let struck = || world.admin("GET", "faults", &Value::Null).as_array().unwrap().is_empty().then_some(());
    eventually("the fault", 60, struck);
    world.until_organization_reconciled("org_1", 2);
    let after = world.resource("acme").unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(world.policies("org_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_020_a_portals_page_is_no_answer() {
    let world =
        world_with_faults(&[always("GET", ORGANIZATION, json!({"kind": "refuse", "status": 200, "body": "html"}))])
            .await;
    world.until("acme", "Unknown", "BadResponse");
    assert_eq!(world.writes(), []);
    world.clear_faults();
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_020_a_404_that_is_not_scalekits_lets_nothing_go() {
    let page = json!({"kind": "refuse", "status": 404, "body": "html"});
    let world = world_with_faults(&[always("GET", ORGANIZATION, page.clone())]).await;
    world.until("acme", "Unknown", "BadResponse");
    world.clear_faults();
    world.until("acme", "True", "InSync");
    world.inject(&always("GET", ORGANIZATION, page));
    let writes = world.writes().len();
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let resource = world.until("acme", "False", "CleanupPending");
    assert!(!resource["metadata"]["finalizers"].is_null());
    assert!(message(&resource, "Ready").contains("BadResponse"));
    world.reconcile_now("acme", "again");
    assert_eq!(world.writes().len(), writes);
    world.clear_faults();
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_091_a_redirect_is_not_followed() {
    let elsewhere = Simulator::start(scalekit()).await.unwrap();
    let headers = json!({"location": format!("{}/api/v1/organizations/org_1", elsewhere.base_url())});
    let redirect = json!({"kind": "refuse", "status": 302, "body": "empty", "headers": headers});
    let world = world_with_faults(&[always("GET", ORGANIZATION, redirect)]).await;
    world.until("acme", "Unknown", "BadResponse");
    assert_eq!(elsewhere.admin("GET", "/_simulator/journal/count", &Value::Null).1["count"], 0);
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_014_an_outage_that_lasts_is_said_of_what_was_in_order_too() {
    let world = at_rest(&[always("GET", "/api/v1/organizations/**", refuse(503))]).await;
    let resource = world.until("acme", "Unknown", "Stale");
    let synced = condition(&resource, "Synced").unwrap();
    assert_eq!((&synced["status"], &synced["reason"]), (&json!("Unknown"), &json!("ApiUnavailable")));
    assert!(condition(&resource, "Reconciling").is_none() && condition(&resource, "Stalled").is_none());
    assert_eq!(resource["status"]["policy"]["absoluteSessionTimeout"], 480, "what was seen last stays");
    assert_eq!(world.policies("org_1").len(), 1);
    world.clear_faults();
    world.until("acme", "True", "InSync");
}
