//! One environment under two host names: which issuer is believed, and what that
//! costs (`docs/development/failures.md` row 123).

use super::{
    id, read_policy,
    server::{HttpResponse, ReceivedRequest, SECRET, Server, json, transport},
};
use crate::{
    reconcile::RemoteRequest,
    scalekit::{Client, Credentials, Environment, Rules, Settings, Transport},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::time::Duration;

const SHOWN: &str = r#"{"organization":{"id":"org_1"}}"#;
const READ: &str = "GET /api/v1/organizations/org_1";
const REFUSED: &str = r#"{"code":16,"message":"Token empty","details":[]}"#;

fn jwt(issuer: &str) -> String {
    let payload = serde_json::json!({"iss": issuer, "sub": "skc_1"}).to_string();
    format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload))
}

fn granted(token: &str) -> HttpResponse {
    json(200, &serde_json::json!({"access_token": token, "expires_in": 3600}).to_string())
}

/// A host whose tokens name this issuer, and which shows the organization to
/// everybody.
async fn host(issuer: &str) -> Server {
    let token = jwt(issuer);
    Server::start(move |received, _| if received.is_token() { granted(&token) } else { json(200, SHOWN) }).await
}

/// An issuer that answers like this, whoever asks.
async fn answers(script: impl Fn(&ReceivedRequest) -> HttpResponse + Send + Sync + 'static) -> Server {
    Server::api(move |received, _| script(received)).await
}

/// A client of a host that tenants can run, where `rules` do not say otherwise.
fn client(transport: &Transport, server: &Server, rules: Rules) -> Client {
    let rules = Rules { allow_http: true, ..rules };
    let credentials = Credentials::parse(server.url.as_bytes(), b"skc_1", SECRET.as_bytes(), &rules).unwrap();
    Client::new(transport, credentials)
}

fn shared() -> Transport {
    transport(Settings { rate: 1000.0, ..Settings::default() })
}

fn concealed() -> Rules {
    Rules { conceal: true, ..Rules::default() }
}

fn name(server: &Server) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

/// Reads the organization, as a reconcile does first, and asks for the issuer.
async fn issuer(client: &Client, recorded: Option<&str>) -> Option<String> {
    client.request(&RemoteRequest::ReadOrganization(id())).await.unwrap();
    client.issuer(&id(), recorded).await.0
}

#[tokio::test]
async fn row_123_a_host_that_no_tenant_can_run_is_taken_at_its_word_and_nothing_is_sent() {
    let server = host("https://Env.Example:443/").await;
    let client = client(&shared(), &server, Rules::default());
    for _ in 0..3 {
        assert_eq!(issuer(&client, None).await.as_deref(), Some("env.example"));
    }
    assert_eq!((server.tokens(), server.calls()), (1, vec![READ.to_owned(); 3]));
}

#[tokio::test]
async fn row_123_a_token_that_names_its_own_host_or_nothing_leaves_it_at_the_host() {
    for transparent in [true, false] {
        let rules = || if transparent { Rules::default() } else { concealed() };
        let opaque = answers(|_| json(200, SHOWN)).await;
        assert_eq!(issuer(&client(&shared(), &opaque, rules()), None).await, None);
        let own = Server::start(|received, _| match received.is_token() {
            true => {
                let host = received.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
                granted(&jwt(&format!("http://{host}/")))
            }
            false => json(200, SHOWN),
        })
        .await;
        assert_eq!(issuer(&client(&shared(), &own, rules()), None).await, None);
        assert_eq!(own.calls(), [READ]);
    }
}

#[tokio::test]
async fn row_123_a_host_that_a_tenant_may_run_is_believed_once_its_token_is_good_at_the_issuer() {
    let environment = answers(|_| json(200, SHOWN)).await;
    let server = host(&environment.url).await;
    let client = client(&shared(), &server, concealed());
    for _ in 0..3 {
        assert_eq!(issuer(&client, None).await, Some(name(&environment)));
    }
    assert_eq!((environment.calls(), environment.tokens()), (vec![READ.to_owned()], 0), "once");
    assert_eq!(environment.received()[0].bearer(), Some(jwt(&environment.url).as_str()));
    assert_eq!(server.calls().len(), 3, "and no more than before at the host");
}

#[tokio::test]
async fn row_123_a_token_that_is_not_good_at_its_issuer_counts_for_nothing_there() {
    for (status, body) in [
        (401, REFUSED),
        (401, ""),
        (403, "{}"),
        (404, r#"{"code":5}"#),
        (302, ""),
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"organization":{"id":"org_2"}}"#),
    ] {
        let environment = answers(move |_| json(status, body)).await;
        let server = host(&environment.url).await;
        let client = client(&shared(), &server, concealed());
        for _ in 0..3 {
            assert_eq!(issuer(&client, Some(&name(&environment))).await, None, "{status} {body}: whatever is recorded");
        }
        assert_eq!(environment.calls(), [READ], "{status} {body}");
    }
}

#[tokio::test]
async fn row_123_an_issuer_that_is_silent_proves_nothing_and_takes_nothing_back() {
    for response in [json(503, ""), json(429, ""), HttpResponse::HangUp, HttpResponse::Silence] {
        let script = response.clone();
        let environment = answers(move |_| script.clone()).await;
        let server = host(&environment.url).await;
        let transport = transport(Settings { deadline: Duration::from_millis(300), ..Settings::default() });
        let client = client(&transport, &server, concealed());
        let name = name(&environment);
        assert_eq!(issuer(&client, None).await, None, "{response:?}");
        assert_eq!(issuer(&client, Some(&name)).await, Some(name), "{response:?}");
        assert_eq!(issuer(&client, Some("other.example")).await, None, "{response:?}");
        assert_eq!(environment.calls().len(), 1, "{response:?}");
    }
    let gone = host("http://127.0.0.1:1").await;
    assert_eq!(issuer(&client(&shared(), &gone, concealed()), None).await, None);
}

