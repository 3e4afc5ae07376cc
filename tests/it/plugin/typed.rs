//! Flags as people type them for kubectl, before and after the verb, on the real API server.

use super::{Said, command, org, osp};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    thread,
};

/// Two policies that no operator reconciles, `acme` with a label.
async fn two() -> World {
    let world = World::without_operator(json!({})).await;
    world.apply("acme", &org("org_1", ""));
    world.apply("other", &org("org_2", ""));
    world.kubectl(&["label", "osp", "acme", "team=core"]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_to_the_api_server_is_a_line_with_v() {
    let world = two().await;
    assert_eq!(osp(&world, &["status"]).err, "");
    let said = osp(&world, &["status", "-v"]);
    let path = format!("uri=/apis/scalekit.com/v1alpha1/namespaces/{}/organizationsessionpolicies", world.namespace);
    let is_told = |line: &str| ["method=GET", &path, "status=200", "ms="].iter().all(|part| line.contains(part));
    assert!(said.err.lines().any(is_told), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_has_yaml_too() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    let yaml: Value = serde_yaml::from_str(&osp(&world, &["diff", "acme", "-o", "yaml"]).out).unwrap();
    assert_eq!(yaml, osp(&world, &["diff", "acme", "-o", "json"]).json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_selected_as_with_kubectl() {
    let world = two().await;
    let run = |line: &str| {
        let line = line.replace("NS", &world.namespace);
        let mut command = command(&world.cluster, "admin", None);
        Said::from(command.args(line.split(' ')).output().unwrap())
    };
    let names = |said: &Said| {
        let mut names: Vec<String> = said.out.lines().map(str::to_owned).collect();
        names.sort();
        names.join(" ").replace("organizationsessionpolicy.scalekit.com/", "")
    };
    for (line, expected) in [
        ("status -n NS -o name", "acme other"),
        ("-n NS status -o name", "acme other"),
        ("--namespace=NS status --output=name", "acme other"),
        ("-nNS status -oname", "acme other"),
        ("-o name -n NS status", "acme other"),
        ("status -n NS -o name acme", "acme"),
        ("status -n NS -o name osp/acme other", "acme other"),
        ("status -n NS -o name organizationsessionpolicy.scalekit.com/other", "other"),
        ("status -n NS -o name -l team=core", "acme"),
        ("status -n NS -o name --selector team!=core", "other"),
        ("status -n NS -o name --all", "acme other"),
        ("status -n NS -A -o name -l team=nobody-has-this", ""),
        ("status -n NS -o name --as=admin --as-group=system:masters", "acme other"),
        ("status -n NS -o name --request-timeout=30", "acme other"),
    ] {
        let said = run(line);
        assert_eq!(names(&said), expected, "osp {line}: {}", said.err);
    }
    let everywhere = run("-A status -o name");
    assert!(everywhere.out.contains("/acme\n"), "{}", everywhere.err);
    assert_eq!(run("status -n NS --as nobody").err.lines().count(), 1);
    assert!(run("status -n NS --as nobody").err.contains("you may not list"));
    for (line, head) in
        [("status -n NS -o wide", "NAME "), ("status -n NS -o yaml", "items:\n"), ("status -n NS -o json", "{")]
    {
        assert!(run(line).out.starts_with(head), "{line}");
    }
    for line in ["suspend -n NS acme osp/other", "resume -n NS --all", "suspend -n NS -l team=core"] {
        let said = run(line);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{line}");
    }
    let suspended = |name: &str| world.resource(name).unwrap()["spec"]["suspend"] == true;
    assert!(suspended("acme") && !suspended("other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_works_on_the_resources_of_all_namespaces() {
    let (one, other) = (two().await, two().await);
    let said = osp(&one, &["suspend", "-A", "-l", "team=core"]);
    assert!(said.code == 1 && said.err.contains("--namespace"), "{}", said.err);
    one.kubectl(&["label", "osp", "acme", "batch=x"]);
    other.kubectl(&["label", "osp", "other", "batch=x"]);
    let mut command = command(&one.cluster, "admin", None);
    let said = Said::from(command.args(["suspend", "-A", "-l", "batch=x"]).output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    for (world, name) in [(&one, "acme"), (&other, "other")] {
        assert_eq!(world.resource(name).unwrap()["spec"]["suspend"], true);
        let place = format!("{name} in namespace {} is suspended", world.namespace);
        assert!(said.lines().join(" ").contains(&place), "{place}\n{}", said.out);
        assert!(said.lines().join(" ").contains(&format!("osp resume {name} -n {}", world.namespace)), "{}", said.out);
    }
}

/// What is behind `?` or `%` in a URL would ask for something else, and the answer would be about the policy.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_or_namespace_that_there_can_not_be_is_called_that_and_nothing_is_sent() {
    let world = two().await;
    for name in ["acme?dryRun=All", "acme%2Fstatus", "osp/", "", "acme/status"] {
        for verb in ["status", "diff", "explain", "history", "reconcile", "suspend", "resume"] {
            let said = osp(&world, &[verb, name]);
            assert!(said.code == 1 && said.err.contains("invalid value"), "{verb} {name:?}: {}", said.err);
        }
    }
    let run = |arguments: &[&str]| Said::from(command(&world.cluster, "admin", None).args(arguments).output().unwrap());
    for namespace in ["a/b", "../default", "a?b", " ", "Customers"] {
        for verb in ["status", "version"] {
            let said = run(&[verb, "-n", namespace]);
            assert!(said.code == 1 && said.err.contains("there can be no namespace"), "{namespace:?}: {}", said.err);
        }
    }
    let (all, empty) = (run(&["status", "-A", "-o", "name"]), run(&["status", "-n", "", "-o", "name"]));
    assert!(all.out.contains("/acme\n") && !empty.out.contains("/acme\n"), "the context's, not all: {}", empty.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_the_table_and_then_a_line_for_each_change() {
    let world = two().await;
    let mut command = command(&world.cluster, "admin", None);
    let mut child = command.args(["status", "-w", "-n", &world.namespace]).stdout(Stdio::piped()).spawn().unwrap();
    let (send, lines) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = thread::spawn(move || output.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
    let mut seen = Vec::new();
    let mut until = |part: &str| {
        eventually(part, 60, || {
            seen.extend(lines.try_iter());
            seen.iter().any(|line: &String| line.contains(part)).then_some(())
        });
        std::mem::take(&mut seen)
    };
    let table = until("other");
    assert!(table[0].starts_with("NAME "), "{table:?}");
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec": {"mode": "Observe"}}"#]);
    let changed = until("Observe");
    assert!(changed.iter().all(|line| line.starts_with("acme ")), "only what changed: {changed:?}");
    world.apply("third", &org("org_3", ""));
    let added = until("third");
    assert_eq!(added.len(), 1, "{added:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(lines);
    reader.join().unwrap();
}

/// A name of 253 characters is valid, and so is what the operator does for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_name_has_events_and_a_finalizer_with_a_manager() {
    let world = World::new().await;
    let name = "a".repeat(253);
    world.apply(&name, &org("org_1", ""));
    let resource = world.until(&name, "True", "InSync");
    assert_eq!(condition(&resource, "Synced").unwrap()["status"], "True");
    let events = || -> Value {
        let listed = world.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
        serde_json::from_str(&listed).unwrap()
    };
    eventually("an event", 60, || {
        let events = events();
        let about =
            |event: &Value| event["regarding"]["name"] == json!(name) || event["involvedObject"]["name"] == json!(name);
        events["items"].as_array().unwrap().iter().any(about).then_some(())
    });
    let shown = world.kubectl(&["get", "osp", &name, "-o", "json", "--show-managed-fields"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let managers = shown["metadata"]["managedFields"].as_array().unwrap();
    let finalizers = managers.iter().find(|entry| entry["fieldsV1"]["f:metadata"].get("f:finalizers").is_some());
    assert_eq!(finalizers.unwrap()["manager"], "session-policy-operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_when_nobody_reads_it_any_more_also_without_a_change() {
    let world = two().await;
    let mut command = command(&world.cluster, "admin", None);
    let mut child = command.args(["status", "-w", "-n", &world.namespace]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("NAME "), "{line}");
    let ended = eventually("the end of the watch", 30, || child.try_wait().unwrap());
    assert!(ended.success(), "as of any program before `head`: {ended}");
}
