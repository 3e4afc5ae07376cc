//! What a plan says, and how it ends.

use super::{Pipeline, custom, manifest};
use serde_json::{Value, json};

/// org_1 is to be tightened, org_2 loosened, org_3 is as declared.
fn three() -> Pipeline {
    let pipeline = Pipeline::new(3, json!({}));
    pipeline.live("org_2", 120, Some(30));
    pipeline.live("org_3", 480, Some(60));
    pipeline.manifest("one", &custom("org_1", 480, Some(60)));
    pipeline.manifest("three", &custom("org_3", 480, Some(60)));
    pipeline.manifest("two", &custom("org_2", 480, Some(15)));
    pipeline
}

#[test]
fn a_person_reads_before_after_effective_and_which_way_it_goes() {
    let pipeline = three();
    let run = pipeline.osp(&["plan", "policies"]).ended(2);
    for line in [
        "~ one (org_1, Enforce): change (tightening)",
        "    feature session_policy  off → on",
        "    policySource            APPLICATION → CUSTOM",
        "    absoluteSessionTimeout  inherited (7d) → 8h (tightening)",
        "    idleSessionTimeout      inherited (none) → 1h (tightening)",
        "    effective               7d (application) / none → 8h (organization) / 1h (organization)",
        "~ two (org_2, Enforce): change (mixed)",
        "    absoluteSessionTimeout  2h → 8h (loosening)",
        "    idleSessionTimeout      30m → 15m (tightening)",
    ] {
        assert!(run.out.lines().any(|l| l == line), "{line}\n{}", run.out);
    }
    assert!(run.out.ends_with(": 2 changes (1 loosening, 2 tightening), 1 as declared\n"), "{}", run.out);
    assert!(!run.out.contains("three") && !run.out.contains('\x1b'), "{}", run.out);
    assert_eq!((run.err.as_str(), pipeline.writes()), ("", vec![]));
}

#[test]
fn a_request_timeout_is_read_as_kubectl_reads_it() {
    let pipeline = three();
    for timeout in ["5", "5s", "0", "0s"] {
        pipeline.osp(&["plan", "policies", "--request-timeout", timeout]).ended(2);
    }
    for timeout in ["-1", "x", "1d"] {
        let run = pipeline.osp(&["plan", "policies", &format!("--request-timeout={timeout}")]).ended(1);
        assert!(run.err.contains("write a duration such as 500ms"), "{timeout}: {}", run.err);
    }
}

#[test]
fn a_program_reads_the_same() {
    let plan = three().plan();
    let [one, three, two] = plan["organizations"].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!(
        (&one["result"], &one["direction"], &one["cause"]),
        (&json!("change"), &json!("tightening"), &json!("change"))
    );
    assert_eq!(
        one["live"],
        json!({"sessionPolicyEnabled": false, "policy": {"policySource": "APPLICATION"},
        "effective": "7d (application) / none"})
    );
    assert_eq!(
        one["planned"]["policy"],
        json!({"policySource": "CUSTOM", "absoluteSessionTimeout": 480,
        "idleSessionTimeoutEnabled": true, "idleSessionTimeout": 60})
    );
    assert_eq!(one["writes"].as_array().unwrap().len(), 2);
    let some = |name: &str| plan["summary"][name].as_u64().unwrap();
    assert_eq!(
        ["changes", "loosening", "tightening", "unknown", "asDeclared", "problems"].map(some),
        [2, 1, 2, 0, 1, 0]
    );
    assert_eq!((&three["result"], &three["organizationId"]), (&json!("in-sync"), &json!("org_3")));
    assert_eq!(two["direction"], "mixed");
    assert_eq!(
        two["fields"][0],
        json!({"field": "absoluteSessionTimeout", "live": "2h", "planned": "8h", "direction": "loosening"})
    );
    assert_eq!(one["fields"][1]["inherited"], "7d");
}

