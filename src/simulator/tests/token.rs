//! Tokens.

use super::wire::{Bench, FORM, GRANT, ORGANIZATION, eventually, send};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_opens_the_api_until_it_is_revoked() {
    let bench = Bench::new().await;
    assert_eq!(bench.get(ORGANIZATION).await.status, 200);
    bench.admin("POST", "tokens/revoke", &Value::Null).await;
    let refused = bench.get(ORGANIZATION).await;
    assert_eq!((refused.status, &refused.json()["details"][0]["error_code"]), (401, &json!("UNAUTHENTICATED")));
}

#[tokio::test]
async fn without_a_bearer_token_every_endpoint_is_closed() {
    let bench = Bench::new().await;
    for header in
        ["", "authorization: Bearer \r\n", "authorization: Bearer made-up\r\n", "authorization: Basic eA==\r\n"]
    {
        let response = send(bench.simulator.address(), "GET", ORGANIZATION, header, "").await;
        assert_eq!(response.status, 401, "{header}");
        assert_eq!(response.json()["message"], "Token empty");
    }
}

#[tokio::test]
async fn a_bad_request_for_a_token_gets_an_oauth_error() {
    let bench = Bench::new().await;
    for (body, status, error) in [
        ("grant_type=client_credentials&client_id=skc_simulator&client_secret=wrong", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=other&client_secret=test_simulator", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=skc_simulator", 400, "invalid_request"),
        ("grant_type=password&client_id=a&client_secret=b", 400, "unsupported_grant_type"),
        ("", 400, "invalid_request"),
    ] {
        let response = bench.grant(body).await;
        assert_eq!((response.status, &response.json()["error"]), (status, &json!(error)), "{body}");
    }
    let json =
        send(bench.simulator.address(), "POST", "/oauth/token", "content-type: application/json\r\n", GRANT).await;
    assert_eq!(json.status, 400);
}

#[tokio::test]
async fn a_secret_is_form_decoded_and_can_be_rotated() {
    let bench = Bench::new().await;
    bench.admin("PUT", "client", &json!({"client_id": "skc_2", "client_secret": "a+b &%"})).await;
    assert_eq!(bench.grant(GRANT).await.status, 401);
    let encoded = "grant_type=client_credentials&client_id=skc_2&client_secret=a%2Bb%20%26%25";
    assert_eq!(bench.grant(encoded).await.status, 200);
    assert_eq!(bench.get(ORGANIZATION).await.status, 200, "old tokens live on");
}

#[tokio::test]
async fn tokens_expire_by_real_time() {
    let bench = Bench::with(json!({"token": {"lifetime_ms": 60_000}})).await;
    assert_eq!(bench.grant(GRANT).await.json()["expires_in"], 60);
    bench.set(json!({"token": {"lifetime_ms": 1}})).await;
    let brief = Bench { token: bench.grant(GRANT).await.json()["access_token"].as_str().unwrap().to_owned(), ..bench };
    eventually("the token expires", || async { brief.get(ORGANIZATION).await.status == 401 }).await;
    assert_eq!(brief.admin("GET", "tokens", &Value::Null).await, json!({"issued": 3, "live": 2}));
}

#[tokio::test]
async fn the_announced_lifetime_may_be_a_string_or_a_lie() {
    let bench = Bench::with(json!({"token": {"expires_in": -5, "expires_in_as_string": true}})).await;
    assert_eq!(bench.grant(GRANT).await.json()["expires_in"], "-5");
    bench.set(json!({"token": null})).await;
    let response = send(bench.simulator.address(), "POST", "/oauth/token", FORM, GRANT).await.json();
    assert_eq!((&response["expires_in"], &response["token_type"]), (&json!(86399), &json!("Bearer")));
}

#[tokio::test]
async fn a_token_names_its_issuer_unless_it_is_to_be_opaque() {
    let bench = Bench::new().await;
    let issued = || async { bench.grant(GRANT).await.json()["access_token"].as_str().unwrap().to_owned() };
    let issuer = |token: String| {
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap()["iss"].clone()
    };
    assert_eq!(issuer(issued().await), bench.simulator.base_url());
    bench.set(json!({"token": {"issuer": "https://acme.example"}})).await;
    assert_eq!(issuer(issued().await), "https://acme.example");
    bench.set(json!({"token": {"issuer": ""}})).await;
    let opaque = Bench { token: issued().await, ..bench };
    assert!(!opaque.token.contains('.'));
    assert_eq!(opaque.get(ORGANIZATION).await.status, 200);
}
