//! What left the files: reverted with `--prune` and `--last-applied`, else listed.

use super::{Pipeline, custom, manifest};
use serde_json::{Value, json};

/// Five organizations with a policy of their own; org_1 to org_4 were in the files, and org_1 still is.
fn five() -> Pipeline {
    let pipeline = Pipeline::new(6, json!({}));
    for n in 1..=5 {
        pipeline.live(&format!("org_{n}"), 480, None);
    }
    let spec = |n: usize, rest: &str| custom(&format!("org_{n}"), 480, None).replacen('{', &format!("{{{rest}"), 1);
    pipeline.manifest("one", &spec(1, ""));
    for (n, rest) in [(1, ""), (2, ""), (3, "deletionPolicy: Retain, "), (4, "mode: TightenOnly, ")] {
        pipeline.file(&format!("last/{n}.yaml"), &manifest(&format!("o{n}"), &spec(n, rest)));
    }
    pipeline
}

fn source(pipeline: &Pipeline, organization: &str) -> Value {
    pipeline.stored(organization)["policy"]["source"].clone()
}

#[test]
fn what_left_the_files_is_reverted_as_a_deletion_would() {
    let pipeline = five();
    let arguments = ["policies", "--last-applied", "last", "--prune"];
    let plan = pipeline.osp(&[&["plan"], &arguments[..]].concat()).ended(2);
    assert!(plan.out.contains("~ o2 (org_2, Enforce): removed from the files (loosening)\n"), "{}", plan.out);
    assert!(plan.out.contains(": 2 changes (2 loosening, 0 tightening), 1 as declared\n"), "{}", plan.out);
    pipeline.osp(&[&["plan", "--fail-on", "loosening"], &arguments[..]].concat()).ended(3);
    pipeline.osp(&[&["apply", "--yes", "--max-changes", "1"], &arguments[..]].concat()).ended(3);
    pipeline.osp(&[&["apply", "--yes"], &arguments[..]].concat()).ended(0);
    let sources: Vec<Value> = (1..=5).map(|n| source(&pipeline, &format!("org_{n}"))).collect();
    // org_3 was to be retained, and org_5 was in no file
    assert_eq!(sources, ["CUSTOM", "APPLICATION", "CUSTOM", "APPLICATION", "CUSTOM"]);
    pipeline.osp(&[&["apply", "--yes"], &arguments[..]].concat()).ended(0);
    assert_eq!(pipeline.writes().len(), 2);
}