/// The application of the simulator has 7d.
#[test]
fn a_value_that_the_application_makes_pointless_is_a_warning_and_counts_neither_way() {
    let pipeline = Pipeline::new(3, json!({}));
    pipeline.manifest("one", &custom("org_1", 43_200, None));
    pipeline.live("org_2", 43_200, None);
    pipeline.manifest("two", &custom("org_2", 43_200, None));
    pipeline.live("org_3", 480, None);
    pipeline.manifest("three", &custom("org_3", 480, None));
    let run = pipeline.osp(&["plan", "policies", "--fail-on", "loosening"]).ended(2);
    let warning = "    warning                 absolute 30d has no effect: the application's 7d is stricter";
    for line in [
        "~ one (org_1, Enforce): change (neutral)",
        "    absoluteSessionTimeout  inherited (7d) → 30d (no effect: the application's 7d is stricter)",
        "    idleSessionTimeout      inherited (none) → off",
        warning,
        "= two (org_2, Enforce): as declared",
    ] {
        assert!(run.out.lines().any(|l| l == line), "{line}\n{}", run.out);
    }
    assert_eq!(run.out.matches(warning).count(), 2, "{}", run.out);
    let sum = ": 1 change (0 loosening, 0 tightening), 2 as declared, 2 with a value that has no effect\n";
    assert!(run.out.ends_with(sum) && !run.out.contains("three"), "{}", run.out);
    let plan = pipeline.plan();
    assert_eq!((&plan["summary"]["tightening"], &plan["summary"]["ineffective"]), (&json!(0), &json!(2)));
    assert_eq!(plan["organizations"][0]["fields"][1]["stricterApplication"], "7d");
    let said = json!(["absolute 30d has no effect: the application's 7d is stricter"]);
    assert_eq!([&plan["organizations"][0]["warnings"], &plan["organizations"][2]["warnings"]], [&said, &said]);
    let run = pipeline.osp(&["plan", "policies", "-o", "markdown"]).ended(2);
    assert_eq!(run.out.matches("warning: absolute 30d has no effect").count(), 2, "{}", run.out);
}

#[test]
fn a_reviewer_reads_a_line_and_unfolds_a_table() {
    let pipeline = three();
    pipeline.manifest("one", &custom("org_1", 480, None).replace("{id: org_1}", "{externalId: tenant-1}"));
    let run = pipeline.osp(&["plan", "policies", "-o", "markdown"]).ended(2);
    let mut lines = run.out.lines();
    assert!(lines.next().unwrap().ends_with(": 2 changes (1 loosening, 2 tightening), 1 as declared"));
    assert!(run.out.contains("<details><summary>Details</summary>\n\n| resource |"));
    assert!(
        run.out.contains("| two (org\\_2, Enforce) | change | mixed | absoluteSessionTimeout 2h → 8h (loosening); ")
    );
    assert!(run.out.trim_end().ends_with("</details>"));
}

#[test]
fn the_exit_code_says_what_was_found() {
    let pipeline = three();
    pipeline.osp(&["plan", "policies", "--fail-on", "loosening"]).ended(3);
    pipeline.osp(&["plan", "policies/one.yaml", "--fail-on", "loosening"]).ended(2);
    pipeline.osp(&["plan", "policies/three.yaml"]).ended(0);
    pipeline.osp(&["plan"]).ended(1);
    pipeline.osp(&["plan", "nowhere"]).ended(1);
    pipeline.manifest("four", &custom("org_4", 480, None));
    let run = pipeline.osp(&["plan", "policies"]).ended(1);
    assert!(run.out.contains("! four (org_4, Enforce): OrganizationNotFound: "), "{}", run.out);
    assert!(run.out.contains("~ one (org_1"), "a problem hides nothing else");
    pipeline.manifest("four", &custom("org_4", 480, None).replace("{id: org_4}", "{externalId: nobody}"));
    let run = pipeline.osp(&["plan", "policies"]).ended(1);
    let said = "! four (external id \"nobody\", Enforce): OrganizationNotFound: Scalekit has no such organization \
                (external id \"nobody\"). Correct `spec.organization`, or create the organization.\n";
    assert!(run.out.contains(said), "{}", run.out);
}

