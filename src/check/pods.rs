//! The pods of operators, and their logs, for a support bundle: a report of an operator that does not work says little
//! without them. They are those whose arguments name a Lease of an operator. No environment variable is read, since
//! one may be a secret.

use super::redact::Redactor;
use crate::{
    plugin::{Cluster, Operator},
    terminal::with_causes,
};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, LogParams},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The container of the chart and of the kustomizations.
const CONTAINER: &str = "operator";
/// The most pods of one Lease, since whoever may make pods can make many that look like these.
const MOST: usize = 10;
/// How much is taken of a log: the last lines, and not more than so many bytes.
const LINES: i64 = 10_000;
const BYTES: i64 = 2_000_000;

/// Adds the pods that have this Lease, and what can't be read of them.
pub(super) async fn collect(
    cluster: &Cluster,
    operator: &Operator,
    redactor: &Redactor,
    files: &mut BTreeMap<String, String>,
    errors: &mut Vec<String>,
) {
    let (namespace, lease) = (&operator.lease.namespace, &operator.lease.name);
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let labelled = ListParams::default().labels("app.kubernetes.io/component=operator");
    let pods = match tokio::time::timeout(cluster.timeout, api.list(&labelled)).await {
        Ok(Ok(pods)) => pods,
        Ok(Err(error)) => return errors.push(format!("pods in {namespace}: {}", why(error))),
        Err(_) => return errors.push(format!("pods in {namespace}: no response in time")),
    };
    let ours = pods.items.iter().filter_map(|pod| Some((pod, container(pod, lease)?)));
    for (pod, container) in ours.take(MOST) {
        let path = format!("operators/{namespace}/{}", pod.name_any());
        files.insert(format!("{path}.json"), format!("{:#}\n", redactor.value(seen(pod, container))));
        let restarted = status(pod).is_some_and(|status| status.restart_count > 0);
        for previous in [false, true].into_iter().filter(|previous| !previous || restarted) {
            let name = if previous { format!("{path}.previous.log") } else { format!("{path}.log") };
            match tokio::time::timeout(cluster.timeout, log(&api, pod, previous)).await {
                Ok(Ok(text)) => drop(files.insert(name, redactor.text(&text))),
                Ok(Err(error)) => errors.push(format!("{name}: {}", why(error))),
                Err(_) => errors.push(format!("{name}: no response in time")),
            }
        }
    }
}

async fn log(api: &Api<Pod>, pod: &Pod, previous: bool) -> kube::Result<String> {
    let (tail_lines, limit_bytes) = (Some(LINES), Some(BYTES));
    let container = Some(CONTAINER.to_owned());
    api.logs(&pod.name_any(), &LogParams { container, tail_lines, limit_bytes, previous, ..LogParams::default() }).await
}

fn why(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => "you may not read them".to_owned(),
        kube::Error::Api(status) => status.message.split_whitespace().collect::<Vec<_>>().join(" "),
        kube::Error::Auth(_) => "the login failed".to_owned(), // its text may have what a credential plugin printed
        other => with_causes(&other),
    }
}

/// The container with the operator that has this Lease.
fn container<'a>(pod: &'a Pod, lease: &str) -> Option<&'a Container> {
    let has = format!("--lease-name={lease}");
    let mut containers = pod.spec.as_ref()?.containers.iter();
    containers.find(|container| container.name == CONTAINER && container.args.iter().flatten().any(|arg| *arg == has))
}

fn status(pod: &Pod) -> Option<&ContainerStatus> {
    let mut all = pod.status.as_ref()?.container_statuses.as_ref()?.iter();
    all.find(|status| status.name == CONTAINER)
}

/// What a pod is like: how it was started, and how it is.
fn seen(pod: &Pod, container: &Container) -> Value {
    let arguments: Vec<_> = container.args.iter().flatten().map(|argument| without_password(argument)).collect();
    let (spec, status, container_status) = (pod.spec.as_ref(), pod.status.as_ref(), status(pod));
    json!({
        "namespace": pod.namespace(), "name": pod.name_any(), "created": pod.creation_timestamp(),
        "deleted": pod.metadata.deletion_timestamp, "node": spec.and_then(|spec| spec.node_name.as_ref()),
        "image": container.image, "arguments": arguments, "resources": container.resources,
        "phase": status.and_then(|status| status.phase.as_ref()), "reason": status.and_then(|status| status.reason.as_ref()),
        "conditions": status.and_then(|status| status.conditions.as_ref()), "container": container_status,
    })
}

/// An argument may be a URL with the password of a proxy.
fn without_password(argument: &str) -> String {
    match argument.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://[redacted]@{host}"),
        None => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, container: &str, arguments: &[&str]) -> Pod {
        let container = json!({"name": container, "args": arguments, "image": "i",
            "env": [{"name": "OSP_PROXY", "value": "http://u:hunter2@proxy"}]});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"containers": [container]}})).unwrap()
    }

    #[test]
    fn a_pod_is_an_operators_by_the_lease_that_its_arguments_name() {
        let of = |pod: &Pod| container(pod, "policies").is_some();
        assert!(of(&pod("a", CONTAINER, &["--lease-name=policies"])));
        for (container, argument) in
            [(CONTAINER, "--lease-name=policies-2"), ("sidecar", "--lease-name=policies"), (CONTAINER, "policies")]
        {
            assert!(!of(&pod("a", container, &[argument])), "{container} {argument}");
        }
    }

    #[test]
    fn of_a_pod_no_environment_is_shown_and_no_password_of_an_argument() {
        let pod =
            pod("a", CONTAINER, &["--lease-name=l", "--proxy=http://u:hunter2@proxy:3128", "--watch-namespace=n"]);
        let seen = seen(&pod, container(&pod, "l").unwrap());
        assert_eq!(
            seen["arguments"],
            json!(["--lease-name=l", "--proxy=http://[redacted]@proxy:3128", "--watch-namespace=n"])
        );
        assert!(!seen.to_string().contains("hunter2"), "{seen}");
    }
}
