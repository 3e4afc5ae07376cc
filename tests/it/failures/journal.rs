//! What really happened: the simulator's journal and the API server's events.

use crate::{
    cluster::{cluster, eventually},
    world::World,
};
use serde_json::{Value, json};

impl World {
    /// How many requests fit: `method=PATCH&path=/api/**&status=503`.
    pub fn count(&self, filter: &str) -> u64 {
        self.admin("GET", &format!("journal/count?{filter}"), &Value::Null)["count"].as_u64().unwrap()
    }

    /// How often a token was asked for.
    pub fn tokens(&self) -> u64 {
        self.count("method=POST&path=/oauth/token")
    }

    /// The policies sent for an organization, oldest first.
    pub fn policies(&self, organization: &str) -> Vec<Value> {
        let path = format!("{organization}/session-policy");
        self.writes().into_iter().filter(|(to, _)| *to == path).map(|(_, body)| body).collect()
    }

    /// The feature lists sent for an organization, oldest first.
    pub fn flags(&self, organization: &str) -> Vec<Value> {
        let path = format!("{organization}/settings");
        self.writes().into_iter().filter(|(to, _)| *to == path).map(|(_, body)| body).collect()
    }

    /// The requests about an organization, a letter each: the organization,
    /// Application's policy, Flags written, policy Read, policy Written. One
    /// reconcile begins with each O, unless it reads the organization again.
    pub fn request_sequence(&self, organization: &str) -> String {
        let journal = self.admin("GET", "journal?path=/api/v1/organizations/**", &Value::Null);
        let own = format!("/api/v1/organizations/{organization}");
        let letter = |entry: &Value| {
            let rest = entry["path"].as_str().unwrap().strip_prefix(&own)?;
            match (entry["method"].as_str().unwrap(), rest) {
                ("GET", "") => Some('O'),
                ("GET", "/application-session-policy") => Some('A'),
                ("PATCH", "/settings") => Some('F'),
                ("GET", "/session-policy") => Some('R'),
                ("PATCH", "/session-policy") => Some('W'),
                _ => None,
            }
        };
        journal.as_array().unwrap().iter().filter_map(letter).collect()
    }

    /// Waits for further whole reconciles of an organization, whose resource is
    /// in order: the clock of those who wait for nothing to happen.
    pub fn until_organization_reconciled(&self, organization: &str, more: u64) {
        let path = format!("method=GET&path=/api/v1/organizations/{organization}/session-policy&status=200");
        let before = self.count(&path);
        eventually("further reconciles of the organization", 60, || (self.count(&path) >= before + more).then_some(()));
    }

    /// Asks for a reconcile now and waits until one has ended; how it left the
    /// resource.
    pub fn reconcile_now(&self, name: &str, request: &str) -> Value {
        let annotation = format!("reconcile.fluxcd.io/requestedAt={request}");
        self.kubectl(&["annotate", "--overwrite", "osp", name, &annotation]);
        eventually("the requested reconcile", 60, || {
            self.resource(name).filter(|resource| resource["status"]["lastHandledReconcileAt"] == request)
        })
    }

    /// The events of this reason.
    pub fn events(&self, reason: &str) -> Vec<Value> {
        let events = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
        let events: Value = serde_json::from_str(&events).unwrap();
        events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == reason).cloned().collect()
    }

    /// Waits for an event of this reason and type; it must be the only one.
    pub fn until_event(&self, reason: &str, kind: &str) -> Value {
        let found = eventually(reason, 30, || Some(self.events(reason)).filter(|events| !events.is_empty()));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0]["type"], kind, "{found:#?}");
        found[0].clone()
    }

    /// Adds a fault.
    pub fn inject(&self, rule: &Value) {
        self.admin("POST", "faults", rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.admin("DELETE", "faults", &Value::Null);
    }

    /// A Secret with these credentials.
    pub fn secret_for(&self, name: &str, url: &str, secret: &str) {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "stringData": {
                "SCALEKIT_ENVIRONMENT_URL": url,
                "SCALEKIT_CLIENT_ID": "skc_simulator",
                "SCALEKIT_CLIENT_SECRET": secret,
            },
        });
        let (accepted, said) = cluster().with_input(&["apply", "-f", "-"], &manifest.to_string());
        assert!(accepted, "{said}");
    }
}

/// The message of a resource's condition.
pub fn message<'a>(resource: &'a Value, kind: &str) -> &'a str {
    crate::world::condition(resource, kind).unwrap()["message"].as_str().unwrap()
}