#[test]
fn wrong_credentials_are_said_once_and_no_secret_is_spoken_of() {
    let pipeline = three();
    for (verb, more) in [("plan", &[][..]), ("apply", &["--yes"])] {
        let mut command = pipeline.command(&[&[verb, "policies"], more].concat());
        let run = super::Run::of(command.env("SCALEKIT_CLIENT_SECRET", "wrong").output().unwrap()).ended(1);
        assert!(run.out.starts_with("! 3 policies: CredentialsRejected: "), "{}", run.out);
        let said = "Correct SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET.\n    one (org_1, Enforce), three (org_3";
        assert!(run.out.contains(said) && !run.out.contains("Secret"), "{}", run.out);
        assert_eq!(run.out.matches("CredentialsRejected").count(), 1, "{}", run.out);
    }
}

#[test]
fn what_is_only_observed_or_suspended_is_listed_and_no_change() {
    let pipeline = Pipeline::new(3, json!({}));
    let spec = |n: &str, more: &str| custom(n, 480, None).replace("policy:", &format!("{more}, policy:"));
    pipeline.manifest("one", &spec("org_1", "mode: Observe"));
    pipeline.manifest("two", &spec("org_2", "suspend: true"));
    pipeline.live("org_3", 60, None);
    pipeline.manifest("three", &spec("org_3", "mode: TightenOnly"));
    let run = pipeline.osp(&["plan", "policies"]).ended(0);
    assert!(
        run.out.contains("= one (org_1, Observe): drift, only observed: policySource is APPLICATION"),
        "{}",
        run.out
    );
    assert!(run.out.contains("- two (org_2, Enforce): skipped, suspended"));
    assert!(run.out.contains("= three (org_3, TightenOnly): stricter than declared, kept: "));
    pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn drift_is_distinguished_from_a_change_in_git_where_it_is_known() {
    let pipeline = Pipeline::new(3, json!({}));
    for (n, live, last, now) in [(1, 600, 480, 480), (2, 480, 480, 600), (3, 300, 480, 600)] {
        let organization = format!("org_{n}");
        pipeline.live(&organization, live, None);
        pipeline.manifest(&organization.replace('_', "-"), &custom(&organization, now, None));
        pipeline.file(&format!("last/{n}.yaml"), &manifest(&format!("last-{n}"), &custom(&organization, last, None)));
    }
    let run = pipeline.osp(&["plan", "policies", "--last-applied", "last"]).ended(2);
    let causes: Vec<&str> = run.out.lines().filter(|line| line.starts_with('~')).collect();
    assert_eq!(
        causes,
        [
            "~ org-1 (org_1, Enforce): drift (tightening)",
            "~ org-2 (org_2, Enforce): change in Git (loosening)",
            "~ org-3 (org_3, Enforce): drift and change in Git (loosening)",
        ]
    );
}

#[test]
fn two_manifests_for_one_organization_are_an_error_before_any_call() {
    let pipeline = three();
    pipeline.manifest("again", &custom("org_1", 60, None));
    let run = pipeline.osp(&["plan", "policies"]).ended(1);
    assert!(run.err.starts_with("error: the manifests are not valid; no request was sent\n"), "{}", run.err);
    let place = "policies/one.yaml:4:8: error[duplicate-organization]: spec.organization: org_1 is claimed already by ";
    assert!(run.err.contains(place) && run.err.contains("\n  fix: remove one of the two"), "{}", run.err);
    assert!(run.err.contains("again at policies/again.yaml:4:8"), "{}", run.err);
    assert_eq!(pipeline.requests(), 0);
    // credentials of another environment would make them two, and here there is one
    let named = |secret: &str| {
        let spec = custom("org_1", 60, None).replace("{id: org_1}", "{externalId: tenant-1}");
        spec.replace("policy:", &format!("credentialsSecretRef: {{name: {secret}}}, policy:"))
    };
    pipeline.manifest("one", &named("here"));
    pipeline.manifest("again", &named("there"));
    pipeline.osp(&["validate", "policies"]).ended(0);
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(
        run.err.contains(": one is for organization external id \"tenant-1\", which again at policies/again.yaml:"),
        "{}",
        run.err
    );
    assert_eq!(pipeline.requests(), 0);
    pipeline.manifest("one", &custom("org_1", 480, Some(60)));
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(run.err.contains("is for organization org_1, which"), "{}", run.err);
    assert!(pipeline.writes().is_empty());
}

/// Four pages, one policy each, a token, and the application's policy.
#[test]
fn many_organizations_cost_one_request_each_and_the_list() {
    let pipeline = Pipeline::new(350, json!({}));
    let all: String = (1..=300)
        .map(|n| format!("---\n{}", manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None))))
        .collect();
    pipeline.file("policies/all.yaml", &all);
    pipeline.osp(&["plan", "policies"]).ended(2);
    assert_eq!(pipeline.requests(), 300 + 4 + 2);
    // a few of many are asked for one by one
    pipeline.admin("DELETE", "journal", &Value::Null);
    pipeline.file("policies/all.yaml", &manifest("one", &custom("org_1", 480, None)));
    pipeline.osp(&["plan", "policies"]).ended(2);
    assert_eq!(pipeline.requests(), 4);
}