#[tokio::test]
async fn row_123_each_new_token_has_to_be_good_again() {
    let environment = answers(|received| match received.bearer() {
        Some(bearer) if bearer.ends_with("c2ln") => json(200, SHOWN),
        _ => json(401, REFUSED),
    })
    .await;
    let url = environment.url.clone();
    // the host answers a 401 once, so that a second token is fetched
    let server = Server::start(move |received, nth| match (received.is_token(), nth) {
        (true, 1) => granted(&jwt(&url)),
        (true, _) => granted(&format!("{}x", jwt(&url))),
        (false, 2) => json(401, REFUSED),
        (false, _) => json(200, SHOWN),
    })
    .await;
    let client = client(&shared(), &server, concealed());
    assert_eq!(issuer(&client, None).await, Some(name(&environment)));
    assert_eq!(issuer(&client, Some(&name(&environment))).await, None, "it was revoked there since");
    assert_eq!(environment.calls().len(), 2);
}

#[tokio::test]
async fn row_123_an_issuer_that_a_secret_may_not_name_is_never_contacted() {
    let environment = answers(|_| json(200, SHOWN)).await;
    let address = name(&environment);
    let elsewhere = Rules { allowed_hosts: vec!["example.com".into()], allow_http: true, ..concealed() };
    let anywhere = Rules { allow_http: true, ..concealed() };
    for (issuer_url, rules) in [
        (format!("http://{address}"), &elsewhere), // a private address, and the list names another host
        (format!("http://user@{address}"), &anywhere),
        (format!("http://user:password@{address}"), &anywhere),
        (format!("http://{address}/?x"), &anywhere),
        (format!("http://{address}#x"), &anywhere),
        (format!("ftp://{address}"), &anywhere),
        ("file:///etc/passwd".into(), &anywhere),
        ("http://169.254.169.254".into(), &anywhere),
        ("http://metadata.google.internal".into(), &anywhere),
        ("http://[::ffff:169.254.169.254]".into(), &anywhere),
        (address.clone(), &anywhere),
        (String::new(), &anywhere),
    ] {
        let server = host(&issuer_url).await;
        let mut credentials =
            Credentials::parse(server.url.as_bytes(), b"skc_1", SECRET.as_bytes(), &anywhere).unwrap();
        credentials.rules = rules.clone(); // the host itself is allowed
        assert_eq!(issuer(&Client::new(&shared(), credentials), Some(&address)).await, None, "{issuer_url}");
    }
    assert!(environment.received().is_empty());
    let long = host(&format!("https://acme.example/{}", "x".repeat(128))).await;
    assert_eq!(issuer(&client(&shared(), &long, Rules::default()), None).await, None, "no status holds it");
}

#[tokio::test]
async fn row_123_plain_http_is_no_issuer_without_the_switch() {
    let rules = Rules { allow_http: false, ..Rules::default() };
    let credentials = Credentials::parse(b"https://acme.example", b"skc_1", SECRET.as_bytes(), &rules).unwrap();
    assert_eq!(credentials.issuer("http://env.example"), None);
    assert_eq!(credentials.issuer("https://acme.example/"), None);
    assert_eq!(credentials.issuer("https://env.example/").map(|name| name.to_string()).as_deref(), Some("env.example"));
}

#[tokio::test]
async fn row_123_an_issuer_that_a_believed_host_has_named_is_asked_at_that_host() {
    let issuer_url = "https://env.invalid";
    let token = jwt(issuer_url);
    let environment = {
        let token = token.clone();
        Server::start(move |received, _| match (received.is_token(), received.bearer()) {
            (true, _) => granted(&token),
            (_, Some(bearer)) if bearer == token => json(200, SHOWN),
            _ => json(401, REFUSED),
        })
        .await
    };
    let (same, hostile) = (host(issuer_url).await, {
        let forged = format!("{token}forged");
        Server::start(move |received, _| if received.is_token() { granted(&forged) } else { json(200, SHOWN) }).await
    });
    let transport = shared();
    let trusted = Some(Environment::new(&name(&environment)));
    let [same, hostile] =
        [&same, &hostile].map(|server| client(&transport, server, Rules { trusted: trusted.clone(), ..concealed() }));
    assert_eq!(issuer(&same, None).await, None, "nobody answers there");
    let own = client(&transport, &environment, Rules { trusted, ..concealed() });
    assert_eq!(issuer(&own, None).await.as_deref(), Some("env.invalid"));
    assert_eq!(issuer(&same, None).await.as_deref(), Some("env.invalid"), "now it is known where to ask");
    assert_eq!(issuer(&hostile, None).await, None);
}

#[tokio::test]
async fn row_123_invented_issuers_use_up_the_limit_of_clients_without_a_token_and_not_the_hosts_own() {
    let environment = answers(|_| json(200, SHOWN)).await;
    let transport = transport(Settings { rate: 10.0, deadline: Duration::from_millis(400), ..Settings::default() });
    let own = client(&transport, &environment, Rules::default());
    own.request(&read_policy()).await.unwrap_err(); // has a token of its own
    let hosts = futures::future::join_all((0..12).map(|_| host(&environment.url))).await;
    let clients: Vec<Client> = hosts.iter().map(|server| client(&transport, server, concealed())).collect();
    futures::future::join_all(clients.iter().map(|client| issuer(client, None))).await;
    assert!(environment.calls().len() <= clients.len(), "{}", environment.calls().len());
    for _ in 0..8 {
        drop(own.request(&read_policy()).await.map_err(|error| assert!(!error.not_sent)));
    }
}
