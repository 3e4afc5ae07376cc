//! Numbers and durations that are too small or too large: the chart refuses what the operator would not start with, and no
//! more. The limits are those that the operator names when it refuses.

use super::{CHART, try_render, values::nested, with_image};
use serde_json::{Value, json};
use std::{fs, process::Command};

/// The values of the chart that are numbers or durations and become options of the operator, each with its option.
const OPTIONS: [(&str, &str); 8] = [
    ("operator.resyncInterval", "--resync-interval"),
    ("operator.relistInterval", "--relist-interval"),
    ("operator.revertDelay", "--revert-delay"),
    ("operator.deletionGrace", "--deletion-grace"),
    ("operator.namespaceDeletionGrace", "--namespace-deletion-grace"),
    ("operator.requestTimeout", "--request-timeout"),
    ("operator.gatewayTimeout", "--gateway-timeout"),
    ("operator.rateLimit", "--rate-limit"),
];

/// What the operator says of this argument, if it refuses it.
fn operator(argument: &str) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-policy-operator"));
    let output = command.args(["crd", argument]).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}

fn chart(value: &str, set: Value) -> Result<(), String> {
    try_render(&with_image(&nested(value, set))).map(drop)
}

/// The limit that the refusal of `text` names behind one of these words, and its number and unit.
fn limit(option: &str, text: &str, words: [&str; 2]) -> Option<(f64, String)> {
    let said = operator(&format!("{option}={text}")).err()?;
    let word = words.into_iter().find(|word| said.contains(word)).unwrap_or_else(|| panic!("{option}: {said}"));
    let named = said.split(word).nth(1).unwrap().split_whitespace().next().unwrap();
    let (number, unit) = named.split_at(named.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(named.len()));
    Some((number.parse().unwrap(), unit.to_owned()))
}

#[test]
fn the_chart_takes_every_number_and_duration_that_the_operator_takes_and_no_other() {
    let mut wrong = Vec::new();
    for (value, option) in OPTIONS {
        let (few, many) = if value == "operator.rateLimit" { ("0.0", "999999") } else { ("0ms", "9999999h") };
        let mut texts = vec![(few.to_owned(), operator(&format!("{option}={few}")).is_ok())];
        if let Some((least, unit)) = limit(option, few, ["must be at least ", "from "]) {
            texts.extend([(format!("{least}{unit}"), true), (format!("{}{unit}", least * 0.9), false)]);
        }
        let (most, unit) = limit(option, many, ["must be at most ", " to "]).unwrap();
        let more = if unit.is_empty() { "0.1" } else { "1ms" }; // behind a whole number
        let sum = if unit.is_empty() { format!("{}", most + 0.1) } else { format!("{most}{unit}{more}") };
        texts.extend([(format!("{most}{unit}"), true), (sum, false), (format!("{}{unit}", "9".repeat(400)), false)]);
        texts.extend([few, many].map(|text| (text.to_owned(), operator(&format!("{option}={text}")).is_ok())));
        for (text, taken) in texts {
            let verdicts = [operator(&format!("{option}={text}")), chart(value, json!(text))];
            if verdicts.iter().any(|verdict| verdict.is_ok() != taken) {
                wrong.push(format!("{value}: {text:?} should be taken: {taken}, operator and chart say {verdicts:?}"));
            }
            let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) else { continue };
            if chart(value, json!(number)).is_ok() != taken {
                wrong.push(format!("{value}: the number {number} should be taken: {taken}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_number_and_duration_for_the_operator_has_its_limits_tested() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(format!("{CHART}/values.schema.json")).unwrap()).unwrap();
    let is_limited =
        |rule: &Value| rule["$ref"] == "#/definitions/duration" || rule["type"].to_string().contains("number");
    let options = schema["properties"]["operator"]["properties"].as_object().unwrap().iter();
    let mut limited: Vec<_> =
        options.filter(|(_, rule)| is_limited(rule)).map(|(name, _)| format!("operator.{name}")).collect();
    limited.sort();
    let mut tested = OPTIONS.map(|(value, _)| value);
    tested.sort_unstable();
    assert_eq!(limited, tested);
}

#[test]
fn the_chart_takes_no_port_that_the_operator_can_not_listen_on() {
    for (port, taken) in [(1023, false), (1024, true), (65_535, true), (65_536, false)] {
        assert_eq!(chart("httpPort", json!(port)).is_ok(), taken, "{port}");
        let listens = operator(&format!("--http-addr=[::]:{port}")).is_ok();
        assert!(listens || !taken, "{port}"); // 1023 and below are for root
    }
}

#[test]
fn the_chart_takes_only_longest_timeouts_that_osp_takes_and_that_do_not_deny_every_policy() {
    let osp = |option: &str, text: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osp"));
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
        let output = command.args(["validate", examples, option, text]).output().unwrap();
        !String::from_utf8(output.stderr).unwrap().contains("invalid value")
    };
    for (value, option) in [("absolute", "--max-absolute"), ("idle", "--max-idle")] {
        // the API server's own longest duration is that of Go, 2562047h47m16s
        for (text, taken) in [
            ("1m", true),
            ("59s", false),
            ("0h", false),
            ("90s", false),
            ("1h30m", true),
            ("7d", true),
            ("1d2h", false),
            ("2562047h", true),
        ] {
            let set = json!({"enabled": true, value: text});
            assert_eq!((chart("maxTimeouts", set).is_ok(), osp(option, text)), (taken, taken), "{option} {text}");
        }
        for text in ["2562048h", "9999999h", "99999999999h"] {
            let said = chart("maxTimeouts", json!({"enabled": true, value: text})).unwrap_err();
            assert!(
                said.contains(&format!("maxTimeouts.{value}")) || said.contains(&format!("/maxTimeouts/{value}")),
                "{said}"
            );
        }
    }
}
