//! Upgrades and downgrades of the definition and of the operator, in either order (docs/upgrade.md): no
//! stored resource is lost, and nothing is written to Scalekit that is live already.

use crate::{
    cluster::{Cluster, eventually},
    world::{EIGHT_HOURS, World, condition},
};
use serde_json::{Value, json};
use std::sync::Arc;

const CRD: &str = "crd/organizationsessionpolicies.scalekit.com";
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
const STATUS: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";

/// A world with a server of its own, whose definition a test changes.
async fn world() -> World {
    World::on(Arc::new(Cluster::exclusive()), World::scalekit(json!({})).await)
}

fn redefine(world: &World, operations: &Value) {
    world.cluster.ok(&["patch", CRD, "--type=json", "-p", &operations.to_string()]);
}

/// The spec of a resource.
fn spec(rest: &str) -> String {
    format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}{rest}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_newer_version_survive_an_older_operator_and_its_writes() {
    let mut world = world().await;
    redefine(
        &world,
        &json!([
            {"op": "add", "path": format!("{SPEC}/futureTimeout"), "value": {"type": "integer"}},
            {"op": "add", "path": format!("{STATUS}/future"), "value": {"type": "string"}},
        ]),
    );
    // the API server takes a moment to serve a changed definition
    eventually("the field", 30, || {
        let (accepted, _) = world.try_apply("acme", &spec(", futureTimeout: 7"));
        (accepted && world.resource("acme")?["spec"]["futureTimeout"] == 7).then_some(())
    });
    let future = json!({"status": {"future": "of-a-newer-one"}}).to_string();
    world.kubectl(&["patch", "osp", "acme", "--subresource=status", "--type=merge", "-p", &future]);
    world.start_operator();
    let acme = world.until("acme", "True", "InSync");
    let kept = |resource: &Value| (resource["spec"]["futureTimeout"].clone(), resource["status"]["future"].clone());
    assert_eq!(kept(&acme), (json!(7), json!("of-a-newer-one")));
    assert!(!acme["metadata"]["finalizers"].is_null(), "the operator has written both parts");
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec":{"mode":"TightenOnly"}}"#]);
    let acme = world.until("acme", "True", "InSync");
    assert_eq!(kept(&acme), (json!(7), json!("of-a-newer-one")), "also after an edit");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_of_an_older_definition_are_taken_up_as_they_are_and_a_downgrade_loses_none() {
    let mut world = world().await;
    let present = world.cluster.get("", CRD).unwrap()["spec"].clone();
    let schema = |path: &str| present.pointer(path.trim_start_matches("/spec")).unwrap().clone();
    let fields = ["suspend", "interval", "deletionPolicy"];
    let mut older = Vec::new();
    for field in fields {
        older.push(json!({"op": "remove", "path": format!("{SPEC}/{field}")}));
    }
    // rules of the whole spec may be about these fields
    older.push(
        json!({"op": "remove", "path": format!("{}/x-kubernetes-validations", SPEC.trim_end_matches("/properties"))}),
    );
    redefine(&world, &Value::Array(older));
    let unknown = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"name": "probe", "namespace": world.namespace},
        "spec": {"organization": {"id": "org_2"}, "policy": {"policySource": "APPLICATION"}, "suspend": false}});
    eventually("the older definition", 30, || {
        let (accepted, said) = world.with_input(&["create", "--dry-run=server", "-f", "-"], &unknown.to_string());
        (!accepted && said.contains("suspend")).then_some(())
    });
    world.apply("acme", &spec(""));
    let stored = world.resource("acme").unwrap();
    assert!(fields.iter().all(|field| stored["spec"][field].is_null()), "{stored}");

    let all = fields.map(|field| {
        let path = format!("{SPEC}/{field}");
        json!({"op": "add", "path": path, "value": schema(&path)})
    });
    redefine(&world, &Value::from(all.to_vec()));
    world.start_operator();
    let acme = world.until("acme", "True", "InSync");
    assert_eq!((&acme["metadata"]["uid"], world.policies("org_1").len()), (&stored["metadata"]["uid"], 1));

    // back to the older one under a running operator: what it does not know any more is gone, the resource is not
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec":{"interval":"7m"}}"#]);
    world.until("acme", "True", "InSync");
    redefine(&world, &json!([{"op": "remove", "path": format!("{SPEC}/interval")}]));
    eventually("the older definition", 30, || world.resource("acme")?["spec"]["interval"].is_null().then_some(()));
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=now"]);
    let acme = eventually("the reconcile", 60, || {
        world.resource("acme").filter(|acme| acme["status"]["lastHandledReconcileAt"] == "now")
    });
    assert_eq!(condition(&acme, "Ready").unwrap()["reason"], "InSync");
    assert_eq!((&acme["metadata"]["uid"], world.policies("org_1").len()), (&stored["metadata"]["uid"], 1));
}
