//! From `helm install` to `helm uninstall` on a real API server, as docs/install.md and docs/uninstall.md say.

use super::{
    CHART, NAMESPACE, find, helm,
    install::{Install, NAME, RELEASE},
    merged, render,
};
use crate::{
    authority::Authority,
    cluster::{Cluster, eventually},
    pictures::page,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};
use std::{sync::Arc, thread};

const CRD: &str = "crd/organizationsessionpolicies.scalekit.com";

fn spec(rest: &str) -> String {
    format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// A world on a server of its own without our definition, with the default credentials in a Secret where
/// the operator will be.
async fn world() -> World {
    let world = World::on(Arc::new(Cluster::without_definition()), World::scalekit(json!({})).await);
    world.cluster.ok(&["create", "namespace", NAMESPACE]);
    let url = format!("--from-literal=SCALEKIT_ENVIRONMENT_URL={}", world.simulator.base_url());
    let id = "--from-literal=SCALEKIT_CLIENT_ID=skc_simulator";
    let secret = "--from-literal=SCALEKIT_CLIENT_SECRET=test_simulator";
    world.cluster.ok(&["-n", NAMESPACE, "create", "secret", "generic", "scalekit", &url, id, secret]);
    world
}

fn mounted() -> Value {
    json!({"defaultCredentials": {"existingSecret": "scalekit"}})
}

/// The chart as it was at first, of commit 2bba875: its definition lacks fields and names of today's, its Role has all Leases
/// of the namespace, and values of today are not there. No release was ever made, so this is the longest way there is. What
/// runs is today's operator under either; of the operator of that commit nothing is shown.
const FIRST_CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/first");

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_from_the_first_chart_brings_the_new_definition_and_keeps_every_policy() {
    let world = world().await;
    let (mut install, notes) = Install::of_chart(FIRST_CHART, &world, &mounted());
    assert!(notes.contains("works for all namespaces"), "{notes}");
    let has_written = |world: &World| {
        let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/written";
        world.cluster.get("", CRD).unwrap().pointer(status).is_some()
    };
    assert!(!has_written(&world));
    install.start();
    assert_eq!(world.count(""), 0, "no probe asks Scalekit anything");
    world.apply("acme", &spec(""));
    // today's operator has to note what it is about to write, for which the first definition has no field
    let before = world.until("acme", "Unknown", "Progressing");
    assert_eq!(world.policies("org_1").len(), 0);

    install.upgrade(&json!({"operator": {"resyncInterval": "3s"}}));
    assert!(has_written(&world));
    world.until("acme", "True", "InSync");
    install.stop();
    install.start();
    world.until_reconciled(1);
    let after = world.until("acme", "True", "InSync");
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(world.policies("org_1").len(), 1, "nothing is written again");

    let stored = |world: &World| world.resource("acme").unwrap()["status"]["written"].clone();
    world.apply("acme", &spec("").replace("absoluteSessionTimeout: 8,", "absoluteSessionTimeout: 4,"));
    world.until("acme", "True", "InSync"); // before it, this may still be what was written for the 8 hours
    install.stop(); // nobody writes a status from now on
    let written = stored(&world);
    assert!(!written.is_null());
    install.try_upgrade(FIRST_CHART, &json!({"crds": {"install": false}})).unwrap();
    world.kubectl(&["annotate", "osp", "acme", "a=b"]); // a write, with which an older definition drops what it lacks
    assert!(has_written(&world) && stored(&world) == written, "the way back that docs/upgrade.md has loses nothing");

    install.upgrade(&json!({"crds": {"install": true}})); // forward again
    assert_eq!(stored(&world), written);
    install.roll_back("1");
    world.kubectl(&["annotate", "osp", "acme", "a=c", "--overwrite"]);
    assert!(!has_written(&world));
    eventually("the field that a rollback loses", 30, || stored(&world).is_null().then_some(()));
    let reuse = ["upgrade", RELEASE, CHART, "--reuse-values", "-n", NAMESPACE];
    let said = helm(&reuse, &json!({}), Some(&world.cluster.kubeconfig("admin"))).unwrap_err();
    assert!(
        said.contains("missing property 'dnsPorts'"),
        "values of an older chart lack some, and Helm says which: {said}"
    );
    assert_eq!(world.resource("acme").unwrap()["metadata"]["uid"], after["metadata"]["uid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstall_with_resources_left_ends_and_keeps_them_and_another_install_takes_them_up() {
    let world = world().await;
    let (mut install, _) = Install::new(&world, &mounted());
    install.start();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let said = install.uninstall();
    install.stop();
    assert!(said.contains("kept due to the resource policy") && said.contains("organizationsessionpolicies"), "{said}");
    assert!(world.cluster.get(NAMESPACE, &format!("deployment/{NAME}")).is_none());
    assert!(world.resource("acme").is_some());
    assert_eq!(world.stored("org_1")["policy"]["source"], "CUSTOM");

    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    assert!(world.resource("acme").is_some(), "nobody is there to revert it");
    install.again(CHART);
    install.start();
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_order_removes_everything_and_nothing_hangs() {
    let world = world().await;
    let (mut install, notes) = Install::new(&world, &mounted());
    assert!(notes.contains("--set uninstall.enabled=true"), "{notes}");
    install.start();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");

    world.cluster.ok(&["-n", NAMESPACE, "scale", &format!("deployment/{NAME}"), "--replicas=0"]);
    install.stop();
    let revert = |revision: u8| json!({"uninstall": {"enabled": true, "policies": "revert", "revision": revision}});
    let notes = install.upgrade(&revert(2));
    let job = format!("job/{NAME}-uninstall-2");
    assert!(notes.contains(&job) && world.cluster.get(NAMESPACE, &job).is_some(), "{notes}");
    let output = install.run_job();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.ends_with("1 released, 0 left\n"), "{said}");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");

    let said = install.try_upgrade(CHART, &json!({"podLabels": {"a": "b"}})).unwrap_err();
    assert!(said.contains("add --set uninstall.revision=3"), "a later upgrade reverts nothing by itself: {said}");
    over(&world, &job, ["SuccessCriteriaMet", "Complete"]);
    let said = install.try_upgrade(CHART, &revert(3)).unwrap_err();
    assert!(said.contains("has released everything already"), "{said}");
    let back = json!({"uninstall": {"enabled": false, "policies": "keep"}});
    install.upgrade(&back);
    assert_eq!(world.cluster.get(NAMESPACE, &format!("deployment/{NAME}")).unwrap()["spec"]["replicas"], 2);
    install.uninstall();
    world.cluster.ok(&["delete", CRD, "--timeout=60s"]);
    assert!(world.resource("acme").is_none());
}

/// Says of a Job what its controller would say.
fn over(world: &World, job: &str, conditions: [&str; 2]) {
    let now = "2026-01-01T00:00:00Z";
    let condition = |name: &str| json!({"type": name, "status": "True", "lastTransitionTime": now});
    let mut status = json!({"startTime": now, "uncountedTerminatedPods": {}, "conditions": conditions.map(condition)});
    if conditions.contains(&"Complete") {
        status["succeeded"] = json!(1);
        status["completionTime"] = json!(now);
    } else {
        status["failed"] = json!(1);
    }
    let patch = json!({"status": status}).to_string();
    world.cluster.ok(&["-n", NAMESPACE, "patch", job, "--subresource=status", "--type=merge", "-p", &patch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_hook_the_job_runs_within_helm_uninstall_and_if_it_fails_nothing_is_removed() {
    let world = world().await;
    let (mut install, _) = Install::new(&world, &mounted());
    install.start();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    install.stop();
    let values = json!({"uninstall": {"enabled": true, "hook": true, "policies": "revert", "revision": 2}});
    let notes = install.upgrade(&values);
    assert!(notes.contains(&format!("uninstall {RELEASE} --timeout=15m")), "{notes}");
    let job = format!("job/{NAME}-uninstall-2");
    assert!(world.cluster.get(NAMESPACE, &job).is_none(), "not before the release is uninstalled");

    let secret_is = |secret: &str| {
        world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": secret}));
    };
    secret_is("another"); // so no policy can be reverted
    let within_uninstall = |conditions: [&str; 2]| {
        thread::scope(|scope| {
            let uninstall = scope.spawn(|| install.try_uninstall());
            let hook = eventually("the hook", 60, || world.cluster.get(NAMESPACE, &job));
            let output = install.run(&hook);
            over(&world, &job, conditions);
            (output, uninstall.join().unwrap())
        })
    };
    let (output, said) = within_uninstall(["FailureTarget", "Failed"]);
    assert!(!output.status.success());
    let said = said.unwrap_err();
    assert!(said.contains("uninstall-2 failed"), "{said}");
    assert!(world.cluster.get(NAMESPACE, &format!("deployment/{NAME}")).is_some() && world.resource("acme").is_some());
    let back = json!({"uninstall": {"enabled": false, "hook": false, "policies": "keep"}});
    let said = install.try_upgrade(CHART, &back).unwrap_err();
    assert!(said.contains("has no deployed releases"), "{said}");
    let replicas = || world.cluster.get(NAMESPACE, &format!("deployment/{NAME}")).unwrap()["spec"]["replicas"].clone();
    world.cluster.ok(&["-n", NAMESPACE, "delete", &job]); // it may still run, and must not be found below
    install.roll_back("1");
    assert_eq!(replicas(), 2, "the way back to a running operator that docs/uninstall.md has");
    install.roll_back("2");
    assert_eq!(replicas(), 0);

    secret_is("test_simulator");
    let (output, said) = within_uninstall(["SuccessCriteriaMet", "Complete"]);
    let released = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && released.ends_with("1 released, 0 left\n"), "{released}");
    said.unwrap();
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert!(world.cluster.get(NAMESPACE, &format!("deployment/{NAME}")).is_none());
    assert!(world.cluster.get(NAMESPACE, &job).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_in_a_config_map_is_trusted() {
    let (world, authority) = (world().await, Authority::new("chart"));
    let kubectl = |arguments: &[&str]| world.cluster.ok(&[&["-n", NAMESPACE], arguments].concat());
    kubectl(&["create", "configmap", "authorities", &format!("--from-file=ca.crt={}", authority.file("ca.pem"))]);
    let url = authority.front(world.simulator.address()).await;
    let patch = json!({"stringData": {"SCALEKIT_ENVIRONMENT_URL": url}}).to_string();
    kubectl(&["patch", "secret", "scalekit", "-p", &patch]);
    let trusting = json!({"trustedCA": {"configMap": "authorities"}, "extraArgs": []});
    let (mut install, _) = Install::new(&world, &merged(&mounted(), &trusting));
    install.start();
    world.apply("acme", &spec(""));
    let acme = world.until("acme", "True", "InSync");
    assert_eq!(acme["status"]["environment"], url.trim_start_matches("https://"));
}

#[test]
fn the_alerts_of_the_chart_are_those_of_the_file_for_its_own_namespace_and_job() {
    let objects = render(&json!({"networkPolicy": {"metricsFrom": [{"podSelector": {}}]},
        "metrics": {"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}}));
    let rule = find(&objects, "PrometheusRule/session-policy-operator").unwrap();
    let own = format!("namespace=\"{NAMESPACE}\",job=\"session-policy-operator-metrics\"");
    let file = page("deploy/chart/files/alerts.yaml");
    assert!(file.contains("job=\"session-policy-operator-metrics\""));
    let file: Value = serde_yaml::from_str(&file.replace("job=\"session-policy-operator-metrics\"", &own)).unwrap();
    assert_eq!(rule["spec"], file);
}

#[test]
fn the_dashboard_of_the_chart_is_that_of_the_file() {
    let objects = render(&json!({"metrics": {"dashboard": {"enabled": true}}}));
    let map = find(&objects, "ConfigMap/session-policy-operator-dashboard").unwrap();
    let shown = map["data"]["session-policy-operator.json"].as_str().unwrap();
    assert_eq!(shown.trim_end(), page("deploy/chart/files/dashboard.json").trim_end());
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}

#[test]
fn the_pages_about_install_and_uninstall_name_only_values_that_the_chart_has() {
    let values: Value = serde_yaml::from_str(&page("deploy/chart/values.yaml")).unwrap();
    let install = page("docs/install.md") + &page("docs/uninstall.md");
    let named: Vec<_> =
        install.split("--set ").skip(1).filter_map(|rest| rest.trim_start_matches('\'').split('=').next()).collect();
    assert!(!named.is_empty());
    for name in named {
        let path = format!("/{}", name.replace('.', "/"));
        assert!(values.pointer(&path).is_some(), "{name} is set, and the chart has no such value");
    }
}
