//! Everything between "no connection" and "too much of an answer".

use super::{
    INHERITED, kind_and_outcome, read_policy,
    server::{HttpResponse, SECRET, Server, client, json, transport, with},
    write_policy,
};
use crate::{
    reconcile::{Detail, ErrorKind, RemoteError},
    scalekit::{Client, Credentials, Rules, Settings},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn read_and_write(client: &Client) -> [(ErrorKind, bool); 2] {
    let read: RemoteError = client.request(&read_policy()).await.unwrap_err();
    let write = client.request(&write_policy()).await.unwrap_err();
    [kind_and_outcome(&read), kind_and_outcome(&write)]
}

/// The kind is the same for both; only the write may have landed.
fn unknown(kind: ErrorKind) -> [(ErrorKind, bool); 2] {
    [(kind, false), (kind, true)]
}

fn bytes(text: &str) -> HttpResponse {
    HttpResponse::Bytes(text.as_bytes().to_vec())
}

#[tokio::test]
async fn row_017_no_answer_within_the_deadline() {
    let server = Server::always(HttpResponse::Silence).await;
    assert_eq!(read_and_write(&server.hasty_client()).await, unknown(ErrorKind::TimedOut));
}

#[tokio::test]
async fn row_018_headers_that_drip_in() {
    let server = Server::always(HttpResponse::Drip(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec())).await;
    assert_eq!(read_and_write(&server.hasty_client()).await, unknown(ErrorKind::TimedOut));
}

#[tokio::test]
async fn row_018_a_body_that_drips_in() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{INHERITED}");
    let server = Server::always(HttpResponse::Drip(head.into_bytes())).await;
    assert_eq!(read_and_write(&server.hasty_client()).await, unknown(ErrorKind::TimedOut));
}

#[tokio::test]
async fn row_025_a_connection_closed_without_an_answer() {
    let server = Server::always(HttpResponse::HangUp).await;
    assert_eq!(read_and_write(&server.client()).await, unknown(ErrorKind::Unreachable));
    assert_eq!(server.calls().len(), 2, "nothing is repeated out of sight");
}

#[tokio::test]
async fn an_answer_that_is_not_http() {
    let server = Server::always(bytes("SSH-2.0-OpenSSH_9.9\r\n\r\n")).await;
    assert_eq!(read_and_write(&server.client()).await, unknown(ErrorKind::Unreachable));
}

#[tokio::test]
async fn row_019_a_body_cut_short() {
    for response in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{INHERITED}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2a\r\n{INHERITED}\r\n"),
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"policy\"".to_owned(),
    ] {
        let server = Server::always(bytes(&response)).await;
        assert_eq!(read_and_write(&server.client()).await, unknown(ErrorKind::BadResponse), "{response}");
    }
}

#[tokio::test]
async fn an_error_cut_short_is_still_that_error() {
    let server = Server::always(bytes("HTTP/1.1 400 X\r\ncontent-length: 9999\r\n\r\n{")).await;
    assert_eq!(read_and_write(&server.client()).await, [(ErrorKind::Rejected, false); 2]);
}

#[tokio::test]
async fn row_021_reading_stops_at_the_cap() {
    let spaces = " ".repeat(256 * 1024 - INHERITED.len());
    let server = Server::always(json(200, &format!("{spaces}{INHERITED}"))).await;
    assert!(server.client().request(&read_policy()).await.is_ok());
    // Announced as 1 GiB, and never ending: only the cap can end this in time.
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{spaces}{INHERITED}");
    let server = Server::always(HttpResponse::Drip(endless.into_bytes())).await;
    assert_eq!(read_and_write(&server.client()).await, unknown(ErrorKind::BadResponse));
}

