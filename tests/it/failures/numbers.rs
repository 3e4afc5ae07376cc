//! Rows 21 to 24: answers that are too much, and words and numbers written in
//! other ways or not possible at all.

use super::{POLICY, always, forged, organization, spec, world_with_faults};
use crate::world::{EIGHT_HOURS, World, condition};
use serde_json::{Value, json};

/// A custom policy as answers have it, with these fields changed or added.
fn policy(changes: &Value) -> Value {
    let mut policy = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480,
        "absolute_session_timeout_unit": "MINUTES", "idle_session_timeout_enabled": true,
        "idle_session_timeout": 60, "idle_session_timeout_unit": "MINUTES"});
    for (name, value) in changes.as_object().unwrap() {
        policy[name] = value.clone();
    }
    json!({"policy": policy})
}

/// Its reads are answered with this; the feature is on already.
async fn shown(body: &Value) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.edit("org_1", &json!({"features": [{"name": "session_policy", "enabled": true}]}));
    world.inject(&always("GET", POLICY, forged(body)));
    world.start_operator();
    world.apply("acme", &spec(""));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_021_an_answer_that_is_too_much_is_not_read_to_its_end() {
    let gzip = json!({"content-encoding": "gzip", "content-type": "application/json"});
    let twice = r#"{"policy":{"policy_source":"CUSTOM"},"policy":{"policy_source":"APPLICATION"}}"#;
    for fault in [
        json!({"kind": "refuse", "status": 200, "body": {"huge": 1_073_741_824_u64}}),
        json!({"kind": "refuse", "status": 200, "body": {"deep": 100_000}}),
        json!({"kind": "refuse", "status": 200, "body": {"text": twice}}),
        json!({"kind": "refuse", "status": 200, "body": {"text": "\u{1f}\u{8b}"}, "headers": gzip}),
    ] {
        let world = world_with_faults(&[always("GET", POLICY, fault.clone())]).await;
        world.apply("neighbour", &organization("org_2", ""));
        world.until("acme", "Unknown", "BadResponse");
        world.until("neighbour", "True", "InSync");
        assert_eq!(world.policies("org_1"), [] as [Value; 0], "{fault}");
        let peak = world.peak_memory();
        assert!(peak.is_none_or(|bytes| bytes < 256 << 20), "{peak:?} for {fault}");
        world.clear_faults();
        world.until("acme", "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_022_other_spellings_of_what_is_declared_are_no_drift() {
    for body in [
        policy(&json!({"policy_source": "custom", "absolute_session_timeout_unit": "minutes"})),
        policy(&json!({"policy_source": 2, "absolute_session_timeout_unit": 1, "idle_session_timeout_unit": 1})),
    ] {
        let world = shown(&body).await;
        world.until("acme", "True", "InSync");
        world.until_reconciled(2);
        assert_eq!(world.writes(), [], "{body}");
    }
    for word in ["environment", "ENVIRONMENT", "application"] {
        let mut world = World::without_operator(json!({"emission": {"application": word}})).await;
        world.edit("org_1", &json!({"features": [{"name": "session_policy", "enabled": true}]}));
        world.start_operator();
        world.apply("acme", "{organization: {id: org_1}, policy: {policySource: APPLICATION}}");
        world.until("acme", "True", "InSync");
        world.until_reconciled(2);
        assert_eq!(world.writes(), [], "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_022_a_source_from_the_future_is_written_over_once_and_then_named() {
    let future = json!({"policy": {"policy_source": "GROUP"}});
    let world = shown(&future).await;
    world.inject(&always("PATCH", POLICY, forged(&future)));
    world.apply("neighbour", &organization("org_2", ""));
    let resource = world.until("acme", "False", "UnrecognizedLivePolicy");
    assert!(condition(&resource, "Stalled").is_some());
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.policies("org_1").len(), 1);
    world.until_event("UnrecognizedLivePolicy", "Warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_022_a_source_from_the_future_is_not_written_over_by_who_only_tightens() {
    let world = shown(&json!({"policy": {"policy_source": "GROUP"}})).await;
    world.apply("acme", &spec(", mode: TightenOnly"));
    world.until("acme", "False", "UnrecognizedLivePolicy");
    let before = world.policies("org_1").len();
    world.reconcile_now("acme", "again");
    assert_eq!(world.policies("org_1").len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_023_a_unit_that_is_absent_or_another_one_is_no_drift() {
    let hours = json!({"absolute_session_timeout": 8, "absolute_session_timeout_unit": "HOURS",
        "idle_session_timeout": 1, "idle_session_timeout_unit": "HOURS"});
    for body in [
        policy(&json!({"absolute_session_timeout_unit": null, "idle_session_timeout_unit": null})),
        policy(&json!({"absolute_session_timeout_unit": "", "idle_session_timeout_unit": ""})),
        policy(&hours),
    ] {
        let world = shown(&body).await;
        let resource = world.until("acme", "True", "InSync");
        assert_eq!(resource["status"]["policy"]["absoluteSessionTimeout"], 480, "{body}");
        world.until_reconciled(2);
        assert_eq!(world.writes(), [], "{body}");
    }
    let mut world = World::without_operator(json!({"emission": {"minutes": ""}})).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_023_the_same_number_of_another_unit_is_drift() {
    let world =
        shown(&policy(&json!({"absolute_session_timeout": 480, "absolute_session_timeout_unit": "HOURS"}))).await;
    world.until("acme", "True", "InSync");
    assert_eq!(world.policies("org_1")[0]["absolute_session_timeout"], 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_024_a_number_that_cannot_be_is_a_bad_answer_and_nothing_is_written() {
    for changes in [
        json!({"absolute_session_timeout": -1}),
        json!({"absolute_session_timeout": 480.5}),
        json!({"absolute_session_timeout": 2_147_483_648_i64}),
        json!({"absolute_session_timeout": 4_294_967_776_i64}), // 480 if it wrapped
        json!({"idle_session_timeout": "sixty"}),
        json!({"absolute_session_timeout": 1_491_309, "absolute_session_timeout_unit": "DAYS"}),
        json!({"absolute_session_timeout_unit": "SECONDS"}),
    ] {
        let world = shown(&policy(&changes)).await;
        world.until("acme", "Unknown", "BadResponse");
        assert_eq!(world.writes(), [], "{changes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_024_a_number_in_a_string_is_a_number() {
    let mut world = World::without_operator(json!({"emission": {"numbers_as_strings": true}})).await;
    world.start_operator();
    world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 1);
}
