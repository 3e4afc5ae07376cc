//! The admin endpoints, and start and stop of the simulator.

use super::wire::{Bench, GRANT, ORGANIZATION, POLICY, custom, send};
use crate::simulator::{Config, Simulator, StartError};
use serde_json::{Value, json};

#[tokio::test]
async fn the_journal_has_everything_but_secrets_and_admin_calls() {
    let bench = Bench::new().await;
    bench.call("PATCH", &format!("{POLICY}?a=b"), &custom(480)).await;
    bench.stored().await;
    let journal = bench.journal("").await;
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[0]["body"]["client_secret"], "[redacted]");
    assert_eq!(journal[0]["body"]["client_id"], "skc_simulator");
    let patch = &journal[1];
    assert_eq!((&patch["sequence"], &patch["method"], &patch["path"]), (&json!(2), &json!("PATCH"), &json!(POLICY)));
    assert_eq!(
        (&patch["query"], &patch["status"], &patch["client_id"]),
        (&json!("a=b"), &json!(200), &json!("skc_simulator"))
    );
    assert_eq!(patch["body"], custom(480));
}

#[tokio::test]
async fn the_journal_is_filtered_counted_and_cleared() {
    let bench = Bench::new().await;
    bench.call("PATCH", POLICY, &custom(480)).await;
    bench.get(POLICY).await;
    bench.get(ORGANIZATION).await;
    let count =
        async |filter: &str| bench.admin("GET", &format!("journal/count{filter}"), &Value::Null).await["count"].clone();
    assert_eq!(count("").await, 4);
    assert_eq!(count("?method=GET").await, 2);
    assert_eq!(count("?method=GET&path=/api/v1/organizations/*/session-policy").await, 1);
    assert_eq!(count("?after=2").await, 2);
    bench.admin("DELETE", "journal", &Value::Null).await;
    bench.get(POLICY).await;
    let journal = bench.journal("").await;
    assert_eq!((journal.len(), &journal[0]["sequence"], &journal[0]["status"]), (1, &json!(5), &json!(200)));
}

#[tokio::test]
async fn settings_are_read_patched_and_put() {
    let bench = Bench::new().await;
    let defaults = bench.admin("GET", "settings", &Value::Null).await;
    let patched = bench.admin("PATCH", "settings", &json!({"gate": {"mode": "flag"}})).await;
    assert_eq!(patched["gate"], json!({"mode": "flag", "status": 403}));
    assert_eq!(bench.admin("PUT", "settings", &json!({})).await, defaults);
    let wrong = send(bench.simulator.address(), "PATCH", "/_simulator/settings", "", r#"{"gates":{}}"#).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(bench.admin("GET", "settings", &Value::Null).await, defaults);
}

#[tokio::test]
async fn organizations_are_created_edited_replaced_and_deleted() {
    let bench = Bench::new().await;
    let new = bench.admin("POST", "organizations", &json!({"external_id": "x", "display_name": "X"})).await;
    assert_eq!((&new["id"], &new["policy"]["source"]), (&json!("org_4"), &json!("APPLICATION")));
    let edit = json!({"features": [{"name": "session_policy", "enabled": true}], "policy": {"source": "CUSTOM", "absolute_minutes": -1}});
    bench.admin("PATCH", "organizations/org_1", &edit).await;
    assert_eq!(bench.get(POLICY).await.json()["policy"]["absolute_session_timeout"], -1);
    bench.admin("PUT", "organizations/org_1", &json!({"external_id": "tenant-1", "features": []})).await;
    assert_eq!(bench.stored().await["features"], json!([]));
    assert_eq!(bench.get(POLICY).await.json()["policy"]["policy_source"], "APPLICATION");
    bench.admin("DELETE", "organizations/org_1", &Value::Null).await;
    assert_eq!(bench.get(ORGANIZATION).await.status, 404);
    let all = bench.admin("GET", "organizations", &Value::Null).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_refused_replacement_leaves_the_organization_alone() {
    let bench = Bench::new().await;
    let (status, _) =
        bench.simulator.admin("PUT", "/_simulator/organizations/org_1", &json!({"external_id": "tenant-2"}));
    assert_eq!(status, 409);
    assert_eq!(bench.stored().await["external_id"], "tenant-1");
}

#[tokio::test]
async fn an_external_id_moves_to_a_successor_or_to_another_organization() {
    let bench = Bench::new().await;
    let holder =
        async || bench.get("/api/v1/organizations:external/tenant-1").await.json()["organization"]["id"].clone();
    bench.admin("PATCH", "organizations/org_2", &json!({"external_id": "tenant-1"})).await;
    assert_eq!(holder().await, "org_2");
    let successor = bench.admin("POST", "organizations/org_2/recreate", &Value::Null).await;
    assert_eq!(holder().await, successor["id"]);
    assert_ne!(successor["id"], "org_2");
    bench.admin("PATCH", "organizations/org_4", &json!({"external_id": null})).await;
    assert_eq!(holder().await, Value::Null);
}

#[tokio::test]
async fn a_reset_is_like_a_fresh_start() {
    let bench = Bench::with(json!({"gate": {"mode": "flag"}})).await;
    bench.set(json!({"gate": {"mode": "none"}})).await;
    bench.fault(json!({"kind": "lost_request"})).await;
    bench.admin("DELETE", "organizations/org_1", &Value::Null).await;
    bench.admin("POST", "reset", &Value::Null).await;
    assert_eq!(bench.journal("").await.len(), 0);
    assert_eq!(bench.admin("GET", "faults", &Value::Null).await, json!([]));
    assert_eq!(bench.admin("GET", "settings", &Value::Null).await["gate"]["mode"], "flag");
    assert_eq!(bench.get(ORGANIZATION).await.status, 401, "old tokens are gone");
    assert_eq!(bench.grant(GRANT).await.status, 200);
    assert_eq!(bench.stored().await["external_id"], "tenant-1");
}

#[tokio::test]
async fn an_unknown_admin_endpoint_says_so() {
    let bench = Bench::new().await;
    for (method, target) in
        [("GET", "/_simulator/nothing"), ("POST", "/_simulator/settings"), ("GET", "/_simulator/organizations/org_9")]
    {
        assert_eq!(bench.simulator.admin(method, target, &Value::Null).0, 404, "{target}");
    }
    assert_eq!(bench.simulator.admin("GET", "/_simulator/journal?metod=GET", &Value::Null).0, 400);
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let config = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::default() };
    assert!(matches!(Simulator::start(config).await, Err(StartError::NotLoopback(_))));
    let config = Config { settings: json!({"nonsense": 1}), ..Config::default() };
    assert!(matches!(Simulator::start(config).await, Err(StartError::Settings(_))));
}

#[tokio::test]
async fn after_a_shutdown_the_port_is_free_again() {
    let bench = Bench::new().await;
    let listen = bench.simulator.address();
    bench.simulator.shutdown().await;
    let again = Simulator::start(Config { listen, ..Config::default() }).await.unwrap();
    assert_eq!(again.address(), listen);
}

#[tokio::test]
async fn ten_thousand_organizations_are_all_listed() {
    let simulator = Simulator::start(Config { organizations: 10_000, ..Config::default() }).await.unwrap();
    let bench = Bench { simulator, token: String::new() };
    let token = bench.grant(GRANT).await.json()["access_token"].as_str().unwrap().to_owned();
    let bench = Bench { token, ..bench };
    let page = bench.get("/api/v1/organizations?page_size=100").await.json();
    assert_eq!((&page["total_size"], &page["organizations"][0]["id"]), (&json!(10_000), &json!("org_10000")));
}
