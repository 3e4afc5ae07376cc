//! The session policy itself: what is stored, refused, gated.

use super::wire::{APPLICATION_POLICY, Bench, POLICY, SETTINGS, custom};
use serde_json::{Value, json};

fn violated(answer: &Value) -> Vec<String> {
    let violations = &answer["details"][0]["validation_error_info"]["field_violations"];
    violations.as_array().unwrap().iter().map(|v| v["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_policy_written_in_hours_is_read_in_minutes_and_reverted() {
    let bench = Bench::new().await;
    let application = json!({"policy": {"policy_source": "APPLICATION"}});
    assert_eq!(bench.get(POLICY).await.json(), application);
    let body = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 8, "absolute_session_timeout_unit": "HOURS",
        "idle_session_timeout_enabled": true, "idle_session_timeout": 60, "idle_session_timeout_unit": "MINUTES"});
    let stored = json!({"policy": {"policy_source": "CUSTOM", "absolute_session_timeout": 480,
        "absolute_session_timeout_unit": "MINUTES", "idle_session_timeout_enabled": true, "idle_session_timeout": 60,
        "idle_session_timeout_unit": "MINUTES"}});
    assert_eq!(bench.call("PATCH", POLICY, &body).await.json(), stored);
    assert_eq!(bench.get(POLICY).await.json(), stored);
    bench.call("PATCH", POLICY, &json!({"policy_source": "APPLICATION"})).await;
    assert_eq!(bench.get(POLICY).await.json(), application);
}

#[tokio::test]
async fn the_chain_is_enforced_with_field_violations() {
    let bench = Bench::new().await;
    let equal = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 60, "idle_session_timeout_enabled": true,
        "idle_session_timeout": 60});
    let refused = bench.call("PATCH", POLICY, &equal).await;
    assert_eq!((refused.status, violated(&refused.json())), (400, vec!["idle_session_timeout".to_owned()]));
    let short = bench.call("PATCH", POLICY, &custom(5)).await;
    assert_eq!(violated(&short.json()), ["absolute_session_timeout"]);
    bench.set(json!({"policy": {"chain": false}})).await;
    assert_eq!(bench.call("PATCH", POLICY, &equal).await.status, 200);
}

#[tokio::test]
async fn a_looser_policy_is_accepted_unless_refused() {
    let bench = Bench::with(json!({"application": {"absolute": 60, "absolute_unit": "MINUTES"}})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 200);
    bench.set(json!({"policy": {"refuse_looser": true}})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 400);
}

#[tokio::test]
async fn the_flag_gates_custom_policies_but_no_reads() {
    let bench = Bench::with(json!({"gate": {"mode": "flag"}})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 403);
    bench.set(json!({"gate": {"status": 400}})).await;
    let refused = bench.call("PATCH", POLICY, &custom(480)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!(9)));
    assert_eq!(bench.get(POLICY).await.status, 200);
    assert_eq!(bench.call("PATCH", POLICY, &json!({"policy_source": "APPLICATION"})).await.status, 200);
    bench.call("PATCH", SETTINGS, &json!({"features": [{"name": "session_policy", "enabled": true}]})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 200);
}

#[tokio::test]
async fn an_environment_without_the_feature_refuses_to_enable_it() {
    let bench = Bench::with(json!({"gate": {"mode": "environment", "status": 400}})).await;
    let enable = json!({"features": [{"name": "session_policy", "enabled": true}]});
    assert_eq!(bench.call("PATCH", SETTINGS, &enable).await.status, 400);
    assert_eq!(bench.get(APPLICATION_POLICY).await.status, 403);
    assert_eq!(bench.call("PATCH", SETTINGS, &json!({"features": [{"name": "sso"}]})).await.status, 200);
}

#[tokio::test]
async fn fields_left_out_are_kept_or_reset() {
    let bench = Bench::new().await;
    let full = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480, "idle_session_timeout_enabled": true,
        "idle_session_timeout": 60});
    bench.call("PATCH", POLICY, &full).await;
    let part = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 240});
    assert_eq!(bench.call("PATCH", POLICY, &part).await.json()["policy"]["idle_session_timeout"], 60);
    bench.set(json!({"policy": {"partial": "reset"}})).await;
    let reset = bench.call("PATCH", POLICY, &part).await.json();
    assert_eq!(reset["policy"].get("idle_session_timeout_enabled"), None);
}

#[tokio::test]
async fn reverted_numbers_can_come_back() {
    let bench = Bench::with(json!({"policy": {"after_revert": "show"}})).await;
    bench.call("PATCH", POLICY, &custom(480)).await;
    let reverted = bench.call("PATCH", POLICY, &json!({"policy_source": "APPLICATION"})).await.json();
    assert_eq!(reverted["policy"]["absolute_session_timeout"], 480);
    let again = bench.call("PATCH", POLICY, &json!({"policy_source": "CUSTOM"})).await;
    assert_eq!((again.status, &again.json()["policy"]["absolute_session_timeout"]), (200, &json!(480)));
}

#[tokio::test]
async fn a_normalising_server_answers_200_and_stores_something_else() {
    let bench = Bench::with(json!({"policy": {"max_absolute_minutes": 100, "drop_idle": true}})).await;
    let body = json!({"policy_source": "CUSTOM", "absolute_session_timeout": 480, "idle_session_timeout_enabled": true,
        "idle_session_timeout": 60});
    let response = bench.call("PATCH", POLICY, &body).await;
    assert_eq!((response.status, &response.json()["policy"]["absolute_session_timeout"]), (200, &json!(100)));
    assert_eq!(response.json()["policy"]["idle_session_timeout_enabled"], false);
}

#[tokio::test]
async fn the_application_answers_in_its_own_units_or_not_at_all() {
    let bench = Bench::new().await;
    let days = bench.get(APPLICATION_POLICY).await.json();
    assert_eq!(days["application_policy"]["absolute_session_timeout_unit"], "DAYS");
    bench
        .set(json!({"application": {"absolute": 24, "absolute_unit": "HOURS", "idle_enabled": true, "idle": 60}}))
        .await;
    let hours = bench.get(APPLICATION_POLICY).await.json();
    assert_eq!(hours["application_policy"]["absolute_session_timeout_unit"], "HOURS");
    assert_eq!(hours["application_policy"]["idle_session_timeout_unit"], "MINUTES");
    for (answer, status) in [("forbidden", 403), ("no_route", 404), ("unimplemented", 501)] {
        bench.set(json!({"application": {"answer": answer}})).await;
        assert_eq!(bench.get(APPLICATION_POLICY).await.status, status);
    }
}