/// A list of features that is written back must be complete.
#[test]
fn a_list_that_leaves_features_out_is_not_believed() {
    let pipeline = Pipeline::new(12, json!({"emission": {"settings": "not_in_lists"}}));
    for n in 1..=12 {
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None));
    }
    let run = pipeline.osp(&["plan", "policies"]).ended(2);
    assert_eq!(run.out.matches("feature session_policy  off → on").count(), 12);
    let asked = pipeline.admin("GET", "journal/count?path=/api/v1/organizations/org_*", &Value::Null);
    assert_eq!(asked["count"], 12);
}

#[test]
fn a_feature_that_is_not_reported_is_switched_on_for_a_policy_only_and_said_to_be_unknown() {
    let pipeline = Pipeline::new(2, json!({"emission": {"settings": "never"}}));
    pipeline.live("org_1", 480, Some(60));
    pipeline.manifest("one", &custom("org_1", 480, Some(60)));
    let run = pipeline.osp(&["plan", "policies"]).ended(0);
    let unknown = "1 as declared, 1 where Scalekit does not report whether session_policy is on\n";
    assert!(run.out.ends_with(unknown), "{}", run.out);
    pipeline.manifest("two", &custom("org_2", 240, None));
    let run = pipeline.osp(&["plan", "policies"]).ended(2);
    assert!(run.out.contains("    feature session_policy  unknown → on\n"), "{}", run.out);
    assert_eq!(pipeline.plan()["organizations"][1]["live"].get("sessionPolicyEnabled"), None);
}

#[test]
fn no_features_mean_none_that_is_on_where_others_are_reported() {
    let pipeline = Pipeline::new(2, json!({"emission": {"settings": "not_if_empty"}}));
    pipeline.live("org_1", 480, None);
    pipeline.manifest("one", &custom("org_1", 480, None));
    pipeline.edit("org_1", &json!({"features": []}));
    let run = pipeline.osp(&["plan", "policies"]).ended(2);
    assert!(run.out.contains("~ one (org_1, Enforce): change (neutral)\n    feature session_policy  "), "{}", run.out);
    pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    pipeline.osp(&["plan", "policies"]).ended(0);
}

#[test]
fn what_ends_short_of_what_is_declared_is_a_change_and_a_problem() {
    let pipeline = Pipeline::new(1, json!({"emission": {"application": "A_SOURCE_OF_TOMORROW"}}));
    pipeline.manifest("one", &custom("org_1", 480, None).replace("policy:", "mode: TightenOnly, policy:"));
    let run = pipeline.osp(&["plan", "policies"]).ended(1);
    assert!(run.out.contains("    feature session_policy  off → on\n"), "{}", run.out);
    assert!(run.out.contains("\n    ! and no further: "), "{}", run.out);
    assert!(run.out.ends_with(": 1 change (0 loosening, 0 tightening), 1 with a problem\n"), "{}", run.out);
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(run.out.contains("! one (org_1, TightenOnly): ") && run.out.contains("session_policy switched on"));
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(run.out.ends_with(": 0 changes, 1 with a problem\n"), "{}", run.out);
    assert_eq!(pipeline.writes().len(), 1);
}

