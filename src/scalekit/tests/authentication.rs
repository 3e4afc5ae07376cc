//! Tokens: how many are fetched, when they are fetched again, and when no longer.

use super::{
    INHERITED, kind_and_outcome, read_policy,
    server::{HttpResponse, ReceivedRequest, Server, client, client_of, json, token, transport, with},
    write_policy,
};
use crate::{
    reconcile::{ErrorKind, Lane, RemoteError, RemoteRequest},
    scalekit::{Caller, Client, Settings},
};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};

const EMPTY_TOKEN: &str = r#"{"code":16,"message":"Token empty","details":[{"error_code":"UNAUTHENTICATED"}]}"#;

async fn hundred(client: &Client, request: RemoteRequest) -> Vec<Result<(), RemoteError>> {
    join_all((0..100).map(|_| async { client.request(&request).await.map(drop) })).await
}

#[tokio::test]
async fn row_082_a_hundred_calls_at_once_need_one_token() {
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
        assert_eq!(kind_and_outcome(&error), (ErrorKind::AuthFailed, false));
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
            assert_eq!(kind_and_outcome(&error), (ErrorKind::CredentialsRejected, false));
        }
        assert_eq!((server.tokens(), server.calls().len()), (1, 0));
        assert!(server.client().request(&read_policy()).await.is_ok());
        assert_eq!(server.tokens(), 2);
    }
}

#[tokio::test]
async fn row_004_a_token_endpoint_that_is_down_is_tried_again_by_the_next_call() {
    for (response, kind) in [
        (json(503, ""), ErrorKind::Unavailable),
        (json(500, "<html>"), ErrorKind::Unavailable),
        (HttpResponse::HangUp, ErrorKind::Unreachable),
    ] {
        let server = first_token(response).await;
        let client = server.client();
        assert_eq!(kind_and_outcome(&client.request(&write_policy()).await.unwrap_err()), (kind, false));
        assert!(client.request(&write_policy()).await.is_ok(), "{kind:?}");
    }
}

