//! Every object of the chart is accepted by a real API server, and by kubeconform.

use super::{CONTAINER, NAMESPACE, find, programs, render};
use crate::cluster::{Cluster, cluster, eventually};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// Whatever the chart can render, in a cluster-wide and a namespaced install.
fn everything() -> Vec<Value> {
    let all = json!({
        "admissionPolicy": {"enabled": true, "namespaceSelector": {"matchLabels": {"tenant": "yes"}}},
        "maxTimeouts": {"enabled": true},
        "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}], "extraEgress": [{"ports": [{"port": 3128}]}]},
        "metrics": {"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}, "dashboard": {"enabled": true}},
        "defaultCredentials": {"existingSecret": "scalekit"},
        "trustedCA": {"configMap": "ca"},
        "uninstall": {"enabled": true},
        "operator": {"rateLimit": 5, "allowedHosts": ["any"], "disableFeatureOnDelete": true},
    });
    let alone = json!({"watchNamespaces": [NAMESPACE], "replicas": 1, "leaderElection": {"enabled": false}});
    let long = json!({"fullnameOverride": "x".repeat(48), "uninstall": {"enabled": true}});
    [render(&json!({})), render(&all), render(&alone), render(&long)].concat()
}

fn namespace(cluster: &Cluster) {
    let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let (done, said) = cluster.with_input(&["apply", "-f", "-"], &manifest.to_string());
    assert!(done, "{said}");
}

#[test]
fn the_api_server_accepts_every_object_and_knows_every_field() {
    let cluster = cluster();
    namespace(&cluster);
    cluster.ok(&["apply", "--server-side", "-f", programs().join("crds").to_str().unwrap()]);
    for kind in ["servicemonitors", "prometheusrules"] {
        cluster.until_established(&format!("{kind}.monitoring.coreos.com"));
    }
    let apply = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": everything()});
    let (accepted, said) = cluster.with_input(&apply, &list.to_string());
    let warned = said.lines().any(|line| line.starts_with("Warning:") && !line.contains("last-applied-configuration"));
    assert!(accepted && !warned, "{said}");
}

#[test]
fn the_pods_meet_the_restricted_pod_security_standard() {
    let cluster = cluster();
    namespace(&cluster);
    let objects = render(&json!({"uninstall": {"enabled": true}}));
    for name in ["Deployment/session-policy-operator", "Job/session-policy-operator-uninstall-1"] {
        let mut pod = find(&objects, name).unwrap()["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("try");
        let create = ["create", "--dry-run=server", "-n", NAMESPACE, "-f", "-"];
        eventually("the pod", 30, || cluster.with_input(&create, &pod.to_string()).0.then_some(()));
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let (accepted, said) = cluster.with_input(&create, &pod.to_string());
        assert!(!accepted && said.contains("violates PodSecurity"), "{said}");
    }
    let deployment = find(&objects, "Deployment/session-policy-operator").unwrap();
    let container = deployment.pointer(CONTAINER).unwrap();
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
}

#[test]
fn whoever_may_view_a_namespace_may_read_its_policies_and_only_those_who_are_bound_may_write_them() {
    let cluster = Cluster::exclusive();
    let roles: Vec<_> = render(&json!({})).into_iter().filter(|object| object["kind"] == "ClusterRole").collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": roles});
    assert!(cluster.with_input(&["apply", "-f", "-"], &list.to_string()).0);
    cluster.ok(&["create", "rolebinding", "reader", "--clusterrole=view", "--user=reader"]);
    cluster.ok(&["create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor"]);
    let writer = "--clusterrole=session-policy-operator-edit";
    cluster.ok(&["create", "rolebinding", "writer", writer, "--user=writer"]);
    let may = |user: &str, verb: &str, subresource: &str| {
        let ask = ["auth", "can-i", verb, "osp", "--as", user, "--subresource", subresource];
        cluster.with_input(&ask, "").0
    };
    eventually("the aggregated roles", 30, || may("reader", "list", "").then_some(()));
    eventually("the aggregated roles", 30, || may("editor", "list", "").then_some(()));
    assert!(!may("reader", "create", "") && !may("editor", "create", ""));
    assert!(may("writer", "create", "") && may("writer", "delete", ""));
    for user in ["reader", "editor", "writer"] {
        assert!(!may(user, "patch", "status"), "{user}");
    }
}

/// For each kind of the API server a schema that kubeconform finds.
fn schemas(cluster: &Cluster, folder: &Path) {
    let mut openapi: Value = serde_json::from_str(&cluster.ok(&["get", "--raw", "/openapi/v2"])).unwrap();
    // version 2 of OpenAPI can't say that a field has one of two types
    let either = [("util.intstr.IntOrString", "integer"), ("api.resource.Quantity", "number")];
    for (name, number) in either {
        openapi["definitions"][format!("io.k8s.apimachinery.pkg.{name}")] = json!({"type": ["string", number]});
    }
    fs::write(folder.join("all.json"), openapi.to_string()).unwrap();
    for (name, definition) in openapi["definitions"].as_object().unwrap() {
        for kind in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let text = |field: &str| kind[field].as_str().unwrap().to_lowercase();
            let group = text("group");
            let group = group.split('.').next().unwrap();
            let group = if group.is_empty() { String::new() } else { format!("-{group}") };
            let file = format!("{}{group}-{}.json", text("kind"), text("version"));
            let schema = json!({"$ref": format!("all.json#/definitions/{name}")});
            fs::write(folder.join(file), schema.to_string()).unwrap();
        }
    }
}

#[test]
fn kubeconform_finds_nothing_in_the_objects_nor_in_the_example() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubeconform");
    fs::create_dir_all(&folder).unwrap();
    let cluster = cluster();
    schemas(&cluster, &folder);
    let root = env!("CARGO_MANIFEST_DIR");
    let ours = format!("{root}/schemas/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json");
    let theirs = format!("{}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json", folder.display());
    let objects = folder.join("objects.yaml");
    let documents: Vec<_> = everything().iter().map(Value::to_string).collect();
    fs::write(&objects, documents.join("\n---\n")).unwrap();
    let mut command = Command::new(programs().join("kubeconform"));
    command.args(["-summary", "-schema-location", &ours, "-schema-location", &theirs]);
    command.args(["-skip", "ServiceMonitor,PrometheusRule"]); // the API server has their schemas
    let output = command.arg(&objects).arg(format!("{root}/examples/acme.yaml")).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("Invalid: 0, Errors: 0"), "{said}");
}
