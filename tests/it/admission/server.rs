//! The table against the real API server, through a real `kubectl apply`.

use super::rows::{BAD, GOOD, Row};
use crate::cluster::cluster;
use serde_json::Value;
use session_policy_operator::crd;
use std::{process::Output, thread};

/// kubectl mostly waits for the server; this many at a time keep it busy.
const AT_ONCE: usize = 4;

/// Applies every row under a name of its own, and hands each answer to `check`.
fn apply_all(rows: &[Row], namespace: &str, check: impl Fn(&Row, &Output) -> Option<String> + Sync) {
    let numbered: Vec<_> = rows.iter().enumerate().collect();
    let apply = |(number, row): &(usize, &Row)| {
        let arguments = ["apply", "--validate=strict", "-n", namespace, "-f", "-"];
        let output = cluster().kubectl_with(&arguments, &row.manifest(&format!("row-{number}")));
        check(row, &output).map(|fault| format!("{}: {fault}", row.about))
    };
    let faults: Vec<_> = thread::scope(|scope| {
        let parts = numbered.chunks(rows.len().div_ceil(AT_ONCE));
        let running: Vec<_> = parts
            .map(|rows| {
                scope.spawn({
                    let apply = &apply;
                    move || rows.iter().filter_map(apply).collect::<Vec<_>>()
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The messages of all rules anywhere in a schema.
fn messages(schema: &Value) -> Vec<String> {
    let own = schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    let own = own.filter_map(|rule| Some(rule.get("message")?.as_str()?.to_owned()));
    let below: Vec<&Value> = match schema {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    own.chain(below.into_iter().flat_map(messages)).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_api_server_accepts_every_good_manifest() {
    let namespace = cluster().namespace();
    apply_all(GOOD, &namespace, |_, output| (!output.status.success()).then(|| stderr(output)));
}

#[tokio::test]
async fn the_api_server_refuses_every_bad_manifest_and_says_why() {
    let namespace = cluster().namespace();
    let messages = messages(&serde_json::to_value(crd::definition()).unwrap());
    apply_all(BAD, &namespace, |row, output| {
        let ran = stderr(output);
        if output.status.success() {
            return Some("was accepted".into());
        }
        // an error of evaluation would hide what a person is to write
        if !ran.contains(row.ran) || ran.contains("overflow") || ran.contains("evaluating rule") {
            return Some(format!("was ran {ran:?}, expected {:?}", row.ran));
        }
        let offline = crd::check(&row.document());
        let offline = |message: &String| offline.iter().any(|finding| finding.message == *message);
        let missed: Vec<_> = messages.iter().filter(|message| ran.contains(*message) && !offline(message)).collect();
        (!missed.is_empty()).then(|| format!("the check without a cluster does not say {missed:?}"))
    });
}

#[tokio::test]
async fn the_organization_of_a_resource_never_changes() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let apply = |organization: &'static str, more: &'static str| {
        let yaml = format!("organization: {organization}\n{more}");
        let row = Row { about: "", yaml: yaml.leak(), ran: "" };
        cluster.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &row.manifest("acme"))
    };
    assert!(apply("{id: org_1}", "").status.success());
    for other in ["{id: org_2}", "{externalId: org_1}", "{externalId: tenant-7, id: null}"] {
        let refused = apply(other, "");
        assert!(!refused.status.success(), "{other}");
        assert!(stderr(&refused).contains("the organization cannot be changed"), "{}", stderr(&refused));
    }
    let same = apply(
        "{id: org_1}",
        "mode: Observe\npolicy: {policySource: CUSTOM, absoluteSessionTimeout: 5, absoluteSessionTimeoutUnit: MINUTES}",
    );
    assert!(same.status.success(), "{}", stderr(&same));
}
