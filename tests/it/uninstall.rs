//! `uninstall`: it loosens nobody's sessions without being told to, and never works beside an operator.

use crate::{
    cluster::eventually,
    lifeline,
    osp::Folder,
    terminal::{self, Terminal},
    world::{EIGHT_HOURS, World, condition, default_credentials},
};
use serde_json::{Value, json};
use std::process::Output;

/// Two resources with our finalizer, `acme` of `org_1` and `other` of `org_2`, and the operator that made them Ready.
async fn ready() -> World {
    let world = World::new().await;
    for (name, organization) in [("acme", "org_1"), ("other", "org_2")] {
        world.apply(name, &format!("{{organization: {{id: {organization}}}, policy: {EIGHT_HOURS}}}"));
        world.until(name, "True", "InSync");
    }
    world
}

fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Nothing was written to either side.
fn assert_untouched(world: &World) {
    for (name, organization) in [("acme", "org_1"), ("other", "org_2")] {
        assert!(!world.resource(name).unwrap()["metadata"]["finalizers"].is_null(), "{name}");
        assert_eq!(world.stored(organization)["policy"]["source"], "CUSTOM", "{name}");
    }
}

fn lease(world: &World) -> Option<Value> {
    world.cluster.get("default", &format!("lease/{}", world.namespace))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_yes_nothing_is_done_and_a_dry_run_says_what_would_be() {
    let mut world = ready().await;
    let before = world.writes().len();
    let (code, out, _) = said(world.uninstall(&["--dry-run", "--policies=revert"]));
    let would = |name: &str, organization: &str| {
        format!("{}/{name}: {organization} is set back to the application's policy.\n", world.namespace)
    };
    assert_eq!(code, Some(0));
    for line in ["2 would be released; nothing was written\n", &would("acme", "org_1"), &would("other", "org_2")] {
        assert!(out.contains(line), "an operator may be running: {out}");
    }
    let (_, out, _) = said(world.uninstall(&["--dry-run"]));
    assert_eq!(out.matches("Its policy stays in Scalekit.").count(), 2, "{out}");

    assert!(world.stop_operator(30));
    let gave_back = lease(&world).unwrap();
    let (code, out, err) = said(world.uninstall(&["--policies=revert"]));
    assert!(code == Some(1) && out.is_empty(), "{out}{err}");
    let last = err.lines().last().unwrap();
    assert!(last.ends_with("the uninstall failed error=there is no terminal to confirm on: use --yes"), "{err}");

    let mut command = world.command(&default_credentials(&world.simulator.base_url()));
    command.args(["uninstall", "--policies=revert"]);
    let mut terminal = Terminal::run(300, &command);
    terminal.until("Only 'yes' will be accepted");
    terminal.types("y\r");
    let screen = terminal.end();
    assert_eq!(screen.code, 1);
    for words in ["This releases 2 resources in 1 namespace:", "REVERTED", "nothing was done"] {
        assert!(screen.text().contains(words), "no {words} in {}", screen.text());
    }
    assert_untouched(&world);
    assert_eq!((world.writes().len(), lease(&world)), (before, Some(gave_back)), "not even the lease was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_operator_has_the_lease_it_refuses_and_says_what_to_do() {
    let world = ready().await;
    let (code, out, err) = said(world.uninstall(&["--yes", "--policies=revert"]));
    let holder = lease(&world).unwrap()["spec"]["holderIdentity"].as_str().unwrap().to_owned();
    let held = format!("an operator is running: {holder} holds the lease {} in namespace default", world.namespace);
    assert!(code == Some(1) && err.contains(&held) && err.contains("wait until that process has ended"), "{out}{err}");
    assert_eq!(out, "");
    assert_untouched(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_a_dead_operator_left_is_waited_for_and_an_operator_that_starts_meanwhile_waits() {
    let mut world = ready().await;
    world.kill_operator();
    let left = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": world.namespace, "namespace": "default"},
        "spec": {"holderIdentity": "gone", "leaseDurationSeconds": 2, "leaseTransitions": 1}});
    assert!(world.with_input(&["apply", "-f", "-"], &left.to_string()).0);
    let (code, out, err) = said(world.uninstall(&["--yes"]));
    assert!(code == Some(0) && out.ends_with("2 released, 0 left\n"), "{out}{err}");
    let lease = lease(&world).unwrap();
    assert_eq!((&lease["spec"]["holderIdentity"], &lease["spec"]["leaseTransitions"]), (&json!(""), &json!(2)));
    for (name, organization) in [("acme", "org_1"), ("other", "org_2")] {
        let resource = world.resource(name).unwrap();
        assert!(resource["metadata"]["finalizers"].is_null(), "{name}");
        assert_eq!(condition(&resource, "Ready").unwrap()["reason"], "Uninstalled", "{name}");
        assert_eq!(
            world.stored(organization)["policy"]["source"],
            "CUSTOM",
            "it keeps them unless it is told to revert"
        );
    }
    world.start_operator();
    eventually("the operator takes them up again", 60, || {
        let resource = world.resource("acme")?;
        (condition(&resource, "Ready")?["reason"] == "InSync").then_some(())
    });
}

#[test]
fn that_the_api_server_cannot_be_reached_is_an_error_to_a_person_and_a_line_of_the_log_of_a_job() {
    let folder = Folder::new();
    let nobody = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}]});
    folder.write("k", nobody.to_string());
    let uninstall = || {
        let mut command = lifeline::command(env!("CARGO_BIN_EXE_session-policy-operator"));
        command.args(["uninstall", "--yes", "--log-format", "json"]).env("KUBECONFIG", folder.path().join("k"));
        command
    };
    let why = "the resources can't be listed: the API server can't be reached: Connection refused";
    let screen = terminal::run_to_end(300, &uninstall());
    assert_eq!((screen.code, screen.text().trim()), (1, format!("error: {why}").as_str()));
    let (code, out, err) = said(uninstall().output().unwrap());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let line: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
    assert_eq!((&line["level"], &line["fields"]["error"]), (&json!("ERROR"), &json!(why)), "{err}");
}
