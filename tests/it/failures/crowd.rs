//! Many resources at once.

use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Resources `crowd-1` and so on, each for an organization of its own.
pub struct Crowd(pub u64);

impl Crowd {
    /// The organization of each.
    pub fn organizations(&self) -> impl Iterator<Item = String> {
        (1..=self.0).map(|n| format!("org_{n}"))
    }

    /// Creates organizations and resources; without an interval they are
    /// reconciled as often as the operator does by default.
    pub fn arrive(&self, world: &World, interval: Option<&str>) {
        for organization in self.organizations() {
            world.admin("PUT", &format!("organizations/{organization}"), &json!({"id": organization}));
        }
        self.declare(world, interval, 480);
    }

    /// Declares this absolute timeout, in minutes, for each.
    pub fn declare(&self, world: &World, interval: Option<&str>, absolute: u32) {
        let resource = |n: u64| {
            json!({
                "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
                "metadata": {"name": format!("crowd-{n}"), "namespace": world.namespace},
                "spec": {
                    "organization": {"id": format!("org_{n}")}, "interval": interval,
                    "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": absolute, "absoluteSessionTimeoutUnit": "MINUTES"},
                },
            })
        };
        let items: Vec<Value> = (1..=self.0).map(resource).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let (accepted, said) = world.cluster.with_input(&["apply", "-f", "-"], &list.to_string());
        assert!(accepted, "{said}");
    }

    /// Waits until all are Ready=`status` for `reason`; their versions by name.
    pub fn until(&self, world: &World, status: &str, reason: &str) -> BTreeMap<String, String> {
        eventually(&format!("all {} Ready={status}/{reason}", self.0), 300, || {
            let all: Value = serde_json::from_str(&world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
            let versions: BTreeMap<String, String> = all["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|r| condition(r, "Ready").is_some_and(|c| c["status"] == status && c["reason"] == reason))
                .map(|r| (text(&r["metadata"]["name"]), text(&r["metadata"]["resourceVersion"])))
                .collect();
            (versions.len() as u64 == self.0).then_some(versions)
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
