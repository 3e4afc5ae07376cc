//! That a secret would be found in each form, and that none is anywhere in a run that has all of them.

use crate::{
    canary::{PECULIAR, SECRETS, assert_none, assert_none_in, find},
    cluster::eventually,
    failures::always,
    world::{EIGHT_HOURS, World, scalekit},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

#[test]
fn a_secret_is_found_in_each_form_and_what_is_none_is_not() {
    for secret in SECRETS {
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "a", "ab", "abc"] {
                let text = format!("{before}{secret}{after}");
                let url = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
                let (standard, safe) = (BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text));
                for form in [json!(text).to_string(), url, standard, safe, text] {
                    assert_eq!(find(&form).map(|found| found.0), Some(secret), "{form}");
                }
            }
        }
        assert_eq!(find(&secret[..secret.len() - 1]), None);
    }
    assert_eq!(find("SCALEKIT_CLIENT_SECRET is [redacted], of skc_simulator"), None);
}

/// An operator whose kubeconfig has a credential plugin, with a client secret that looks different in each form;
/// Scalekit gives back what it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn row_093_no_secret_is_in_the_log_at_trace_level_nor_in_any_object_nor_in_the_metrics() {
    let config = Config { client_secret: PECULIAR.to_owned(), ..scalekit() };
    let mut world = World::on(crate::cluster::cluster(), Arc::new(Simulator::start(config).await.unwrap()));
    let folder = crate::osp::Folder::new();
    let kubeconfig = std::fs::read_to_string(world.cluster.kubeconfig("operator")).unwrap();
    let (before, rest) = kubeconfig.split_once("token: \"").unwrap();
    let (token, after) = rest.split_once('"').unwrap();
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": token}});
    let plugin = json!({"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
        "args": ["-c", format!("echo '{credential}'")], "env": [{"name": "PASSWORD", "value": "hunter2"}]});
    folder.write("kubeconfig", format!("{before}exec: {plugin}{after}"));
    world.kubeconfig = Some(folder.path().join("kubeconfig"));
    world.arguments = vec!["--revert-delay", "0s"];
    world.apply_secret("scalekit", PECULIAR);
    world.start_with(&[("RUST_LOG", "trace")]);
    let spec = format!("organization: {{id: org_1}}, credentialsSecretRef: {{name: scalekit}}, policy: {EIGHT_HOURS}");
    world.apply("acme", &format!("{{{spec}}}"));
    world.until("acme", "True", "InSync");
    let again = |when: &str| {
        let requested = format!("reconcile.fluxcd.io/requestedAt={when}");
        world.kubectl(&["annotate", "osp", "acme", "--overwrite", &requested]);
    };
    let echo = |status: u16| json!({"kind": "refuse", "status": status, "body": "echo"});
    for path in ["/api/v1/organizations/org_1", "/api/v1/organizations/org_1/session-policy"] {
        world.admin("POST", "faults", &always("GET", path, echo(403)));
        world.until("acme", "False", "Forbidden"); // it is read every two seconds
        world.admin("DELETE", "faults", &Value::Null);
        again(&format!("after {path}"));
        world.until("acme", "True", "InSync");
    }
    world.admin("POST", "faults", &always("POST", "/oauth/token", echo(401)));
    world.apply_secret("scalekit", &PECULIAR.replace("ent", "ENT"));
    again("with another Secret");
    world.until("acme", "False", "CredentialsRejected");
    let all = world.kubectl(&["get", "osp,events.events.k8s.io,configmaps", "-o", "json"]);
    assert_none("the objects", &all);
    let lease = world.cluster.get("default", &format!("lease/{}", world.namespace)).unwrap();
    assert_none_in(&lease);
    let address = eventually("its address", 30, || {
        let log = world.log();
        Some(log.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
    });
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    assert!(metrics.contains("session_policy_operator_leader"), "{metrics}");
    assert_none("the metrics", &metrics);
    let log = world.log();
    assert!(log.contains("TRACE"), "it is at this level");
    assert_none("the log", &log);
}
