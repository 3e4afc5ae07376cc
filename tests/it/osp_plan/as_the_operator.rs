//! The same input through the operator, through `osp plan` and through
//! `osp apply`: the same writes, with the same bodies, in the same order for
//! each organization.

use super::{case::cases as random_cases, manifest};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, process::Command};

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
             absoluteSessionTimeoutUnit: HOURS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES}}{more}}}"
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
        ("org_4", spec("id: org_4", ", mode: Observe"), json!({"policy": custom(600, None)}), "Observing"),
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

/// Of each organization: what was written, in order.
type Writes = BTreeMap<String, Vec<Value>>;

fn writes(world: &World) -> Writes {
    let mut by_organization = Writes::new();
    for (path, body) in world.writes() {
        let organization = path.split('/').next().unwrap().to_owned();
        by_organization.entry(organization).or_default().push(body);
    }
    by_organization
}

/// The writes of a plan, as their bodies are sent.
fn planned(plan: &Value) -> Writes {
    let body = |write: &Value| match (write.get("features"), write.get("policy")) {
        (Some(features), _) => json!({"features": features}),
        (_, Some(policy)) => {
            let mut body = json!({"policy_source": policy["policySource"]});
            let mut put =
                |name: &str, value: &Value| drop(body.as_object_mut().unwrap().insert(name.into(), value.clone()));
            if policy["policySource"] == "CUSTOM" {
                put("absolute_session_timeout", &policy["absoluteSessionTimeout"]);
                put("absolute_session_timeout_unit", &json!("MINUTES"));
                put("idle_session_timeout_enabled", &policy["idleSessionTimeoutEnabled"]);
            }
            if policy["idleSessionTimeoutEnabled"] == true {
                put("idle_session_timeout", &policy["idleSessionTimeout"]);
                put("idle_session_timeout_unit", &json!("MINUTES"));
            }
            body
        }
        _ => panic!("{write}"),
    };
    let rows = plan["organizations"].as_array().unwrap().iter();
    let written = rows.filter_map(|row| Some((row["organizationId"].as_str()?.to_owned(), row["writes"].as_array()?)));
    written.map(|(id, writes)| (id, writes.iter().map(body).collect())).collect()
}

/// A folder of manifests and the Scalekit they are for.
struct Repository<'a> {
    folder: PathBuf,
    world: &'a World,
}

impl Drop for Repository<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Repository<'_> {
    fn osp(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let url = self.world.simulator.base_url();
        let mut command = Command::new(env!("CARGO_BIN_EXE_osp"));
        command.args(arguments).args(["--allow-http", "--rate-limit", "1000"]).arg(&self.folder);
        let output = command.envs(crate::world::default_credentials(&url)).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        crate::canary::assert_none("the output", &text([&*output.stdout, &*output.stderr].concat()));
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

/// Gives `specs`, by name, to an operator of `theirs`, and to `osp` with
/// `ours`. What the operator wrote once every resource has its answer; the
/// others must have written, and planned, the same.
fn compare(theirs: &mut World, ours: &World, specs: &[(String, String)]) -> Writes {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("osp-{}", theirs.namespace));
    std::fs::create_dir_all(&folder).unwrap();
    let repository = Repository { folder, world: ours };
    for (name, spec) in specs {
        theirs.apply(name, spec);
        std::fs::write(repository.folder.join(format!("{name}.yaml")), manifest(name, spec)).unwrap();
    }
    theirs.start_operator();
    let (_, plan, said) = repository.osp(&["plan", "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {said}"));
    let (_, applied, said) = repository.osp(&["apply", "--yes"]);
    for (name, _) in specs {
        eventually(&format!("an answer for {name}"), 60, || {
            let resource = theirs.resource(name)?;
            let ready = condition(&resource, "Ready")?;
            let current = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
            (current && ready["reason"] != "Progressing").then_some(())
        });
    }
    let written = writes(theirs);
    assert_eq!(written, planned(&plan), "planned, and written by the operator: {plan:#}");
    assert_eq!(written, writes(ours), "written by apply, and by the operator: {applied}{said}");
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_and_apply_do_what_the_operator_does() {
    let mut theirs = World::without_operator(json!({})).await;
    let ours = World::without_operator(json!({})).await;
    prepare(&theirs);
    prepare(&ours);
    let specs: Vec<_> = cases().into_iter().map(|(id, spec, ..)| (id.replace('_', "-"), spec)).collect();
    let written = compare(&mut theirs, &ours, &specs);
    for (organization, _, _, reason) in cases() {
        theirs.until(&organization.replace('_', "-"), "True", reason);
    }
    assert_eq!(written.keys().map(String::as_str).collect::<Vec<_>>(), ["org_1", "org_2", "org_3", "org_6"]);
}

/// Random organizations on a server with these settings.
async fn compare_random(settings: Value) {
    let organizations = vec(random_cases(), 24).new_tree(&mut TestRunner::default()).unwrap().current();
    let mut theirs = World::without_operator(settings.clone()).await;
    let ours = World::without_operator(settings).await;
    for world in [&theirs, &ours] {
        // whose features are reported if any are
        world.admin(
            "PUT",
            "organizations/org_99",
            &json!({"id": "org_99", "features": [{"name": "sso", "enabled": true}]}),
        );
    }
    let mut specs = Vec::new();
    for (case, n) in organizations.iter().zip(1..) {
        let mut draft = case.live();
        draft["id"] = json!(format!("org_{n}"));
        draft["external_id"] = json!(format!("tenant-{n}"));
        for world in [&theirs, &ours] {
            world.admin("PUT", &format!("organizations/org_{n}"), &draft);
        }
        specs.push((format!("o{n}"), case.spec(n)));
    }
    compare(&mut theirs, &ours, &specs);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_for_random_organizations() {
    compare_random(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_on_a_server_that_replaces_lists_and_shows_zeros() {
    compare_random(json!({"features": {"patch": "replace"}, "emission": {"unset": "zero", "stale_idle": true}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_on_a_server_that_asks_for_the_feature_and_lists_without_it() {
    let emission = json!({"unset": "null", "settings": "not_in_lists"});
    compare_random(json!({"gate": {"mode": "flag", "status": 400}, "emission": emission})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_on_a_server_that_leaves_out_what_is_empty() {
    compare_random(json!({"emission": {"drop_plain_zeros": true, "settings": "not_if_empty"}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_where_only_the_feature_can_be_switched_on() {
    let settings = json!({"emission": {"application": "A_SOURCE_OF_TOMORROW"}});
    let mut theirs = World::without_operator(settings.clone()).await;
    let ours = World::without_operator(settings).await;
    let spec = "{organization: {id: org_1}, mode: TightenOnly, \
         policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: HOURS}}";
    let written = compare(&mut theirs, &ours, &[("one".to_owned(), spec.to_owned())]);
    assert_eq!(written["org_1"].len(), 1, "the feature, and no policy over one that may be stricter");
}
