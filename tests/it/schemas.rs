//! The JSON of the verbs against the schemas that ship for it (`schemas/osp/`).

use serde_json::{Value, json};
use std::{fs, path::Path};

/// The schema of this verb. Those that ship allow fields that a later version adds; here every field
/// must be in them.
fn schema(verb: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/osp/{verb}_v1.json"));
    let mut schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            if words.get("properties").is_some_and(Value::is_object) && words.get("type") == Some(&json!("object")) {
                words.insert("additionalProperties".into(), json!(false));
            }
            words.values_mut().for_each(close);
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}

fn wrong(verb: &str, output: &Value) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema(verb)).unwrap();
    validator.iter_errors(output).map(|error| format!("{} {error}", error.instance_path())).collect()
}

/// Fails if `output` is not what the schema of `verb` describes.
pub fn assert_described(verb: &str, output: &Value) {
    let wrong = wrong(verb, output);
    assert!(wrong.is_empty(), "schemas/osp/{verb}_v1.json: {wrong:#?}\n{output:#}");
}

#[test]
fn an_output_with_another_version_or_field_is_refused() {
    let good = json!({"version": 1, "findings": [], "resources": 1, "skipped": 0});
    assert_described("validate", &good);
    for (field, value) in
        [("version", json!(2)), ("resources", json!("1")), ("more", json!(1)), ("findings", json!([{}]))]
    {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(!wrong("validate", &bad).is_empty(), "{field}");
    }
    for verb in ["plan", "status", "diff"] {
        assert!(!wrong(verb, &good).is_empty(), "{verb}");
    }
}
