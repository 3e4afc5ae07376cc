//! A resource that today's rules refuse was perhaps stored before there were
//! any. It must still be possible to let it go.
//!
//! That holds for every spec of the right types. A rule cannot be evaluated on
//! a value of another type, and the server forgives no such error, changed or
//! not: so the type of a field may never change within a version.

use super::rows::{BAD, Row};
use crate::cluster::cluster;
use session_policy_operator::crd::{self, OrganizationSessionPolicySpec};
use std::{
    thread,
    time::{Duration, Instant},
};

/// A definition of the same kind in a group of its own, so that no other test
/// meets it without its rules.
fn definition(with_rules: bool) -> String {
    let group = "release.scalekit.com";
    let mut definition = serde_json::to_value(crd::definition()).unwrap();
    definition["metadata"]["name"] = format!("organizationsessionpolicies.{group}").into();
    definition["spec"]["group"] = group.into();
    definition["spec"]["names"]["shortNames"] = vec!["osprelease"].into();
    definition["spec"]["names"]["categories"] = serde_json::Value::Null;
    if !with_rules {
        let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"]["spec"] =
            serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    definition.to_string()
}

#[tokio::test]
async fn a_resource_that_the_rules_refuse_can_still_be_let_go() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let run = |arguments: &[&str], input: &str| {
        let output = cluster.kubectl_with(arguments, input);
        output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let apply = ["apply", "-n", &namespace, "-f", "-"];
    let old = |row: usize, name: &str| {
        BAD[row]
            .manifest(name)
            .replace("scalekit.com/v1alpha1", "release.scalekit.com/v1alpha1")
            .replace("metadata: {", "metadata: {finalizers: [scalekit.com/session-policy], ")
    };
    let readable = |row: &Row| {
        let spec = row.document().get("spec").cloned().unwrap_or_default();
        !row.yaml.starts_with("apiVersion") && serde_json::from_value::<OrganizationSessionPolicySpec>(spec).is_ok()
    };
    let rows: Vec<_> = (0..BAD.len()).filter(|row| readable(&BAD[*row])).collect();
    assert!(rows.len() > 40, "{}", rows.len());
    let all: Vec<_> = rows.iter().map(|row| old(*row, &format!("row-{row}"))).collect();

    run(&apply, &definition(false)).unwrap();
    cluster.until_established("organizationsessionpolicies.release.scalekit.com");
    run(&["apply", "--validate=ignore", "-n", &namespace, "-f", "-"], &all.join("---\n")).unwrap();
    let plural = "organizationsessionpolicies.release.scalekit.com";
    run(&apply, &definition(true)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while run(&apply, &old(rows[0], "new")).is_ok() {
        assert!(Instant::now() < deadline, "the rules never came into force");
        thread::yield_now(); // kubectl itself takes a while
    }

    run(&["delete", plural, "--all", "-n", &namespace, "--wait=false"], "").unwrap();
    let release = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    let held: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let name = format!("row-{row}");
            let fault = run(&["patch", plural, &name, "-n", &namespace, "--type=json", "-p", release], "").err()?;
            Some(format!("{}: {fault}", BAD[*row].about))
        })
        .collect();
    assert!(held.is_empty(), "{}", held.join("\n"));
}
