//! The JSON of the verbs against the schemas that ship for it (`schemas/osp/`).

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The schemas that ship: verb, version and text.
fn shipped() -> Vec<(String, u64, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/osp");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (verb, version) = name.split_once("_v").unwrap();
        (verb.to_owned(), version.parse().unwrap(), serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    };
    files.map(read).collect()
}

/// The schema of this verb. Those that ship allow fields that a later version adds; here every field
/// must be in them.
fn schema(verb: &str) -> Value {
    let mut all = shipped().into_iter().filter(|(of, ..)| of == verb);
    let (_, _, mut schema) = all.next().unwrap_or_else(|| panic!("schemas/osp/ has none of {verb}"));
    assert!(all.next().is_none(), "schemas/osp/ has one version of {verb}");
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
    assert!(wrong.is_empty(), "schemas/osp/{verb}: {wrong:#?}\n{output:#}");
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
    for verb in ["plan", "status", "diff", "check", "audit"] {
        assert!(!wrong(verb, &good).is_empty(), "{verb}");
    }
}

/// All names of fields, wherever they are.
fn fields(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(words) => {
            if let Some(Value::Object(properties)) = words.get("properties") {
                found.extend(properties.keys().cloned());
            }
            words.values().for_each(|word| fields(word, found));
        }
        Value::Array(all) => all.iter().for_each(|one| fields(one, found)),
        _ => {}
    }
}

#[test]
fn every_output_has_its_version_and_one_name_for_one_thing() {
    for (verb, version, schema) in shipped() {
        assert_eq!(schema["properties"]["version"]["const"], version, "{verb}");
        let mut names = Vec::new();
        fields(&schema, &mut names);
        for (other, ours) in
            [("desired", "declared"), ("before", "live"), ("after", "planned"), ("formatVersion", "version")]
        {
            assert!(!names.iter().any(|name| name == other), "{verb} has {other}, which is called {ours}");
        }
        assert!(!schema.to_string().contains("unrecognized"), "{verb} spells UNRECOGNIZED as the status does");
    }
}
