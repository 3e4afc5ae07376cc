//! Tokens: how many are fetched, when they are fetched again, and when no longer.

use super::{
    INHERITED, read_policy,
    server::{HttpResponse, Server, client, client_of, json, token, transport, with},
    trouble, write_policy,
};
use crate::{
    reconcile::{ErrorKind, RemoteError, RemoteRequest},
    scalekit::Settings,
};
use futures::future::join_all;

const EMPTY_TOKEN: &str = r#"{"code":16,"message":"Token empty","details":[{"error_code":"UNAUTHENTICATED"}]}"#;

async fn hundred(client: &crate::scalekit::Client, request: RemoteRequest) -> Vec<Result<(), RemoteError>> {
    join_all((0..100).map(|_| async { client.request(&request).await.map(drop) })).await
}

#[tokio::test]
async fn a_hundred_calls_at_once_need_one_token() {
    let server = Server::always(json(200, INHERITED)).await;
    assert!(hundred(&server.client(), read_policy()).await.iter().all(Result::is_ok));
    assert_eq!((server.tokens(), server.calls().len()), (1, 100));
}

#[tokio::test]
async fn row_001_an_expired_token_is_replaced_once_for_all() {
    let server = Server::api(|received, _| match received.bearer() {
        Some("canary-token-1") => json(401, EMPTY_TOKEN),
        _ => json(200, INHERITED),
    })
    .await;
    let client = server.client();
    assert!(hundred(&client, write_policy()).await.iter().all(Result::is_ok));
    assert_eq!((server.tokens(), server.calls().len()), (2, 200));
}

#[tokio::test]
async fn row_002_a_second_401_is_the_last_request_for_now() {
    let server = Server::always(json(401, EMPTY_TOKEN)).await;
    let client = server.client();
    for _ in 0..3 {
        let error = client.request(&write_policy()).await.unwrap_err();
        assert_eq!(trouble(&error), (ErrorKind::AuthFailed, false));
        assert_eq!(error.detail.code.as_deref(), Some("UNAUTHENTICATED"));
    }
    assert_eq!((server.tokens(), server.calls().len()), (2, 2));
}

#[tokio::test]
async fn row_003_rejected_credentials_are_tried_once_and_new_ones_at_once() {
    for status in [400, 401, 403] {
        let server = Server::start(move |received, nth| match (received.is_token(), nth) {
            (true, 1) => json(status, r#"{"error":"invalid_client"}"#),
            (true, _) => token(nth),
            _ => json(200, INHERITED),
        })
        .await;
        let client = server.client();
        for _ in 0..3 {
            let error = client.request(&write_policy()).await.unwrap_err();
            assert_eq!(trouble(&error), (ErrorKind::CredentialsRejected, false));
        }
        assert_eq!((server.tokens(), server.calls().len()), (1, 0));
        assert!(server.client().request(&read_policy()).await.is_ok());
        assert_eq!(server.tokens(), 2);
    }
}

#[tokio::test]
async fn row_004_a_token_endpoint_out_of_order_is_tried_again_by_the_next_call() {
    for (response, kind) in [
        (json(503, ""), ErrorKind::Unavailable),
        (json(500, "<html>"), ErrorKind::Unavailable),
        (json(200, ""), ErrorKind::BadAuthResponse),
        (json(200, r#"{"access_token":""}"#), ErrorKind::BadAuthResponse),
        (json(200, r#"{"access_token":"a\r\nhost: evil"}"#), ErrorKind::BadAuthResponse),
        (json(404, "<html>"), ErrorKind::BadAuthResponse),
        (with(302, "location: /login\r\n", ""), ErrorKind::BadAuthResponse),
        (HttpResponse::HangUp, ErrorKind::Unreachable),
    ] {
        let server = Server::start(move |received, nth| match (received.is_token(), nth) {
            (true, 1) => response.clone(),
            (true, _) => token(nth),
            _ => json(200, INHERITED),
        })
        .await;
        let client = server.client();
        assert_eq!(trouble(&client.request(&write_policy()).await.unwrap_err()), (kind, false));
        assert!(client.request(&write_policy()).await.is_ok(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_come_costs_one_deadline_for_all() {
    let server = Server::start(|_, _| HttpResponse::Silence).await;
    let faults = hundred(&server.hasty_client(), write_policy()).await;
    assert!(faults.iter().all(|error| trouble(error.as_ref().unwrap_err()) == (ErrorKind::TimedOut, false)));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn equal_credentials_are_one_client_with_one_token() {
    let server = Server::always(json(200, INHERITED)).await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let first = client(&transport, &server.url);
    for _ in 0..10 {
        let same = client(&transport, &server.url);
        assert!(same == first && same.request(&read_policy()).await.is_ok());
    }
    assert_eq!(server.tokens(), 1);
    assert!(client_of(&transport, &server.url, "skc_1", "another") != first);
}

/// Refuses every secret but `right`.
async fn strict() -> Server {
    Server::start(|received, nth| match (received.is_token(), received.body.contains("client_secret=right")) {
        (true, false) => json(401, r#"{"error":"invalid_client"}"#),
        (true, true) => token(nth),
        _ => json(200, INHERITED),
    })
    .await
}

#[tokio::test]
async fn row_002_credentials_that_are_written_again_and_again_are_still_the_refused_ones() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    for _ in 0..600 {
        let error = client(&transport, &server.url).request(&read_policy()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CredentialsRejected);
    }
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn row_002_wrong_secrets_of_one_client_id_are_tried_three_times_and_cost_the_right_one_nothing() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let right = client_of(&transport, &server.url, "skc_1", "right");
    assert!(right.request(&read_policy()).await.is_ok());
    for nth in 0..600 {
        let wrong = client_of(&transport, &server.url, "skc_1", &format!("wrong-{nth}"));
        let error = wrong.request(&read_policy()).await.unwrap_err();
        let not_sent = matches!(error.kind, ErrorKind::RateLimited { .. }) && error.not_sent;
        assert!(not_sent || error.kind == ErrorKind::CredentialsRejected, "{error:?}");
    }
    assert_eq!(server.tokens(), 1 + 3);
    assert!(right.request(&read_policy()).await.is_ok());
    let other = client_of(&transport, &server.url, "skc_2", "right");
    assert!(other.request(&read_policy()).await.is_ok(), "another client id has tries of its own");
}

#[tokio::test]
async fn row_114_invented_client_ids_use_up_a_budget_of_their_own() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1.0, ..Settings::default() });
    let right = client_of(&transport, &server.url, "skc_1", "right");
    assert!(right.request(&read_policy()).await.is_ok());
    for nth in 0..600 {
        let invented = client_of(&transport, &server.url, &format!("invented-{nth}"), "wrong");
        assert!(invented.request(&read_policy()).await.is_err());
    }
    let invented = server.tokens() - 1;
    assert!(invented <= 2, "{invented} of 600");
    assert!(right.request(&read_policy()).await.is_ok());
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_uses_up_no_tries() {
    let server = Server::start(|received, nth| match (received.is_token(), nth) {
        (true, ..=4) => json(404, ""),
        (true, _) => token(nth),
        _ => json(200, INHERITED),
    })
    .await;
    let client = server.client();
    for _ in 0..4 {
        assert_eq!(client.request(&read_policy()).await.unwrap_err().kind, ErrorKind::BadAuthResponse);
    }
    assert!(client.request(&read_policy()).await.is_ok());
}
