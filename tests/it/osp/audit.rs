//! `osp audit` on logs of operators.

use super::Folder;
use crate::schemas::assert_described;
use serde_json::{Value, json};

fn write(second: u32, resource: &str, before: &str, after: &str) -> String {
    let fields = json!({
        "message": "wrote to Scalekit", "resource": resource, "organization": "org_1", "what": "policy",
        "before": before, "after": after, "direction": "tightening", "mode": "Enforce", "reverts": false,
        "result": "applied", "request": "00ff",
    });
    let line = json!({"timestamp": format!("2026-11-27T14:00:{second:02}Z"), "level": "INFO", "fields": fields});
    format!("{line}\n")
}

#[test]
fn a_log_without_a_finding_is_a_success_and_names_what_others_have_changed() {
    let folder = Folder::new();
    folder.write(
        "op.log",
        write(0, "a/x", "absolute 2h, idle off", "absolute 1h, idle off")
            + &write(9, "a/x", "absolute 3h, idle off", "absolute 1h, idle off"),
    );
    let ran = folder.osp(&["audit", "op.log"]);
    let drift =
        "drift: 2026-11-27T14:00:09Z org_1: somebody else has changed absolute 1h, idle off to absolute 3h, idle off";
    assert_eq!((ran.code, ran.out), (Some(0), format!("{drift}\nno finding in 2 writes to 1 organization\n")));
    let started = b"2026-11-27T14:00:00Z  INFO session_policy_operator: started\n";
    let ran = folder.osp_with(&["audit", "-", "-o", "json"], started);
    let quiet: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &quiet["writes"]), (Some(0), &json!(0)), "an operator that wrote nothing");
    assert_described("audit", &quiet);
}

#[test]
fn a_finding_is_a_failure_with_its_place_in_the_log() {
    let folder = Folder::new();
    folder.write(
        "one.log",
        write(0, "a/x", "absolute 2h, idle off", "absolute 1h, idle off")
            + &write(9, "a/x", "absolute 3h, idle off", "absolute 1h, idle off"),
    );
    folder.write("two.log", write(5, "b/y", "absolute 1h, idle off", "absolute 3h, idle off"));
    let ran = folder.osp(&["audit", "one.log", "two.log"]);
    let expected = "one.log:2: error[one-owner]: org_1, a/x: b/y has written it since, and neither has let go\n\
                    1 finding in 3 writes to 1 organization\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), expected));
    let ran = folder.osp(&["audit", "one.log", "two.log", "-o", "json"]);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert_described("audit", &all);
    let finding = &all["findings"][0];
    assert_eq!(
        [&finding["rule"], &finding["log"], &finding["line"]],
        [&json!("one-owner"), &json!("one.log"), &json!(2)]
    );
}

#[test]
fn what_is_no_log_is_an_error() {
    let folder = Folder::with("kind: OrganizationSessionPolicy\n");
    folder.write("empty.log", "\n");
    for (path, said) in [
        ("a.yaml", "a.yaml: no line of it is of an operator's log"),
        ("none.log", "none.log: "),
        ("empty.log", "empty.log: it is empty"),
    ] {
        let ran = folder.osp(&["audit", path]);
        assert!(ran.code == Some(1) && ran.out.is_empty() && ran.err.contains(said), "{ran:?}");
    }
}
