//! The YAML of the tutorial in `docs/argocd.md`, against Argo CD's own definition and a real operator.

use super::lua::{health, parts};
use crate::{
    cluster::{cluster, eventually},
    pictures::{blocks, page},
    world::World,
};
use serde_json::Value;
use std::{fs, path::Path};

/// The block of YAML on the page that begins so.
fn documented(beginning: &str) -> String {
    let page = page("docs/argocd.md");
    let block = blocks(&page, "yaml").into_iter().find(|block| block.starts_with(beginning));
    block.unwrap_or_else(|| panic!("docs/argocd.md has no {beginning}")).to_owned()
}

#[test]
fn the_application_of_the_tutorial_is_one_that_argocd_takes_and_the_api_server_warns_of_nothing() {
    let definition = parts().join("crds/application-crd.yaml");
    cluster().ok(&["apply", "--server-side", "-f", definition.to_str().unwrap()]);
    cluster().until_established("applications.argoproj.io");
    let namespace = cluster().namespace();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("application-{namespace}.yaml"));
    fs::write(
        &file,
        documented("apiVersion: argoproj.io").replace("namespace: argocd", &format!("namespace: {namespace}")),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let mut output = cluster().kubectl(&["create", "--validate=strict", "-f", file]);
    eventually("it is served", 60, || {
        let unknown = String::from_utf8_lossy(&output.stderr).contains("no matches for kind");
        if unknown {
            output = cluster().kubectl(&["create", "--validate=strict", "-f", file]);
        }
        (!unknown).then_some(())
    });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}{err}");
    let application = cluster().get(&namespace, "application/policies").unwrap();
    assert_eq!(application["spec"]["destination"]["namespace"], "customers", "where the tutorial's Secret is");
    cluster().ok(&[
        "-n",
        &namespace,
        "patch",
        "application/policies",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
    cluster().ok(&["-n", &namespace, "delete", "application/policies", "--timeout=60s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_tutorial_is_healthy_and_the_mistake_of_the_tutorial_is_refused() {
    let world = World::new().await;
    world.apply_secret("scalekit", "test_simulator");
    let manifest = documented("apiVersion: scalekit.com");
    let apply = |manifest: &str| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("argocd-{}.yaml", world.namespace));
        fs::write(&file, manifest).unwrap();
        cluster().kubectl(&["-n", &world.namespace, "apply", "-f", file.to_str().unwrap()])
    };
    let healthy = |reason: &str| -> Value {
        let resource = world.until("acme", "True", reason);
        assert_eq!(health(&resource).0, "Healthy");
        resource
    };
    assert!(apply(&manifest).status.success());
    healthy("Observing");
    let enforced = manifest.replace("  mode: Observe\n", "");
    assert!(enforced != manifest && apply(&enforced).status.success());
    healthy("InSync");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
    let refused = apply(&enforced.replace("    absoluteSessionTimeoutUnit: HOURS\n", ""));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("absoluteSessionTimeout needs its unit"), "{said}");
}
