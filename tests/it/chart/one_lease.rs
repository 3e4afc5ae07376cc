//! An upgrade lets no two operators work at the same time, whatever it changes of their Lease. What the chart
//! refuses depends on the pods that are there, so this is on a real API server; without a kubelet, a pod is an object.

use super::{
    CHART, helm,
    install::{NAME, RELEASE},
    merged, with_image,
};
use crate::cluster::{Cluster, cluster};
use serde_json::{Value, json};
use std::sync::Arc;

/// A release for a namespace of its own.
pub(super) struct Release {
    pub(super) cluster: Arc<Cluster>,
    pub(super) namespace: String,
}

impl Release {
    pub(super) fn with(values: &Value) -> Self {
        let cluster = cluster();
        let release = Self { namespace: cluster.namespace(), cluster };
        release.helm("install", values).unwrap();
        release
    }

    pub(super) fn upgrade(&self, values: &Value) -> Result<String, String> {
        self.helm("upgrade", values)
    }

    fn helm(&self, verb: &str, over: &Value) -> Result<String, String> {
        let values = json!({"replicas": 1, "watchNamespaces": [self.namespace], "crds": {"install": false}});
        let values = with_image(&merged(&values, over));
        let admin = self.cluster.kubeconfig("admin");
        helm(&[verb, RELEASE, CHART, "-n", &self.namespace, "-f", "-"], &values, Some(&admin))
    }

    pub(super) fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.ok(&[&["-n", &self.namespace], arguments].concat())
    }

    /// Its pod, as its Deployment has it now.
    fn start(&self, pod_name: &str) {
        let deployment = self.cluster.get(&self.namespace, &format!("deployment/{NAME}")).unwrap();
        let mut pod = deployment["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!(pod_name);
        let (made, said) = self.cluster.with_input(&["create", "-n", &self.namespace, "-f", "-"], &pod.to_string());
        assert!(made, "{said}");
    }

    fn stop(&self, pod_name: &str) {
        self.kubectl(&["delete", "pod", pod_name, "--force", "--grace-period=0"]);
    }
}

fn without_lease() -> Value {
    json!({"leaderElection": {"enabled": false}})
}

#[test]
fn without_a_lease_no_job_runs_beside_a_pod_of_the_operator() {
    let release = Release::with(&without_lease());
    release.start("still-there");
    let uninstalling = merged(&without_lease(), &json!({"uninstall": {"enabled": true}}));
    let said = release.upgrade(&uninstalling).unwrap_err();
    assert!(said.contains("the pod still-there of the operator is there"), "{said}");
    release.stop("still-there");
    release.upgrade(&uninstalling).unwrap();
}

#[test]
fn an_upgrade_that_changes_the_lease_waits_until_the_pods_are_gone_that_lead_by_another() {
    let pod = &format!("{NAME}-0123456789-abcde");
    let release = Release::with(&json!({}));
    release.start(pod);
    release.upgrade(&json!({"podLabels": {"a": "b"}})).expect("the Lease is the same");
    let own = format!("the operator that runs has --lease-name={NAME}, and one with ");
    for (change, other) in [
        (json!({"leaderElection": {"leaseName": "other"}}), "--lease-name=other"),
        (json!({"fullnameOverride": "other"}), "--lease-name=other"),
        (json!({"nameOverride": "osp"}), "--lease-name=policies-osp"),
        (merged(&without_lease(), &json!({"fullnameOverride": "other"})), "--leader-elect=false"),
    ] {
        let said = release.upgrade(&change).unwrap_err();
        assert!(said.contains(&format!("{own}{other} would write beside it")), "{change}: {said}");
    }
    let renamed = json!({"fullnameOverride": "other", "leaderElection": {"leaseName": NAME}});
    release.upgrade(&renamed).expect("another Deployment with the same Lease");
    release.upgrade(&json!({})).unwrap();

    release.upgrade(&without_lease()).expect("the Deployment stops its pod first");
    release.stop(pod);
    release.start(pod);
    release.upgrade(&without_lease()).expect("and does so again");
    let said = release.upgrade(&json!({})).unwrap_err();
    assert!(said.contains("the operator that runs has --leader-elect=false, and one with --lease-name="), "{said}");
    release.kubectl(&[
        "patch",
        "pod",
        pod,
        "--subresource=status",
        "--type=merge",
        "-p",
        r#"{"status":{"phase":"Failed"}}"#,
    ]);
    release.upgrade(&json!({})).expect("a pod that has ended does not lead");
}
