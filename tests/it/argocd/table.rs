//! The table of statuses from real runs, and the health that a person expects
//! of each. `real_runs` records it.

use super::lua::health;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The table's file.
pub const FILE: &str = "tests/argocd/statuses.json";

/// One status.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// How the resource came to it.
    pub state: String,
    /// The health it is to have; written by a person in `real_runs`.
    pub health: String,
    /// Words that the message is to have.
    pub said: String,
    /// The resource, less what differs from run to run.
    pub object: Value,
}

/// The committed table.
pub fn rows() -> Vec<Row> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
    let rows: Vec<Row> = serde_json::from_str(&text).unwrap();
    assert!(rows.len() >= 14, "the table lost rows");
    rows
}

impl Row {
    /// Asserts that Argo CD sees the resource as a person expects.
    pub fn assert_health(&self) {
        let (status, message) = health(&self.object);
        assert_eq!(status, self.health, "{}: {message}: {:#}", self.state, self.object);
        assert!(message.contains(&self.said), "{}: {message:?} does not say {:?}", self.state, self.said);
    }

    /// What a health depends on; the rest may change without a new recording.
    pub fn shape(&self) -> Value {
        let (object, status) = (&self.object, &self.object["status"]);
        let conditions: Vec<Value> = status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|c| ["Ready", "Reconciling", "Stalled"].contains(&c["type"].as_str().unwrap()))
            .map(|c| json!([c["type"], c["status"], c["reason"]]))
            .collect();
        json!({
            "state": self.state, "health": self.health, "said": self.said,
            "seen": status["observedGeneration"] == object["metadata"]["generation"],
            "deleting": !object["metadata"]["deletionTimestamp"].is_null(),
            "suspend": object["spec"]["suspend"], "conditions": conditions,
        })
    }
}

#[test]
fn every_status_of_the_table_has_the_health_that_a_person_expects() {
    for row in rows() {
        row.assert_health();
    }
}
