//! The same input through the operator and through `osp apply`: the same
//! writes, with the same bodies, in the same order for each organization.

use super::manifest;
use crate::world::World;
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Command};

/// Organization, spec, what is live, and the reason the operator is Ready with.
fn cases() -> Vec<(&'static str, String, Value, &'static str)> {
    let on = |others: Value| {
        let mut features = vec![json!({"name": "session_policy", "enabled": true})];
        features.extend(others.as_array().unwrap().clone());
        Value::from(features)
    };
    let custom = |absolute: u32, idle: Option<u32>| json!({"source": "CUSTOM", "absolute_minutes": absolute, "idle_enabled": idle.is_some(), "idle_minutes": idle});
    let spec = |organization: &str, more: &str| {
        format!(
            "{{organization: {{{organization}}}, policy: {{policySource: CUSTOM, absoluteSessionTimeout: 8, \
             absoluteSessionTimeoutUnit: HOURS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60}}{more}}}"
        )
    };
    let inherit = "{organization: {id: org_6}, policy: {policySource: APPLICATION}}".to_owned();
    let off = json!([{"name": "sso", "enabled": true}]);
    vec![
        ("org_1", spec("id: org_1", ""), json!({}), "InSync"),
        (
            "org_2",
            spec("externalId: tenant-2", ""),
            json!({"features": on(json!([])), "policy": custom(600, None)}),
            "InSync",
        ),
        ("org_3", spec("id: org_3", ", mode: TightenOnly"), json!({"policy": custom(600, Some(30))}), "StricterKept"),
        ("org_4", spec("id: org_4", ", mode: Observe"), json!({"policy": custom(600, None)}), "DriftDetected"),
        (
            "org_5",
            spec("id: org_5", ", mode: TightenOnly"),
            json!({"features": on(off.clone()), "policy": custom(60, Some(5))}),
            "StricterKept",
        ),
        ("org_6", inherit, json!({"features": off, "policy": custom(60, None)}), "InSync"),
        ("org_7", spec("id: org_7", ""), json!({"features": on(json!([])), "policy": custom(480, Some(60))}), "InSync"),
    ]
}

fn prepare(world: &World) {
    for (organization, _, live, _) in cases() {
        let number = organization.trim_start_matches("org_");
        let features = json!([{"name": "sso", "enabled": true}, {"name": "dir_sync", "enabled": false}]);
        let mut draft = json!({"id": organization, "external_id": format!("tenant-{number}"), "features": features});
        draft.as_object_mut().unwrap().extend(live.as_object().unwrap().clone());
        world.admin("PUT", &format!("organizations/{organization}"), &draft);
    }
}

fn writes(world: &World) -> BTreeMap<String, Vec<(String, Value)>> {
    let mut by_organization: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (path, body) in world.writes() {
        let organization = path.split('/').next().unwrap().to_owned();
        by_organization.entry(organization).or_default().push((path, body));
    }
    by_organization
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_writes_what_the_operator_writes() {
    let mut theirs = World::without_operator(json!({})).await;
    let ours = World::without_operator(json!({})).await;
    prepare(&theirs);
    prepare(&ours);
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("osp-{}", theirs.namespace));
    std::fs::create_dir_all(&folder).unwrap();
    for (organization, spec, _, _) in cases() {
        let name = organization.replace('_', "-");
        theirs.apply(&name, &spec);
        std::fs::write(folder.join(format!("{name}.yaml")), manifest(&name, &spec)).unwrap();
    }
    theirs.start_operator();
    let url = ours.simulator.base_url();
    let output = Command::new(env!("CARGO_BIN_EXE_osp"))
        .args(["apply", "--yes", "--allow-http", "--rate-limit", "1000"])
        .arg(&folder)
        .envs(crate::world::own_credentials(&url))
        .output()
        .unwrap();
    drop(std::fs::remove_dir_all(&folder));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (organization, _, _, reason) in cases() {
        theirs.until(&organization.replace('_', "-"), "True", reason);
    }
    assert_eq!(writes(&ours), writes(&theirs));
    assert_eq!(writes(&ours).keys().map(String::as_str).collect::<Vec<_>>(), ["org_1", "org_2", "org_3", "org_6"]);
}
