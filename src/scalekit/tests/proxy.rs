//! Proxies named in the environment: ignored unless asked for.
//!
//! A test cannot change its own environment, so each of these starts itself
//! once more with the variables set.

use super::{
    INHERITED, alone, read_policy,
    server::{Server, client, json, token, transport},
};
use crate::scalekit::Settings;

/// Whether the request below succeeds where a proxy is named in every way.
async fn call_in_a_world_of_proxies(proxy: &Server, target: &Server, setting: &str) -> bool {
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut variables = vec![("TARGET", target.url.as_str()), ("PROXY", setting)];
    variables.extend(names.map(|name| (name, proxy.url.as_str())));
    alone("proxy::one_call", &variables).await
}

#[tokio::test]
#[ignore = "a part of the others"]
async fn one_call() {
    let Ok(target) = std::env::var("TARGET") else { return };
    let proxy = std::env::var("PROXY").unwrap().parse().unwrap();
    client(&transport(Settings { proxy, ..Settings::default() }), &target).request(&read_policy()).await.unwrap();
}

#[tokio::test]
async fn row_092_a_proxy_in_the_environment_is_ignored() {
    let (proxy, target) = (Server::always(json(200, INHERITED)).await, Server::always(json(200, INHERITED)).await);
    assert!(call_in_a_world_of_proxies(&proxy, &target, "none").await);
    assert_eq!((proxy.received().len(), target.received().len()), (0, 2));
}

#[tokio::test]
async fn a_proxy_is_used_when_asked_for() {
    let server = || {
        Server::start(|received, nth| match received.line.ends_with("/oauth/token") {
            true => token(nth),
            false => json(200, INHERITED),
        })
    };
    let (proxy, other, target) = (server().await, server().await, Server::always(json(200, INHERITED)).await);
    assert!(call_in_a_world_of_proxies(&proxy, &target, "env").await);
    assert_eq!((proxy.received().len(), target.received().len()), (2, 0));
    assert!(call_in_a_world_of_proxies(&proxy, &target, &other.url).await);
    assert_eq!((proxy.received().len(), other.received().len(), target.received().len()), (2, 2, 0));
}
