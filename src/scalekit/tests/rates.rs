//! What a 429 does to the environment it comes from.

use super::{
    INHERITED, read_policy,
    server::{HttpResponse, ReceivedRequest, Server, client, client_of, json, token, transport, with},
};
use crate::{
    reconcile::ErrorKind,
    scalekit::{Client, Settings},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

async fn retry_after(client: &Client) -> u64 {
    match client.request(&read_policy()).await.unwrap_err().kind {
        ErrorKind::RateLimited { retry_after } => retry_after.as_secs_f64().round() as u64,
        other => panic!("{other:?}"),
    }
}

/// How long a client sends nothing to a server that responds like this; a short
/// pause it waits for by itself.
async fn pause(response: HttpResponse) -> u64 {
    let server = Server::always(response).await;
    let client = server.client();
    let first = retry_after(&client).await;
    if first < 10 {
        return first;
    }
    let second = retry_after(&client).await;
    assert!(second <= first);
    assert_eq!(server.calls().len(), 1, "nothing is sent during a pause");
    first
}

#[tokio::test]
async fn row_011_a_429_has_its_delay_in_many_forms() {
    // a moment is nearer by the time that it is read: the lower bounds leave half a minute for that
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(61));
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 60;
    let detail = |value: &str| {
        format!(r#"{{"code":429,"details":[{{"error_code":"RATE_LIMIT_EXCEEDED","retry_after":{value}}}]}}"#)
    };
    for (response, seconds) in [
        (with(429, "retry-after: 60\r\n", ""), 60..61),
        (with(429, &format!("retry-after: {date}\r\n"), "<html>"), 30..63),
        (json(429, &detail("60")), 60..61),
        (json(429, &detail("\"60\"")), 60..61),
        (with(429, &format!("x-ratelimit-reset: {epoch}\r\n"), ""), 30..62),
        (with(429, "x-ratelimit-reset: 60\r\n", ""), 60..61),
        (with(429, "retry-after: 7200\r\n", ""), 900..901),
        (with(429, "retry-after: 99999999\r\nx-ratelimit-reset: 60\r\n", ""), 60..61),
        (with(429, "retry-after: 60\r\nx-ratelimit-reset: 30\r\n", &detail("20")), 60..61),
        (json(429, r#"{"code":8,"details":[{"error_code":"RATE_LIMITED"}]}"#), 1..3),
    ] {
        let shown = format!("{response:?}");
        let paused = pause(response).await;
        assert!(seconds.contains(&paused), "{paused} {shown}");
    }
}

#[tokio::test]
async fn row_010_a_pause_holds_for_every_client_of_the_environment_and_for_no_other() {
    let limited = Server::always(with(429, "retry-after: 60\r\n", "")).await;
    let other = Server::always(json(200, INHERITED)).await;
    let transport = transport(Settings::default());
    retry_after(&client(&transport, &limited.url)).await;
    let error = client(&transport, &format!("{}/", limited.url)).request(&read_policy()).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::RateLimited { .. }));
    assert_eq!(error.detail.to_string(), "the request was not sent");
    assert_eq!(limited.received().len(), 2);
    assert!(client(&transport, &other.url).request(&read_policy()).await.is_ok());
}

#[tokio::test]
async fn row_010_a_429_of_the_token_endpoint_pauses_its_client_and_no_other() {
    let server = Server::start(|received, nth| match (received.is_token(), received.body.contains("skc_1")) {
        (true, true) => with(429, "retry-after: 60\r\n", ""),
        (true, false) => token(nth),
        _ => json(200, INHERITED),
    })
    .await;
    let transport = transport(Settings::default());
    let limited = client(&transport, &server.url);
    assert_eq!((retry_after(&limited).await, retry_after(&limited).await), (60, 60));
    assert_eq!(server.received().len(), 1);
    assert!(client_of(&transport, &server.url, "skc_2", "other").request(&read_policy()).await.is_ok());
}

/// A server on which the clients that `is_limited` knows get a 429 that lasts a minute. The number of a client
/// is in its token.
async fn limited_for(is_limited: impl Fn(usize) -> bool + Send + Sync + 'static) -> Server {
    let limited = with(429, "retry-after: 60\r\n", "");
    let number = |received: &ReceivedRequest| {
        (0..9).find(|n| received.bearer() == Some(&format!("canary-token-{n}"))).unwrap_or_default()
    };
    Server::api(move |received, _| if is_limited(number(received)) { limited.clone() } else { json(200, INHERITED) })
        .await
}

#[tokio::test]
async fn row_010_one_other_client_tries_in_a_pause_and_meets_the_limit_of_the_environment_for_all() {
    let server = limited_for(|_| true).await;
    let transport = transport(Settings::default());
    retry_after(&client(&transport, &server.url)).await;
    for n in 2..9 {
        let client = client_of(&transport, &server.url, &format!("skc_{n}"), "other");
        assert!(retry_after(&client).await > 30);
        assert_eq!((server.tokens(), server.calls().len()), (2, 2), "the second client tries for all");
    }
}

#[tokio::test]
async fn row_010_a_limit_that_only_one_client_meets_pauses_no_other() {
    let server = limited_for(|number| number == 1).await;
    let transport = transport(Settings::default());
    let limited = client(&transport, &server.url);
    assert_eq!(retry_after(&limited).await, 60);
    for n in 2..9 {
        let client = client_of(&transport, &server.url, &format!("skc_{n}"), "other");
        assert!(client.request(&read_policy()).await.is_ok());
    }
    assert!(retry_after(&limited).await > 30, "its pause goes on");
    assert_eq!(server.calls().len(), 8);
}

#[tokio::test]
async fn row_010_a_client_that_has_used_up_its_own_limit_slows_no_other() {
    let server = Server::api(|received, _| {
        let left = if received.bearer() == Some("canary-token-1") { 0 } else { 50 };
        with(200, &format!("x-ratelimit-remaining: {left}\r\nx-ratelimit-reset: 60\r\n"), INHERITED)
    })
    .await;
    let transport = transport(Settings::default());
    let (used_up, other) = (client(&transport, &server.url), client_of(&transport, &server.url, "skc_2", "other"));
    assert!(used_up.request(&read_policy()).await.is_ok());
    for _ in 0..8 {
        assert!(within(&other).await.is_some_and(|result| result.is_ok()));
    }
    assert!(within(&used_up).await.is_none(), "it waits");
}

/// The result of a request, unless it waits for longer than any that is sent takes.
async fn within(client: &Client) -> Option<Result<(), ErrorKind>> {
    let result = tokio::time::timeout(Duration::from_secs(3), client.request(&read_policy())).await.ok()?;
    Some(result.map(drop).map_err(|error| error.kind))
}

#[tokio::test]
async fn row_010_two_other_clients_that_are_limited_too_make_the_limit_the_environments_again() {
    let calls = AtomicUsize::new(0);
    // the first client is limited; of the others, all but the first request
    let server = limited_for(move |number| number == 1 || calls.fetch_add(1, Ordering::Relaxed) > 0).await;
    let transport = transport(Settings::default());
    let [second, third] = [2, 3].map(|n| client_of(&transport, &server.url, &format!("skc_{n}"), "other"));
    retry_after(&client(&transport, &server.url)).await;
    assert!(second.request(&read_policy()).await.is_ok());
    assert_eq!(retry_after(&second).await, 60);
    assert_eq!(retry_after(&third).await, 60);
    assert!(retry_after(&client_of(&transport, &server.url, "skc_4", "other")).await > 30);
    assert_eq!(server.calls().len(), 4, "nobody else is sent");
}
