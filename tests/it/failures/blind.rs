//! An operator whose rights at the API server are taken away (row 115): the
//! status does not go on saying what nobody can see.

use super::{eight_hours, foreign, kubernetes::probe, says, spec, tenants::BY_SECRET};
use crate::{
    cluster::{cluster, eventually},
    world::World,
};
use serde_json::json;

/// An operator that may do this and nothing else.
async fn limited() -> World {
    let mut world = World::without_operator(json!({})).await;
    world.user = "limited";
    allow(&world, &["get", "list", "watch", "patch"], "secrets");
    world.kubectl(&["create", "rolebinding", "limited", "--role=limited", "--user=limited"]);
    world.apply_secret("scalekit", "test_simulator");
    world.start_with(&[]);
    world
}

/// What it may do to resources, and what it may read besides.
fn allow(world: &World, verbs: &[&str], read: &str) {
    let rules = json!([
        {"apiGroups": ["scalekit.com"], "resources": ["organizationsessionpolicies"], "verbs": verbs},
        {"apiGroups": ["scalekit.com"], "resources": ["organizationsessionpolicies/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": [read], "verbs": ["get"]},
    ]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "limited", "namespace": world.namespace}, "rules": rules});
    let (accepted, said) = world.with_input(&["apply", "-f", "-"], &role.to_string());
    assert!(accepted, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_has_not_seen_one_of_its_namespaces_yet_works_for_none() {
    let scalekit = World::scalekit(json!({})).await;
    let (mut world, other) = (World::on(cluster(), scalekit.clone()), World::on(cluster(), scalekit));
    for world in [&world, &other] {
        allow(world, &["get", "list", "watch", "patch"], "secrets");
    }
    let bind = |world: &World| {
        world.kubectl(&["create", "rolebinding", "limited", "--role=limited", "--user=limited"]);
    };
    bind(&world);
    world.user = "limited";
    world.arguments = vec!["--watch-namespace", other.namespace.clone().leak()];
    world.apply_secret("scalekit", "test_simulator");
    world.start_with(&[]);
    world.apply("acme", &spec(BY_SECRET));
    let named = |line: &str| line.contains("can't be seen") && line.contains(&*other.namespace);
    eventually("the log names it", 60, || world.log().lines().any(named).then_some(()));
    assert!(probe(&world, "/readyz").starts_with("HTTP/1.1 503 "));
    let acme = world.resource("acme").unwrap();
    assert_eq!(acme["status"]["observedGeneration"], -1, "another one may own the organization");
    bind(&other);
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_115_without_the_right_to_read_the_secret_nothing_stays_ready() {
    let world = limited().await;
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    allow(&world, &["get", "list", "watch", "patch"], "configmaps");
    world.edit("org_1", &json!({"policy": foreign()}));
    let blind = eventually("it is not Ready any more", 120, || {
        world.resource("acme").filter(|resource| !says(resource, "Ready").starts_with("True"))
    });
    assert!(!says(&blind, "Synced").starts_with("True"), "{blind:#}");
    allow(&world, &["get", "list", "watch", "patch"], "secrets");
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_133_of_two_namespaces_one_that_cannot_be_seen_any_more_is_named_and_the_other_goes_on() {
    let verbs = ["get", "list", "watch", "patch"];
    let scalekit = World::scalekit(json!({})).await;
    let (mut world, other) = (World::on(cluster(), scalekit.clone()), World::on(cluster(), scalekit));
    let bind = |world: &World| {
        allow(world, &verbs, "secrets");
        world.kubectl(&["create", "rolebinding", "limited", "--role=limited", "--user=limited"]);
    };
    [&world, &other].iter().for_each(|world| bind(world));
    world.user = "limited";
    world.arguments = vec!["--watch-namespace", other.namespace.clone().leak(), "--relist-interval", "2s"];
    world.apply_secret("scalekit", "test_simulator");
    world.start_with(&[]);
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    let answers = |status: &str| {
        eventually(status, 90, || probe(&world, "/readyz").starts_with(&format!("HTTP/1.1 {status} ")).then_some(()));
    };
    answers("200");
    other.kubectl(&["delete", "rolebinding", "limited"]);
    answers("503");
    let named = || {
        let log = world.log();
        log.lines().filter(|line| line.contains("can't be seen") && line.contains(&*other.namespace)).count()
    };
    eventually("the log names it", 30, || (named() > 0).then_some(()));
    world.edit("org_1", &json!({"policy": foreign()}));
    eventually("the other one goes on", 60, || (world.stored("org_1")["policy"] == eight_hours()).then_some(()));
    bind(&other);
    answers("200");
    assert_eq!(named(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_115_writes_of_a_status_that_are_refused_are_counted() {
    let world = limited().await;
    let rules = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
    "metadata": {"name": "limited", "namespace": world.namespace}, "rules": [
        {"apiGroups": ["scalekit.com"], "resources": ["organizationsessionpolicies"],
            "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    ]});
    let (accepted, said) = world.with_input(&["apply", "-f", "-"], &rules.to_string());
    assert!(accepted, "{said}");
    world.apply("acme", &spec(BY_SECRET));
    let name = "session_policy_operator_status_writes_refused_total ";
    eventually("a count", 60, || {
        let metrics = probe(&world, "/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name))?;
        (line.trim().parse::<u64>().ok()? > 0).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn row_115_without_the_right_to_the_finalizer_nothing_is_written_and_the_status_says_why() {
    let world = limited().await;
    allow(&world, &["get", "list", "watch"], "secrets");
    world.apply("acme", &spec(BY_SECRET));
    let blocked = eventually("the status says so", 120, || {
        world.resource("acme").filter(|resource| says(resource, "Ready") == "Unknown ApiServerError")
    });
    assert!(blocked["metadata"]["finalizers"].is_null());
    assert_eq!(world.policies("org_1").len(), 0);
    allow(&world, &["get", "list", "watch", "patch"], "secrets");
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_115_a_deletion_that_cannot_take_its_finalizer_off_says_why() {
    let world = limited().await;
    world.apply("acme", &spec(BY_SECRET));
    world.until("acme", "True", "InSync");
    allow(&world, &["get", "list", "watch"], "secrets");
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    eventually("the status says so", 120, || {
        world.resource("acme").filter(|resource| says(resource, "Ready") == "Unknown ApiServerError")
    });
    allow(&world, &["get", "list", "watch", "patch"], "secrets");
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}
