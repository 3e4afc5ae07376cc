//! What apply writes, and what it leaves.

use super::{Pipeline, custom};
use crate::cluster::eventually;
use serde_json::{Value, json};
use std::process::{Command, Stdio};

fn two() -> Pipeline {
    let pipeline = Pipeline::new(2, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, Some(60)));
    pipeline.manifest("two", &custom("org_2", 240, None));
    pipeline
}

#[test]
fn what_was_planned_is_written_and_then_there_is_nothing_to_do() {
    let pipeline = two();
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    assert!(run.out.contains("✓ one (org_1, Enforce): session_policy switched on, policy set to absolute 8h, idle 1h"));
    assert!(run.out.ends_with("2 done, 0 not done, 0 failed\n"), "{}", run.out);
    let (path, body) = pipeline.writes().remove(0);
    assert!(path.ends_with("/settings"), "{path}");
    let features = json!([{"name": "sso", "enabled": true}, {"name": "dir_sync", "enabled": false},
        {"name": "session_policy", "enabled": true}]);
    assert_eq!(body["features"], features);
    let writes = pipeline.writes().len();
    pipeline.osp(&["plan", "policies"]).ended(0);
    pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    assert_eq!((writes, pipeline.writes().len()), (4, 4));
}

#[test]
fn row_098_nothing_is_written_without_a_yes() {
    let pipeline = two();
    let run = pipeline.osp(&["apply", "policies"]).ended(1);
    assert!(run.err.contains("--yes"), "{}", run.err);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn a_problem_of_one_costs_that_one_only() {
    let pipeline = two();
    let refused = json!({"kind": "refuse", "status": 400});
    let path = "/api/v1/organizations/org_1/session-policy";
    pipeline.admin("POST", "faults", &json!({"method": "PATCH", "path": path, "fault": refused}));
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(run.out.contains("! one (org_1, Enforce): RejectedByApi"), "{}", run.out);
    assert!(run.out.contains("✓ two (org_2, Enforce)"), "{}", run.out);
    pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    pipeline.osp(&["plan", "policies"]).ended(0);
}

#[test]
fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let pipeline = two();
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    pipeline.live("org_2", 120, None);
    let run = pipeline.osp(&["apply", "--plan", "plan.json", "--yes"]).ended(1);
    assert!(run.err.contains("two has changed since the plan was saved"), "{}", run.err);
    assert!(pipeline.writes().is_empty());
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    pipeline.manifest("two", &custom("org_2", 60, None)); // what was planned counts, not what came after
    pipeline.osp(&["apply", "--plan", "plan.json", "--yes"]).ended(0);
    assert_eq!(pipeline.stored("org_2")["policy"]["absolute_minutes"], 240);
    let run = pipeline.osp(&["apply", "--plan", "plan.json", "--yes"]).ended(1);
    assert!(run.err.contains("has changed since the plan was saved"), "{}", run.err);
}

#[test]
fn a_plan_that_another_version_saved_is_told_as_that() {
    let pipeline = two();
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    let saved = super::text_of(&pipeline.folder.join("plan.json"));
    let older = saved.replacen("\"version\": 2", "\"version\": 1", 1).replace("\"live\"", "\"before\"");
    pipeline.file("older.json", &older);
    let run = pipeline.osp(&["apply", "--plan", "older.json", "--yes"]).ended(1);
    assert!(run.err.contains("a plan of another version of osp: make it again"), "{}", run.err);
    pipeline.file("none.json", "{}");
    let run = pipeline.osp(&["apply", "--plan", "none.json", "--yes"]).ended(1);
    assert!(run.err.contains("not a plan that osp plan --save wrote"), "{}", run.err);
    assert!(pipeline.writes().is_empty());
}

#[test]
fn a_saved_plan_of_another_environment_or_changed_by_hand_is_refused() {
    let pipeline = two();
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    let saved = super::text_of(&pipeline.folder.join("plan.json"));
    let host = pipeline.simulator.address().to_string();
    pipeline.file("other.json", &saved.replace(&host, "acme.scalekit.com"));
    pipeline.file("odd.json", &saved.replace("Enforce", "Whatever"));
    pipeline.file("more.json", &saved.replace("\"writes\": [", "\"writes\": [{\"features\": []},"));
    for (file, said) in
        [("other", "the plan is for"), ("odd", "changed by hand"), ("more", "has changed since the plan was saved")]
    {
        let run = pipeline.osp(&["apply", "--plan", &format!("{file}.json"), "--yes"]).ended(1);
        assert!(run.err.contains(said), "{file}: {}", run.err);
    }
    assert!(pipeline.writes().is_empty());
}

#[test]
fn what_changes_between_plan_and_write_is_not_overwritten() {
    let pipeline = two();
    pipeline.live("org_1", 600, None);
    // the second read of the policy, the one before the write, shows what somebody did in the meantime
    let path = "/api/v1/organizations/org_1/session-policy";
    let other = json!({"policy": {"policy_source": "CUSTOM", "absolute_session_timeout": 30,
        "absolute_session_timeout_unit": "MINUTES", "idle_session_timeout_enabled": false}});
    let fault = json!({"kind": "refuse", "status": 200, "body": {"json": other}});
    pipeline.admin("POST", "faults", &json!({"method": "GET", "path": path, "skip": 1, "fault": fault}));
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(1);
    assert!(run.out.contains("! one (org_1, Enforce): changed in Scalekit since the plan"), "{}", run.out);
    assert!(pipeline.writes().iter().all(|(path, _)| !path.starts_with("org_1")));
}

#[test]
fn a_signal_lets_the_write_under_way_finish_and_the_next_run_goes_on() {
    let pipeline = Pipeline::new(5, json!({}));
    for n in 1..=5 {
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, None));
    }
    // with a rate of one there is one request at a time, and the third organization's write takes its time
    let slow = json!({"kind": "slow_headers", "delay_ms": 1500});
    let path = "/api/v1/organizations/org_3/session-policy";
    pipeline.admin("POST", "faults", &json!({"method": "PATCH", "path": path, "fault": slow}));
    let mut command = pipeline.command(&["apply", "policies", "--yes"]);
    let child = command.env("OSP_RATE_LIMIT", "1.9").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let count = || pipeline.admin("GET", &format!("journal/count?method=PATCH&path={path}"), &Value::Null);
    eventually("the slow write", 120, || (count()["count"] == 1).then_some(()));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{out}");
    for line in ["✓ o3 (org_3", "- o4 (org_4, Enforce): not done, stopped before; nothing was written", "- o5 (org_5"]
    {
        assert!(out.contains(line), "{line}\n{out}");
    }
    assert!(out.ends_with("3 done, 2 not done, 0 failed\n"), "{out}");
    assert_eq!(pipeline.stored("org_3")["policy"]["absolute_minutes"], 480);
    assert_eq!(pipeline.stored("org_4")["policy"]["source"], "APPLICATION");
    let run = pipeline.osp(&["apply", "policies", "--yes"]).ended(0);
    assert!(run.out.ends_with("2 done, 0 not done, 0 failed\n"), "{}", run.out);
}
