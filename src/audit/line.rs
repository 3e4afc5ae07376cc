//! The lines of an operator's log, as text or as JSON.

use crate::reconcile::WROTE;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a line says that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A write to Scalekit.
    Wrote(Write),
    /// The process leads from now on.
    Leads,
    /// It does not any more.
    Ended,
    /// A reconcile of this resource ended otherwise than in sync.
    Reconciled { resource: String, outcome: String },
}

/// A write to Scalekit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) resource: String,
    pub(crate) organization: String,
    /// `policy` or `features`.
    pub(crate) what: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) direction: String,
    pub(crate) result: String,
    /// Of an error; else empty.
    pub(crate) reason: String,
    pub(crate) request: String,
    /// The mode of the resource; empty in the log of an earlier version.
    pub(crate) mode: String,
    /// It sets back what a resource has written that is being deleted.
    pub(crate) reverts: bool,
}

/// What a log says that matters here, and where.
#[derive(Debug)]
pub(super) struct Entry {
    /// Which of the logs, and its line.
    pub(super) log: usize,
    pub(super) line: usize,
    pub(super) time: Timestamp,
    pub(super) event: Event,
}

/// What `text`, the log of this number, says; `None` if no line of it is of a log. An empty one is fine.
pub(super) fn entries(log: usize, text: &str) -> Option<Vec<Entry>> {
    let (mut known, mut entries) = (text.trim().is_empty(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let Some((time, event)) = parse(line) else { continue };
        known = true;
        entries.extend(event.map(|event| Entry { log, line: number + 1, time, event }));
    }
    known.then_some(entries)
}

type Fields = BTreeMap<String, String>;

/// When it was written, and what it says; `None` if it is no line of a log. `kubectl logs --prefix` puts the pod
/// before it, and `--timestamps` a time.
fn parse(line: &str) -> Option<(Timestamp, Option<Event>)> {
    let line = match line.starts_with('[') {
        true => line.split_once(' ')?.1,
        false => line,
    };
    let json = line.find('{').and_then(|at| serde_json::from_str::<Value>(line.get(at..)?).ok());
    if let Some(line) = json {
        let time = line.get("timestamp")?.as_str()?.parse().ok()?;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let object = line.get("fields").and_then(Value::as_object).into_iter().flatten();
        let mut fields: Fields = object.map(|(name, value)| (name.clone(), text(value))).collect();
        let message = fields.remove("message").unwrap_or_default();
        let resource = line.get("span").and_then(|span| span.get("resource")).map(text);
        return Some((time, event(&message, fields, resource)));
    }
    let (time, rest) = line.split_once(' ')?;
    let time = time.parse().ok()?;
    let resource = rest.split_once("reconcile{").and_then(|(_, span)| span.split_once("resource="));
    let resource = resource.and_then(|(_, span)| Some(span.split([' ', '}']).next()?.to_owned()));
    let said = [WROTE, RECONCILED, LEADS, LOST, GAVE_BACK].into_iter().find_map(|message| {
        let (_, fields) = rest.split_once(&format!(": {message}"))?;
        Some((message, fields))
    });
    Some((time, said.and_then(|(message, text)| event(message, fields(text), resource))))
}

const RECONCILED: &str = "reconciled";
/// The outcome by which nobody lets go; at level debug there are such lines.
const IN_SYNC: &str = "InSync";
const LEADS: &str = "this operator leads";
const LOST: &str = "this operator does not lead any more";
const GAVE_BACK: &str = "gave the lease back";

fn event(message: &str, mut fields: Fields, resource: Option<String>) -> Option<Event> {
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    match message {
        WROTE => Some(Event::Wrote(Write {
            resource: take("resource"),
            organization: take("organization"),
            what: take("what"),
            before: take("before"),
            after: take("after"),
            direction: take("direction"),
            result: take("result"),
            reason: take("reason"),
            request: take("request"),
            mode: take("mode"),
            reverts: take("reverts") == "true",
        })),
        RECONCILED => {
            let outcome = Some(take("outcome")).filter(|outcome| outcome != IN_SYNC)?;
            Some(Event::Reconciled { resource: resource?, outcome })
        }
        LEADS => Some(Event::Leads),
        GAVE_BACK => Some(Event::Ended),
        lost if lost.starts_with(LOST) => Some(Event::Ended),
        _ => None,
    }
}

/// `a=1 b="two words"`.
fn fields(mut text: &str) -> Fields {
    let mut fields = Fields::new();
    while let Some((name, rest)) = text.trim_start().split_once('=') {
        let (value, after) = value(rest);
        fields.insert(name.to_owned(), value);
        text = after;
    }
    fields
}

/// The value at the start, and what comes after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.to_owned(), after);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return (value, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            _ => {
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "2026-11-27T14:00:00.123456Z  INFO reconcile{resource=a/acme organization=\"org_1\"}: \
         session_policy_operator::controller::effects: wrote to Scalekit resource=a/acme organization=org_1 \
         what=\"policy\" before=\"the application's policy\" after=\"absolute 8h, idle 1h\" direction=tightening \
         result=\"applied\" request=\"00ff\" mode=\"Enforce\" reverts=false";
    const JSON: &str = r#"{"timestamp":"2026-11-27T14:00:00.123456Z","level":"INFO","fields":{"message":"wrote to Scalekit","resource":"a/acme","organization":"org_1","what":"policy","before":"the application's policy","after":"absolute 8h, idle 1h","direction":"tightening","result":"applied","request":"00ff","mode":"Enforce","reverts":false},"target":"x","span":{"name":"reconcile","resource":"a/acme"}}"#;

    #[test]
    fn a_write_is_the_same_as_text_and_as_json() {
        let write = parse(TEXT).unwrap();
        assert_eq!(parse(JSON), Some(write.clone()));
        let Some(Event::Wrote(write)) = write.1 else { panic!("{write:?}") };
        assert_eq!([&write.before, &write.after], ["the application's policy", "absolute 8h, idle 1h"]);
        assert_eq!((write.request.as_str(), write.mode.as_str(), write.reverts), ("00ff", "Enforce", false));
    }

    #[test]
    fn other_lines_of_a_log_say_nothing_and_other_texts_are_no_log() {
        let line = |text: &str| parse(&format!("2026-11-27T14:00:00Z  INFO {text}")).unwrap().1;
        assert_eq!(line("session_policy_operator: started version=\"0.1\""), None);
        assert_eq!(
            line("session_policy_operator::controller: this operator leads predecessor=\"Settled\""),
            Some(Event::Leads)
        );
        let lost = "session_policy_operator::controller: this operator does not lead any more: its lease was not renewed in time";
        assert_eq!(line(lost), Some(Event::Ended));
        let released = "reconcile{resource=a/b}: session_policy_operator::controller::reconcile: reconciled outcome=\"HandedOver\"";
        let expected = Event::Reconciled { resource: "a/b".into(), outcome: "HandedOver".into() };
        assert_eq!(line(released), Some(expected));
        assert_eq!(line(&released.replace("HandedOver", "InSync")), None, "who is in sync lets nothing go");
        for text in [TEXT, JSON] {
            for before in
                ["[pod/operator-0/operator] ", "2026-11-27T14:00:00.123456Z ", "[pod/x/y] 2026-11-27T14:00:00.123456Z "]
            {
                assert_eq!(parse(&format!("{before}{text}")), parse(text), "{before}");
            }
        }
        for text in ["", "hello world", "{}", "{\"timestamp\": 1}", "panicked at x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
