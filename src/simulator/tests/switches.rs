//! Switches around the requests: writing, lag, latency, rate limit.

use super::wire::{Bench, ORGANIZATION, POLICY, SETTINGS, custom};
use serde_json::{Value, json};

#[tokio::test]
async fn unset_values_are_written_as_configured() {
    let bench = Bench::new().await;
    assert_eq!(bench.get(ORGANIZATION).await.json()["organization"].get("slug"), None);
    bench.set(json!({"emission": {"unset": "zero"}})).await;
    assert_eq!(bench.get(ORGANIZATION).await.json()["organization"]["slug"], "");
    assert_eq!(bench.get(POLICY).await.json()["policy"]["absolute_session_timeout"], 0);
    bench.set(json!({"emission": {"unset": "null"}})).await;
    let policy = bench.get(POLICY).await.json();
    assert_eq!(policy["policy"].as_object().unwrap().get("absolute_session_timeout"), Some(&Value::Null));
}

#[tokio::test]
async fn an_organization_can_lack_its_settings_and_false_its_word() {
    let bench = Bench::with(json!({"emission": {"drop_plain_zeros": true}})).await;
    let organization = bench.get(ORGANIZATION).await.json();
    assert_eq!(organization["organization"]["settings"]["features"][1], json!({"name": "dir_sync"}));
    for (settings, full, empty, listed) in [
        ("always", true, true, true),
        ("not_in_lists", true, true, false),
        ("not_if_empty", true, false, true),
        ("never", false, false, false),
    ] {
        bench.set(json!({"emission": {"settings": settings}})).await;
        let (done, _) = bench.simulator.admin("PATCH", "/_simulator/organizations/org_2", &json!({"features": []}));
        assert_eq!(done, 200);
        let has = async |path| bench.get(path).await.json()["organization"].get("settings").is_some();
        assert_eq!((has(ORGANIZATION).await, has("/api/v1/organizations/org_2").await), (full, empty), "{settings}");
        let list = bench.get("/api/v1/organizations?page_size=10").await.json();
        let found = list["organizations"].as_array().unwrap().iter().find(|o| o["id"] == "org_1").unwrap();
        assert_eq!(found.get("settings").is_some(), listed, "{settings}");
    }
}

#[tokio::test]
async fn words_and_numbers_are_spelled_as_configured() {
    let emission = json!({"minutes": "minutes", "application": "environment", "numbers_as_strings": true});
    let bench = Bench::with(json!({"emission": emission})).await;
    assert_eq!(bench.get(POLICY).await.json()["policy"]["policy_source"], "environment");
    let policy = bench.call("PATCH", POLICY, &custom(480)).await.json();
    assert_eq!(policy["policy"]["absolute_session_timeout"], "480");
    assert_eq!(policy["policy"]["absolute_session_timeout_unit"], "minutes");
}

#[tokio::test]
async fn reads_lag_behind_a_patch() {
    let bench = Bench::with(json!({"lag": {"reads": 2}})).await;
    let source = async || bench.get(POLICY).await.json()["policy"]["policy_source"].clone();
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.json()["policy"]["policy_source"], "CUSTOM");
    assert_eq!(bench.stored().await["policy_behind"], true);
    assert_eq!([source().await, source().await, source().await], ["APPLICATION", "APPLICATION", "CUSTOM"]);
    bench.call("PATCH", SETTINGS, &json!({"features": [{"name": "session_policy", "enabled": true}]})).await;
    let count =
        async || bench.get(ORGANIZATION).await.json()["organization"]["settings"]["features"].as_array().unwrap().len();
    assert_eq!([count().await, count().await, count().await], [2, 2, 3]);
}

#[tokio::test]
async fn an_edit_behind_the_api_is_seen_at_once() {
    let bench = Bench::with(json!({"lag": {"reads": 5}})).await;
    bench.call("PATCH", POLICY, &custom(480)).await;
    let edit = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 77}});
    bench.admin("PATCH", "organizations/org_1", &edit).await;
    assert_eq!(bench.get(POLICY).await.json()["policy"]["absolute_session_timeout"], 77);
}

#[tokio::test]
async fn latency_delays_and_loses_nothing() {
    let bench = Bench::with(json!({"latency_ms": 1, "latency_jitter_ms": 1})).await;
    assert_eq!(bench.call("PATCH", POLICY, &custom(480)).await.status, 200);
}

#[tokio::test]
async fn the_rate_limit_answers_429_in_every_form() {
    let bench = Bench::new().await;
    for (form, header) in [
        ("retry_after_seconds", Some("retry-after")),
        ("retry_after_date", Some("retry-after")),
        ("reset_epoch", Some("x-ratelimit-reset")),
        ("body_number", None),
        ("body_string", None),
        ("bare", None),
    ] {
        // Turning it off empties the bucket's memory, so each form starts full.
        bench.set(json!({"rate_limit": {"per_second": null}})).await;
        bench.get(POLICY).await;
        bench.set(json!({"rate_limit": {"per_second": 0.001, "burst": 1, "form": form}})).await;
        assert_eq!(bench.get(POLICY).await.status, 200, "{form}");
        let limited = bench.get(POLICY).await;
        assert_eq!((limited.status, &limited.json()["details"][0]["error_code"]), (429, &json!("RATE_LIMITED")));
        for name in ["retry-after", "x-ratelimit-reset"] {
            assert_eq!(limited.header(name).is_some(), header == Some(name), "{form} {name}");
        }
        let in_body = limited.json()["details"][0].get("retry_after").is_some();
        assert_eq!(in_body, form.starts_with("body_"), "{form}");
    }
    assert_eq!(bench.journal("?status=429").await.len(), 6);
    bench.set(json!({"rate_limit": {"error_code": "RATE_LIMIT_EXCEEDED", "code": 429}})).await;
    assert_eq!(bench.get(POLICY).await.json()["code"], 429);
}
