//! SARIF against the schema of its standard, and against what GitHub's code
//! scanning says that it needs ("SARIF support for code scanning").

use super::{
    super::{Folder, policy},
    sample::{Sample, text},
};
use crate::citations::anchor;
use jsonschema::Validator;
use reqwest::Url;
use serde_json::{Value, json};
use std::path::Path;

fn schema() -> Validator {
    let schema = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    // the schema is of draft 4, which does not know this format yet and would take any text
    let reference = json!({"format": "uri-reference"});
    let reference = jsonschema::draft7::options().should_validate_formats(true).build(&reference).unwrap();
    let options = jsonschema::draft4::options().should_validate_formats(true);
    options.with_format("uri-reference", move |text: &str| reference.is_valid(&json!(text))).build(&schema).unwrap()
}

fn log(sample: &Sample) -> Value {
    serde_json::from_str(&sample.ran("sarif")).unwrap()
}

/// The results of the only run.
fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn a_log_is_what_the_schema_of_sarif_asks_for() {
    let none = Folder::with(policy("a", "id: org_1")).osp(&["validate", "a.yaml", "--output", "sarif"]).out;
    for log in [log(&Sample::new()), serde_json::from_str(&none).unwrap()] {
        let wrong: Vec<_> =
            schema().iter_errors(&log).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn a_rule_links_to_the_page_that_describes_it() {
    let folder = Folder::with(policy("a", "id: org_1"));
    let page = "https://git.example/docs/osp.md";
    let ran = folder.osp(&["validate", "a.yaml", "--output", "sarif", "--docs-url", page]);
    let log: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(schema().is_valid(&log), "{log}");
    let osp = include_str!("../../../../docs/osp.md");
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        let [id, help] = [&rule["id"], &rule["help"]["text"]].map(|text| text.as_str().unwrap());
        assert_eq!(rule["helpUri"], format!("{page}#{}", anchor(&format!("rule `{id}`"))), "{rule}");
        assert!(osp.contains(&format!("\n#### rule `{id}`\n\n{help} ")), "{rule}");
    }
    assert_eq!(folder.osp(&["validate", "a.yaml", "--docs-url", "docs/osp.md"]).code, Some(1));
}

#[test]
fn the_schema_refuses_a_log_with_one_thing_wrong() {
    let (schema, log) = (schema(), log(&Sample::new()));
    let related = results(&log).iter().position(|result| result["relatedLocations"][0].is_object()).unwrap();
    let place = format!("/runs/0/results/{related}/relatedLocations/0/physicalLocation");
    for (parent, field) in [
        ("", "version"),
        ("", "runs"),
        ("/runs/0", "tool"),
        ("/runs/0/tool", "driver"),
        ("/runs/0/tool/driver", "name"),
        ("/runs/0/tool/driver/rules/0", "id"),
        ("/runs/0/tool/driver/rules/0/shortDescription", "text"),
        ("/runs/0/results/0", "message"),
        ("/runs/0/results/0/message", "text"),
        (&place, "artifactLocation"),
        (&format!("{place}/region"), "startLine"),
    ] {
        let mut mutant = log.clone();
        let fields = mutant.pointer_mut(parent).and_then(Value::as_object_mut);
        assert!(fields.is_some_and(|fields| fields.remove(field).is_some()), "there is no {parent}/{field}");
        assert!(!schema.is_valid(&mutant), "{parent}/{field} may be left out");
    }
    for (pointer, value) in [
        ("/version", json!("2.0.0")),
        ("/$schema", json!("no uri")),
        ("/runs/0/columnKind", json!("bytes")),
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/ruleIndex", json!(-2)),
        ("/runs/0/results/0/message", json!({"text": "a", "fix": "b"})),
        (&format!("{place}/region/startLine"), json!(0)),
        (&format!("{place}/artifactLocation/uri"), json!("a b.yaml")),
        (&format!("{place}/artifactLocation/uri"), json!("100%.yaml")),
        (&format!("{place}/artifactLocation/uri"), json!("<stdin>")),
    ] {
        let mut mutant = log.clone();
        *mutant.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&mutant), "{pointer} may be anything");
    }
}

