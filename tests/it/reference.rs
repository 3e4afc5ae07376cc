//! `docs/api-reference.md`, made from the CustomResourceDefinition.

use crate::manifests::assert_committed;
use serde_json::Value;
use session_policy_operator::crd;

fn words<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The type of a field, with what limits its values.
fn type_of(schema: &Value) -> String {
    let kind = match (words(schema, "type"), &schema["items"]) {
        ("array", items) => format!("list of {}s", words(items, "type")),
        (kind, _) => kind.to_owned(),
    };
    let values: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(|v| format!("`{v}`")).collect();
    if !values.is_empty() {
        return values.join(", ").replace('"', "");
    }
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64(), schema["maxLength"].as_i64()) {
        (Some(low), Some(high), _) => format!("{kind}, {low} to {high}"),
        (_, _, Some(longest)) => format!("{kind}, at most {longest} characters"),
        _ => kind,
    }
}

/// The table of the fields of an object, then those of the objects in it; `path` is that of the object.
fn fields(page: &mut String, path: &str, schema: &Value) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().unwrap();
    page.push_str(&format!("\n## {path}\n\n{}\n", cell(words(schema, "description"))));
    page.push_str("\n| field | type | default | meaning |\n|---|---|---|---|\n");
    let mut inner = Vec::new();
    for (name, field) in properties {
        let default = match &field["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`").replace('"', ""),
        };
        let object = [field, &field["items"]].into_iter().find(|schema| schema["properties"].is_object());
        let place = format!("{path}.{name}");
        let shown = match object {
            Some(object) => {
                inner.push((place.clone(), object));
                format!("[`{name}`](#{})", place.to_lowercase().replace('.', ""))
            }
            None => format!("`{name}`"),
        };
        let meaning = cell(words(field, "description"));
        page.push_str(&format!("| {shown} | {} | {} | {meaning} |\n", type_of(field), cell(&default)));
    }
    let rules: Vec<&str> = schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| words(rule, "message"))
        .collect();
    if !rules.is_empty() {
        page.push_str("\nThe API server refuses what breaks a rule, and says:\n\n");
        rules.iter().for_each(|rule| page.push_str(&format!("- {}\n", cell(rule))));
    }
    inner.into_iter().for_each(|(place, object)| fields(page, &place, object));
}

fn page() -> String {
    let manifest: Value = serde_yaml::from_str(&crd::manifest().unwrap()).unwrap();
    let version = &manifest["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = format!(
        "<!-- Generated from src/crd; do not edit. -->\n# API reference: OrganizationSessionPolicy\n\n{}\n\n\
         `apiVersion: {}/{}`, `kind: {}`, namespaced; `osp` for short. `kubectl explain osp.spec` says the same.\n\
         Examples are in [install.md](install.md) and [concepts.md](concepts.md), the conditions in\n\
         [conditions.md](conditions.md).\n",
        cell(words(schema, "description")),
        words(&manifest["spec"], "group"),
        words(version, "name"),
        words(&manifest["spec"]["names"], "kind"),
    );
    for part in ["spec", "status"] {
        fields(&mut page, part, &schema["properties"][part]);
    }
    page.push_str("\n## Columns of kubectl get\n\n| column | with `-o wide` only | it shows |\n|---|---|---|\n");
    for column in version["additionalPrinterColumns"].as_array().unwrap() {
        let wide = if column["priority"] == 1 { "yes" } else { "" };
        let (name, path) = (words(column, "name").to_uppercase(), words(column, "jsonPath"));
        let meaning = column["description"].as_str().map_or_else(|| format!("`{path}`"), cell);
        page.push_str(&format!("| {name} | {wide} | {meaning} |\n"));
    }
    page
}

#[test]
fn the_committed_page_of_the_api_is_the_generated_one() {
    assert_committed("docs/api-reference.md", &page());
}
