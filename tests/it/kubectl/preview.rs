//! What would happen: dry runs and diffs.

use super::{manifest, minutes, org};
use crate::{
    cluster::{cluster, eventually},
    world::{World, condition},
};
use serde_json::Value;

const DRY_RUN: [&str; 5] = ["apply", "--server-side", "--dry-run=server", "-f", "-"];

/// The requests that the simulator got for an organization.
fn requests(world: &World, organization: &str) -> u64 {
    let path = format!("journal/count?path=/api/v1/organizations/{organization}**");
    world.admin("GET", &path, &Value::Null)["count"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_accepts_good_and_refuses_bad_and_leaves_no_trace() {
    let world = World::new().await;
    let (accepted, said) = cluster().with_input(&DRY_RUN, &manifest(&world, "acme", &org("org_1", "")));
    assert!(accepted && said.contains("serverside-applied (server dry run)"), "{said}");

    for (spec, field, fix) in [
        ("{organization: {id: org_1}, policy: {policySource: CUSTOM}}", "spec.policy", "absoluteSessionTimeout: 8"),
        ("{organization: {}, policy: {policySource: APPLICATION}}", "spec.organization", "exactly one of"),
        (
            "{organization: {id: org_1}, interval: 1s, policy: {policySource: APPLICATION}}",
            "spec.interval",
            "for example 10m",
        ),
        (
            "{organization: {id: org_1}, mode: Audit, policy: {policySource: APPLICATION}}",
            "spec.mode",
            "\"TightenOnly\"",
        ),
        (
            "{organization: {id: org_1}, polcy: {policySource: APPLICATION}}",
            ".spec.polcy",
            "field not declared in schema",
        ),
    ] {
        let (accepted, said) = cluster().with_input(&DRY_RUN, &manifest(&world, "acme", spec));
        assert!(!accepted && said.contains(field) && said.contains(fix), "{field}: {said}");
    }

    // the operator is at work, and saw none of it
    world.apply("other", &org("org_2", ""));
    world.until("other", "True", "InSync");
    assert!(requests(&world, "org_2") > 0);
    assert_eq!(requests(&world, "org_1"), 0);
    assert!(world.resource("acme").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_an_edit_changes_nothing() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let before = world.until("acme", "True", "InSync");
    let writes = world.writes().len();
    let edit = manifest(&world, "acme", &minutes("org_1", 90));
    let (accepted, said) = cluster().with_input(&["apply", "--dry-run=server", "-f", "-"], &edit);
    assert!(accepted && said.contains("configured (server dry run)"), "{said}");
    let moved = manifest(&world, "acme", &org("org_2", ""));
    let (accepted, said) = cluster().with_input(&["apply", "--dry-run=server", "-f", "-"], &moved);
    assert!(!accepted && said.contains("spec.organization"), "{said}");
    world.until_reconciled(2);
    assert_eq!(world.resource("acme").unwrap()["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(world.writes().len(), writes);
}

/// What `kubectl diff` finds: nothing, or the difference.
fn diff(manifest: &str, as_who: &[&str]) -> Option<String> {
    let output = cluster().kubectl_with(&[&["diff", "-f", "-"], as_who].concat(), manifest);
    let said = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => {
            assert_eq!(said, "");
            None
        }
        Some(1) if !said.is_empty() => Some(said),
        _ => panic!("kubectl diff: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

const GITOPS: [&str; 2] = ["--server-side", "--field-manager=gitops"];

#[tokio::test(flavor = "multi_thread")]
async fn after_the_reconcile_nothing_differs_from_what_was_applied() {
    let world = World::new().await;
    let text = manifest(&world, "acme", &org("org_1", ""));
    assert!(diff(&text, &[]).is_some(), "it is not there yet");
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    assert_eq!(diff(&text, &[]), None);
    assert_eq!(diff(&text, &GITOPS), None);
    let edited = manifest(&world, "acme", &minutes("org_1", 90));
    assert!(diff(&edited, &[]).unwrap().contains("absoluteSessionTimeout: 90"));

    // applied again by another manager: still one spec, and the operator owns none of it
    let (accepted, said) = cluster().with_input(&[&["apply", "-f", "-"], &GITOPS[..]].concat(), &text);
    assert!(accepted, "{said}");
    world.until_reconciled(2);
    world.until("acme", "True", "InSync");
    assert_eq!(diff(&text, &[]), None);
    assert_eq!(diff(&text, &GITOPS), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gitops_tool_that_applies_server_side_never_meets_a_conflict() {
    let world = World::new().await;
    for spec in [org("org_1", ""), minutes("org_1", 90), org("org_1", ", mode: TightenOnly")] {
        let text = manifest(&world, "acme", &spec);
        let (accepted, said) = cluster().with_input(&[&["apply", "-f", "-"], &GITOPS[..]].concat(), &text);
        assert!(accepted, "{said}");
        eventually("Ready", 60, || {
            let resource = world.resource("acme")?;
            let current = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
            (current && condition(&resource, "Ready")?["status"] == "True").then_some(())
        });
        assert_eq!(diff(&text, &GITOPS), None);
    }
    let managed = world.kubectl(&["get", "osp", "acme", "-o", "json", "--show-managed-fields"]);
    let managed: Value = serde_json::from_str(&managed).unwrap();
    for entry in managed["metadata"]["managedFields"].as_array().unwrap() {
        let owns_spec = !entry["fieldsV1"]["f:spec"].is_null();
        assert_eq!(owns_spec, entry["manager"] == "gitops", "{entry}");
    }
}
