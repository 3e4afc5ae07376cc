//! The secret is in no output (every run looks for it, see [`super::Run`]),
//! however it comes in and whatever goes wrong.

use super::{Pipeline, SECRET, custom, text_of};
use serde_json::json;

#[test]
fn the_secret_is_in_no_output_of_any_verb() {
    let pipeline = Pipeline::new(3, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, None));
    for output in ["text", "json", "markdown"] {
        pipeline.osp(&["plan", "policies", "-o", output, "--save", "plan.json", "-vvv"]).ended(2);
        assert!(!text_of(&pipeline.folder.join("plan.json")).contains(SECRET));
    }
    for output in ["text", "json", "sarif", "junit", "github"] {
        pipeline.osp(&["validate", "policies", "-o", output]).ended(0);
    }
    pipeline.osp(&["export", "-vvv"]).ended(0);
    pipeline.osp(&["export", "--directory", "out", "-vvv"]).ended(0);
    for file in std::fs::read_dir(pipeline.folder.join("out")).unwrap() {
        assert!(!text_of(&file.unwrap().path()).contains(SECRET));
    }
    for body in ["echo", "html", "unauthenticated", "oauth"] {
        for status in [400, 401, 403, 500] {
            for path in ["/oauth/token", "/api/v1/organizations/*", "/api/v1/organizations/*/session-policy"] {
                let fault = json!({"kind": "refuse", "status": status, "body": body});
                let times = if status == 500 { 1 } else { 2 };
                pipeline.admin("POST", "faults", &json!({"path": path, "times": times, "fault": fault}));
                pipeline.osp(&["plan", "policies", "-o", "json", "-vvv"]);
                pipeline.admin("DELETE", "faults", &serde_json::Value::Null);
            }
        }
    }
    pipeline.osp(&["apply", "--plan", "plan.json", "--yes", "-vvv"]).ended(0);
    pipeline.osp(&["apply", "policies", "--yes", "-vvv"]).ended(0);
}

#[test]
fn credentials_come_from_files_too_and_what_is_wrong_with_them_is_named() {
    let pipeline = Pipeline::new(1, json!({}));
    pipeline.manifest("one", &custom("org_1", 480, None));
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = pipeline.command(arguments);
        for key in ["SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"] {
            command.env_remove(key);
        }
        super::Run::of(command.envs(environment.iter().copied()).output().unwrap())
    };
    let err = run(&["plan", "policies"], &[]).ended(1).err;
    assert!(err.starts_with("error: there are no credentials: set SCALEKIT_ENVIRONMENT_URL, "), "{err}");
    let err = run(&["plan", "policies"], &[("SCALEKIT_CLIENT_SECRET", SECRET)]).ended(1).err;
    assert!(err.contains("the credentials are not complete: set SCALEKIT_ENVIRONMENT_URL too"), "{err}");

    pipeline.file("keys/SCALEKIT_ENVIRONMENT_URL", &format!("{}\n", pipeline.simulator.base_url()));
    pipeline.file("keys/SCALEKIT_CLIENT_ID", "skc_simulator\n");
    pipeline.file("keys/SCALEKIT_CLIENT_SECRET", &format!("{SECRET}\n"));
    run(&["plan", "policies", "--credentials-dir", "keys"], &[]).ended(2);
    let err =
        run(&["plan", "policies", "--credentials-dir", "keys"], &[("OSP_ALLOWED_HOST", "scalekit.com")]).ended(1).err;
    assert!(err.contains("SCALEKIT_ENVIRONMENT_URL names a host that is not on the list"), "{err}");
    pipeline.file("keys/SCALEKIT_CLIENT_SECRET", &format!("{SECRET} {SECRET}"));
    let err = run(&["plan", "policies", "--credentials-dir", "keys"], &[]).ended(1).err;
    assert!(err.contains("SCALEKIT_CLIENT_SECRET contains white space"), "{err}");
    // no argument takes a secret
    run(&["plan", "policies", "--client-secret", "x"], &[]).ended(1);
}
