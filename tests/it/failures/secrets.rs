//! Credentials in Secrets (rows 38–44): what is tolerated, what is named, and
//! how a rotation goes.

use super::{foreign, journal::message, says, spec};
use crate::{
    cluster::{cluster, eventually},
    world::World,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

const BY_SECRET: &str = ", credentialsSecretRef: {name: scalekit}";

fn issued(world: &World) -> u64 {
    world.admin("GET", "tokens", &Value::Null)["issued"].as_u64().unwrap()
}

/// Puts a Secret with these values, text or not, in the place of the one there.
fn put(world: &World, values: &[(&str, &[u8])]) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{}", world.namespace));
    fs::create_dir_all(&folder).unwrap();
    let mut create = vec!["create".to_owned(), "secret".into(), "generic".into(), "scalekit".into()];
    for (key, value) in values {
        fs::write(folder.join(key), value).unwrap();
        create.push(format!("--from-file={}", folder.join(key).display()));
    }
    world.kubectl(&["delete", "secret", "scalekit", "--ignore-not-found"]);
    world.kubectl(&create.iter().map(String::as_str).collect::<Vec<_>>());
}

async fn without_default_credentials() -> World {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_038_a_missing_secret_costs_no_call_and_is_found_when_it_comes() {
    let world = without_default_credentials().await;
    world.apply("acme", &spec(BY_SECRET));
    let resource = world.until("acme", "False", "CredentialsMissing");
    assert!(message(&resource, "Ready").contains("scalekit"));
    assert_eq!(world.count(""), 0);
    world.apply_secret("scalekit", "test_simulator");
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_039_an_unusable_secret_is_named_by_its_key() {
    let world = without_default_credentials().await;
    world.kubectl(&["create", "secret", "generic", "scalekit", "--from-literal=SCALEKIT_CLIENT_ID=x"]);
    world.apply("acme", &spec(BY_SECRET));
    let resource = world.until("acme", "False", "CredentialsIncomplete");
    assert!(message(&resource, "Ready").contains("SCALEKIT_ENVIRONMENT_URL"));
    assert_eq!(world.count(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_040_a_rotated_secret_is_used_without_a_restart() {
    let world = without_default_credentials().await;
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    world.apply_secret("scalekit", "rotated");
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    world.admin("POST", "tokens/revoke", &Value::Null);
    world.until_reconciled(2);
    let resource = world.until("acme", "True", "InSync");
    assert!(!resource.to_string().contains("rotated"));
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_041_a_wrong_secret_is_named_and_a_right_one_is_used() {
    let world = without_default_credentials().await;
    world.apply_secret("scalekit", "wrong");
    world.apply("acme", &spec(BY_SECRET));
    let resource = world.until("acme", "False", "CredentialsRejected");
    let said = message(&resource, "Ready");
    assert!(said.contains("scalekit") && !said.contains("wrong"), "{said}");
    world.apply_secret("scalekit", "test_simulator");
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=now"]);
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["status"]["lastHandledReconcileAt"], "now");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_039_a_trailing_newline_is_tolerated() {
    let world = without_default_credentials().await;
    let url = format!("{}\n", world.simulator.base_url());
    put(
        &world,
        &[
            ("SCALEKIT_ENVIRONMENT_URL", url.as_bytes()),
            ("SCALEKIT_CLIENT_ID", b"skc_simulator\n"),
            ("SCALEKIT_CLIENT_SECRET", b"test_simulator\r\n"),
        ],
    );
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_039_every_other_error_is_named_by_its_key_and_costs_no_call() {
    let world = without_default_credentials().await;
    let (url, id, secret) = ("SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET");
    let base = world.simulator.base_url();
    let huge = vec![b'x'; 900_000];
    let cases: [(&str, &str, &[u8]); 7] = [
        ("an empty value", id, b""),
        ("white space alone", id, b"  \n"),
        ("white space within", id, b"skc simulator"),
        ("bytes that are no text", id, b"\xff\xfe"),
        ("far too much", id, &huge),
        ("no URL", url, b"scalekit"),
        ("a URL with a password", url, b"https://user:canary@acme.scalekit.com"),
    ];
    for (nth, (about, key, value)) in cases.into_iter().enumerate() {
        let or = |wanted: &str, good: &str| if wanted == key { value.to_vec() } else { good.as_bytes().to_vec() };
        let values = [(url, or(url, &base)), (id, or(id, "skc_simulator")), (secret, or(secret, "test_simulator"))];
        put(&world, &values.each_ref().map(|(key, value)| (*key, value.as_slice())));
        let name = format!("flawed-{nth}");
        world.apply(&name, &spec(BY_SECRET));
        let ran = message(&world.until(&name, "False", "CredentialsIncomplete"), "Ready").to_owned();
        assert!(ran.contains(key), "{about}: {ran}");
        assert!(!ran.contains("canary") && !ran.contains("skc_simulator"), "{about}: {ran}");
        world.kubectl(&["delete", "osp", &name, "--timeout=60s"]);
    }
    assert_eq!(world.count(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_041_a_rotation_is_seen_within_a_minute_though_no_reconcile_is_due() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--resync-interval", "1h"];
    world.start_with(&[]);
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    world.apply_secret("scalekit", "canary-wrong");
    let bad = eventually("the bad Secret is named", 75, || {
        world.resource("acme").filter(|r| says(r, "Ready") == "False CredentialsRejected")
    });
    assert!(message(&bad, "Ready").contains("scalekit") && !bad.to_string().contains("canary"));
    // the old token would still do, and is not used
    let path = "method=GET&path=/api/**";
    let before = world.count(path);
    world.edit("org_1", &json!({"policy": foreign()}));
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=1"]);
    eventually("the request is answered", 30, || {
        (world.resource("acme")?["status"]["lastHandledReconcileAt"] == "1").then_some(())
    });
    assert_eq!(world.count(path), before);
    world.apply_secret("scalekit", "test_simulator");
    eventually("the good one is used", 75, || world.resource("acme").filter(|r| says(r, "Ready") == "True InSync"));
    assert!(!world.log().contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_040_one_token_serves_all_and_a_rotation_fetches_one_more() {
    let world = without_default_credentials().await;
    world.apply_secret("scalekit", "test_simulator");
    for (name, id) in [("one", "org_1"), ("two", "org_2"), ("three", "org_3")] {
        world.apply(name, &super::organization(id, BY_SECRET));
    }
    let names = ["one", "two", "three"];
    for name in names {
        world.until(name, "True", "InSync");
    }
    assert_eq!(issued(&world), 1);
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    world.apply_secret("scalekit", "rotated");
    eventually("a token for the new secret", 70, || (issued(&world) > 1).then_some(()));
    world.until_reconciled(6);
    assert_eq!((issued(&world), world.writes().len()), (2, 6));
    for name in names {
        world.until(name, "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_043_a_secret_of_another_namespace_cannot_be_named() {
    let world = without_default_credentials().await;
    let elsewhere = spec(", credentialsSecretRef: {name: scalekit, namespace: default}");
    let (accepted, said) = world.try_apply("acme", &elsewhere);
    assert!(!accepted && said.contains("unknown field") && said.contains("namespace"), "{said}");
    let manifest = format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {{name: acme}}\nspec: {elsewhere}\n"
    );
    let unchecked = ["-n", &world.namespace, "apply", "--validate=false", "-f", "-"];
    let (accepted, said) = cluster().with_input(&unchecked, &manifest);
    assert!(accepted, "{said}");
    let resource = world.until("acme", "False", "CredentialsMissing");
    assert_eq!(resource["spec"]["credentialsSecretRef"], json!({"name": "scalekit"}), "what is unknown is not stored");
    assert_eq!(world.count(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_044_a_secret_made_anew_under_its_old_name_counts_by_its_values_alone() {
    let world = without_default_credentials().await;
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    assert_eq!(issued(&world), 1);
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.until("acme", "False", "CredentialsMissing");
    world.apply_secret("scalekit", "test_simulator");
    world.until("acme", "True", "InSync");
    assert_eq!(issued(&world), 1, "the same values are the same client");
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.apply_secret("scalekit", "somebody-elses");
    let resource = world.until("acme", "False", "CredentialsRejected");
    assert_eq!(says(&resource, "Stalled"), "True CredentialsRejected");
    assert_eq!(issued(&world), 1, "the token is of no use to others");
}
