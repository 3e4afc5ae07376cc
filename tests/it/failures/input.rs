//! What people declare, at its edges (rows 99–104, 108), and what they change
//! later.

use super::{eight_hours, foreign, ready_world, says, spec};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::json;

fn with(policy: &str) -> String {
    format!("{{organization: {{id: org_1}}, policy: {{policySource: CUSTOM, {policy}}}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn row_099_the_largest_timeouts_are_written_in_minutes_and_one_more_is_refused_at_once() {
    let world = World::new().await;
    for (number, unit, written) in [(1_491_308, "DAYS", 2_147_483_520_i64), (35_791_394, "HOURS", 2_147_483_640)] {
        world.apply("acme", &with(&format!("absoluteSessionTimeout: {number}, absoluteSessionTimeoutUnit: {unit}")));
        world.until("acme", "True", "InSync");
        assert_eq!(world.policies("org_1").last().unwrap()["absolute_session_timeout"], written);
        assert_eq!(world.policies("org_1").last().unwrap()["absolute_session_timeout_unit"], "MINUTES");
        let requests = world.policies("org_1").len();
        for bad in [number + 1, 0, -1] {
            let bad = format!("absoluteSessionTimeout: {bad}, absoluteSessionTimeoutUnit: {unit}");
            let (accepted, said) = world.try_apply("bad", &with(&bad));
            assert!(!accepted && said.contains("absoluteSessionTimeout"), "{bad}: {said}");
        }
        assert_eq!(world.policies("org_1").len(), requests);
    }
    assert!(world.resource("bad").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_100_timeouts_that_contradict_each_other_are_refused_at_once() {
    let world = World::new().await;
    for (bad, names) in [
        (
            "absoluteSessionTimeout: 60, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES",
            "idleSessionTimeout",
        ),
        (
            "absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: HOURS, idleSessionTimeoutEnabled: true, \
             idleSessionTimeout: 61, idleSessionTimeoutUnit: MINUTES",
            "idleSessionTimeout",
        ),
        (
            "absoluteSessionTimeout: 60, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: false, idleSessionTimeout: 30, idleSessionTimeoutUnit: MINUTES",
            "idleSessionTimeout",
        ),
        (
            "absoluteSessionTimeout: 60, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: true",
            "idleSessionTimeout",
        ),
        ("absoluteSessionTimeoutUnit: HOURS", "absoluteSessionTimeout"),
        (
            "absoluteSessionTimeout: 60, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutUnit: HOURS",
            "idleSessionTimeout",
        ),
    ] {
        let (accepted, said) = world.try_apply("acme", &with(bad));
        assert!(!accepted && said.contains(names), "{bad}: {said}");
    }
    assert_eq!((world.resource("acme"), world.count("")), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_101_a_policy_that_is_taken_back_is_as_if_it_had_never_been_declared() {
    let world = ready_world("").await;
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: APPLICATION}}");
    let later = world.until("acme", "True", "InSync");
    world.apply("fresh", "{organization: {id: org_2}, policy: {policySource: APPLICATION}}");
    let fresh = world.until("fresh", "True", "InSync");
    let gone = eventually("no finalizer", 60, || {
        world.resource("acme").filter(|resource| resource["metadata"]["finalizers"].is_null())
    });
    assert!(fresh["metadata"]["finalizers"].is_null());
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
    assert_eq!(world.stored("org_1")["policy"], world.stored("org_2")["policy"]);
    for field in ["policy", "effectivePolicy", "drift"] {
        assert_eq!(gone["status"][field], fresh["status"][field], "{field}");
    }
    assert_eq!(says(&later, "Synced"), says(&fresh, "Synced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_102_idle_that_is_off_is_written_without_a_value_and_a_stale_one_is_no_drift() {
    let mut world = World::without_operator(json!({"emission": {"stale_idle": true}})).await;
    world.edit(
        "org_1",
        &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 600, "idle_enabled": true,
        "idle_minutes": 77}}),
    );
    world.start_operator();
    world.apply(
        "acme",
        &with("absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: false"),
    );
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(says(&resource, "Synced"), "True InSync");
    let body = world.policies("org_1")[0].clone();
    assert_eq!(body["idle_session_timeout_enabled"], false);
    assert!(body.get("idle_session_timeout").is_none() && body.get("idle_session_timeout_unit").is_none(), "{body}");
    world.until_reconciled(3);
    assert_eq!(world.policies("org_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_103_a_huge_or_repeated_request_to_reconcile_now_costs_little_and_harms_nothing() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--resync-interval", "1h"];
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let huge = "x".repeat(200_000);
    let ask = |value: &str| {
        world.kubectl(&["annotate", "--overwrite", "osp", "acme", &format!("reconcile.fluxcd.io/requestedAt={value}")]);
    };
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": huge}}}).to_string();
    let (accepted, said) = world.cluster.with_input(
        &["-n", &world.namespace, "patch", "osp", "acme", "--type=merge", "--patch-file=/dev/stdin"],
        &patch,
    );
    assert!(accepted, "{said}");
    let before = world.policy_reads();
    for n in 0..30 {
        ask(&n.to_string());
    }
    eventually("some are answered", 60, || (world.policy_reads() > before).then_some(()));
    assert!(world.policy_reads() - before <= 5, "{} reconciles", world.policy_reads() - before);
    let resource = world.until("acme", "True", "InSync");
    assert!(resource["status"]["lastHandledReconcileAt"].as_str().unwrap_or_default().len() <= 256);
    assert_eq!((world.writes().len(), resource["metadata"]["generation"].clone()), (2, json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_104_a_suspended_resource_does_nothing_and_still_reverts_when_it_goes() {
    let world = ready_world("").await;
    world.apply("acme", &spec(", suspend: true"));
    let resource = world.until("acme", "Unknown", "Suspended");
    assert_eq!(says(&resource, "Synced"), "Unknown Suspended");
    assert!(condition(&resource, "Reconciling").is_none() && condition(&resource, "Stalled").is_none());
    let before = world.count("path=/api/v1/organizations/org_1**");
    world.edit("org_1", &json!({"policy": foreign()}));
    world.apply("clock", "{organization: {id: org_2}, policy: {policySource: APPLICATION}}");
    world.until("clock", "True", "InSync");
    world.until_reconciled(3);
    assert_eq!(world.count("path=/api/v1/organizations/org_1**"), before);
    assert_eq!(world.stored("org_1")["policy"], foreign());
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    world.apply("acme", &spec(", suspend: true"));
    world.until("acme", "Unknown", "Suspended");
    world.apply("acme", &spec(", suspend: false"));
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"], eight_hours(), "and is taken up again");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_108_observing_writes_nothing_in_a_whole_life() {
    let world = World::new().await;
    world.apply("acme", &spec(", mode: Observe"));
    let resource = world.until("acme", "True", "Observing");
    assert_eq!(says(&resource, "Synced"), "False DriftDetected");
    assert_eq!(says(&resource, "FeatureEnabled"), "False Disabled");
    assert_eq!(
        resource["status"]["drift"][0],
        json!({"field": "policySource", "declared": "CUSTOM", "desired": "CUSTOM", "live": "APPLICATION"})
    );
    world.edit("org_1", &json!({"policy": eight_hours()}));
    world.until("acme", "True", "InSync");
    world.edit("org_1", &json!({"policy": foreign()}));
    let resource = world.until("acme", "True", "Observing");
    assert!(resource["status"]["driftSummary"].as_str().unwrap().contains("30d"), "{}", resource["status"]);
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.writes(), []);
    assert_eq!(world.stored("org_1")["policy"], foreign());
}
