//! No answer: why, and what to do.

use super::{Said, command, org, osp};
use crate::{
    cluster::{Cluster, cluster},
    world::World,
};
use serde_json::json;
use std::{net::TcpListener, path::PathBuf};

fn failed(said: &Said, sentence: &str) {
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.starts_with("error: ") && said.err.contains(sentence), "no {sentence:?} in {}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_reported_with_the_names_that_are() {
    let world = World::without_operator(json!({})).await;
    world.apply("acme", &org("org_1", ""));
    for verb in ["status", "diff", "explain", "reconcile", "suspend", "resume"] {
        let expected = format!("there is no acne in namespace {}; there is acme", world.namespace);
        failed(&osp(&world, &[verb, "acne"]), &expected);
    }
    let said = osp(&world, &["status", "other", "-n", "nowhere"]);
    assert_eq!(said.code, 1, "a flag twice is a wrong command line, and 2 says something of a resource");
    let mut elsewhere = command(&world.cluster, "admin", None);
    let said: Said = elsewhere.args(["status", "-n", "nowhere"]).output().unwrap().into();
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(said.err, "there is no OrganizationSessionPolicy in nowhere\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_done_is_named_with_the_verb() {
    let world = World::without_operator(json!({})).await;
    let namespace = &world.namespace;
    world.apply("acme", &org("org_1", ""));
    let limited = |arguments: &[&str]| -> Said {
        command(&world.cluster, "limited", None).args(arguments).output().unwrap().into()
    };
    let here =
        |verb: &str| format!("you may not {verb} organizationsessionpolicies.scalekit.com in namespace {namespace}");
    failed(&limited(&["status", "-n", namespace]), &here("list"));
    failed(&limited(&["explain", "acme", "-n", namespace]), &here("get"));
    failed(&limited(&["status", "-A"]), "you may not list organizationsessionpolicies.scalekit.com in all namespaces");
    let rights = ["--verb=get", "--resource=organizationsessionpolicies.scalekit.com"];
    world.kubectl(&[&["create", "role", "reader"], &rights[..]].concat());
    world.kubectl(&["create", "rolebinding", "reader", "--role=reader", "--user=limited"]);
    failed(&limited(&["suspend", "acme", "-n", namespace]), &here("patch"));
    failed(&limited(&["explain", "acne", "-n", namespace]), &format!("there is no acne in namespace {namespace}"));
    assert_eq!(world.resource("acme").unwrap()["spec"]["suspend"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_definition_the_error_says_what_to_install() {
    let cluster = Cluster::without_definition();
    for arguments in [&["status"][..], &["status", "-A"], &["explain", "acme"], &["suspend", "acme"]] {
        let said: Said = command(&cluster, "admin", None).args(arguments).output().unwrap().into();
        failed(&said, "install it with: kubectl apply -f crds/");
    }
}

/// A kubeconfig for a server at this address, and whoever.
fn kubeconfig(name: &str, server: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("plugin-{name}.kubeconfig"));
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": "wrong"}}],
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[test]
fn without_a_cluster_it_is_said_which_kubeconfig_was_tried() {
    let on = cluster();
    let run = |arguments: &[&str]| -> Said { command(&on, "admin", None).args(arguments).output().unwrap().into() };
    failed(&run(&["status", "--kubeconfig", "not-there"]), "not-there: No such file or directory");
    failed(&run(&["status", "--context", "other"]), "the kubeconfig has no context other");
    let mut nothing = command(&on, "admin", None);
    nothing.env_remove("KUBERNETES_SERVICE_HOST").env("KUBECONFIG", "nor-there");
    failed(&nothing.arg("status").output().unwrap().into(), "name a kubeconfig with --kubeconfig or KUBECONFIG");

    let address = "127.0.0.1:1"; // nobody listens there, and no other test can come to
    let gone = kubeconfig("gone", &format!("http://{address}"));
    let said = run(&["status", "--kubeconfig", gone.to_str().unwrap()]);
    failed(&said, &format!("the API server at http://{address} can't be reached: Connection refused"));
}

#[test]
fn an_unknown_user_is_asked_to_log_in() {
    let on = cluster();
    let config = std::fs::read_to_string(on.kubeconfig("limited")).unwrap();
    let token = config.split("token: \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugin-stranger.kubeconfig");
    std::fs::write(&path, config.replace(&token, "wrong")).unwrap();
    let mut command = command(&on, "admin", None);
    let said: Said = command.args(["status", "--kubeconfig", path.to_str().unwrap()]).output().unwrap().into();
    failed(&said, "does not know you; log in again");
}

#[test]
fn a_server_that_never_answers_costs_no_more_than_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = kubeconfig("silent", &format!("http://{}", silent.local_addr().unwrap()));
    let mut command = command(&cluster(), "admin", None);
    let said: Said = command.args(["status", "--kubeconfig", path.to_str().unwrap()]).output().unwrap().into();
    failed(&said, "did not answer within 15 s");
}
