//! What an environment that is down costs it: a few requests and then probes.

use super::{
    INHERITED, kind_and_outcome, read_policy, read_policy_of,
    server::{HttpResponse, Server, client, client_of, json, token, transport},
    write_policy,
};
use crate::{
    reconcile::{ErrorKind, Note},
    scalekit::Settings,
};
use futures::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[tokio::test]
async fn row_015_after_five_failures_in_a_row_nothing_more_is_sent() {
    for (response, kind) in [(json(503, ""), ErrorKind::Unavailable), (HttpResponse::HangUp, ErrorKind::Unreachable)] {
        let server = Server::always(response).await;
        let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
        let first = client(&transport, &server.url);
        for _ in 0..5 {
            let error = first.request(&read_policy()).await.unwrap_err();
            assert_eq!((error.kind, error.detail.note == Some(Note::NotSent)), (kind, false));
        }
        let before = server.received().len();
        let other = client(&transport, &server.url);
        let held = join_all((0..100).map(|_| async { other.request(&write_policy()).await.unwrap_err() })).await;
        for error in held {
            assert_eq!(kind_and_outcome(&error), (kind, false), "what was not sent can't land");
            assert_eq!(error.detail.note, Some(Note::NotSent));
        }
        assert_eq!(server.received().len(), before);
    }
}

#[tokio::test]
async fn row_015_in_an_outage_only_the_error_of_a_request_that_was_sent_says_when_the_next_probe_is_due() {
    let server = Server::always(json(503, "")).await;
    let client = server.client();
    for failure in 1..=5 {
        let error = client.request(&read_policy()).await.unwrap_err();
        assert_eq!(error.probe_after.is_some(), failure == 5, "{failure}: the fifth in a row is an outage");
        assert!(error.probe_after.is_none_or(|after| after <= Duration::from_secs(1)));
    }
    let not_sent = client.request(&read_policy()).await.unwrap_err();
    assert_eq!((not_sent.not_sent, not_sent.probe_after), (true, None));
}

#[tokio::test]
async fn row_015_so_does_a_client_that_has_never_had_a_token() {
    for (response, kind) in [(json(503, ""), ErrorKind::Unavailable), (HttpResponse::HangUp, ErrorKind::Unreachable)] {
        let server = Server::start(move |_, _| response.clone()).await;
        let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
        let new = client(&transport, &server.url);
        for failure in 1..=5 {
            let error = new.request(&read_policy()).await.unwrap_err();
            assert_eq!((error.kind, error.not_sent, error.probe_after.is_some()), (kind, false, failure == 5));
        }
        let held = new.request(&read_policy()).await.unwrap_err();
        assert_eq!((held.kind, held.not_sent, held.probe_after), (kind, true, None), "woken when another one succeeds");
        assert_eq!(server.tokens(), 5);
        let other = client_of(&transport, &server.url, "skc_2", "other");
        assert!(!other.request(&read_policy()).await.unwrap_err().not_sent, "each for itself");
    }
}

#[tokio::test]
async fn row_015_refusals_and_limits_are_no_outage() {
    for status in [400, 403, 404, 409, 501] {
        let server = Server::always(json(status, r#"{"code":5}"#)).await;
        let client = server.client();
        for _ in 0..20 {
            client.request(&read_policy()).await.unwrap_err();
        }
        assert_eq!(server.calls().len(), 20, "{status}");
    }
}

#[tokio::test]
async fn row_015_an_environment_that_is_back_is_found_by_itself() {
    let down = Arc::new(AtomicBool::new(true));
    let server = {
        let down = Arc::clone(&down);
        Server::api(move |_, _| if down.load(Ordering::SeqCst) { json(503, "") } else { json(200, INHERITED) }).await
    };
    let client = server.client();
    for _ in 0..20 {
        client.request(&read_policy()).await.unwrap_err();
    }
    assert_eq!(server.calls().len(), 5);
    down.store(false, Ordering::SeqCst);
    while client.request(&read_policy()).await.is_err() {
        tokio::task::yield_now().await; // the first probe is due within a second
    }
    assert_eq!(server.calls().len(), 6, "the probe itself is the answer");
    let all = join_all((0..100).map(|_| async { client.request(&read_policy()).await })).await;
    assert!(all.iter().all(Result::is_ok));
}

/// Organizations of one client fail or never answer, and others' requests are answered as before.
#[tokio::test]
async fn row_015_organizations_that_always_fail_hold_back_neither_other_clients_nor_the_others_of_theirs() {
    let server = Server::start(|received, nth| match (received.is_token(), received.line.contains("/org_broken")) {
        (true, _) => token(nth),
        (false, true) => json(500, ""),
        (false, false) => json(200, INHERITED),
    })
    .await;
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let (broken, healthy) = (client(&transport, &server.url), client_of(&transport, &server.url, "skc_2", "other"));
    assert!(healthy.request(&read_policy()).await.is_ok());
    for nth in 0..200 {
        let error = broken.request(&read_policy_of(&format!("org_broken{}", nth % 3))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        if nth % 20 == 19 {
            assert!(healthy.request(&read_policy()).await.is_ok(), "another client");
        }
    }
    assert!(broken.request(&read_policy()).await.is_ok(), "another organization of the same client");
    for nth in 0..200 {
        broken.request(&read_policy_of(&format!("org_broken{nth}"))).await.unwrap_err();
    }
    assert!(healthy.request(&read_policy()).await.is_ok());
    while broken.request(&read_policy_of("org_healthy")).await.is_err() {
        tokio::task::yield_now().await; // five organizations fail: the next probe is due within a second
    }
    assert!(server.calls().len() < 60, "{}", server.calls().len());
}

#[tokio::test]
async fn row_015_an_outage_that_is_over_for_one_client_is_probed_at_once_by_the_others() {
    let down = Arc::new(AtomicBool::new(false));
    let server = {
        let down = Arc::clone(&down);
        Server::api(move |_, _| if down.load(Ordering::SeqCst) { json(503, "") } else { json(200, INHERITED) }).await
    };
    let transport = transport(Settings { rate: 1000.0, ..Settings::default() });
    let clients: Vec<_> =
        (0..20).map(|nth| client_of(&transport, &server.url, &format!("skc_{nth}"), "secret")).collect();
    for client in &clients {
        client.request(&read_policy()).await.unwrap();
    }
    down.store(true, Ordering::SeqCst);
    let before = server.calls().len();
    for client in &clients {
        for _ in 0..20 {
            client.request(&read_policy()).await.unwrap_err();
        }
    }
    let sent = server.calls().len() - before;
    assert_eq!(sent, 2 * 5 + 18, "two show that the host is down, and each of the others asks once");
    down.store(false, Ordering::SeqCst);
    while clients[7].request(&read_policy()).await.is_err() {
        tokio::task::yield_now().await; // its probe is due within a second
    }
    for client in &clients {
        assert!(client.request(&read_policy()).await.is_ok());
    }
}