#[tokio::test]
async fn row_021_json_nested_too_deeply_is_not_parsed() {
    let server = Server::always(json(200, &format!(r#"{{"policy":{}"#, "[".repeat(100_000)))).await;
    let error = server.client().request(&read_policy()).await.unwrap_err();
    assert_eq!(error.detail.to_string(), "the answer is nested too deeply");
}

#[tokio::test]
async fn row_021_a_compressed_body_is_not_unpacked() {
    let gzip =
        [&b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n"[..], &[0x1f, 0x8b, 8, 0, 0, 0]]
            .concat();
    let server = Server::always(HttpResponse::Bytes(gzip)).await;
    assert_eq!(read_and_write(&server.client()).await, unknown(ErrorKind::BadResponse));
}

#[tokio::test]
async fn row_091_a_redirect_is_not_followed_and_the_token_stays_here() {
    let elsewhere = Server::always(json(200, INHERITED)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/api/v1/x\r\n", elsewhere.url);
        let server = Server::always(with(status, &location, INHERITED)).await;
        assert_eq!(read_and_write(&server.client()).await, [(ErrorKind::BadResponse, false); 2], "{status}");
        assert_eq!(server.calls().len(), 2);
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn row_016_a_port_where_nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = client(&transport(Settings::default()), &format!("http://127.0.0.1:{port}"));
    assert_eq!(read_and_write(&client).await, [(ErrorKind::Unreachable, false); 2]);
}

#[tokio::test]
async fn row_016_a_host_that_does_not_exist() {
    let client = client(&transport(Settings::default()), "https://no-such-host.invalid");
    assert_eq!(read_and_write(&client).await, [(ErrorKind::Unreachable, false); 2]);
}

/// The error of a write over https to a port that sends these bytes to everyone.
async fn https_write(greeting: &'static str) -> RemoteError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(greeting.as_bytes()).await;
        }
    });
    let error = client(&transport(Settings::default()), &url).request(&write_policy()).await.unwrap_err();
    task.abort();
    error
}

#[tokio::test]
async fn row_016_https_to_a_port_that_speaks_plain_http() {
    assert_eq!(kind_and_outcome(&https_write("HTTP/1.1 400 Bad Request\r\n\r\n").await), (ErrorKind::Tls, false));
}

#[tokio::test]
async fn row_016_https_to_a_port_that_hangs_up_on_the_handshake() {
    let error = https_write("").await;
    assert!(matches!(error.kind, ErrorKind::Tls | ErrorKind::Unreachable) && !error.outcome_unknown, "{error:?}");
}

/// A client whose URL a tenant wrote and an administrator's `any` admits.
fn concealed(url: &str) -> Client {
    let rules = Rules { allow_http: true, conceal: true, ..Rules::default() };
    let credentials = Credentials::parse(url.as_bytes(), b"skc_1", SECRET.as_bytes(), &rules).unwrap();
    let settings = Settings { deadline: Duration::from_millis(400), rate: 1000.0, ..Settings::default() };
    Client::new(&transport(settings), credentials)
}

/// What an internal service might answer, with words of its own.
const INTERNAL: &str =
    r#"{"kind":"Status","code":403,"reason":"X","details":{"request_info":{"request_id":"canary-1"}}}"#;

#[tokio::test]
async fn row_121_a_host_that_is_no_scalekit_looks_the_same_whatever_it_does() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut clients = vec![concealed(&format!("http://127.0.0.1:{port}")), concealed("https://no-such-host.invalid")];
    let mut servers = Vec::new();
    for response in [
        HttpResponse::Silence,
        HttpResponse::HangUp,
        bytes("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        json(200, "<html>"),
        json(200, r#"{"access_token":""}"#),
        json(400, "<html>"),
        json(401, ""),
        json(403, INTERNAL),
        json(404, INTERNAL),
        with(429, "retry-after: 60\r\n", "<html>"),
        json(500, INTERNAL),
        json(501, ""),
        with(302, "location: /login\r\n", ""),
    ] {
        let server = Server::start(move |_, _| response.clone()).await;
        clients.push(concealed(&server.url));
        clients.push(concealed(&server.url.replace("http://", "https://")));
        servers.push(server);
    }
    for client in clients {
        for nth in 0..8 {
            let error = client.request(&write_policy()).await.unwrap_err();
            assert_eq!((error.kind, &error.detail), (ErrorKind::Unreachable, &Detail::default()), "{client:?} {nth}");
        }
    }
}

#[tokio::test]
async fn row_121_of_a_scalekit_at_such_a_host_the_kind_of_answer_is_shown_and_no_word_of_it() {
    let answer = r#"{"code":7,"details":[{"error_code":"CANARY_CODE","request_info":{"request_id":"canary-1"}}]}"#;
    for (response, kind) in [
        (json(400, answer), ErrorKind::Rejected),
        (json(401, ""), ErrorKind::AuthFailed),
        (json(403, answer), ErrorKind::Forbidden),
        (json(404, r#"{"code":5}"#), ErrorKind::NotFound),
        (json(409, answer), ErrorKind::Conflict),
        (json(503, answer), ErrorKind::Unreachable),
        (json(403, INTERNAL), ErrorKind::Unreachable),
        (json(200, "<html>"), ErrorKind::Unreachable),
    ] {
        let server = Server::always(response).await;
        let error = concealed(&server.url).request(&read_policy()).await.unwrap_err();
        assert_eq!((error.kind, error.detail), (kind, Detail::default()));
    }
    let server = Server::start(|_, _| json(401, r#"{"error":"invalid_client"}"#)).await;
    let error = concealed(&server.url).request(&read_policy()).await.unwrap_err();
    assert_eq!((error.kind, error.detail), (ErrorKind::CredentialsRejected, Detail::default()));
    let server = Server::always(with(429, "retry-after: 60\r\n", "<html>")).await;
    let client = concealed(&server.url);
    for _ in 0..3 {
        let error = client.request(&read_policy()).await.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::RateLimited { .. }), "{error:?}");
    }
    assert_eq!(server.calls().len(), 1, "nothing is sent during the pause, though a gateway answered");
    let server = Server::always(json(503, "")).await;
    assert!(concealed(&server.url).request(&write_policy()).await.unwrap_err().outcome_unknown);
}
