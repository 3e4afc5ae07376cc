//! What `status` and `version` say of the operator, by its Lease.

use super::{Said, command, org, osp};
use crate::{
    cluster::eventually,
    world::{World, condition, default_credentials},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

fn lease(world: &World) -> Option<Value> {
    world.cluster.get("default", &format!("lease/{}", world.namespace))
}

fn annotation(world: &World, name: &str) -> Option<String> {
    let lease = lease(world)?;
    lease["metadata"]["annotations"][format!("scalekit.com/{name}")].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_says_who_watches_what_and_how_old_the_oldest_observation_is() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--resync-interval", "90m"];
    world.start_operator();
    eventually("a lease", 30, || lease(&world));
    assert_eq!(annotation(&world, "oldest-observation"), None, "there is no resource");
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    let first = eventually("an observation", 30, || annotation(&world, "oldest-observation"));
    assert_eq!(annotation(&world, "watched-namespaces"), Some(world.namespace.clone()));
    assert_eq!(annotation(&world, "resync-interval").as_deref(), Some("90m"));
    assert_eq!(annotation(&world, "operator-version").as_deref(), Some(env!("CARGO_PKG_VERSION")));

    let next = osp(&world, &["explain", "acme"]).lines().join(" ");
    assert!(next.contains("Next reconcile within 90 minutes (the operator's interval)"), "{next}");

    // another process has not read it, and says when the one before did
    assert!(world.stop_operator(30));
    world.start_operator();
    eventually("the next holder", 30, || {
        let lease = lease(&world)?;
        (lease["spec"]["leaseTransitions"] == 1 && lease["spec"]["holderIdentity"] != "").then_some(())
    });
    assert_eq!(annotation(&world, "oldest-observation"), Some(first.clone()));
    assert!(osp(&world, &["reconcile", "acme"]).code == 0);
    eventually("a later observation", 30, || annotation(&world, "oldest-observation").filter(|at| *at > first));
    let acme = world.resource("acme").unwrap();
    assert_eq!(condition(&acme, "Ready").unwrap()["observedGeneration"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_says_whether_an_operator_is_there_that_keeps_it() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    eventually("an observation", 30, || annotation(&world, "oldest-observation"));
    let said = osp(&world, &["status"]);
    let last = said.lines().pop().unwrap();
    let alive = format!("Operator {} of default/{} last seen ", env!("CARGO_PKG_VERSION"), world.namespace);
    assert!(last.starts_with(&alive) && last.contains("s ago, oldest observation "), "{}", said.out);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let operators = osp(&world, &["status", "-o", "json"]).json()["operators"].clone();
    assert_eq!((&operators[0]["alive"], &operators[0]["lease"]), (&json!(true), &json!(world.namespace)));
    assert_eq!(operators[0]["watchedNamespaces"], json!([world.namespace]));
    assert!(operators[0]["oldestObservationSeconds"].is_u64(), "{operators}");

    assert!(world.stop_operator(30));
    let said = osp(&world, &["status"]);
    assert!(said.out.contains("True InSync"), "the resource looks as it did: {}", said.out);
    let gone = format!("No operator is there: default/{} was last seen ", world.namespace);
    assert!(said.lines().pop().unwrap().starts_with(&gone), "{}", said.out);
    assert_eq!(said.code, 2, "{}", said.out);
    assert_eq!(osp(&world, &["status", "-o", "json"]).json()["operators"][0]["alive"], false);

    let explained = osp(&world, &["explain", "acme"]);
    assert!(explained.out.starts_with("acme was Ready: InSync\n") && explained.code == 2, "{}", explained.out);
    assert!(explained.lines().contains(&"Next reconcile none before an operator runs again".to_owned()));
    assert!(explained.lines().pop().unwrap().starts_with(&gone), "{}", explained.out);
    let diff = osp(&world, &["diff", "acme"]);
    assert!(diff.out.starts_with("= acme (org_1, Enforce): was as declared\n") && diff.code == 2, "{}", diff.out);
    assert!(diff.out.contains("Nothing differed at the operator's last report.\n") && diff.out.contains(&gone));
    assert_eq!(osp(&world, &["diff", "acme", "-o", "json"]).json()["operators"][0]["alive"], false);
    for (verb, code) in [(&["history", "acme"][..], 0), (&["reconcile", "acme", "--timeout", "1s"], 1)] {
        let said = osp(&world, verb);
        assert!(said.err.starts_with(&format!("warning: {gone}")) && said.code == code, "{verb:?}: {}", said.err);
    }

    world.cluster.ok(&["delete", "lease", &world.namespace]);
    let said = osp(&world, &["status"]);
    assert!(said.out.contains("No Lease of an operator that watches"), "{}", said.out);
    assert_eq!(said.code, 0, "it may run without one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_live_now_is_told_without_an_operator_and_what_nobody_writes_is_not_said_to_be_written() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    assert!(world.stop_operator(30));
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec": {"interval": "1h"}}"#]);
    let live = || {
        let mut command = command(&world.cluster, "admin", None);
        command
            .args(["diff", "acme", "-n", &world.namespace, "--allow-http"])
            .envs(default_credentials(&world.simulator.base_url()));
        Said::from(command.output().unwrap())
    };
    let same = live();
    assert!(same.out.contains("as declared\n") && same.out.contains("Nothing differs.\n"), "{}", same.out);
    assert_eq!(same.code, 0, "{}", same.out);
    let looser = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 1440, "idle_enabled": false}});
    world.admin("PATCH", "organizations/org_1", &looser);
    let differs = live();
    let sentences = differs.lines().join(" ");
    assert!(sentences.contains("Nothing is written before an operator runs again."), "{}", differs.out);
    assert!(sentences.contains("No operator is there: ") && !sentences.contains("may be old"), "{}", differs.out);
    assert!(!differs.out.contains("the operator writes") && differs.code == 2, "{}", differs.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_says_that_the_operator_is_gone_and_that_one_is_there_again() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    assert!(world.stop_operator(30));
    let mut command = command(&world.cluster, "admin", None);
    command.args(["status", "-w", "-o", "json", "-n", &world.namespace]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let gone = said.next().unwrap().unwrap();
    assert!(gone.starts_with("warning: No operator is there: "), "{gone}");
    world.start_operator();
    assert_eq!(said.next().unwrap().unwrap(), "an operator is there again");
    child.kill().unwrap();
    child.wait().unwrap();
    let first = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    crate::schemas::assert_described("status", &first);
    assert_eq!(first["items"][0]["name"], "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_versions_are_those_of_osp_of_the_operator_and_of_the_definition() {
    let world = World::new().await;
    let lease = world.namespace.clone();
    eventually("a lease", 30, || self::lease(&world));
    let version = env!("CARGO_PKG_VERSION");
    let versions = osp(&world, &["version", "-o", "json"]).plain_json();
    assert_eq!(versions["client"]["version"], version);
    assert_eq!(versions["definition"], json!({"group": "scalekit.com", "versions": ["v1alpha1"]}));
    let operators = versions["operators"].as_array().unwrap();
    let own = operators.iter().find(|operator| operator["lease"] == *lease).unwrap();
    assert_eq!((&own["version"], &own["alive"]), (&json!(version), &json!(true)));
    let said = osp(&world, &["version"]);
    for line in [format!("Client {version}"), "Definition v1alpha1".to_owned()] {
        assert!(said.lines().contains(&line), "no {line} in {}", said.out);
    }
    assert!(said.lines().iter().any(|line| line.starts_with(&format!("Operator {version} (default/{lease}, last"))));
    let said = osp(&world, &["version", "--client", "-o", "yaml"]);
    assert!(said.code == 0 && said.out.contains(&format!("version: \"{version}\"")), "{}", said.out);
}
