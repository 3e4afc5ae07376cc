//! Diagnostics as JSON or YAML, for scripts.

use crate::{gitops::Loaded, terminal};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    #[serde(flatten)]
    loaded: &'a Loaded,
}

impl<'a> Document<'a> {
    const fn of(loaded: &'a Loaded) -> Self {
        Self { version: 1, loaded }
    }
}

pub(super) fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document::of(loaded))?;
    writeln!(out)
}

/// The same as YAML.
pub(super) fn yaml(loaded: &Loaded) -> String {
    terminal::yaml(&Document::of(loaded))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};
    use serde_json::{Value, json};

    #[test]
    fn every_finding_is_an_object_of_the_same_fields() {
        let all: Value = serde_json::from_str(&written(Format::Json)).unwrap();
        assert_eq!((&all["version"], &all["resources"], &all["skipped"]), (&json!(1), &json!(3), &json!(1)));
        assert_eq!(
            all["findings"][1],
            json!({
                "rule": "duplicate-resource", "id": "duplicate-resource", "file": "b.yaml", "line": 1, "column": 2, "field": "",
                "message": "twice", "fix": "remove one", "other": {"file": "a.yaml", "line": 9, "column": 9},
            })
        );
        assert_eq!([&all["findings"][0]["rule"], &all["findings"][0]["id"]], ["policy", "idle-below-absolute"]);
        assert_eq!(all["findings"][0]["fix"], Value::Null);
    }
}
