//! The operator has exactly the permissions that it uses: what its ServiceAccount is granted by the
//! chart is compared with what the API server's audit log says that it did.

use super::{
    CHART, NAMESPACE, helm,
    install::{Install, NAME},
    with_image,
};
use crate::{
    cluster::{Cluster, cluster, eventually},
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, process::Command, sync::Arc};

/// Group, resource with its subresource, and verb.
type Kind = (String, String, String);

/// What may be done, or was: to the object of this name, or to any.
type Right = (Kind, Option<String>);

/// The rights that one binding gives.
struct Binding {
    /// `None`: everywhere.
    namespace: Option<String>,
    name: String,
    rights: BTreeSet<Right>,
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn rights(role: &Value) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = texts(&rule["resourceNames"]);
        let names = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let kind = (group.clone(), resource.clone(), verb);
                    rights.extend(names.iter().map(|name| (kind.clone(), name.clone())));
                }
            }
        }
    }
    rights
}

/// Whether `right` is enough for what was done.
fn covers(right: &Right, done: &Right) -> bool {
    right.0 == done.0 && (right.1.is_none() || right.1 == done.1)
}

/// All bindings of the ServiceAccount in the API server.
fn bindings(cluster: &Cluster) -> Vec<Binding> {
    let all = cluster.ok(&["get", "clusterrolebindings,rolebindings", "-A", "-o", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    let ours = |binding: &&Value| {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        subjects.into_iter().any(|to| to["kind"] == "ServiceAccount" && to["name"] == NAME)
    };
    let read = |binding: &Value| {
        let namespace = binding["metadata"]["namespace"].as_str().map(str::to_owned);
        let role = &binding["roleRef"];
        let name = format!("{}/{}", role["kind"].as_str().unwrap(), role["name"].as_str().unwrap());
        let role = cluster.get(namespace.as_deref().unwrap_or_default(), &name).unwrap();
        Binding { namespace, name, rights: rights(&role) }
    };
    all["items"].as_array().unwrap().iter().filter(ours).map(read).collect()
}

/// What the ServiceAccount asked for: the namespace, the right it needs, and whether it has it.
fn requests(cluster: &Cluster) -> BTreeSet<(String, Right, bool)> {
    let log = fs::read_to_string(cluster.kubeconfig("admin").with_file_name("audit.log")).unwrap();
    let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n')); // the last one may be half written
    let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ours = format!("system:serviceaccount:{NAMESPACE}:{NAME}");
    let request = |event: Value| {
        let what = &event["objectRef"];
        let text = |field: &str| what[field].as_str().unwrap_or_default().to_owned();
        let resource = match what["subresource"].as_str() {
            Some(subresource) => format!("{}/{subresource}", text("resource")),
            None => text("resource"),
        };
        let kind = (text("apiGroup"), resource, event["verb"].as_str().unwrap().to_owned());
        let right = (kind, Some(text("name")).filter(|name| !name.is_empty()));
        (text("namespace"), right, event["annotations"]["authorization.k8s.io/decision"] == "allow")
    };
    events.filter(|event| event["user"]["username"] == ours.as_str()).map(request).collect()
}

/// Every right is used, and every request has its right.
fn assert_used_and_granted(cluster: &Cluster) {
    let (bindings, requests) = (bindings(cluster), requests(cluster));
    assert!(!bindings.is_empty() && !requests.is_empty());
    let mut wrong = Vec::new();
    let within = |binding: &Binding, namespace: &str| binding.namespace.as_deref().is_none_or(|name| name == namespace);
    for binding in &bindings {
        let used = |right: &&Right| {
            requests
                .iter()
                .any(|(namespace, done, allowed)| *allowed && covers(right, done) && within(binding, namespace))
        };
        let unused = binding.rights.iter().filter(|right| !used(right));
        wrong.extend(unused.map(|right| format!("{} grants {right:?}, which is never used", binding.name)));
    }
    for (namespace, right, allowed) in &requests {
        let granted = bindings
            .iter()
            .any(|binding| within(binding, namespace) && binding.rights.iter().any(|granted| covers(granted, right)));
        if !allowed || !granted {
            wrong.push(format!("{right:?} in {namespace:?} is used and not granted"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of all Leases in its namespace, the ServiceAccount writes its own; it may create one and list them, which no name restricts.
fn assert_one_lease(cluster: &Cluster) {
    let account = format!("system:serviceaccount:{NAMESPACE}:{NAME}");
    let may = |verb: &str, lease: &str| {
        cluster.with_input(&["auth", "can-i", verb, lease, "-n", NAMESPACE, "--as", &account], "").0
    };
    let (own, other) = (format!("leases/{NAME}"), "leases/another".to_owned());
    for verb in ["get", "update"] {
        assert_eq!((may(verb, &own), may(verb, &other)), (true, false), "{verb}");
    }
    for verb in ["watch", "patch", "delete"] {
        assert!(!may(verb, &own), "{verb}");
    }
    assert!(may("create", "leases") && may("list", "leases"));
}

fn spec(organization: &str, hours: &str) -> String {
    let policy = EIGHT_HOURS.replace("absoluteSessionTimeout: 8,", hours);
    format!("{{organization: {{id: {organization}}}, policy: {policy}, credentialsSecretRef: {{name: scalekit}}}}")
}

fn absolute(world: &World) -> Value {
    world.stored("org_1")["policy"]["absolute_minutes"].clone()
}

/// Installs the chart with these values and takes it through all that an operator does.
async fn exercise(namespaced: bool) -> (World, Install) {
    let world = World::on(Arc::new(Cluster::audited()), World::scalekit(json!({})).await);
    let watched = if namespaced { json!([world.namespace]) } else { json!([]) };
    let (mut install, _) = Install::new(&world, &json!({"watchNamespaces": watched}));
    world.cluster.until_established("organizationsessionpolicies.scalekit.com");
    install.start();
    world.apply_secret("scalekit", "test_simulator");
    let eight = "absoluteSessionTimeout: 8,";
    world.apply("acme", &spec("org_1", eight));
    world.until("acme", "True", "InSync");
    world.apply("acme", &spec("org_1", "absoluteSessionTimeout: 4,"));
    eventually("the edit", 60, || (absolute(&world) == 240).then_some(()));
    let looser = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43200, "idle_enabled": false}});
    world.edit("org_1", &looser);
    eventually("the correction", 60, || (absolute(&world) == 240).then_some(()));
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);

    // a deletion whose credentials the operator never saw
    world.apply("lost", &spec("org_2", eight));
    world.until("lost", "True", "InSync");
    install.stop();
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "osp", "lost", "--wait=false"]);
    install.start();
    world.until_gone("lost");

    world.apply_secret("scalekit", "test_simulator");
    world.apply("left", &spec("org_3", eight));
    world.until("left", "True", "InSync");
    install.stop();
    install.upgrade(&json!({"uninstall": {"enabled": true}}));
    let output = install.run_job();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.ends_with("1 released, 0 left\n"), "{said}\n{}", install.log());
    (world, install)
}

