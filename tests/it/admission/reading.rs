//! What a person and a script see with `kubectl get`.

use super::rows::Row;
use crate::cluster::cluster;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use session_policy_operator::{
    crd::{self, OrganizationSessionPolicy},
    policy::{Bounds, Idle, Live, Minutes, Policy, Session, diff, effective},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_new_resource_has_its_defaults_and_a_status_of_no_reconcile_yet() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let row = Row { about: "", yaml: "organization: {externalId: tenant-7}", ran: "" };
    assert!(cluster.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &row.manifest("acme")).status.success());
    let api: Api<OrganizationSessionPolicy> = Api::namespaced(cluster.client().await, &namespace);
    let stored = serde_json::to_value(api.get("acme").await.unwrap()).unwrap();
    assert_eq!(stored["status"], json!({"observedGeneration": -1}));
    assert_eq!(
        stored["spec"],
        json!({
            "organization": {"externalId": "tenant-7"}, "policy": {"policySource": "APPLICATION"},
            "mode": "Enforce", "deletionPolicy": "Revert", "suspend": false,
        })
    );
    let shown = text(&cluster.kubectl(&["get", "osp", "-n", &namespace, "--no-headers"]).stdout);
    assert_eq!(shown.split_whitespace().take(3).collect::<Vec<_>>(), ["acme", "tenant-7", "Enforce"]);
}

fn status() -> Value {
    let minutes = |n| Minutes::new(n).unwrap();
    let desired = Policy::Custom(Session::new(minutes(480), Some(minutes(60))).unwrap());
    let live = Live::Custom { absolute: Some(minutes(600)), idle: Idle::On(Some(minutes(60))) };
    let application = Bounds { absolute: Some(minutes(1440)), idle: Some(minutes(30)) };
    let differences = diff(&desired, &live);
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": "All is well.",
               "lastTransitionTime": "2030-01-01T00:00:00Z", "observedGeneration": 1})
    };
    let status = crd::OrganizationSessionPolicyStatus {
        observed_generation: Some(1),
        organization_id: Some("org_1".into()),
        environment: Some("acme.scalekit.dev".into()),
        policy: Some((&live).into()),
        effective_policy: Some((&effective(application, (&live).into())).into()),
        drift: differences.iter().map(Into::into).collect(),
        drift_summary: crd::drift_summary(&differences),
        conditions: serde_json::from_value(json!([
            condition("Ready", "True", "Observed"),
            condition("Synced", "False", "DriftDetected")
        ]))
        .unwrap(),
        last_handled_reconcile_at: Some("now".into()),
        ..Default::default()
    };
    serde_json::to_value(status).unwrap()
}

#[tokio::test]
async fn the_columns_say_what_is_live_and_how_it_differs() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let yaml = "organization: {id: org_1}\nmode: Observe\npolicy: {policySource: CUSTOM, absoluteSessionTimeout: 480, absoluteSessionTimeoutUnit: MINUTES, \
                idleSessionTimeoutEnabled: true, idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES}";
    let row = Row { about: "", yaml, ran: "" };
    assert!(cluster.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &row.manifest("acme")).status.success());
    let api: Api<OrganizationSessionPolicy> = Api::namespaced(cluster.client().await, &namespace);
    let patch = json!({"status": status()});
    let written = api.patch_status("acme", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!(serde_json::to_value(written.status).unwrap(), status(), "nothing of it is pruned");

    let shown = text(&cluster.kubectl(&["get", "scalekit", "-n", &namespace, "-o", "wide"]).stdout);
    let mut lines = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let header = ["NAME", "ORGANIZATION", "EFFECTIVE", "MODE", "READY", "REASON", "AGE"];
    let wide = ["SOURCE", "ABSOLUTE", "IDLE", "SYNCED", "DRIFT", "MESSAGE"];
    assert_eq!(lines.next().unwrap(), [&header[..], &wide].concat());
    let row = lines.next().unwrap();
    assert_eq!(row[..8], ["acme", "org_1", "10h", "/", "30m", "(app)", "Observe", "True"]);
    assert_eq!(row[8..14], ["Observed", row[9], "CUSTOM", "10h", "1h", "False"]);
    for part in ["absoluteSessionTimeout is 10h instead of 8h", "All is well."] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[tokio::test]
async fn the_longest_status_that_the_operator_may_write_fits() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let row = Row { about: "", yaml: "", ran: "" };
    assert!(cluster.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], &row.manifest("acme")).status.success());
    let api: Api<OrganizationSessionPolicy> = Api::namespaced(cluster.client().await, &namespace);
    let condition = |n: usize| {
        json!({"type": format!("Type{n}"), "status": "Unknown", "reason": "x".repeat(128), "message": "é".repeat(4096),
               "lastTransitionTime": "2030-01-01T00:00:00Z"})
    };
    let conditions: Vec<_> = (0..8).map(condition).collect();
    let status = json!({"status": {
        "organizationId": "org_0123456789012345678901234567",
        "environment": format!("{}:65535", "x".repeat(253)),
        "lastHandledReconcileAt": "2030-01-01T00:00:00.000000000+00:00",
        "driftSummary": "x".repeat(512),
        "conditions": conditions,
    }});
    api.patch_status("acme", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}
