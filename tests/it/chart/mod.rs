//! The chart in `deploy/chart` and the kustomizations in `deploy/kustomize`, with the real Helm and
//! kubectl: what they render, what a real API server says to it, and what the operator does when it
//! runs as they say.

mod artifact_hub;
mod fixed;
mod install;
mod kustomize;
mod lifecycle;
mod limits;
mod nulls;
mod one_lease;
mod permissions;
mod rollback;
mod schema;
mod server;
mod typed;
mod values;

use crate::cluster::parts;
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/chart");
/// As in the documentation.
const NAMESPACE: &str = "session-policy-system";
const RELEASE: &str = "session-policy-operator";

/// Where the container is in a Deployment or a Job.
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// The folder with Helm, kubeconform and the definitions of Prometheus' operator.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| parts(&["helm"]))
}

/// Runs Helm with `values` on its standard input; returns its output, or what it says is wrong.
fn helm(arguments: &[&str], values: &Value, kubeconfig: Option<&Path>) -> Result<String, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    let mut command = Command::new(programs().join("helm"));
    command.args(arguments).env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/dev/null")));
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, home.join(name));
    }
    let piped = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
    let [input, output, error] = piped;
    let mut child = command.stdin(input).stdout(output).stderr(error).spawn().unwrap();
    // Helm may end before it has read them
    drop(child.stdin.take().unwrap().write_all(values.to_string().as_bytes()));
    let output = child.wait_with_output().unwrap();
    let [said, wrong] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    if output.status.success() { Ok(said) } else { Err(wrong) }
}

/// `values` and the one that has no default.
fn with_image(values: &Value) -> Value {
    merged(&json!({"image": {"repository": "registry.example/operator"}}), values)
}

/// `values` with those of `over` in their place.
fn merged(values: &Value, over: &Value) -> Value {
    let (Value::Object(values), Value::Object(over)) = (values, over) else { return over.clone() };
    let mut all = values.clone();
    for (name, value) in over {
        let under = all.get(name).cloned().unwrap_or(json!({}));
        all.insert(name.clone(), merged(&under, value));
    }
    Value::Object(all)
}

/// The objects of the chart with these values, as for a cluster that has Prometheus' operator.
fn try_render(values: &Value) -> Result<Vec<Value>, String> {
    let has = ["--api-versions", "monitoring.coreos.com/v1"];
    let template = ["template", RELEASE, CHART, "-n", NAMESPACE, "-f", "-"];
    helm(&[&template[..], &has].concat(), values, None).map(|text| documents(&text))
}

fn render(values: &Value) -> Vec<Value> {
    try_render(&with_image(values)).unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_yaml::from_multiple(text).unwrap();
    all.into_iter().filter(|document| !document.is_null()).collect()
}

/// The object that is called like this: `Deployment/session-policy-operator`.
fn find<'a>(objects: &'a [Value], name: &str) -> Option<&'a Value> {
    objects.iter().find(|object| called(object) == name)
}

fn called(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// The kinds of what the chart creates by default, and of the Secrets in which Helm keeps its releases, in the plural.
pub fn created() -> std::collections::BTreeSet<String> {
    let plural = |kind: &str| match kind {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let kinds = render(&json!({})).into_iter().map(|object| plural(object["kind"].as_str().unwrap()));
    kinds.chain(["secrets".to_owned(), "namespaces".to_owned()]).collect()
}
