//! The policy of the longest timeouts on the real API server, and that `osp validate` says the same.

use crate::{
    cluster::{Cluster, eventually},
    osp::Folder,
};
use serde_json::json;

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/max-timeouts-policy.yaml");

fn manifest(policy: &str) -> String {
    let kind = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy";
    format!(
        "{kind}\nmetadata: {{name: acme, namespace: default}}\nspec: {{organization: {{id: org_1}}, policy: {policy}}}\n"
    )
}

fn custom(absolute: &str, idle: Option<&str>) -> String {
    let timeout = |field: &str, text: &str| {
        let (value, unit) = text.split_once(' ').unwrap();
        format!("{field}: {value}, {field}Unit: {unit}")
    };
    let idle = idle.map(|idle| format!(", idleSessionTimeoutEnabled: true, {}", timeout("idleSessionTimeout", idle)));
    format!("{{policySource: CUSTOM, {}{}}}", timeout("absoluteSessionTimeout", absolute), idle.unwrap_or_default())
}

#[test]
fn the_api_server_refuses_a_longer_timeout_and_so_does_osp_validate() {
    let cluster = Cluster::exclusive();
    cluster.ok(&["apply", "-f", POLICY]);
    let create = |policy: &str| cluster.with_input(&["create", "--dry-run=server", "-f", "-"], &manifest(policy));
    let long = custom("25 HOURS", Some("1 HOURS"));
    eventually("the policy", 30, || (!create(&long).0).then_some(()));
    for (policy, refused) in [
        ("{policySource: APPLICATION}".to_owned(), None),
        (custom("1 DAYS", Some("60 MINUTES")), None),
        (custom("60 MINUTES", None), None),
        (custom("1441 MINUTES", Some("1 HOURS")), Some("absoluteSessionTimeout: 1441m is longer than the 24h")),
        (custom("2 DAYS", Some("1 HOURS")), Some("absoluteSessionTimeout: 2880m is longer than the 24h")),
        (
            custom("8 HOURS", Some("61 MINUTES")),
            Some("idleSessionTimeout: a session may be idle for 61m, longer than the 1h"),
        ),
        (custom("8 HOURS", None), Some("idleSessionTimeout: a session may be idle for 480m, longer than the 1h")),
    ] {
        let (accepted, said) = create(&policy);
        assert_eq!(accepted, refused.is_none(), "{policy}: {said}");
        assert!(refused.is_none_or(|part| said.contains(part)), "{policy}: {said}");
        let validate = ["validate", "a.yaml", "--max-absolute", "24h", "--max-idle", "1h"];
        let ran = Folder::with(manifest(&policy)).osp(&validate);
        assert_eq!(ran.code == Some(0), accepted, "{policy}: {}", ran.out);
    }

    let limits = |absolute: &str, idle: &str| {
        let expression = json!({"op": "replace", "path": "/spec/variables/3/expression",
            "value": format!("['{absolute}', '{idle}']")});
        let patch = json!([expression]).to_string();
        cluster.ok(&["patch", "validatingadmissionpolicy", "max-timeouts.scalekit.com", "--type=json", "-p", &patch]);
    };
    limits("48h", "");
    eventually("other limits", 30, || create(&custom("2 DAYS", None)).0.then_some(()));
    assert!(!create(&custom("49 HOURS", None)).0);
    // one that is too long for the API server denies all, so the chart refuses it
    for (most, accepted) in [("2562048h", false), ("2562047h", true)] {
        limits(most, "");
        eventually("these limits", 30, || (create(&custom("60 MINUTES", None)).0 == accepted).then_some(()));
    }
    // days are read as osp reads them, and one that can't be read is named
    for (most, refused) in
        [("2d", "longer than the 2d"), ("48", "24h, 90m or 7d: 48"), ("90s", ": 90s"), ("-1h", ": -1h")]
    {
        limits(most, "");
        eventually(most, 30, || create(&custom("49 HOURS", None)).1.contains(refused).then_some(()));
        assert_eq!(create(&custom("2 DAYS", None)).0, most == "2d", "{most}");
        let most = format!("--max-absolute={most}");
        let ran = Folder::with(manifest(&custom("2 DAYS", None))).osp(&["validate", "a.yaml", &most]);
        assert_eq!(ran.code == Some(0), most.ends_with("=2d"), "{most}: {}", ran.out);
    }

    // a resource that was there before keeps its timeouts, also while the operator works on it
    limits("48h", "");
    let two_days = manifest(&custom("2 DAYS", None));
    eventually("48 hours", 30, || cluster.with_input(&["apply", "-f", "-"], &two_days).0.then_some(()));
    limits("1h", "");
    let other = manifest(&custom("1 DAYS", None)).replace("acme", "other"); // acme is there, and refused for that
    let create = ["create", "--dry-run=server", "-f", "-"];
    eventually("stricter limits", 30, || (!cluster.with_input(&create, &other).0).then_some(()));
    cluster.ok(&["label", "osp", "acme", "-n", "default", "team=core"]);
    let observe = ["patch", "osp", "acme", "-n", "default", "--type=merge", "-p", r#"{"spec": {"mode": "Observe"}}"#];
    assert!(!cluster.kubectl(&observe).status.success());
}

#[test]
fn a_policy_that_was_removed_and_applied_again_denies_no_more_than_before() {
    let cluster = Cluster::exclusive();
    let create = |policy: &str| cluster.with_input(&["create", "--dry-run=server", "-f", "-"], &manifest(policy));
    let (long, short) = (custom("25 HOURS", Some("1 HOURS")), custom("1 DAYS", Some("1 HOURS")));
    for _ in 0..2 {
        cluster.ok(&["apply", "-f", POLICY]);
        eventually("the policy", 30, || (!create(&long).0).then_some(()));
        let (accepted, said) = create(&short);
        assert!(accepted, "{said}");
        cluster.ok(&["delete", "-f", POLICY]);
        eventually("no policy", 30, || create(&long).0.then_some(()));
    }
}
