//! What export writes, where, and that it changes nothing.

use super::{Pipeline, on, text_of};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink};

/// Every kind of organization there is.
fn mixed() -> Pipeline {
    mixed_on(&json!({}))
}

fn mixed_on(server: &Value) -> Pipeline {
    let pipeline = Pipeline::new(25, server.clone());
    pipeline.live("org_1", 480, Some(60));
    pipeline.live("org_2", 2880, None);
    pipeline.live("org_3", 91, Some(7));
    pipeline.edit("org_4", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 60, "idle_enabled": false}}));
    pipeline.edit("org_5", &json!({"features": on()}));
    pipeline.edit("org_6", &json!({"features": on(), "external_id": "Übergröße / 6"}));
    pipeline.edit("org_7", &json!({"external_id": null}));
    pipeline
}

#[test]
fn what_is_exported_changes_nothing() {
    let pipeline = mixed();
    let export = pipeline.osp(&["export"]).ended(0);
    assert_eq!(export.out.matches("kind: OrganizationSessionPolicy").count(), 25);
    assert_eq!(export.out.matches("mode: ").count(), 1, "only a custom policy without the feature is not enforced");
    let plan = pipeline.osp_with_input(&["plan", "-"], &export.out).ended(0);
    assert!(plan.out.contains(": no changes, 25 as declared"), "{}", plan.out);
    assert_eq!(pipeline.osp(&["export"]).out, export.out, "the same again");
    pipeline.osp(&["export", "--directory", "out"]).ended(0);
    pipeline.osp(&["plan", "out"]).ended(0);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn so_it_is_on_every_server() {
    for server in super::case::servers() {
        let pipeline = mixed_on(&server);
        pipeline.edit("org_8", &json!({"features": []}));
        let export = pipeline.osp(&["export"]).ended(0);
        let plan = pipeline.osp_with_input(&["plan", "-"], &export.out).ended(0);
        assert!(plan.out.contains(": no changes, 25 as declared"), "{server}: {}", plan.out);
        assert!(pipeline.writes().is_empty());
    }
}

#[test]
fn one_that_inherits_without_the_feature_is_exported_whether_its_policy_is_shown_or_not() {
    let pipeline = Pipeline::new(4, json!({}));
    // of the one with the feature the policy is shown, and of those without it none
    pipeline.edit("org_4", &json!({"features": on()}));
    for (organization, status) in [("org_1", 403), ("org_2", 404), ("org_3", 501)] {
        let path = format!("/api/v1/organizations/{organization}/session-policy");
        let fault = json!({"kind": "refuse", "status": status});
        let rule = json!({"method": "GET", "path": path, "times": "forever", "fault": fault});
        pipeline.admin("POST", "faults", &rule);
    }
    let export = pipeline.osp(&["export"]).ended(0);
    assert_eq!(export.out.matches("policySource: APPLICATION").count(), 4, "{}", export.out);
    assert!(!export.out.contains("mode: "), "{}", export.out);
    let plan = pipeline.osp_with_input(&["plan", "-"], &export.out).ended(0);
    assert!(plan.out.contains(": no changes, 4 as declared"), "{}", plan.out);
    pipeline.osp_with_input(&["apply", "-", "--yes"], &export.out).ended(0);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn a_refused_policy_is_not_taken_for_inherited_where_others_without_the_feature_are_shown() {
    let pipeline = Pipeline::new(4, json!({}));
    let path = "/api/v1/organizations/org_1/session-policy";
    let refuse = json!({"kind": "refuse", "status": 403});
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": "forever", "fault": refuse}));
    let export = pipeline.osp(&["export"]).ended(1);
    assert_eq!(export.out.matches("kind:").count(), 3, "{}", export.out);
    assert!(export.err.starts_with("not exported: org_1: Forbidden: "), "{}", export.err);
}

#[test]
fn what_cannot_be_read_is_named_and_costs_no_other_organization_its_manifest() {
    let unreadable = json!({"policy": {"policy_source": "CUSTOM", "absolute_session_timeout": -1}});
    for (features, fault, reason) in [
        (on(), json!({"kind": "refuse", "status": 403}), "Forbidden"),
        (json!([]), json!({"kind": "answer", "body": {"json": unreadable}}), "BadResponse"),
    ] {
        let pipeline = Pipeline::new(5, json!({}));
        for organization in ["org_2", "org_4"] {
            pipeline.edit(organization, &json!({"features": features}));
            let path = format!("/api/v1/organizations/{organization}/session-policy");
            let rule = json!({"method": "GET", "path": path, "times": "forever", "fault": fault});
            pipeline.admin("POST", "faults", &rule);
        }
        let export = pipeline.osp(&["export"]).ended(1);
        assert_eq!(export.out.matches("kind:").count(), 3, "{}", export.out);
        assert!(export.err.starts_with(&format!("not exported: org_2, org_4: {reason}: ")), "{}", export.err);
        assert_eq!(export.err.lines().count(), 1, "a cause is said once: {}", export.err);
        let chosen = pipeline.osp(&["export", "--organization", "org_1", "--organization", "org_2"]).ended(1);
        assert_eq!(chosen.out.matches("kind:").count(), 1, "{}", chosen.out);
    }
}

#[test]
fn a_file_that_somebody_edited_is_replaced_only_if_asked_for() {
    let pipeline = mixed();
    pipeline.osp(&["export", "--directory", "out"]).ended(0);
    pipeline.osp(&["export", "--directory", "out"]).ended(0);
    let edited = pipeline.file("out/tenant-1.yaml", "# ours\n");
    fs::remove_file(pipeline.folder.join("out/tenant-2.yaml")).unwrap();
    let run = pipeline.osp(&["export", "--directory", "out"]).ended(1);
    let said = "not written: out/tenant-1.yaml: the file is there and differs; --overwrite replaces it\n";
    assert_eq!((run.err.as_str(), text_of(&edited).as_str()), (said, "# ours\n"));
    assert!(pipeline.folder.join("out/tenant-2.yaml").exists(), "the others are written");
    pipeline.osp(&["export", "--directory", "out", "--overwrite"]).ended(0);
    assert!(text_of(&edited).contains("id: org_1"));
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_the_others_are_written() {
    let pipeline = mixed();
    fs::create_dir_all(pipeline.folder.join("out/tenant-1.yaml")).unwrap();
    let run = pipeline.osp(&["export", "--directory", "out", "--force"]).ended(1);
    assert_eq!(run.err, "not written: out/tenant-1.yaml: this is not a regular file\n");
    assert_eq!(fs::read_dir(pipeline.folder.join("out")).unwrap().count(), 25);
}

#[test]
fn each_request_is_a_line_with_v_and_no_line_has_a_secret() {
    let pipeline = mixed();
    let path = "/api/v1/organizations/org_2/session-policy";
    let said = json!({"error_code": "INVALID_ARGUMENT", "request_info": {"request_id": "req-7"}});
    let refuse = json!({"kind": "refuse", "status": 400, "body": {"json": said}});
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": "forever", "fault": refuse}));
    assert_eq!(pipeline.osp(&["export", "--organization", "org_1"]).err, "");
    let run = pipeline.osp(&["export", "-v", "--organization", "org_1", "--organization", "org_2"]).ended(1);
    let line = |path: &str, status: &str| {
        let has = |line: &&str| line.contains(path) && line.contains(status) && line.contains("ms=");
        run.err.lines().find(has).unwrap_or_else(|| panic!("no {path} {status}: {}", run.err)).to_owned()
    };
    line("path=\"/organizations/org_1/session-policy\"", "status=200");
    line("path=\"/organizations/org_2/session-policy\"", "status=400");
    assert!(run.err.contains("refused request_id=\"req-7\""), "{}", run.err);
    assert!(line("path=\"/oauth/token\"", "status=200").contains("method=\"POST\""), "{}", run.err);
    assert!(!run.err.contains("id=0000"), "{}", run.err);
}

#[test]
fn a_plan_is_yaml_where_it_is_asked_for() {
    let pipeline = mixed();
    pipeline.manifest("a", &super::custom("org_1", 60, None));
    let yaml = pipeline.osp(&["plan", "policies", "-o", "yaml"]).ended(2).out;
    assert_eq!(serde_yaml::from_str::<Value>(&yaml).unwrap(), pipeline.plan());
}

#[test]
fn a_manifest_is_named_by_the_external_id_and_means_the_id() {
    let pipeline = mixed();
    pipeline.osp(&["export", "--directory", "out", "--namespace", "customers"]).ended(0);
    let expected = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata:\n  name: \"tenant-1\"\n  \
                    namespace: \"customers\"\nspec:\n  organization:\n    id: org_1\n  policy:\n    policySource: CUSTOM\n    \
                    absoluteSessionTimeout: 8\n    absoluteSessionTimeoutUnit: HOURS\n    \
                    idleSessionTimeoutEnabled: true\n    idleSessionTimeout: 1\n    idleSessionTimeoutUnit: HOURS\n";
    assert_eq!(text_of(&pipeline.folder.join("out/tenant-1.yaml")), expected);
    let mut files: Vec<_> = fs::read_dir(pipeline.folder.join("out"))
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!((files.len(), files[0].as_str(), files[1].as_str()), (25, "org-6.yaml", "org-7.yaml"));
    assert!(text_of(&pipeline.folder.join("out/tenant-4.yaml")).contains("  mode: Observe # its feature"));
}

#[test]
fn some_of_them_can_be_chosen() {
    let pipeline = mixed();
    let run = pipeline.osp(&["export", "--only", "custom"]).ended(0);
    assert_eq!(run.out.matches("policySource: CUSTOM").count(), 4);
    assert_eq!(run.out.matches("kind:").count(), 4);
    let run = pipeline.osp(&["export", "--organization", "org_3", "--organization", "org_3"]).ended(0);
    assert_eq!(run.out.matches("kind:").count(), 1);
    let run = pipeline.osp(&["export", "--organization", "org_99"]).ended(1);
    assert!(run.err.contains("org_99: OrganizationNotFound"), "{}", run.err);
    pipeline.osp(&["export", "--organization", "../x"]).ended(1);
}

#[test]
fn what_cannot_be_declared_is_reported_and_holds_nothing_else_up() {
    let pipeline = mixed();
    let odd = json!({"source": "CUSTOM", "absolute_minutes": 60, "idle_enabled": true, "idle_minutes": 60});
    pipeline.edit("org_9", &json!({"policy": odd}));
    let run = pipeline.osp(&["export"]).ended(1);
    assert_eq!(run.err, "not exported: org_9: its policy can't be declared: absolute 1h, idle 1h\n");
    assert_eq!(run.out.matches("kind:").count(), 24);
}

#[test]
fn row_098_nothing_is_written_elsewhere_and_no_link_is_followed() {
    let pipeline = mixed();
    let elsewhere = pipeline.file("elsewhere/kept", "as it was");
    symlink(elsewhere.parent().unwrap(), pipeline.folder.join("link")).unwrap();
    let run = pipeline.osp(&["export", "--directory", "link"]).ended(1);
    assert!(run.err.contains("symbolic link"), "{}", run.err);
    fs::create_dir(pipeline.folder.join("out")).unwrap();
    symlink(&elsewhere, pipeline.folder.join("out/tenant-1.yaml")).unwrap();
    pipeline.osp(&["export", "--directory", "out", "--organization", "org_1"]).ended(1);
    assert_eq!(text_of(&elsewhere), "as it was");
    pipeline.edit("org_2", &json!({"external_id": "../elsewhere/kept"}));
    pipeline.osp(&["export", "--directory", "a/new"]).ended(0);
    assert_eq!(fs::read_dir(elsewhere.parent().unwrap()).unwrap().count(), 1);
    assert!(pipeline.folder.join("a/new/org-2.yaml").exists());
    assert_eq!(pipeline.admin("GET", "journal/count?method=PATCH", &Value::Null)["count"], 0);
}
