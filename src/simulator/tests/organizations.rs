//! Organizations: reading, listing, external ids, features.

use super::wire::{Bench, ORGANIZATION, SETTINGS};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn features(organization: &Value) -> Vec<(String, bool)> {
    let list = organization["settings"]["features"].as_array().unwrap();
    list.iter().map(|f| (f["name"].as_str().unwrap().to_owned(), f["enabled"].as_bool().unwrap())).collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_end_with_an_empty_token() {
    let bench = Bench::new().await;
    let mut target = "/api/v1/organizations?page_size=2".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = bench.get(&target).await.json();
        assert_eq!(page["total_size"], 3);
        ids.extend(page["organizations"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap().to_owned()));
        match page["next_page_token"].as_str().unwrap() {
            "" => break,
            token => target = format!("/api/v1/organizations?page_size=2&page_token={}", encoded(token)),
        }
    }
    assert_eq!(ids, ["org_3", "org_2", "org_1"]);
}

#[tokio::test]
async fn a_bad_page_token_or_size_is_refused() {
    let bench = Bench::new().await;
    for query in ["page_token=abc", "page_token=%3E%3AWy", "page_size=101", "page_size=x"] {
        assert_eq!(bench.get(&format!("/api/v1/organizations?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_external_id_filter_matches_exactly() {
    let bench = Bench::new().await;
    let found = bench.get("/api/v1/organizations?external_id=tenant-2").await.json();
    assert_eq!(found["organizations"].as_array().unwrap().len(), 1);
    assert_eq!(found["organizations"][0]["id"], "org_2");
    assert_eq!(found["total_size"], 3, "of the environment, not of the filter");
    let none = bench.get("/api/v1/organizations?external_id=tenant").await.json();
    assert_eq!(none["organizations"], json!([]));
}

#[tokio::test]
async fn an_external_id_is_looked_up_decoded() {
    let bench = Bench::new().await;
    let odd = "a/b c?d:é%2F..";
    bench.admin("PATCH", "organizations/org_2", &json!({"external_id": odd})).await;
    let target = format!("/api/v1/organizations:external/{}", encoded(odd));
    assert_eq!(bench.get(&target).await.json()["organization"]["id"], "org_2");
    bench.set(json!({"encoded_slash_routes": false})).await;
    assert_eq!(bench.get(&target).await.json()["details"], json!([]));
    let by_filter = bench.get(&format!("/api/v1/organizations?external_id={}", encoded(odd))).await.json();
    assert_eq!(by_filter["organizations"][0]["id"], "org_2");
}

#[tokio::test]
async fn an_id_next_to_the_external_id_is_refused() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/api/v1/organizations:external/tenant-1").await.status, 200);
    for target in ["/api/v1/organizations:external/tenant-1?id=org_1", "/api/v1/organizations:external/"] {
        assert_eq!(bench.get(target).await.status, 400, "{target}");
    }
}

#[tokio::test]
async fn enabling_a_feature_merges_or_replaces() {
    let bench = Bench::new().await;
    let enable = json!({"features": [{"name": "session_policy", "enabled": true}]});
    let merged = bench.call("PATCH", SETTINGS, &enable).await.json();
    let all = [("sso".to_owned(), true), ("dir_sync".to_owned(), false), ("session_policy".to_owned(), true)];
    assert_eq!(features(&merged["organization"]), all);
    assert_eq!(features(&bench.get(ORGANIZATION).await.json()["organization"]), all);
    bench.set(json!({"features": {"patch": "replace"}})).await;
    let replaced = bench.call("PATCH", SETTINGS, &enable).await.json();
    assert_eq!(features(&replaced["organization"]), all[2..]);
}

#[tokio::test]
async fn an_unknown_feature_is_rejected_ignored_or_accepted() {
    let bench = Bench::new().await;
    let patch = json!({"features": [{"name": "directory_sync", "enabled": true}]});
    for (unknown, status, count) in [("reject", 400, 2), ("ignore", 200, 2), ("accept", 200, 3)] {
        bench.set(json!({"features": {"unknown": unknown}})).await;
        assert_eq!(bench.call("PATCH", SETTINGS, &patch).await.status, status, "{unknown}");
        assert_eq!(bench.stored().await["features"].as_array().unwrap().len(), count, "{unknown}");
    }
}

#[tokio::test]
async fn a_stuck_feature_is_answered_200_and_stays_off() {
    let bench = Bench::with(json!({"features": {"stuck_off": ["session_policy"]}})).await;
    let enable = json!({"features": [{"name": "session_policy", "enabled": true}]});
    assert_eq!(bench.call("PATCH", SETTINGS, &enable).await.status, 200);
    let after = features(&bench.get(ORGANIZATION).await.json()["organization"]);
    assert_eq!(after[2], ("session_policy".to_owned(), false));
}
