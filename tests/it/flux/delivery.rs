//! A Kustomization that waits for its policies, and the repository it takes them from.

use super::{controller::controller, repository::Repository};
use crate::{
    cluster::{cluster, within},
    world::{World, condition},
};
use serde_json::{Value, json};

/// A file of the folder: the policy of this name.
pub fn policy(name: &str, spec: &str) -> (String, String) {
    let head = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy";
    (format!("{name}.yaml"), format!("{head}\nmetadata: {{name: {name}}}\nspec: {spec}\n"))
}

/// A folder of policies that Flux delivers into a world's namespace.
pub struct Delivery<'a> {
    world: &'a World,
    repository: Repository,
}

impl<'a> Delivery<'a> {
    /// Delivers these files; `settings` are laid over a Kustomization that
    /// waits up to five minutes, prunes, and acts by itself once an hour.
    pub async fn of(world: &'a World, files: &[(String, String)], settings: Value) -> Self {
        controller();
        let repository = Repository::new(&world.namespace).await;
        repository.publish(files);
        let mut spec = json!({
            "interval": "1h", "retryInterval": "2s", "timeout": "5m", "wait": true, "prune": true,
            "path": "./", "targetNamespace": world.namespace,
            "sourceRef": {"kind": "GitRepository", "name": "policies"},
        });
        spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let kustomization = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "policies", "namespace": world.namespace}, "spec": spec,
        });
        let (accepted, said) = cluster().with_input(&["apply", "-f", "-"], &kustomization.to_string());
        assert!(accepted, "{said}");
        Self { world, repository }
    }

    /// Publishes the next revision of the folder; returns its name.
    pub fn publish(&self, files: &[(String, String)]) -> String {
        self.repository.publish(files)
    }

    /// The Kustomization as it is.
    pub fn kustomization(&self) -> Option<Value> {
        cluster().get(&self.world.namespace, "kustomization/policies")
    }

    /// Waits until the Kustomization is as wanted; returns it.
    pub fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = within(90, || {
            last = self.kustomization()?;
            wanted(&last).then(|| last.clone())
        });
        let log = || controller().tail(&self.world.namespace);
        found.unwrap_or_else(|| panic!("the Kustomization is not {what}: {:#}\n{}", last["status"], log()))
    }

    /// Waits until the Kustomization is Ready.
    pub fn until_ready(&self) -> Value {
        self.until("Ready", |k| ready(k) == ("True", "ReconciliationSucceeded"))
    }

    /// Waits until the Kustomization is Ready at this revision.
    pub fn until_ready_at(&self, revision: &str) -> Value {
        let there = |k: &Value| ready(k).0 == "True" && k["status"]["lastAppliedRevision"] == revision;
        self.until(&format!("Ready at {revision}"), there)
    }

    /// Waits until its policies are applied and being waited for.
    pub fn until_waiting(&self) -> Value {
        self.until("waiting for its policies", |k| {
            ready(k) == ("Unknown", "Progressing") && message(k, "Reconciling").starts_with("Running health checks")
        })
    }

    /// Waits until the policies were found not healthy; returns what is said about them.
    pub fn until_failed(&self) -> String {
        let failed = self.until("failed", |k| ready(k) == ("False", "HealthCheckFailed"));
        message(&failed, "Ready").to_owned()
    }

    /// How often the present folder was reconciled to its end.
    pub fn reconciliations(&self) -> u64 {
        let history = self.kustomization().unwrap()["status"]["history"].clone();
        history[0]["totalReconciliations"].as_u64().unwrap_or(0)
    }

    /// Waits for `more` further reconciliations of Flux.
    pub fn until_reconciled(&self, more: u64) {
        let before = self.reconciliations();
        self.until("reconciled again", |k| {
            k["status"]["history"][0]["totalReconciliations"].as_u64().unwrap() >= before + more
        });
    }

    /// Asks Flux for a reconciliation, as `flux reconcile` does, and waits for it.
    pub fn reconcile(&self, token: &str) {
        let request = format!("reconcile.fluxcd.io/requestedAt={token}");
        self.world.kubectl(&["annotate", "--overwrite", "kustomization/policies", &request]);
        self.until("reconciled as requested", |k| k["status"]["lastHandledReconcileAt"] == token);
    }
}

impl Drop for Delivery<'_> {
    /// A test that is over must not keep the controller busy.
    fn drop(&mut self) {
        let suspend = ["patch", "kustomization/policies", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#];
        drop(cluster().kubectl(&[["-n", self.world.namespace.as_str()].as_slice(), &suspend].concat()));
    }
}

/// Status and reason of Ready.
pub fn ready(kustomization: &Value) -> (&str, &str) {
    let ready = condition(kustomization, "Ready");
    let text = |key: &str| ready.and_then(|c| c[key].as_str()).unwrap_or_default();
    (text("status"), text("reason"))
}

/// What a condition says, if it is there.
pub fn message<'a>(kustomization: &'a Value, kind: &str) -> &'a str {
    condition(kustomization, kind).and_then(|c| c["message"].as_str()).unwrap_or_default()
}