#[tokio::test(flavor = "multi_thread")]
async fn for_all_namespaces_the_operator_uses_each_of_its_permissions_and_no_other() {
    let (world, install) = exercise(false).await;
    assert_used_and_granted(&world.cluster);
    assert_one_lease(&world.cluster);
    drop(install);
}

#[test]
fn who_may_do_everything_in_one_namespace_and_nothing_elsewhere_can_install_for_it() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let everything = ["create", "rolebinding", "everything", "--clusterrole=cluster-admin", "--user=limited"];
    cluster.ok(&[&["-n", &namespace], &everything[..]].concat());
    let run = |arguments: &[&str], values: Value| {
        helm(&[arguments, &["-n", &namespace]].concat(), &with_image(&values), Some(&cluster.kubeconfig("limited")))
    };
    let install = ["install", "policies", CHART, "-f", "-"];
    let only = json!({"watchNamespaces": [namespace], "crds": {"install": false}});
    eventually("the install", 30, || run(&install, only.clone()).ok());
    let said = run(&["upgrade", "policies", CHART, "-f", "-"], json!({"crds": {"install": false}})).unwrap_err();
    assert!(said.contains("clusterroles") && said.contains("forbidden"), "{said}");
    run(&["uninstall", "policies"], json!({})).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn for_one_namespace_it_has_no_cluster_role_and_uses_each_permission_of_its_roles() {
    let (world, install) = exercise(true).await;
    let kinds: Vec<_> = install.objects().iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
    assert!(!kinds.iter().any(|kind| kind.starts_with("ClusterRole")), "{kinds:?}");
    assert!(bindings(&world.cluster).iter().all(|binding| binding.namespace.is_some()));
    assert_used_and_granted(&world.cluster);
    assert_one_lease(&world.cluster);
}

/// What `osp check --pre` says that this user may not do in the namespace, as rules of a role: `create leases` and the like.
fn missing(cluster: &Cluster, namespace: &str) -> Vec<Value> {
    let check = ["check", "--pre", "-n", namespace, "--as", "limited", "-o", "json", "--kubeconfig"];
    let output = Command::new(env!("CARGO_BIN_EXE_osp")).args(check).arg(cluster.kubeconfig("admin")).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["groups"].as_array().unwrap().iter().flat_map(|group| group["checks"].as_array().unwrap());
    let failed = checks.filter(|check| check["name"] == "install-permissions" && check["status"] == "failed");
    let rule = |right: &str| {
        let (verb, resource) = right.split_once(' ').unwrap();
        json!({"apiGroups": ["*"], "resources": [resource], "verbs": [verb]})
    };
    let listed = |check: &Value| -> Vec<Value> {
        let (_, rights) = check["message"].as_str().unwrap().rsplit_once(": ").unwrap();
        rights.split(", ").map(rule).collect()
    };
    failed.flat_map(listed).collect()
}

#[test]
fn who_has_exactly_what_the_check_before_the_install_asks_for_can_install_the_chart() {
    let cluster = Cluster::without_definition();
    cluster.ok(&["create", "namespace", NAMESPACE]);
    let rules = missing(&cluster, NAMESPACE);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "installs"}, "rules": rules});
    let (made, said) = cluster.with_input(&["create", "-f", "-"], &role.to_string());
    assert!(made, "{said}");
    cluster.ok(&["create", "clusterrolebinding", "installs", "--clusterrole=installs", "--user=limited"]);
    let granted = || missing(&cluster, NAMESPACE).is_empty().then_some(());
    eventually("the check is satisfied", 30, granted);
    let install = ["install", "policies", CHART, "-n", NAMESPACE, "-f", "-"];
    helm(&install, &with_image(&json!({})), Some(&cluster.kubeconfig("limited"))).unwrap();
}
