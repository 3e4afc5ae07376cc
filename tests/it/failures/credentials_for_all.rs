//! The operator's own credentials: from its environment or a folder, and for
//! whom.

use super::{journal::message, says, spec};
use crate::{
    cluster::eventually,
    world::{World, default_credentials},
};
use serde_json::json;
use std::{fs, path::PathBuf};

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_not_named_needs_a_secret_of_its_own() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--default-credentials-for", "somewhere-else,and-there"];
    world.start_operator();
    world.apply("acme", &spec(""));
    let resource = world.until("acme", "False", "CredentialsNotAllowed");
    assert_eq!(says(&resource, "Stalled"), "True CredentialsNotAllowed");
    let ran = message(&resource, "Ready");
    assert!(ran.contains(&world.namespace) && ran.contains("credentialsSecretRef"), "{ran}");
    assert_eq!(world.count(""), 0);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_they_serve_the_operators_own_namespace_alone() {
    for (pod, ready) in [(false, false), (true, true)] {
        let mut world = World::without_operator(json!({})).await;
        world.arguments = vec!["--default-credentials-for", ""];
        if pod {
            world.arguments.extend(["--pod-namespace", world.namespace.clone().leak(), "--lease-namespace", "default"]);
        }
        world.start_operator();
        world.apply("acme", &spec(""));
        let (status, reason) = if ready { ("True", "InSync") } else { ("False", "CredentialsNotAllowed") };
        world.until("acme", status, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_names_a_host_which_no_administrator_allowed_is_never_sent_anything() {
    let mut world = World::without_operator(json!({})).await;
    world.start_operator();
    for (url, why) in [
        ("https://scalekit.example.com", "not on the list of allowed hosts"),
        ("https://kubernetes.default.svc", "not on the list of allowed hosts"),
        ("https://10.0.0.1:8443", "not on the list of allowed hosts"),
        ("https://169.254.169.254", "never contacted"),
    ] {
        let url = format!("--from-literal=SCALEKIT_ENVIRONMENT_URL={url}");
        let (id, secret) = ("--from-literal=SCALEKIT_CLIENT_ID=a", "--from-literal=SCALEKIT_CLIENT_SECRET=b");
        world.kubectl(&["create", "secret", "generic", "elsewhere", &url, id, secret]);
        world.apply("acme", &spec(", credentialsSecretRef: {name: elsewhere}"));
        let resource = world.until("acme", "False", "CredentialsIncomplete");
        assert!(message(&resource, "Ready").contains(why), "{url}: {}", message(&resource, "Ready"));
        world.kubectl(&["delete", "osp", "acme"]);
        world.kubectl(&["delete", "secret", "elsewhere"]);
    }
    assert_eq!(world.count(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_named_may_use_them() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--default-credentials-for", world.namespace.clone().leak()];
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
}

fn folder(world: &World) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("credentials-{}", world.namespace));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    for (key, value) in default_credentials(&world.simulator.base_url()) {
        fs::write(folder.join(key), value).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_read_again_so_a_rotation_needs_no_restart() {
    let mut world = World::without_operator(json!({})).await;
    let folder = folder(&world);
    world.arguments = vec!["--credentials-dir", folder.to_str().unwrap().to_owned().leak()];
    world.start_with(&[]);
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    fs::write(folder.join("SCALEKIT_CLIENT_SECRET"), "canary").unwrap();
    let resource = world.until("acme", "False", "CredentialsRejected");
    assert!(message(&resource, "Ready").contains("folder") && !resource.to_string().contains("canary"));
    fs::remove_file(folder.join("SCALEKIT_CLIENT_SECRET")).unwrap();
    let resource = world.until("acme", "False", "CredentialsIncomplete");
    assert!(message(&resource, "Ready").contains("SCALEKIT_CLIENT_SECRET"));
    fs::write(folder.join("SCALEKIT_CLIENT_SECRET"), "test_simulator\n").unwrap();
    eventually("it is ready again", 70, || world.resource("acme").filter(|r| says(r, "Ready") == "True InSync"));
}