#[test]
fn a_policy_that_a_customer_made_stricter_stays_and_one_that_is_in_the_files_by_another_name_too() {
    let pipeline = five();
    pipeline.live("org_4", 60, None); // of TightenOnly
    pipeline.manifest("two", &custom("org_2", 480, None).replace("id: org_2", "externalId: tenant-2"));
    let run = pipeline.osp(&["apply", "policies", "--yes", "--last-applied", "last", "--prune"]).ended(0);
    assert!(run.out.contains("CUSTOM in Scalekit and in no file: 1 (org_4)\n"), "{}", run.out);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn a_suspended_manifest_keeps_its_organization_and_one_that_is_gone_in_scalekit_is_no_problem() {
    let pipeline = five();
    let asleep =
        custom("org_2", 480, None).replace("id: org_2", "externalId: tenant-2").replacen('{', "{suspend: true, ", 1);
    pipeline.manifest("o2", &asleep);
    pipeline.file("last/9.yaml", &manifest("o9", &custom("org_99", 480, None)));
    let run = pipeline.osp(&["plan", "policies", "--last-applied", "last", "--prune"]).ended(2);
    assert!(!run.out.contains("org_2") && !run.out.contains("org_99"), "{}", run.out);
}

#[test]
fn what_left_the_files_is_shown_in_the_mode_that_it_had() {
    let pipeline = five();
    let arguments = ["plan", "policies", "--last-applied", "last", "--prune"];
    let plan = pipeline.osp(&arguments).ended(2);
    assert!(plan.out.contains("~ o4 (org_4, TightenOnly): removed from the files (loosening)\n"), "{}", plan.out);
    let saved = pipeline.osp(&[&arguments[..], &["--save", "plan.json", "-o", "json"]].concat()).ended(2);
    let saved: Value = serde_json::from_str(&saved.out).unwrap();
    crate::schemas::assert_described("plan", &saved);
    let modes = saved["organizations"].as_array().unwrap().iter().map(|row| row["mode"].as_str().unwrap());
    assert_eq!(modes.collect::<Vec<_>>(), ["Enforce", "Enforce", "TightenOnly"]);
    let run = pipeline.osp(&["apply", "--plan", "plan.json", "--yes"]).ended(0);
    assert!(run.out.contains("✓ o4 (org_4, TightenOnly): "), "{}", run.out);
    assert_eq!(source(&pipeline, "org_4"), "APPLICATION");
}

#[test]
fn what_was_suspended_when_it_left_the_files_is_reverted_as_a_deletion_would() {
    let pipeline = five();
    let until = manifest("o2", &custom("org_2", 480, None));
    let until =
        until.replacen("name: o2", "name: o2, annotations: {scalekit.com/suspended-until: 2099-01-01T00:00:00Z}", 1);
    pipeline.file("last/2.yaml", &until);
    let suspended = custom("org_5", 480, None).replacen('{', "{suspend: true, ", 1);
    pipeline.file("last/5.yaml", &manifest("o5", &suspended));
    let listed = pipeline.osp(&["plan", "policies", "--last-applied", "last"]).ended(0);
    assert!(listed.out.contains("CUSTOM in Scalekit and in no file: 3 (org_2, org_4, org_5)\n"), "{}", listed.out);
    pipeline.osp(&["apply", "policies", "--yes", "--last-applied", "last", "--prune"]).ended(0);
    assert_eq!(["org_2", "org_5"].map(|id| source(&pipeline, id)), ["APPLICATION", "APPLICATION"]);
}

#[test]
fn without_prune_or_without_the_last_files_they_are_only_listed() {
    let pipeline = five();
    let run = pipeline.osp(&["plan", "policies", "--last-applied", "last"]).ended(0);
    assert!(run.out.contains("CUSTOM in Scalekit and in no file: 2 (org_2, org_4)\n"), "{}", run.out);
    let run = pipeline.osp(&["apply", "policies", "--yes", "--prune"]).ended(0);
    assert!(run.out.contains("CUSTOM in Scalekit and in no file: 4 (org_2, org_3, org_4, org_5)\n"), "{}", run.out);
    let json = pipeline.osp(&["plan", "policies", "--prune", "-o", "json"]).ended(0);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    crate::schemas::assert_described("plan", &json);
    assert_eq!(json["unclaimed"], json!(["org_2", "org_3", "org_4", "org_5"]));
    let markdown = pipeline.osp(&["plan", "policies", "--prune", "-o", "markdown"]).ended(0);
    assert!(markdown.out.contains("CUSTOM in Scalekit and in no file: 4 "), "{}", markdown.out);
    let run = pipeline.osp(&["plan", "policies"]).ended(0);
    assert!(!run.out.contains("in no file"), "it costs a request for each, so it is asked for");
    assert!(pipeline.writes().is_empty());
}

#[test]
fn the_last_policy_can_go_too_and_before_the_first_there_was_none() {
    let pipeline = five();
    for folder in ["none", "earlier"] {
        std::fs::create_dir(pipeline.folder.join(folder)).unwrap();
    }
    let run = pipeline.osp(&["plan", "policies", "--last-applied", "earlier", "--prune"]).ended(0);
    assert!(!run.out.contains("in no file"), "{}", run.out);
    let run = pipeline.osp(&["apply", "none", "--yes", "--last-applied", "policies", "--prune"]).ended(1);
    assert!(run.err.contains("--allow-empty") || run.err.contains("no file below it"), "{}", run.err);
    let all = ["apply", "none", "--allow-empty", "--yes", "--last-applied", "policies", "--prune"];
    pipeline.osp(&all).ended(0);
    assert_eq!(source(&pipeline, "org_1"), "APPLICATION");
}

#[test]
fn a_saved_plan_carries_what_is_reverted() {
    let pipeline = five();
    pipeline.osp(&["plan", "policies", "--last-applied", "last", "--prune", "--save", "plan.json"]).ended(2);
    pipeline.osp(&["apply", "--plan", "plan.json", "--yes"]).ended(0);
    assert_eq!((source(&pipeline, "org_2"), source(&pipeline, "org_1")), (json!("APPLICATION"), json!("CUSTOM")));
    pipeline.osp(&["plan", "policies", "--prune", "--save", "listed.json"]).ended(0);
    pipeline.osp(&["apply", "--plan", "listed.json", "--yes"]).ended(0);
    pipeline.osp(&["apply", "--plan", "listed.json", "--prune"]).ended(1);
}

#[test]
fn a_policy_that_is_refused_is_not_taken_for_inherited_where_others_without_the_feature_are_shown() {
    let pipeline = five();
    let path = "/api/v1/organizations/org_3/session-policy";
    let fault = json!({"kind": "refuse", "status": 403});
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": "forever", "fault": fault}));
    let run = pipeline.osp(&["plan", "policies", "--prune"]).ended(1);
    assert!(run.err.contains("in no file is not known: org_3: Forbidden: "), "{}", run.err);
}
