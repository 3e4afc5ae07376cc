//! `osp support-bundle`, on the real API server, with a stand-in for the kubelet that has the logs.

use super::{org, osp};
use crate::{authority::Authority, world::World};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io::Read, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The files of an archive, by path.
fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(path).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, flate2::read::GzDecoder<fs::File>> = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), text)
    };
    archive.entries().unwrap().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_support_bundle_is_listed_before_it_is_written_and_has_no_secret_in_any_form() {
    const CANARY: &str = "te/t+canary?hunter2";
    let escaped = "te%2Ft%2Bcanary%3Fhunter2";
    let world = World::new().await;
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": CANARY}));
    world.apply_secret("scalekit", CANARY);
    let spec = org("org_1", ", credentialsSecretRef: {name: scalekit}");
    world.apply("acme", &spec);
    world.until("acme", "True", "InSync");
    let base64 = STANDARD.encode(format!("id:{CANARY}"));
    let annotate = |name: &str, value: &str| {
        world.kubectl(&["annotate", "osp", "acme", &format!("{name}={value}")]);
    };
    annotate("scalekit.com/raw", &format!("see {CANARY}"));
    annotate("scalekit.com/encoded", &base64);
    annotate("scalekit.com/escaped", &format!("https://x.example/?q={escaped}"));
    annotate("team.example/note", "of-others");
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "type": "Normal", "reason": "Told",
        "metadata": {"name": "told", "namespace": world.namespace}, "action": "Tell", "note": format!("{CANARY}."),
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "t.example/t", "reportingInstance": "t",
        "regarding": {"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "name": "acme",
            "namespace": world.namespace}});
    assert!(world.with_input(&["apply", "-f", "-"], &event.to_string()).0);

    let pod = operators_pod(&world, &format!("what is logged has no {CANARY} either")).await;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bundle-{}.tar.gz", world.namespace));
    drop(fs::remove_file(&path)); // of an earlier run
    let file = path.to_str().unwrap();
    let bundle =
        |arguments: &[&str]| osp(&world, &[&["support-bundle", "--allow-http", "-f", file], arguments].concat());
    let said = bundle(&[]);
    assert!(
        said.code == 1 && said.err.contains("--yes") && said.out.contains("versions.json"),
        "{}{}",
        said.out,
        said.err
    );
    assert!(bundle(&["--dry-run"]).code == 0 && !path.exists());
    let said = bundle(&["--yes"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let files = unpacked(&path);
    let resource = format!("osp-support/resources/{}/acme.json", world.namespace);
    let expected = ["check.json", "check.txt", "events.json", "leases.json"].map(|name| format!("osp-support/{name}"));
    let of_pod = ["json", "log", "previous.log"].map(|name| format!("osp-support/operators/default/{pod}.{name}"));
    let expected = [&expected[..], &of_pod, &[resource, "osp-support/versions.json".to_owned()]].concat();
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);
    for name in files.keys() {
        assert!(said.out.contains(name.trim_start_matches("osp-support/")), "{name} is not listed: {}", said.out);
    }
    let all: String = files.into_values().collect();
    let token = "eyJ"; // how every JWT begins
    for secret in [CANARY, escaped, &STANDARD.encode(CANARY), &base64, "hunter2", token, "of-others", "managedFields"] {
        assert!(!all.contains(secret), "{secret} is in it");
    }
    for kept in [
        "[redacted]",
        "InSync",
        "\"org_1\"",
        "Told",
        "v1alpha1",
        &world.namespace,
        "what is logged",
        "now",
        "before",
        "\"restartCount\": 1",
    ] {
        assert!(all.contains(kept), "{kept} is not in it");
    }
    let said = bundle(&["--yes"]);
    assert!(said.code == 1 && said.err.contains("exists"), "no file is overwritten: {}", said.err);
}

/// A pod that has the Lease of the operator of `world`, on a node whose kubelet answers with this log; its name.
async fn operators_pod(world: &World, log: &str) -> String {
    let name = format!("operator-{}", world.namespace);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, log) = (listener.local_addr().unwrap(), log.to_owned());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let which =
                if String::from_utf8_lossy(&request[..read]).contains("previous=true") { "before" } else { "now" };
            let (text, length) = (format!("{which}: {log}\n"), log.len() + which.len() + 3);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    let authority = Authority::new(&format!("kubelet-{}", world.namespace));
    let kubelet = authority.front(address).await;
    let port: u16 = kubelet.rsplit(':').next().unwrap().parse().unwrap();
    let create = |object: Value| {
        let (created, said) = world.cluster.with_input(&["create", "-f", "-"], &object.to_string());
        assert!(created, "{said}");
    };
    create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}));
    create(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app.kubernetes.io/component": "operator"}},
        "spec": {"nodeName": name, "containers": [{"name": "operator", "image": "registry.example/operator:1",
            "args": [format!("--lease-name={}", world.namespace)], "env": [{"name": "A", "value": "hunter2"}]}]}}));
    let status = |kind: &str, status: Value| {
        let patch = json!({"status": status}).to_string();
        let object = format!("{kind}/{name}");
        world.cluster.ok(&["-n", "default", "patch", &object, "--subresource=status", "--type=merge", "-p", &patch]);
    };
    let address = json!([{"type": "InternalIP", "address": "127.0.0.1"}]);
    status("node", json!({"addresses": address, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}));
    let container =
        json!({"name": "operator", "image": "", "imageID": "", "ready": true, "restartCount": 1, "state": {}});
    status("pod", json!({"phase": "Running", "containerStatuses": [container]}));
    name
}
