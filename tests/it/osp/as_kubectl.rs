//! What osp reads, the real kubectl reads too, and reads as the same. Random texts are given to
//! `kubectl create --dry-run=client -o json`, and what comes out is compared. That osp refuses more than
//! kubectl is allowed: it refuses what other readers read otherwise. `OSP_KUBECTLS` names more of them to compare with,
//! such as older ones, as `PATH` names folders; kubectl before 1.33 reads less.

use super::Folder;
use crate::cluster::cluster;
use fastrand::Rng;
use serde_json::{Deserializer, Value, json};
use session_policy_operator::gitops;
use std::{collections::BTreeMap, path::Path, process::Command};

/// Scalars that readers of YAML disagree about, and some that they do not.
const SCALARS: &[&str] = &[
    "8",
    "08",
    "010",
    "0o10",
    "0x1F",
    "0b11",
    "1_000",
    "-0",
    "+8",
    "1e3",
    "1E3",
    "8.0",
    ".5",
    "8.",
    "-.5",
    "1e400",
    ".inf",
    "-.Inf",
    ".nan",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "12:30",
    "1:30:00",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "null",
    "Null",
    "~",
    "nULL",
    "",
    "=",
    "<<",
    "a b",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "#a",
    "http://x/y?z#w",
    "@a",
    "`a`",
    "%a",
    "a%b",
    "!a",
    "! a",
    "!!str 8",
    "!!int '8'",
    "!!float 8",
    "!!bool yes",
    "!!null ''",
    "!!binary aGk=",
    "!!binary '?'",
    "!foo 8",
    "!foo a",
    "!!timestamp 2020-01-01",
    "&a a",
    "&a 8",
    "&a.b c",
    "&a%b c",
    "&a:b c",
    "&a: b",
    "&\u{e9} b",
    "{a: &a.b c}",
    "*a:",
    "*a",
    "*b",
    "'it''s'",
    "'a\n   b'",
    "'a\n\n   b'",
    "\"a\\tb\"",
    "\"\\/\"",
    "\"\\x41\\u00e9\\U0001f600\"",
    "\"\\ud83d\\ude00\"",
    "\"\\e\\0\\a\\b\\v\\f\\N\\_\\L\\P\"",
    "\"a\\\n   b\"",
    "\"a\n   b\"",
    "\"\\'\"",
    "\"\\ \"",
    "\"\\q\"",
    "|\n    a\n    b",
    "|-\n    a\n",
    "|+\n    a\n\n",
    ">\n    a\n    b\n\n    c",
    ">-\n    a\n     b\n    c",
    "|2\n      a",
    "|\n    a\tb",
    "|\n    \ta",
    "|\n\t    a",
    "[a, b]",
    "[a,b]",
    "[a, ]",
    "[ ,a]",
    "[]",
    "[a: b]",
    "[? a]",
    "{a: b}",
    "{a:b}",
    "{a}",
    "{a: }",
    "{a: 1, a: 2}",
    "{\"a\":1}",
    "{\"a\":b}",
    "{a: http://x}",
    "{a: [b, {c: d}]}",
    "{? a : b}",
    "{a: b, }",
    "{on: 1, 8: 2, 1.5: 3}",
    "{~: 1}",
    "{null: 1}",
    "{true: 1}",
    "{True: 1}",
    "{.5: 1}",
    "{1e3: 1}",
    "{[a]: b}",
    "[\n\ta,\n\tb]",
    "{\n\ta: b}",
    "[a\n   , b]",
    "a\n   b",
    "a\n\n   b",
    "a\t# b",
    "a \tb",
    "-",
    "- a",
    "-a",
    "?",
    "? a",
    "?a",
    ":",
    ":a",
    "::",
    "a:",
    "\"a\": b",
    "a, b",
    "[a]b",
    "'a'b",
    "\"a\"b",
    "日本",
    "é",
    "\u{1f600}",
    "a\u{a0}b",
    "{<<: {a: 1}, b: 2}",
    "{b: 2, <<: {b: 1}}",
    "{<<: {b: 1}, b: 2}",
    "{<<: [{a: 1}, {a: 2}]}",
    "{<<: {a: 1}, <<: {a: 2}}",
    "{<<: a}",
    "{'<<': {a: 1}}",
    "!!map {a: 1}",
    "!!seq [a]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!<tag:yaml.org,2002:str> 8",
    "!<tag:yaml.org,2002:int> 8",
    "0xG",
    "0o8",
    "1__0",
    "_1",
    "1e",
    "e1",
    "0.1e-7",
    "123456789012345678901234567890",
    "&a [*a]",
    "&a {b: *a}",
    "---",
    "...",
    "a---b",
    "'---'",
    "\"---\"",
];