#[test]
fn a_limit_is_waited_for_and_an_outage_is_an_error() {
    let pipeline = three();
    let path = "/api/v1/organizations/org_1/session-policy";
    let limited = json!({"kind": "refuse", "status": 429, "headers": {"retry-after": "1"}});
    pipeline.admin("POST", "faults", &json!({"path": path, "fault": limited}));
    pipeline.osp(&["plan", "policies"]).ended(2);
    let path = "/api/v1/organizations/org_3/session-policy";
    let refused = json!({"kind": "refuse", "status": 403, "body": "echo"});
    pipeline.admin("POST", "faults", &json!({"path": path, "fault": refused}));
    let run = pipeline.osp(&["plan", "policies", "-vvv"]).ended(1);
    assert!(run.out.contains("! three (org_3, Enforce): Forbidden"), "{}", run.out);
}

/// The list is asked for four times, and then there are five failures in a row
/// after one more; from there on the client holds back by itself.
#[test]
fn an_outage_is_found_out_once_and_not_for_each_organization() {
    let pipeline = Pipeline::new(0, json!({}));
    for n in 1..=40 {
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None));
    }
    let fault = json!({"kind": "refuse", "status": 503});
    pipeline.admin("POST", "faults", &json!({"path": "/api/v1/**", "times": "forever", "fault": fault}));
    let mut command = pipeline.command(&["plan", "policies"]);
    let run = super::Run::of(command.env("OSP_RATE_LIMIT", "1.9").output().unwrap()).ended(1); // one at a time
    assert!(run.out.ends_with(": 0 changes, 40 with a problem\n"), "{}", run.out);
    let said: Vec<&str> = run.out.lines().filter(|line| line.starts_with('!')).collect();
    assert!(said.len() <= 2, "a cause is said once, and who has it: {}", run.out);
    assert!(said.iter().all(|line| line.contains(" policies: ")) && run.out.contains("o1 (org_1, Enforce), "));
    let asked = pipeline.admin("GET", "journal/count?path=/api/v1/**", &Value::Null)["count"].as_u64().unwrap();
    // others are sent until five have failed, since one that always fails is no outage
    assert!(asked <= 10, "{asked} requests");
}

#[test]
fn a_policy_that_is_hidden_while_the_feature_is_off_is_read_when_it_is_on() {
    let pipeline = Pipeline::new(1, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, None));
    let refused = json!({"kind": "refuse", "status": 403});
    let path = "/api/v1/organizations/*/session-policy";
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": 1, "fault": refused}));
    let run = pipeline.osp(&["plan", "policies"]).ended(2);
    assert!(
        run.out.contains("    policy                  can't be read before the feature is on; declared: absolute 8h"),
        "{}",
        run.out
    );
    assert!(run.out.ends_with(": 1 change (0 loosening, 0 tightening, 1 unknown)\n"), "{}", run.out);
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": 1, "fault": refused}));
    pipeline.osp(&["plan", "policies", "--fail-on", "loosening"]).ended(3);
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "times": 1, "fault": refused}));
    pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    assert_eq!(pipeline.stored("org_1")["policy"]["absolute_minutes"], 480);
}

#[test]
fn a_saved_plan_follows_no_link_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let pipeline = three();
    let (plan, other) = (pipeline.folder.join("plan.json"), pipeline.file("other.json", "mine"));
    symlink(&other, &plan).unwrap();
    let run = pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(1);
    assert!(run.err.contains("plan.json: this is not a regular file"), "{}", run.err);
    assert_eq!(super::text_of(&other), "mine");
    std::fs::remove_file(&plan).unwrap();
    std::fs::hard_link(&other, &plan).unwrap(); // and readable by all
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    assert_eq!((super::text_of(&other).as_str(), plan.metadata().unwrap().mode() & 0o777), ("mine", 0o600));
    let run = pipeline.osp(&["plan", "policies", "--save", "nowhere/plan.json"]).ended(1);
    assert!(run.err.contains("nowhere/plan.json: "), "{}", run.err);
    let names = std::fs::read_dir(&pipeline.folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["other.json", "plan.json", "policies"], "no draft is left");
}

