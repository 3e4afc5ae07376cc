//! SARIF 2.1.0 (OASIS), which GitHub's code scanning reads.

use super::wording::normalised_path;
use crate::gitops::{Diagnostic, Loaded, Location, Rule};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Serialize)]
struct Log<'a> {
    version: &'static str,
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    column_kind: &'static str,
    #[serde(serialize_with = "results")]
    results: &'a [Diagnostic],
}

/// `docs`: where `docs/osp.md` is published, for the rules to link to; else they link to the repository.
pub(in crate::gitops) fn write(loaded: &Loaded, docs: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let published = in_repository(env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
    let docs = docs.or(published.as_deref());
    let rules = Rule::ALL.map(|of| rule(of, docs));
    let driver = json!({"name": "osp", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let run = Run { tool: json!({"driver": driver}), column_kind: "unicodeCodePoints", results: &loaded.diagnostics };
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    serde_json::to_writer_pretty(&mut *out, &Log { version: "2.1.0", schema, runs: [run] })?;
    writeln!(out)
}

/// Converts each result to JSON only when it is written, so that one at a time is in memory.
fn results<S: Serializer>(diagnostics: &[Diagnostic], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(diagnostics.iter().map(result))
}

/// Where `docs/osp.md` of this version is in a `repository`, as GitHub shows files; none while the package names no
/// repository.
fn in_repository(repository: &str, version: &str) -> Option<String> {
    let repository = Some(repository.trim_end_matches('/')).filter(|url| !url.is_empty())?;
    Some(format!("{repository}/blob/v{version}/docs/osp.md"))
}

/// How the section of a rule in `docs/osp.md` is named, before the rule's name.
const SECTION: &str = "#rule-";

fn rule(rule: Rule, docs: Option<&str>) -> Value {
    let help = json!({"text": rule.help()});
    let mut described = json!({
        "id": rule.name(),
        "shortDescription": help,
        // code scanning requires these two as well
        "fullDescription": help,
        "help": help,
        "defaultConfiguration": {"level": "error"},
    });
    if let (Some(docs), Some(fields)) = (docs, described.as_object_mut()) {
        fields.insert("helpUri".to_owned(), format!("{docs}{SECTION}{}", rule.name()).into());
    }
    described
}

fn result(diagnostic: &Diagnostic) -> Value {
    let mut text = literal(&diagnostic.with_fix());
    if let Some(other) = &diagnostic.other {
        // code scanning shows a related location only if the message links it
        text.push_str(&format!("\nsee: [{}]({OTHER})", link_text(&literal(&other.to_string()))));
    }
    json!({
        "ruleId": diagnostic.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == diagnostic.rule),
        "level": "error",
        "properties": {"id": diagnostic.id},
        "message": {"text": text},
        "locations": [location(&diagnostic.location, 0)],
        "relatedLocations": diagnostic.other.iter().map(|other| location(other, OTHER)).collect::<Vec<_>>(),
    })
}

const OTHER: u32 = 1;

fn location(location: &Location, id: u32) -> Value {
    json!({"id": id, "physicalLocation": {
        "artifactLocation": {"uri": uri(&location.file)},
        "region": {"startLine": location.line, "startColumn": location.column},
    }})
}

/// Escapes `text` for a message, where `{0}` would be a placeholder (SARIF 2.1.0 §3.11.5).
fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Escapes `text` for the text of a link (SARIF 2.1.0 §3.11.6).
fn link_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

/// What a path must encode: everything but the slash and RFC 3986's unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A relative path as a relative reference, which code scanning takes as a path in the repository;
/// an absolute path as a file URI.
fn uri(file: &str) -> String {
    let path = normalised_path(file);
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(&path, &RESERVED))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};
    use super::*;

    #[test]
    fn a_result_has_its_place_and_links_the_other_one() {
        let log: Value = serde_json::from_str(&written(Format::Sarif)).unwrap();
        let results = &log["runs"][0]["results"];
        let rule = [&results[0]["ruleId"], &results[0]["properties"]["id"]];
        assert_eq!(rule, ["policy", "idle-below-absolute"]);
        let location = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b/%3C%C3%BC%3E%2C%3A%25.yaml");
        assert_eq!(location["region"], json!({"startLine": 3, "startColumn": 7}));
        assert_eq!(results[1]["message"]["text"], "twice\nfix: remove one\nsee: [a.yaml:9:9](1)");
        assert_eq!(results[1]["relatedLocations"][0]["id"], 1);
    }

    #[test]
    fn a_rule_links_to_the_docs_of_its_version_once_the_package_has_a_repository() {
        let docs = in_repository("https://git.example/a/b/", "1.2.3").unwrap();
        assert_eq!(docs, "https://git.example/a/b/blob/v1.2.3/docs/osp.md");
        assert_eq!(in_repository("", "1.2.3"), None);
    }

    #[test]
    fn a_path_is_a_uri_reference() {
        for (file, expected) in [
            ("/a/b.yaml", "file:///a/b.yaml"),
            (".//a/b c.yaml", "a/b%20c.yaml"),
            ("a:b", "a%3Ab"),
            ("<stdin>", "%3Cstdin%3E"),
        ] {
            assert_eq!(uri(file), expected);
        }
    }

    #[test]
    fn a_text_of_strangers_is_no_placeholder_and_ends_no_link() {
        assert_eq!(literal("{0} {{}}"), "{{0}} {{{{}}}}");
        assert_eq!(link_text("a]\\[b"), "a\\]\\\\\\[b");
    }
}