/// What is put at a random place of a text.
const ODD: &[&str] = &[
    "\t",
    "\t",
    " ",
    "  ",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\n\t\n",
    "\n  \t\n",
    "\n    \t# c\n",
    "\n# c\n",
    " # c",
    "#",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{a0}",
    "\0",
    "\u{7f}",
    "\u{9f}",
    "\u{fffe}",
    "\n---\n",
    "\n--- \n",
    "\n---\t# c\n",
    "\n--- a\n",
    "---",
    "\n...\n",
    "...",
    "\n...\n---\n",
    "%",
    "\n%YAML 1.1\n",
    "\n%TAG ! !\n",
    ":",
    ": ",
    ",",
    ", ",
    "-",
    "- ",
    "?",
    "? ",
    "|",
    ">",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "\\",
    "\\/",
    "\\ud83d",
    "@",
    "`",
    "~",
    "=",
    "<<: ",
];

const HEAD: &str = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n";

fn block(random: &mut Rng, name: &str) -> String {
    let mut text = format!("{HEAD}metadata:\n  name: {name}\nspec:\n");
    for field in 0..random.usize(1..4) {
        let value = SCALARS[random.usize(..SCALARS.len())];
        text += &match random.u8(..9) {
            0 => format!("  f{field}:\n  - {value}\n  - {}\n", SCALARS[random.usize(..SCALARS.len())]),
            1 => format!("  f{field}: [{value}, x]\n"),
            2 => format!("  f{field}: {{a: {value}, b: x}}\n"),
            3 => format!("  {value}: x\n"),
            4 => format!("  f{field}:   {value}  # c\n"),
            5 => format!("  f{field}:\t{value}\n"),
            6 => format!("  f{field}:\n    - a: {value}\n      b: {value}\n"),
            _ => format!("  f{field}: {value}\n"),
        };
    }
    text
}

fn json_text(random: &mut Rng, name: &str) -> String {
    let texts = ["a", "\u{2028}", "\u{85}", "\t", "é\u{1f600}", "/", "on", "010"];
    let value = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"name": name}, "spec": {"a": texts[random.usize(..texts.len())], "b": [1, 2.5, 1e3, null, true]}});
    let text = if random.bool() { value.to_string() } else { format!("{value:#}") };
    match random.u8(..5) {
        0 => text.replace("  ", "\t"),
        1 => text.replace('/', "\\/"),
        2 => text.replace("é", "\\ud83d\\ude00"),
        _ => text,
    }
}

/// One or two documents, and mostly something odd in them.
fn text(random: &mut Rng, number: usize) -> String {
    let names = [format!("case-{number}"), format!("case-{number}-b")];
    let document =
        |random: &mut Rng, name: &str| if random.u8(..5) == 0 { json_text(random, name) } else { block(random, name) };
    let mut text = ["", "", "", "---\n", "\u{feff}", "# c\n", "\n"][random.usize(..7)].to_owned();
    text += &document(random, &names[0]);
    if random.u8(..3) == 0 {
        text += ["\n---\n", "\n--- # c\n", "\n---\n\u{feff}", "\n...\n---\n", "\n", ""][random.usize(..6)];
        text += &document(random, &names[1]);
    }
    for _ in 0..random.usize(..3) {
        let place = random.usize(..=text.len());
        if text.is_char_boundary(place) {
            text.insert_str(place, ODD[random.usize(..ODD.len())]);
        }
    }
    if random.u8(..20) == 0 { text.replace('\n', "\r\n") } else { text }
}