#[tokio::test]
async fn row_004_an_answer_without_a_token_is_not_asked_for_again_by_the_next_call() {
    for response in [
        json(200, ""),
        json(200, r#"{"access_token":""}"#),
        json(200, r#"{"access_token":"a\r\nhost: evil"}"#),
        json(200, r#"{"error":"invalid_client"}"#),
        json(404, "<html>"),
        json(422, r#"{"error":"invalid_client"}"#),
        json(400, "<html>"),
        json(403, "<html>"),
        with(302, "location: /login\r\n", ""),
    ] {
        let shown = format!("{response:?}");
        let server = first_token(response).await;
        let client = server.client();
        for _ in 0..3 {
            let error = client.request(&write_policy()).await.unwrap_err();
            assert_eq!(kind_and_outcome(&error), (ErrorKind::BadAuthResponse, false), "{shown}");
        }
        assert_eq!(server.tokens(), 1, "{shown}");
    }
}

/// Answers the first token request with `response`, and issues tokens after it.
async fn first_token(response: HttpResponse) -> Server {
    Server::start(move |received, nth| match (received.is_token(), nth) {
        (true, 1) => response.clone(),
        (true, _) => token(nth),
        _ => json(200, INHERITED),
    })
    .await
}

#[tokio::test]
async fn row_086_a_token_that_does_not_come_costs_one_deadline_for_all() {
    let server = Server::start(|_, _| HttpResponse::Silence).await;
    let faults = hundred(&server.hasty_client(), write_policy()).await;
    assert!(faults.iter().all(|error| kind_and_outcome(error.as_ref().unwrap_err()) == (ErrorKind::TimedOut, false)));
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
async fn row_002_wrong_secrets_of_one_client_id_cost_the_right_one_nothing() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    for nth in 0..30 {
        let wrong = client_of(&transport, &server.url, "skc_1", &format!("wrong-{nth}"));
        for _ in 0..3 {
            let error = wrong.request(&read_policy()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::CredentialsRejected);
        }
    }
    assert_eq!(server.tokens(), 30, "each of them was tried once");
    let right = client_of(&transport, &server.url, "skc_1", "right");
    assert!(right.request(&read_policy()).await.is_ok(), "also one that has no token yet");
}

#[tokio::test]
async fn row_114_invented_client_ids_use_up_a_budget_of_their_own() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1.0, ..Settings::default() });
    let right = client_of(&transport, &server.url, "skc_1", "right");
    assert!(right.request(&read_policy()).await.is_ok());
    let invented = (0..600).map(async |nth| {
        let invented = client_of(&transport, &server.url, &format!("invented-{nth}"), "wrong");
        assert!(invented.request(&read_policy()).await.is_err());
    });
    join_all(invented).await;
    let invented = server.tokens() - 1;
    assert!(invented <= 2, "{invented} of 600");
    assert!(right.request(&read_policy()).await.is_ok());
}

#[tokio::test]
async fn row_114_a_secret_that_is_wrong_again_and_again_waits_longer_each_time() {
    let server = strict().await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let mut before: Option<Client> = None;
    for nth in 0..200 {
        let wrong = client_of(&transport, &server.url, &format!("invented-{nth}"), "wrong");
        before.iter().for_each(|before| wrong.follow(before));
        let error = wrong.request(&read_policy()).await.unwrap_err();
        assert_eq!(matches!(error.kind, ErrorKind::RateLimited { .. }), nth > 2, "{nth} {error:?}");
        before = Some(wrong);
    }
    assert_eq!(server.tokens(), 3);
    let honest = client_of(&transport, &server.url, "skc_1", "right");
    assert!(honest.request(&read_policy()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn row_114_whoever_was_never_refused_waits_for_nobody_who_was() {
    let transport = transport(Settings::default());
    let limits = transport.limits("scalekit.example:443");
    let tries_of = move |refused: bool| {
        let limits = Arc::clone(&limits);
        async move {
            let mut tries = 1;
            loop {
                match limits.newcomers(refused).acquire(&Caller::default()).await {
                    Ok(mut permit) => {
                        permit.sent();
                        return tries;
                    }
                    Err(wait) => tokio::time::sleep(wait).await,
                }
                tries += 1;
            }
        }
    };
    for _ in 0..200 {
        let tries_of = tries_of.clone();
        tokio::spawn(async move {
            loop {
                tries_of(true).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(tries_of(false).await, 1);
}

#[tokio::test]
async fn row_114_a_path_in_the_url_is_no_way_around_the_limits_of_a_host() {
    let server = Server::start(|_, _| json(401, "")).await;
    let transport = transport(Settings { rate: 1.0, ..Settings::default() });
    let invented = (0..600).map(async |nth| {
        let invented = client_of(&transport, &format!("{}/{nth}", server.url), &format!("invented-{nth}"), "wrong");
        assert!(invented.request(&read_policy()).await.is_err());
    });
    join_all(invented).await;
    let invented = server.received().len();
    assert!(invented <= 2, "{invented} of 600");
}

#[tokio::test]
async fn row_114_an_outage_of_the_token_endpoint_stops_no_client_that_has_a_token() {
    for (response, kind) in [(json(503, ""), ErrorKind::Unavailable), (HttpResponse::HangUp, ErrorKind::Unreachable)] {
        let server = Server::start(move |received, nth| match (received.is_token(), nth) {
            (true, 1) => token(nth),
            (true, _) => response.clone(),
            _ => json(200, INHERITED),
        })
        .await;
        let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
        let right = client(&transport, &server.url);
        assert!(right.request(&read_policy()).await.is_ok());
        for nth in 0..20 {
            let invented = client_of(&transport, &server.url, &format!("invented-{nth}"), "wrong");
            let error = invented.request(&read_policy()).await.unwrap_err();
            assert_eq!((error.kind, error.not_sent, error.probe_after), (kind, false, None));
        }
        assert!(right.request(&read_policy()).await.is_ok());
        assert_eq!(server.calls().len(), 2);
    }
}

#[tokio::test]
async fn row_114_a_token_that_comes_ends_no_outage_of_the_api_and_is_no_probe_of_it() {
    let server = Server::always(json(503, "")).await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let first = client(&transport, &server.url);
    for _ in 0..5 {
        assert!(!first.request(&read_policy()).await.unwrap_err().not_sent);
    }
    let other = client_of(&transport, &server.url, "skc_2", "other");
    let error = other.request(&read_policy()).await.unwrap_err();
    assert_eq!((error.kind, error.not_sent), (ErrorKind::Unavailable, false), "the trouble of another is not its own");
    let held = first.request(&read_policy()).await.unwrap_err();
    assert_eq!((held.kind, held.not_sent), (ErrorKind::Unavailable, true));
    assert_eq!((server.tokens(), server.calls().len()), (2, 6));
}

#[tokio::test]
async fn a_token_for_all_is_fetched_before_a_backlog_of_what_nobody_waits_for() {
    const REFUSED: usize = 30;
    let server = Server::api(|_, nth| if nth == REFUSED { json(401, "") } else { json(200, INHERITED) }).await;
    let client = server.client_with(Settings { rate: 50.0, ..Settings::default() });
    client.request(&read_policy()).await.unwrap();
    let resync = client.on_behalf_of(Caller { lane: Lane::Resync, ..Caller::default() });
    let read = read_policy();
    let backlog = (0..150).map(|_| resync.request(&read));
    join_all(backlog).await;
    let received = server.received();
    let second = received.iter().rposition(ReceivedRequest::is_token).unwrap();
    assert_eq!(server.tokens(), 2);
    let between = second - 1 - REFUSED;
    assert!(between <= 30, "{between} requests were sent with the token that was refused, or one like it");
}
