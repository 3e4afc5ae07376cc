//! What is generated from the chart or written beside it says the same as the chart: the
//! kustomizations, the definition in `crds/`, and the manifests in `deploy/`.

use super::{called, documents, find, render};
use crate::{
    cluster::{Cluster, parts},
    manifests::assert_committed,
};
use serde_json::{Value, json};
use session_policy_operator::crd;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

const KUSTOMIZE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kustomize");

/// The chart as the kustomizations render it: with an image that is to be replaced, and without what
/// only Helm reads.
fn of_the_chart(values: &Value) -> Vec<Value> {
    let image = json!({"image": {"repository": "session-policy-operator"}, "crds": {"install": false}});
    let mut objects = render(&super::merged(&image, values));
    objects.iter_mut().for_each(without_helm);
    objects
}

/// One replica, as in the base.
fn single(values: &Value) -> Value {
    let base = json!({"replicas": 1, "podDisruptionBudget": false, "topologySpreadConstraints": []});
    super::merged(&base, values)
}

fn without_helm(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("app.kubernetes.io/managed-by") == Some(&json!("Helm")) {
                for label in ["app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"] {
                    fields.remove(label); // the version is that of an image that is to be replaced
                }
            }
            fields.values_mut().for_each(without_helm);
        }
        Value::Array(values) => values.iter_mut().for_each(without_helm),
        _ => {}
    }
}

/// What `kubectl kustomize` makes of a folder.
fn kustomized(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(parts(&[]).join("kubectl"));
    let output = command.arg("kustomize").arg(folder).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", folder.display());
    documents(&String::from_utf8(output.stdout).unwrap())
}

fn by_name(objects: &[Value]) -> BTreeMap<String, &Value> {
    objects.iter().map(|object| (called(object), object)).collect()
}

/// The kustomization has the objects of the chart, and its own namespace.
fn assert_same(folder: &str, chart: &[Value]) {
    let mut objects = kustomized(&Path::new(KUSTOMIZE).join(folder));
    objects.retain(|object| object["kind"] != "Namespace");
    let (here, there) = (by_name(&objects), by_name(chart));
    let names = |objects: &BTreeMap<String, &Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&here), names(&there), "{folder}");
    for (name, object) in here {
        assert_eq!(object, there[&name], "{folder}: {name}");
    }
}

fn yaml(about: &str, objects: &[&Value]) -> String {
    let documents: Vec<_> = objects.iter().map(|object| serde_yaml::to_string(object).unwrap()).collect();
    format!("# {about}\n# Generated from deploy/chart; do not edit.\n{}", documents.join("---\n"))
}

#[test]
fn the_committed_kustomizations_are_generated_from_the_chart() {
    let base = of_the_chart(&single(&json!({})));
    let all: Vec<_> = base.iter().collect();
    assert_committed("deploy/kustomize/base/operator.yaml", &yaml("The operator and its permissions.", &all));

    let namespaced = of_the_chart(&single(&json!({"watchNamespaces": [super::NAMESPACE]})));
    let roles = ["Role/session-policy-operator", "RoleBinding/session-policy-operator"];
    let roles = roles.map(|name| find(&namespaced, name).unwrap());
    let about = "The permissions of the operator in its own namespace.";
    assert_committed("deploy/kustomize/namespaced/roles.yaml", &yaml(about, &roles));

    let mut job = find(
        &of_the_chart(&single(&json!({"uninstall": {"enabled": true}}))),
        "Job/session-policy-operator-uninstall-1",
    )
    .unwrap()
    .clone();
    job["metadata"]["name"] = json!("session-policy-operator-uninstall");
    let about = "Releases every resource and keeps its policy in Scalekit; for an operator that is stopped.";
    assert_committed("deploy/kustomize/uninstall/job.yaml", &yaml(about, &[&job]));
}

#[test]
fn the_committed_definition_of_the_chart_is_the_generated_one_and_helm_keeps_it() {
    let manifest = crd::manifest().unwrap();
    let keep = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep # else all resources would go with it\n";
    let template = manifest.replacen("metadata:\n", keep, 1);
    let (comment, body) = template.split_once('\n').unwrap();
    assert!(!body.contains("{{"), "Helm would read it as a template");
    let comment = comment.trim_start_matches("# ");
    let template = format!("{{{{- /* {comment} */}}}}\n{{{{- if .Values.crds.install }}}}\n{body}{{{{- end }}}}\n");
    assert_committed("deploy/chart/templates/crd.yaml", &template);

    let name = "CustomResourceDefinition/organizationsessionpolicies.scalekit.com";
    let mut rendered = find(&render(&json!({})), name).unwrap().clone();
    let metadata = rendered["metadata"].as_object_mut().unwrap();
    assert_eq!(metadata.remove("annotations"), Some(json!({"helm.sh/resource-policy": "keep"})));
    assert_eq!(rendered, serde_yaml::from_str::<Value>(&manifest).unwrap());
}