#[test]
fn an_external_id_is_no_command_of_a_workflow() {
    let pipeline = Pipeline::new(1, json!({}));
    let id = "::warning::x ##[error]\\u200by";
    let spec = format!("{{organization: {{externalId: \"{id}\"}}, policy: {{policySource: APPLICATION}}}}");
    pipeline.manifest("one", &spec);
    let mut command = pipeline.command(&["plan", "policies"]);
    let run = super::Run::of(command.env("COLUMNS", "20").output().unwrap()).ended(1);
    assert!(run.out.contains("\\u{200b}y") && !run.out.contains("##[") && !run.out.contains('\u{200b}'), "{}", run.out);
    assert!(run.out.lines().all(|line| !line.trim_start().starts_with("::")), "{}", run.out);
}

#[test]
fn one_that_is_to_inherit_needs_no_feature() {
    for mode in ["Enforce", "TightenOnly", "Observe"] {
        let pipeline = Pipeline::new(2, json!({"gate": {"mode": "flag"}}));
        let spec =
            |n| format!("{{organization: {{id: org_{n}}}, mode: {mode}, policy: {{policySource: APPLICATION}}}}");
        pipeline.manifest("one", &spec(1));
        let run = pipeline.osp(&["plan", "policies"]).ended(0);
        assert!(run.out.ends_with(": no changes, 1 as declared\n"), "{mode}: {}", run.out);
        // whether a custom policy applies without the feature is not known
        pipeline.edit("org_2", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 60}}));
        pipeline.manifest("two", &spec(2));
        let enforced = mode == "Enforce";
        let run = pipeline.osp(&["plan", "policies"]).ended(if enforced { 2 } else { 0 });
        assert!(!run.out.contains("feature session_policy"), "{mode}: {}", run.out);
        pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
        let taken_away = ("org_2/session-policy".to_owned(), json!({"policy_source": "APPLICATION"}));
        assert_eq!(pipeline.writes(), if enforced { vec![taken_away] } else { vec![] }, "{mode}");
    }
}

#[test]
fn a_plan_of_nothing_is_an_error_and_sends_no_request_unless_it_is_allowed() {
    let pipeline = Pipeline::new(1, json!({}));
    pipeline.file("policies/other.yaml", "apiVersion: v1\nkind: Secret\n");
    for verb in ["plan", "apply"] {
        let run = pipeline.osp(&[verb, "policies"]).ended(1);
        assert!(run.err.contains("there is no OrganizationSessionPolicy in it"), "{verb}: {}", run.err);
        assert_eq!(pipeline.requests(), 0, "{verb}");
        let run = pipeline.osp(&[verb, "policies", "--allow-empty"]).ended(0);
        assert!(run.out.ends_with(": no changes\n"), "{verb}: {}", run.out);
    }
}

#[test]
fn no_changes_is_not_said_where_a_file_was_not_read() {
    let pipeline = Pipeline::new(1, json!({}));
    pipeline.manifest("one", "{organization: {id: org_1}, policy: {policySource: APPLICATION}}");
    pipeline.file("policies/chart/d.yaml", "{{- if .Values.on }}\n");
    let run = pipeline.osp(&["plan", "policies"]).ended(0);
    assert!(run.out.ends_with(": 0 changes, 1 as declared, 1 file not read\n"), "{}", run.out);
    assert!(run.err.starts_with("policies/chart/d.yaml:1:2: warning[syntax]: skipped"), "{}", run.err);
    let run = pipeline.osp(&["plan", "policies/one.yaml"]).ended(0);
    assert!(run.out.ends_with(": no changes, 1 as declared\n"), "{}", run.out);
}
