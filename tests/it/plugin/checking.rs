//! `osp check`, on the real API server and with the simulator.

use super::{Said, command, org, osp};
use crate::{
    cluster::{Cluster, eventually},
    world::{World, default_credentials},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A world in which the resource `acme` names the Secret `scalekit`.
async fn installed() -> World {
    with_a_policy(World::new().await)
}

/// The same in a cluster without the operators and admission policies of other tests.
async fn installed_alone() -> World {
    let mut world = World::on(Arc::new(Cluster::exclusive()), World::scalekit(json!({})).await);
    world.start_operator();
    with_a_policy(world)
}

fn with_a_policy(world: World) -> World {
    world.apply_secret("scalekit", "test_simulator");
    world.apply("acme", &org("org_1", ", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
    world
}

/// The names of the checks and how they ended.
fn checks(said: &Said) -> BTreeMap<String, String> {
    let report = said.plain_json();
    crate::schemas::assert_described("check", &report);
    let groups = report["groups"].as_array().unwrap().iter();
    let checks = groups.flat_map(|group| group["checks"].as_array().unwrap().clone());
    checks.map(|check| (text(&check["name"]), text(&check["status"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn check(world: &World, arguments: &[&str]) -> Said {
    osp(world, &[&["check", "--allow-http", "-o", "json"], arguments].concat())
}

/// How this check ended, and what it says.
fn one(said: &Said, name: &str) -> (String, String) {
    let report = said.plain_json();
    let all = report["groups"].as_array().unwrap().iter().flat_map(|group| group["checks"].as_array().unwrap());
    let mut found = all.filter(|check| check["name"] == name);
    let check = found.next_back().unwrap_or_else(|| panic!("no {name} in {}", said.out));
    (text(&check["status"]), text(&check["message"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_installation_that_works_everything_is_good_and_each_part_was_looked_at() {
    let world = installed_alone().await;
    world.admin("PATCH", "settings", &json!({"rate_limit": {"per_second": 1000, "burst": 1000, "reported": true}}));
    let before = world.writes();
    let said = check(&world, &[]);
    let mut checks = checks(&said);
    checks.remove("oldest-observation"); // by the machine's load
    let names: Vec<&str> = checks.keys().map(String::as_str).collect();
    let expected = [
        "address",
        "admission-policies",
        "api-server",
        "application-policy",
        "clock",
        "credentials",
        "definition",
        "environment-feature",
        "operator",
        "operator-version",
        "organizations",
        "permissions",
        "rate-limit",
        "session-policies",
        "tls",
        "token",
    ];
    assert_eq!(names, expected);
    assert!(checks.values().all(|status| status == "ok"), "{}", said.out);
    assert_eq!((said.code, said.plain_json()["ok"].clone()), (0, json!(true)));
    assert!(one(&said, "rate-limit").1.contains(" of 1000 requests are left"), "{}", said.out);
    assert!(one(&said, "organizations").1.ends_with("there are 3"), "{}", said.out);
    assert_eq!(world.writes(), before, "it writes nothing");

    let said = osp(&world, &["check", "--allow-http"]);
    assert!(said.out.contains("✓ token: Scalekit issued an access token"), "{}", said.out);
    assert!(said.lines().pop().unwrap().ends_with(" 0 failed"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_scalekit_fails_its_own_check_with_a_hint_and_a_page() {
    let world = installed().await;
    let fault = |path: &str, fault: Value| {
        world.admin("DELETE", "faults", &Value::Null);
        world.admin("POST", "faults", &json!({"path": path, "times": "forever", "fault": fault}));
    };
    let refuse = |status: u16| json!({"kind": "refuse", "status": status});
    fault("/api/v1/organizations", refuse(403));
    let said = check(&world, &[]);
    assert_eq!((said.code, one(&said, "organizations").0.as_str()), (1, "failed"), "{}", said.out);
    assert!(said.out.contains("give the client the permission organizations:read"), "{}", said.out);
    assert!(said.out.contains("docs/check.md#organizations"), "{}", said.out);
    assert_eq!(one(&said, "session-policies").0, "warning", "no organization was read");

    fault("/api/v1/features", refuse(403));
    assert_eq!(one(&check(&world, &[]), "environment-feature").0, "ok", "the permission is not needed");
    fault("/api/v1/organizations", {
        let page = json!({"organizations": [{"id": "org_1"}], "total_size": 1});
        json!({"kind": "answer", "body": {"json": page}, "headers": {"date": "Fri, 02 Jan 2026 00:00:00 GMT"}})
    });
    let said = check(&world, &[]);
    assert_eq!((said.code, one(&said, "clock").0.as_str()), (0, "warning"), "{}", said.out);

    world.admin("DELETE", "faults", &Value::Null);
    world.admin("PATCH", "settings", &json!({"gate": {"mode": "environment"}}));
    let said = check(&world, &[]);
    for name in ["application-policy", "environment-feature"] {
        assert_eq!(one(&said, name).0, "failed", "{}", said.out);
    }
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    let said = check(&world, &[]);
    assert_eq!([one(&said, "tls").0, one(&said, "token").0], ["ok", "failed"], "{}", said.out);
    assert!(!checks(&said).contains_key("organizations"), "without a token nothing is asked");
    assert_eq!(one(&osp(&world, &["check", "-o", "json"]), "credentials").0, "failed", "http is not allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_operator_secret_or_permission_is_named() {
    let mut world = installed_alone().await;
    assert!(world.stop_operator(30));
    world.kubectl(&["delete", "secret", "scalekit"]);
    let said = check(&world, &[]);
    assert_eq!(said.code, 1);
    for (name, message) in [("operator", "nobody holds default/"), ("credentials", "Secret scalekit: not there")] {
        let (status, said) = one(&said, name);
        assert!(status == "failed" && said.contains(message), "{name}: {said}");
    }
    let said = check(&world, &["--as", "limited"]);
    assert_eq!(one(&said, "permissions").0, "failed", "{}", said.out);
    assert!(one(&said, "permissions").1.contains("list organizationsessionpolicies"), "{}", said.out);
    assert_eq!(one(&said, "operator").0, "warning", "Leases may not be listed: {}", said.out);

    let said = check(&world, &["--as", "system:serviceaccount:default:nobody"]);
    let missing = one(&said, "operator-permissions").1;
    for right in ["watch organizationsessionpolicies", "patch organizationsessionpolicies/status", "get secrets"] {
        assert!(missing.contains(right), "{missing}");
    }
    let (status, missing) = one(&said, "lease-permissions");
    let named = ["get leases nobody", "create leases", "update leases nobody", "list leases"].join(", ");
    assert!(status == "failed" && missing.ends_with(&named), "{missing}");
    let namespace = &world.namespace;
    let lease = ["create", "role", "lease", "--verb=get,update", "--resource=leases", "--resource-name=own"];
    world.kubectl(&lease);
    world.kubectl(&["create", "role", "create", "--verb=create,list", "--resource=leases"]);
    for role in ["lease", "create"] {
        let account = format!("--serviceaccount={namespace}:account");
        world.kubectl(&["create", "rolebinding", role, &format!("--role={role}"), &account]);
    }
    let account = format!("system:serviceaccount:{namespace}:account");
    let said = check(&world, &["--as", &account]);
    let missing = one(&said, "lease-permissions").1;
    assert!(missing.ends_with(": get leases account, update leases account"), "{missing}");
    let said = check(&world, &["--as", &account, "--lease-name", "own"]);
    assert_eq!(one(&said, "lease-permissions").0, "ok", "{}", said.out);

    let said = check(&world, &["--pre"]);
    assert_eq!([one(&said, "install-permissions").0, one(&said, "api-server").0], ["ok", "ok"], "{}", said.out);
    let said = check(&world, &["--pre", "--as", "limited"]);
    assert_eq!(one(&said, "install-permissions").0, "failed");
    for plural in crate::chart::created() {
        for verb in ["get", "create"] {
            assert!(said.out.contains(&format!("{verb} {plural}")), "the chart creates {plural}: {}", said.out);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_that_work_for_the_same_resources_are_named() {
    let world = installed().await;
    let check = || one(&check(&world, &[]), "operator");
    eventually("its lease", 30, || (check().0 == "ok").then_some(()));
    let another = |watched: &str| {
        let name = ("app.kubernetes.io/name", "session-policy-operator");
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "another",
            "namespace": world.namespace, "labels": {name.0: name.1}, "annotations": {"scalekit.com/watched-namespaces": watched}},
            "spec": {"holderIdentity": "another-0", "leaseDurationSeconds": 3600,
                "renewTime": format!("{:.6}", jiff::Timestamp::now())}});
        let (applied, said) = world.cluster.with_input(&["apply", "-f", "-"], &lease.to_string());
        assert!(applied, "{said}");
        check()
    };
    let before = |namespace: &str| -> Said {
        let mut command = command(&world.cluster, "admin", None);
        command.args(["check", "--pre", "-n", namespace]).output().unwrap().into()
    };
    let works = format!("! operator: the holder of default/{0} works for {0} already", world.namespace);
    let said = before(&world.namespace);
    assert!(said.code == 0 && said.out.contains(&works), "another release would work beside it: {}", said.out);
    assert!(!before("kube-system").out.contains(&works), "that one has namespaces of its own");
    assert_eq!(another("elsewhere").0, "ok");
    for watched in ["*", &format!("elsewhere,{}", world.namespace)] {
        let (status, said) = another(watched);
        let both = [format!("default/{}", world.namespace), format!("{}/another", world.namespace)];
        assert!(status == "failed" && both.iter().all(|lease| said.contains(lease)), "{watched}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_the_credentials_of_a_pipeline_are_checked() {
    let world = World::without_operator(json!({})).await;
    let run = |credentials: bool, more: &[&str]| -> Said {
        let mut command = command(&world.cluster, "admin", None);
        command.env("KUBECONFIG", "/dev/null").args(["check", "--allow-http", "-o", "json"]).args(more);
        let url = world.simulator.base_url();
        command.envs(default_credentials(&url).into_iter().filter(|_| credentials));
        command.output().unwrap().into()
    };
    let said = run(true, &[]);
    assert_eq!((said.code, one(&said, "api-server").0.as_str()), (0, "warning"), "{}", said.out);
    assert_eq!(one(&said, "session-policies").0, "ok", "{}", said.out);
    let said = run(false, &[]);
    assert_eq!((said.code, one(&said, "api-server").0.as_str()), (1, "failed"), "{}", said.out);
    let said = run(true, &["--proxy", "user:hunter2@proxy:3128"]);
    assert!(said.out.contains("correct --proxy") && !said.out.contains("hunter2"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_operator_that_is_there_one_that_is_gone_is_named() {
    let mut world = installed_alone().await;
    let named = format!("nobody holds {}/forged", world.namespace);
    // by somebody who may write Leases in the namespace, and does not renew it
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "forged", "namespace": world.namespace, "labels": {"app.kubernetes.io/name": "session-policy-operator"},
            "annotations": {"scalekit.com/watched-namespaces": world.namespace}},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": i32::MAX, "renewTime": "2090-01-01T00:00:00.000000Z"}});
    assert!(world.with_input(&["apply", "-f", "-"], &lease.to_string()).0);
    let said = check(&world, &[]);
    assert!(said.code == 0 && said.out.contains(&named), "{}", said.out);
    assert!(world.stop_operator(30));
    let said = check(&world, &[]);
    let gone = format!("nobody holds default/{}", world.namespace);
    assert_eq!((said.code, one(&said, "operator").0.as_str()), (1, "failed"), "{}", said.out);
    assert!(
        said.out.contains(&named) && said.out.contains(&gone),
        "a Lease that nobody renews is of nobody: {}",
        said.out
    );
}