/// What osp reads, if it doubts nothing and all are resources whose names begin with `name`.
fn ours(text: &str, name: &str) -> Option<Vec<Value>> {
    let documents: Vec<Value> = gitops::documents(text).into_iter().collect::<Result<_, _>>().ok()?;
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    let is_known = |document: &Value| {
        document["apiVersion"] == "scalekit.com/v1alpha1"
            && document["kind"] == "OrganizationSessionPolicy"
            && document["metadata"].as_object().is_some_and(|metadata| metadata.len() == 1)
            && document["metadata"]["name"].as_str().is_some_and(|is| is == name || is == format!("{name}-b"))
    };
    (!documents.is_empty() && documents.iter().all(is_known)).then_some(documents)
}

/// Numbers as Go writes them in the end: 8.0 is 8.
fn normalised(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(normalised).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), normalised(value))).collect(),
        other => other.clone(),
    }
}

/// What kubectl makes of all files of a folder, by the number in the name.
fn theirs(folder: &Folder, kubectl: &Path) -> (BTreeMap<usize, Vec<Value>>, String) {
    let cluster = cluster();
    let mut command = Command::new(kubectl);
    command.arg("--kubeconfig").arg(cluster.kubeconfig("admin")).current_dir(folder.path());
    let output =
        command.args(["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "."]).output().unwrap();
    let mut all: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for document in Deserializer::from_slice(&output.stdout).into_iter::<Value>() {
        let mut document = document.unwrap();
        let items = document["items"].as_array().cloned();
        for mut item in items.unwrap_or_else(|| vec![document.take()]) {
            item["metadata"].as_object_mut().unwrap().remove("namespace");
            let name = item["metadata"]["name"].as_str().unwrap();
            let number = name.trim_start_matches("case-").split('-').next().unwrap().parse().unwrap_or(usize::MAX);
            all.entry(number).or_default().push(item);
        }
    }
    (all, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_osp_reads_kubectl_reads_too_and_reads_the_same() {
    let count = std::env::var("OSP_TEXTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2500);
    let mut random = Rng::with_seed(std::env::var("OSP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7));
    let folder = Folder::new();
    let mut read = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for number in 0..20 * count {
        if read.len() == count {
            break;
        }
        let text = text(&mut random, number);
        if let Some(documents) = ours(&text, &format!("case-{number}")) {
            folder.write(&format!("{number}.yaml"), &text);
            read.insert(number, documents);
        }
        texts.insert(number, text);
    }
    assert_eq!(read.len(), count, "of {} texts too few are read", texts.len());
    let listed = std::env::var_os("OSP_KUBECTLS").unwrap_or_default();
    let others = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
    for kubectl in std::iter::once(cluster().kubectl_path().to_owned()).chain(others) {
        compare(&folder, &read, &texts, &kubectl);
    }
}

fn compare(folder: &Folder, read: &BTreeMap<usize, Vec<Value>>, texts: &BTreeMap<usize, String>, kubectl: &Path) {
    let (theirs, said) = theirs(folder, kubectl);
    let none = Vec::new();
    let differs = |(number, ours): &(&usize, &Vec<Value>)| {
        let theirs = theirs.get(number).unwrap_or(&none);
        ours.iter().map(normalised).collect::<Vec<_>>() != theirs.iter().map(normalised).collect::<Vec<_>>()
    };
    let different: Vec<String> = read
        .iter()
        .filter(differs)
        .map(|(number, ours)| {
            let error = said
                .lines()
                .find(|line| line.contains(&format!("/{number}.yaml")) || line.contains(&format!(" {number}.yaml")));
            let theirs = theirs.get(number).unwrap_or(&none);
            format!(
                "{:?}\n  osp: {}\n  kubectl: {} {}",
                texts[number],
                json!(ours),
                json!(theirs),
                error.unwrap_or_default()
            )
        })
        .collect();
    assert!(
        different.is_empty(),
        "{}: {} of {}:\n{}",
        kubectl.display(),
        different.len(),
        read.len(),
        different[..different.len().min(25)].join("\n")
    );
}