#[test]
fn each_kustomization_has_the_objects_of_the_chart() {
    assert_same("base", &of_the_chart(&single(&json!({}))));
    assert_same("ha", &of_the_chart(&json!({})));
    let mut namespaced = of_the_chart(&single(&json!({"watchNamespaces": [super::NAMESPACE]})));
    // people's roles are for all namespaces, as the base's are
    namespaced.retain(|object| object["kind"] != "ClusterRole");
    let args = "/spec/template/spec/containers/0/args";
    for object in &mut namespaced {
        for argument in object.pointer_mut(args).and_then(Value::as_array_mut).into_iter().flatten() {
            *argument = json!(argument.as_str().unwrap().replace(super::NAMESPACE, "$(POD_NAMESPACE)"));
        }
    }
    assert_same("namespaced", &namespaced);
}

/// What kustomize makes of this kustomization, in which `DEPLOY` is the folder of ours.
fn made_of(folder: &str, kustomization: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder).unwrap();
    let up = "../".repeat(folder.components().count() - 1);
    let ours = format!("{}{KUSTOMIZE}", up.trim_end_matches('/'));
    fs::write(folder.join("kustomization.yaml"), kustomization.replace("DEPLOY", &ours)).unwrap();
    kustomized(&folder)
}

#[test]
fn the_namespaced_one_moves_to_another_namespace_takes_an_image_and_leaves_the_namespace_as_it_is() {
    let image = "images: [{name: session-policy-operator, newName: registry.example/operator, newTag: v9}]";
    let text = format!("namespace: team\nresources: [DEPLOY/namespaced]\n{image}\n");
    let objects = made_of("kustomize-elsewhere", &text);
    for object in &objects {
        let kind = object["kind"].as_str().unwrap();
        assert!(!kind.starts_with("Cluster"), "{kind}");
        // a label of it would refuse the team's other pods, and a deletion delete them
        assert_ne!(kind, "Namespace");
        assert_eq!(object["metadata"]["namespace"], "team", "{kind}");
    }
    let bound = find(&objects, "RoleBinding/session-policy-operator").unwrap();
    assert_eq!(bound["subjects"][0]["namespace"], "team");
    let deployment = find(&objects, "Deployment/session-policy-operator").unwrap();
    let container = deployment.pointer(super::CONTAINER).unwrap();
    assert_eq!(container["image"], "registry.example/operator:v9");
    assert!(container["args"].as_array().unwrap().contains(&json!("--watch-namespace=$(POD_NAMESPACE)")));
}

#[test]
fn the_namespaced_one_can_have_two_replicas_as_the_one_for_all_namespaces() {
    let text = "namespace: team\nresources: [DEPLOY/namespaced]\ncomponents: [DEPLOY/two-replicas]\n";
    let (two, ha) = (made_of("kustomize-two", text), kustomized(&Path::new(KUSTOMIZE).join("ha")));
    for (object, field) in [("Deployment", "replicas"), ("PodDisruptionBudget", "maxUnavailable")] {
        let [one, other] = [&two, &ha].map(|all| find(all, &format!("{object}/session-policy-operator")).unwrap());
        assert_eq!(one["spec"][field], other["spec"][field]);
        assert_eq!(one["metadata"]["namespace"], "team");
    }
    let spread = |all: &[Value]| {
        let deployment = find(all, "Deployment/session-policy-operator").unwrap();
        deployment.pointer("/spec/template/spec/topologySpreadConstraints").cloned().unwrap()
    };
    assert_eq!(spread(&two), spread(&ha));
}

/// What an object refers to by name: kind, name and namespace.
fn referred(object: &Value) -> Vec<(Value, Value, Value)> {
    let own = &object["metadata"]["namespace"];
    let account = |name: &Value, namespace: &Value| (json!("ServiceAccount"), name.clone(), namespace.clone());
    let mut all = Vec::new();
    if let Some(account_name) = object.pointer("/spec/template/spec/serviceAccountName") {
        all.push(account(account_name, own));
    }
    if let Some(role) = object.get("roleRef") {
        let namespace = if role["kind"] == "Role" { own.clone() } else { Value::Null };
        all.push((role["kind"].clone(), role["name"].clone(), namespace));
        let subjects = object["subjects"].as_array().unwrap().iter();
        all.extend(subjects.map(|subject| account(&subject["name"], &subject["namespace"])));
    }
    if !own.is_null() {
        all.push((json!("Namespace"), own.clone(), Value::Null));
    }
    all
}

