//! One Scalekit environment under two host names (row 123). Its tokens name one
//! issuer under both, so the resources behind both know of each other; a host
//! that a tenant runs can name that issuer too, and gains nothing by it.

use super::{
    eight_hours, spec,
    tenants::{BY_SECRET, REAL, corrects_and_reverts, ninety, two_tenants},
};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};
use session_policy_operator::simulator::Simulator;
use std::{process::Command, sync::Arc};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

/// Another name under which `scalekit` is reached, as a custom domain is.
pub async fn custom_domain(scalekit: &Arc<Simulator>) -> String {
    let (listener, address) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), scalekit.address());
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    url
}

/// How often the organization was shown to a client that Scalekit does not know.
fn refused(world: &World) -> u64 {
    world.count("method=GET&path=/api/v1/organizations/org_1&status=401")
}

fn issuer(resource: &Value) -> Option<&str> {
    resource["status"]["issuer"].as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn row_123_of_two_tenants_behind_two_names_of_one_environment_the_older_owns_also_after_a_restart() {
    let (mut owner, other) = two_tenants(&[]).await;
    let name = owner.simulator.address().to_string();
    other.credentials(&custom_domain(&owner.simulator).await, REAL);
    owner.apply("acme", &spec(BY_SECRET));
    other.apply_younger("second", &ninety("id: org_1"), (&owner, "acme"));
    owner.start_with(&[]);
    for _ in 0..2 {
        assert_eq!(issuer(&owner.until("acme", "True", "InSync")), None, "it is the host");
        let second = other.until("second", "False", "Conflict");
        assert_eq!(issuer(&second), Some(name.as_str()));
        assert_ne!(second["status"]["environment"], name);
        assert!(second["metadata"]["finalizers"].is_null());
        owner.until_reconciled(3);
        owner.kill_operator();
        owner.start_with(&[]);
    }
    let written = owner.policies("org_1");
    assert!(written.len() == 1 && written[0]["absolute_session_timeout"] == 480, "{written:?}");
    assert_eq!((owner.stored("org_1")["policy"].clone(), refused(&owner)), (eight_hours(), 0));
    let output = Command::new(env!("CARGO_BIN_EXE_osp"))
        .env("KUBECONFIG", owner.cluster.kubeconfig("admin"))
        .args(["explain", "second", "-n", &other.namespace])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("acme in namespace {}", owner.namespace)), "{said}");
    assert!(said.contains(&format!("which calls itself {name}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_123_the_owner_behind_a_custom_domain_is_followed_by_the_tenant_behind_the_other_name() {
    let (mut owner, other) = two_tenants(&[]).await;
    other.credentials(&custom_domain(&owner.simulator).await, REAL);
    other.apply("first", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "first"));
    owner.start_with(&[]);
    other.until("first", "True", "InSync");
    owner.until("acme", "False", "Conflict");
    other.kubectl(&["delete", "osp", "first", "--timeout=60s"]);
    owner.until("acme", "True", "InSync");
    assert_eq!(owner.stored("org_1")["policy"], eight_hours());
    assert!(!owner.was_reverted("org_1"), "it was handed over");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_123_two_tenants_whose_tokens_name_no_issuer_are_told_apart_by_their_hosts() {
    let (mut owner, other) = two_tenants(&[]).await;
    owner.admin("PATCH", "settings", &json!({"token": {"issuer": ""}}));
    other.credentials(&custom_domain(&owner.simulator).await, REAL);
    owner.apply("acme", &spec(&format!("{BY_SECRET}, mode: Observe")));
    other.apply("second", &ninety("id: org_1"));
    owner.start_with(&[]);
    assert_eq!(issuer(&other.until("second", "True", "InSync")), None);
    assert_eq!(issuer(&owner.until("acme", "True", "Observing")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_123_a_tenants_own_server_that_names_the_issuer_of_another_one_claims_nothing_there() {
    let (mut owner, other) = two_tenants(&["--allowed-host", "any"]).await;
    let victim = owner.simulator.base_url();
    // it has the organization, and answers whatever it is asked
    let hostile = World::scalekit(json!({"token": {"issuer": victim}})).await;
    other.credentials(&hostile.base_url(), REAL);
    other.apply("squatter", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "squatter"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    let squatter = other.until("squatter", "True", "InSync");
    assert_eq!((issuer(&squatter), &squatter["status"]["environment"]), (None, &json!(hostile.address().to_string())));
    eventually("its token was shown there", 60, || (refused(&owner) > 0).then_some(()));
    owner.kill_operator();
    owner.start_with(&[]);
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_123_a_token_for_another_address_leads_the_operator_nowhere() {
    let (mut owner, other) = two_tenants(&[]).await;
    let elsewhere = World::scalekit(json!({})).await;
    for (nth, issuer_url) in [
        format!("http://user:password@{}", elsewhere.address()),
        format!("ftp://{}", elsewhere.address()),
        "http://169.254.169.254".to_owned(),
        "https://10.0.0.1".to_owned(),
        "https://unlisted.example".to_owned(),
        "x".repeat(100_000),
    ]
    .into_iter()
    .enumerate()
    {
        let hostile = World::scalekit(json!({"token": {"issuer": issuer_url}})).await;
        other.credentials(&hostile.base_url(), REAL);
        let name = format!("squatter-{nth}");
        other.apply(&name, &ninety("id: org_1"));
        if nth == 0 {
            owner.start_with(&[]);
        }
        assert_eq!(issuer(&other.until(&name, "True", "InSync")), None, "{nth}");
        other.kubectl(&["delete", "osp", &name, "--timeout=60s"]);
    }
    let (_, asked) = elsewhere.admin("GET", "/_simulator/journal/count", &Value::Null);
    assert_eq!(asked["count"], 0);
}
