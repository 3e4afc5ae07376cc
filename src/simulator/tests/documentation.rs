//! The tests of other modules are written from `docs/development/simulator.md`, so it has to
//! name every setting, and its examples have to be accepted.

use super::wire::Bench;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/development/simulator.md");

fn leaves(prefix: &str, value: &Value, found: &mut Vec<String>) {
    for (name, value) in value.as_object().unwrap() {
        match value {
            Value::Object(_) => leaves(&format!("{name}."), value, found),
            _ => found.push(format!("{prefix}{name}")),
        }
    }
}

#[tokio::test]
async fn every_setting_is_documented() {
    let bench = Bench::new().await;
    let mut names = Vec::new();
    leaves("", &bench.admin("GET", "settings", &Value::Null).await, &mut names);
    let rows: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| `")).collect();
    for name in names {
        let (group, leaf) = name.split_once('.').unwrap_or(("", &name));
        let documented = rows.iter().any(|row| {
            row.contains(&format!("`{name}`"))
                || (row.contains(&format!("`{group}.")) && row.contains(&format!("`.{leaf}`")))
        });
        assert!(documented, "{name}");
    }
}

#[tokio::test]
async fn every_fault_in_the_documentation_is_accepted() {
    let bench = Bench::new().await;
    let mut count = 0;
    for quoted in PAGE.split('`').filter(|text| text.starts_with("{\"kind\"")) {
        let fault: Value = serde_json::from_str(quoted).unwrap_or_else(|error| panic!("{error}: {quoted}"));
        bench.admin("POST", "faults", &json!({"fault": fault})).await;
        count += 1;
    }
    assert!(count >= 15, "only {count} examples found");
}