#[test]
fn a_kustomization_that_renames_or_moves_the_operator_refers_to_nothing_that_it_does_not_have() {
    let mut checked = 0;
    for change in ["namePrefix: eu-", "nameSuffix: -b", "namespace: team", "namePrefix: eu-\nnamespace: team"] {
        for resources in ["base", "ha", "namespaced", "ha, DEPLOY/uninstall"] {
            let text = format!("{change}\nresources: [DEPLOY/{resources}]\n");
            let objects = made_of("kustomize-renamed", &text);
            let given = |kind: &Value| resources == "namespaced" && kind == "Namespace";
            let has = |(kind, name, namespace): &(Value, Value, Value)| {
                let metadata =
                    |object: &Value| (object["metadata"]["name"].clone(), object["metadata"]["namespace"].clone());
                objects
                    .iter()
                    .any(|object| object["kind"] == *kind && metadata(object) == (name.clone(), namespace.clone()))
            };
            let all: Vec<_> = objects.iter().flat_map(referred).collect();
            let missing: Vec<_> = all.iter().filter(|one| !has(one) && !given(&one.0)).collect();
            assert!(missing.is_empty(), "{change} of {resources}: {missing:?}");
            checked += all.len();
        }
    }
    assert!(checked > 100, "{checked}");
}

/// A kustomization of policies, with a Secret whose name gets a hash, a prefix and a namespace.
#[test]
fn the_name_that_kustomize_gives_a_secret_reaches_the_policy_that_names_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kustomize-names");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(format!("{KUSTOMIZE}/name-hashes/name-reference.yaml"), folder.join("names.yaml")).unwrap();
    let policy = |name: &str, secret: &str| {
        let spec = "organization: {id: org_1}, policy: {policySource: APPLICATION}";
        let kind = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy";
        format!("{kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}, credentialsSecretRef: {{name: {secret}}}}}\n")
    };
    fs::write(folder.join("policies.yaml"), policy("acme", "scalekit") + "---\n" + &policy("other", "elsewhere"))
        .unwrap();
    let generator = "secretGenerator: [{name: scalekit, literals: [SCALEKIT_CLIENT_SECRET=x]}]";
    let own = format!("namespace: customers\nnamePrefix: eu-\nresources: [policies.yaml]\n{generator}\n");
    for (how, reaches) in
        [("components: [DEPLOY/name-hashes]", true), ("configurations: [names.yaml]", true), ("", false)]
    {
        let objects = made_of("kustomize-names", &format!("{own}{how}\n"));
        let secret = objects.iter().find(|object| object["kind"] == "Secret").unwrap();
        let named = |policy: &str| {
            let policy = find(&objects, &format!("OrganizationSessionPolicy/{policy}")).unwrap();
            policy["spec"]["credentialsSecretRef"]["name"].clone()
        };
        assert!(secret["metadata"]["name"].as_str().unwrap().starts_with("eu-scalekit-"), "{secret}");
        assert_eq!(named("eu-acme") == secret["metadata"]["name"], reaches, "{how}");
        assert_eq!(named("eu-other"), "elsewhere", "a Secret that is not of this kustomization keeps its name");
    }
}

#[test]
fn the_manifests_beside_the_chart_say_the_same() {
    let file = |name: &str| {
        let path = format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"));
        documents(&fs::read_to_string(path).unwrap())
    };
    let chart = render(&json!({"admissionPolicy": {"enabled": true}, "maxTimeouts": {"enabled": true}}));
    let files = ["rbac.yaml", "admission-policy.yaml", "max-timeouts-policy.yaml"];
    for object in files.into_iter().flat_map(file) {
        let name = called(&object);
        let Some(there) = find(&chart, &name) else { panic!("the chart has no {name}") };
        for part in ["rules", "spec", "data"] {
            assert_eq!(object.get(part), there.get(part), "{name}");
        }
    }
    let tenant = &file("tenant-role.yaml")[0];
    let edit = find(&chart, "ClusterRole/session-policy-operator-edit").unwrap();
    assert_eq!(tenant["rules"], edit["rules"]);
}

#[tokio::test]
async fn a_kustomization_is_applied_with_the_documented_command() {
    let cluster = Cluster::without_definition();
    cluster.define();
    // the server has this one already, for its user `operator`
    cluster.ok(&["delete", "clusterrole", "session-policy-operator"]);
    cluster.ok(&["apply", "-k", &format!("{KUSTOMIZE}/ha")]);
    let deployment = cluster.get(super::NAMESPACE, "deployment/session-policy-operator").unwrap();
    assert_eq!(deployment["spec"]["replicas"], 2);
    cluster.ok(&["apply", "-k", &format!("{KUSTOMIZE}/uninstall")]);
    assert!(cluster.get(super::NAMESPACE, "job/session-policy-operator-uninstall").is_some());
    cluster.ok(&["delete", "-k", &format!("{KUSTOMIZE}/ha"), "--timeout=60s"]);
    assert!(cluster.get("", "crd/organizationsessionpolicies.scalekit.com").is_some(), "it stays");
}
