//! Tokens: how many, when anew, and when no more.

use super::{
    INHERITED, read_policy,
    server::{Answer, Server, json, token, with},
    trouble, write_policy,
};
use crate::reconcile::{Call, Fault, FaultKind};
use futures::future::join_all;

const EMPTY_TOKEN: &str = r#"{"code":16,"message":"Token empty","details":[{"error_code":"UNAUTHENTICATED"}]}"#;

async fn hundred(client: &crate::scalekit::Client, call: Call) -> Vec<Result<(), Fault>> {
    join_all((0..100).map(|_| async { client.call(&call).await.map(drop) })).await
}

#[tokio::test]
async fn a_hundred_calls_at_once_need_one_token() {
    let server = Server::always(json(200, INHERITED)).await;
    assert!(hundred(&server.client(), read_policy()).await.iter().all(Result::is_ok));
    assert_eq!((server.tokens(), server.calls().len()), (1, 100));
}

#[tokio::test]
async fn row_001_an_expired_token_is_replaced_once_for_all() {
    let server = Server::api(|seen, _| match seen.bearer() {
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
        let fault = client.call(&write_policy()).await.unwrap_err();
        assert_eq!(trouble(&fault), (FaultKind::AuthFailed, false));
        assert_eq!(fault.detail.code.as_deref(), Some("UNAUTHENTICATED"));
    }
    assert_eq!((server.tokens(), server.calls().len()), (2, 2));
}

#[tokio::test]
async fn row_003_rejected_credentials_are_tried_once_and_new_ones_at_once() {
    for status in [400, 401, 403] {
        let server = Server::start(move |seen, nth| match (seen.is_token(), nth) {
            (true, 1) => json(status, r#"{"error":"invalid_client"}"#),
            (true, _) => token(nth),
            _ => json(200, INHERITED),
        })
        .await;
        let client = server.client();
        for _ in 0..3 {
            let fault = client.call(&write_policy()).await.unwrap_err();
            assert_eq!(trouble(&fault), (FaultKind::CredentialsRejected, false));
        }
        assert_eq!((server.tokens(), server.calls().len()), (1, 0));
        assert!(server.client().call(&read_policy()).await.is_ok());
        assert_eq!(server.tokens(), 2);
    }
}

#[tokio::test]
async fn row_004_a_token_endpoint_out_of_order_is_tried_again_by_the_next_call() {
    for (answer, kind) in [
        (json(503, ""), FaultKind::Unavailable),
        (json(500, "<html>"), FaultKind::Unavailable),
        (json(200, ""), FaultKind::BadAuthResponse),
        (json(200, r#"{"access_token":""}"#), FaultKind::BadAuthResponse),
        (json(200, r#"{"access_token":"a\r\nhost: evil"}"#), FaultKind::BadAuthResponse),
        (json(404, "<html>"), FaultKind::BadAuthResponse),
        (with(302, "location: /login\r\n", ""), FaultKind::BadAuthResponse),
        (Answer::HangUp, FaultKind::Unreachable),
    ] {
        let server = Server::start(move |seen, nth| match (seen.is_token(), nth) {
            (true, 1) => answer.clone(),
            (true, _) => token(nth),
            _ => json(200, INHERITED),
        })
        .await;
        let client = server.client();
        assert_eq!(trouble(&client.call(&write_policy()).await.unwrap_err()), (kind, false));
        assert!(client.call(&write_policy()).await.is_ok(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_come_costs_one_deadline_for_all() {
    let server = Server::start(|_, _| Answer::Silence).await;
    let faults = hundred(&server.hasty_client(), write_policy()).await;
    assert!(faults.iter().all(|fault| trouble(fault.as_ref().unwrap_err()) == (FaultKind::TimedOut, false)));
    assert_eq!(server.seen().len(), 1);
}
