//! Paths, methods, parsing and the shape of errors.

use super::wire::{APPLICATION_POLICY, Bench, POLICY, SETTINGS, custom};
use serde_json::{Value, json};

#[tokio::test]
async fn an_unknown_route_gets_the_gateways_own_404() {
    let bench = Bench::new().await;
    for target in ["/", "/api/v1/nothing", "/api/v1/organizations/org_1/", "/api/v1/organizations:search?query=abc"] {
        let response = bench.get(target).await;
        assert_eq!(
            (response.status, response.json()),
            (404, json!({"code": 5, "message": "Not Found", "details": []}))
        );
    }
    assert_eq!(bench.call("DELETE", POLICY, &Value::Null).await.status, 501);
}

#[tokio::test]
async fn a_missing_organization_gets_a_404_with_error_info() {
    let bench = Bench::new().await;
    for (method, path) in [
        ("GET", "/api/v1/organizations/org_99"),
        ("GET", "/api/v1/organizations:external/tenant-99"),
        ("GET", "/api/v1/organizations/org_99/session-policy"),
        ("PATCH", "/api/v1/organizations/org_99/session-policy"),
        ("PATCH", "/api/v1/organizations/org_99/settings"),
        ("GET", "/api/v1/organizations/org_99/application-session-policy"),
    ] {
        let response = bench.call(method, path, &Value::Null).await;
        assert_eq!(
            (response.status, &response.json()["details"][0]["error_code"]),
            (404, &json!("NOT_FOUND")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_id_that_is_no_organization_id_is_invalid() {
    let bench = Bench::new().await;
    for id in ["tenant-1", "org_123456789012345678901234567890"] {
        let response = bench.get(&format!("/api/v1/organizations/{id}/session-policy")).await;
        assert_eq!(response.status, 400);
        let violations = &response.json()["details"][0]["validation_error_info"]["field_violations"];
        assert_eq!(violations[0]["field"], "organization_id");
    }
}

#[tokio::test]
async fn a_strict_server_refuses_what_it_does_not_know() {
    let bench = Bench::new().await;
    for body in [
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":8,"absolute_session_timeout_unit":"hours"}"#,
        r#"{"session_policy":"CUSTOM"}"#,
        r#"{"policy_source":"custom","absolute_session_timeout":480}"#,
        r#"{"organization_id":"org_1","policy_source":"APPLICATION"}"#,
        r#"{"policy":{"policy_source":"APPLICATION"}}"#,
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":480.5}"#,
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":{"value":480}}"#,
        r#"{"policy_source":"CUSTOM","policySource":"CUSTOM","absolute_session_timeout":480}"#,
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":480,"absolute_session_timeout":480}"#,
        r#"{"policy_source":"CUSTOM""#,
        "[]",
    ] {
        let response = bench.call_text("PATCH", POLICY, body).await;
        assert_eq!((response.status, &response.json()["code"]), (400, &json!(3)), "{body}");
    }
    assert_eq!(bench.stored().await["policy"]["source"], "APPLICATION");
}

#[tokio::test]
async fn a_discarding_server_takes_eight_hours_for_eight_minutes() {
    let bench = Bench::with(json!({"parsing": "discard_unknown"})).await;
    let hours =
        json!({"policy_source": "CUSTOM", "absolute_session_timeout": 8, "absolute_session_timeout_unit": "hours"});
    let response = bench.call("PATCH", POLICY, &hours).await;
    assert_eq!((response.status, &response.json()["policy"]["absolute_session_timeout"]), (200, &json!(8)));
    let nothing = bench.call("PATCH", POLICY, &json!({"session_policy": "APPLICATION"})).await;
    assert_eq!((nothing.status, &nothing.json()["policy"]["policy_source"]), (200, &json!("CUSTOM")));
}

#[tokio::test]
async fn both_spellings_numbers_and_strings_are_understood() {
    let bench = Bench::new().await;
    for body in [
        r#"{"policySource":"CUSTOM","absoluteSessionTimeout":480,"absoluteSessionTimeoutUnit":"MINUTES"}"#,
        r#"{"policy_source":2,"absolute_session_timeout":"8","absolute_session_timeout_unit":2}"#,
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":480.0,"idle_session_timeout":null}"#,
    ] {
        assert_eq!(bench.call_text("PATCH", POLICY, body).await.status, 200, "{body}");
        assert_eq!(bench.stored().await["policy"]["absolute_minutes"], 480, "{body}");
        bench.call("PATCH", POLICY, &json!({"policy_source": "APPLICATION"})).await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let bench = Bench::new().await;
    bench.set(json!({"max_body_bytes": 64})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 413);
    assert_eq!(bench.journal("?status=413").await.len(), 1);
    assert_eq!(bench.call("PATCH", POLICY, &json!({"policy_source": "APPLICATION"})).await.status, 200);
}

#[tokio::test]
async fn an_old_server_has_no_session_policy_routes() {
    let bench = Bench::with(json!({"policy": {"routes": false}})).await;
    for target in [POLICY, APPLICATION_POLICY] {
        let response = bench.get(target).await;
        assert_eq!((response.status, &response.json()["details"]), (404, &json!([])));
    }
    assert_eq!(bench.call("PATCH", SETTINGS, &json!({})).await.status, 200);
}