/// In a message, braces stand doubled (SARIF 2.1.0 §3.11.5).
#[test]
fn a_result_says_what_its_finding_says() {
    let sample = Sample::new();
    let (log, findings) = (log(&sample), sample.findings());
    let rules = &log["runs"][0]["tool"]["driver"]["rules"];
    assert_eq!(results(&log).len(), findings.len());
    for (result, finding) in results(&log).iter().zip(&findings) {
        assert_eq!(result["ruleId"], finding["rule"]);
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], finding["rule"]);
        let said = result["message"]["text"].as_str().unwrap();
        let expected = text(finding).replace('{', "{{").replace('}', "}}");
        assert!(
            said.strip_prefix(&expected).is_some_and(|rest| rest.is_empty() || rest.starts_with("\nsee: ")),
            "{said}"
        );
        let region = json!({"startLine": finding["line"], "startColumn": finding["column"]});
        assert_eq!(result["locations"][0]["physicalLocation"]["region"], region);
    }
}

#[test]
fn a_uri_is_relative_to_where_osp_ran_or_absolute_and_leads_to_the_file() {
    let sample = Sample::new();
    let here = Url::parse("file:///re%20po/").unwrap();
    for (result, finding) in results(&log(&sample)).iter().zip(&sample.findings()) {
        let places = [(&result["locations"][0], finding), (&result["relatedLocations"][0], &finding["other"])];
        for (location, place) in places.into_iter().filter(|(_, place)| place.is_object()) {
            let file = place["file"].as_str().unwrap();
            let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert_eq!(uri.starts_with("file:///"), file.starts_with('/'), "{uri}");
            assert!(!uri.starts_with("./"), "code scanning shows the path as it is: {uri}");
            let led = here.join(uri).unwrap();
            assert_eq!((led.query(), led.fragment()), (None, None));
            // as paths: a text would not see that ./a and .//./a are the same
            assert_eq!(led.to_file_path().unwrap(), Path::new("/re po").join(file), "{uri}");
        }
    }
}

/// Code scanning shows the other of two places only where the message links it.
#[test]
fn the_message_links_the_other_of_two_places() {
    let sample = Sample::new();
    let mut linked = 0;
    for (result, finding) in results(&log(&sample)).iter().zip(&sample.findings()) {
        let other = &finding["other"];
        assert_eq!(other.is_object(), result["relatedLocations"][0].is_object(), "{result}");
        let Some(file) = other["file"].as_str() else { continue };
        let related = &result["relatedLocations"][0];
        assert_eq!(related["id"], 1);
        assert_eq!(related["physicalLocation"]["region"]["startLine"], other["line"]);
        let shown = format!("{file}:{}:{}", other["line"], other["column"]).replace('[', "\\[").replace(']', "\\]");
        let said = result["message"]["text"].as_str().unwrap();
        assert!(said.ends_with(&format!("\nsee: [{shown}](1)")), "{said}");
        linked += 1;
    }
    assert!(linked >= 3, "{linked}");
}

#[test]
fn a_log_has_what_code_scanning_needs() {
    let log = log(&Sample::new());
    assert_eq!(log["version"], "2.1.0");
    let driver = &log["runs"][0]["tool"]["driver"];
    assert_eq!(driver["name"], "osp");
    for rule in driver["rules"].as_array().unwrap() {
        for part in ["shortDescription", "fullDescription", "help"] {
            let text = rule[part]["text"].as_str().unwrap_or_default();
            assert!((1..=1000).contains(&text.chars().count()), "{part} of {rule}");
        }
    }
    for result in results(&log) {
        assert_eq!(result["level"], "error");
        assert_eq!(result["locations"].as_array().map(Vec::len), Some(1), "only the first is shown");
    }
}
