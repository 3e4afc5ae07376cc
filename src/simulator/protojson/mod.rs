//! Reads request bodies the way a protobuf JSON parser does
//! (`scalekit-api.md` §2, JSON conventions).
//!
//! `serde_json::Value` alone would not do: it keeps the last of two equal
//! keys, where protobuf refuses them.

mod unique;

use super::settings::Parsing;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Why a body is not the message it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("syntax error: {0}")]
    Syntax(String),
    #[error("expected an object")]
    NotAnObject,
    #[error("unknown field \"{0}\"")]
    UnknownField(String),
    #[error("duplicate field \"{0}\"")]
    Duplicate(&'static str),
    #[error("invalid value for {kind} field {field}")]
    Value { field: &'static str, kind: &'static str },
}

/// A body as JSON; an empty one is the empty message.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    unique::parse(body).map_err(|error| Unreadable::Syntax(error.to_string()))
}

/// The set fields of one message, under their snake_case names.
#[derive(Debug)]
pub(crate) struct Message {
    fields: BTreeMap<&'static str, Value>,
    parsing: Parsing,
}

impl Message {
    /// Sorts an object's keys onto `known` fields. Each may be written in
    /// snake_case or lowerCamel, but once; `null` is the same as absent.
    pub(crate) fn new(object: Value, known: &[&'static str], parsing: Parsing) -> Result<Self, Unreadable> {
        let Value::Object(object) = object else { return Err(Unreadable::NotAnObject) };
        let mut fields = BTreeMap::new();
        for (key, value) in object {
            let Some(name) = known.iter().find(|name| key == **name || key == lower_camel(name)) else {
                if parsing == Parsing::Strict {
                    return Err(Unreadable::UnknownField(key));
                }
                continue;
            };
            if fields.insert(*name, value).is_some() {
                return Err(Unreadable::Duplicate(name));
            }
        }
        fields.retain(|_, value| !value.is_null());
        Ok(Self { fields, parsing })
    }

    pub(crate) fn take(&mut self, field: &'static str) -> Option<Value> {
        self.fields.remove(field)
    }

    pub(crate) fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, Unreadable> {
        let Some(value) = self.take(field) else { return Ok(None) };
        value.as_bool().map(Some).ok_or(Unreadable::Value { field, kind: "bool" })
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Result<Option<String>, Unreadable> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Unreadable::Value { field, kind: "string" }),
        }
    }

    /// A number, an integral float or a numeric string, within int32.
    pub(crate) fn int32(&mut self, field: &'static str) -> Result<Option<i32>, Unreadable> {
        let Some(value) = self.take(field) else { return Ok(None) };
        integer(&value).map(Some).ok_or(Unreadable::Value { field, kind: "int32" })
    }

    /// The number of an enum value given by exact name or by number. An
    /// unknown name is an error or, when discarding, the same as absent.
    pub(crate) fn enumeration(
        &mut self,
        field: &'static str,
        names: &[(&str, i32)],
    ) -> Result<Option<i32>, Unreadable> {
        let wrong = Unreadable::Value { field, kind: "enum" };
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => match names.iter().find(|(name, _)| *name == text) {
                Some((_, number)) => Ok(Some(*number)),
                None if self.parsing == Parsing::DiscardUnknown => Ok(None),
                None => Err(wrong),
            },
            Some(Value::Number(number)) => integer(&Value::Number(number)).map(Some).ok_or(wrong),
            Some(_) => Err(wrong),
        }
    }
}

fn integer(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => i32::try_from(whole).ok(),
            None => integral(number.as_f64()?),
        },
        // The text must itself be one JSON number: no space, no plus sign.
        Value::String(text) if !text.contains(char::is_whitespace) => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => integer(&Value::Number(number)),
            _ => None,
        },
        _ => None,
    }
}

fn integral(number: f64) -> Option<i32> {
    let fits = number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    fits.then_some(number as i32)
}

fn lower_camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut camel, word| {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
        camel
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(body: &str, parsing: Parsing) -> Result<Message, Unreadable> {
        Message::new(parse(body.as_bytes())?, &["idle_timeout", "unit"], parsing)
    }

    #[test]
    fn a_field_may_be_written_in_either_spelling_but_once() {
        for body in [r#"{"idle_timeout":5}"#, r#"{"idleTimeout":5}"#] {
            assert_eq!(message(body, Parsing::Strict).unwrap().int32("idle_timeout"), Ok(Some(5)));
        }
        let both = message(r#"{"idle_timeout":5,"idleTimeout":5}"#, Parsing::DiscardUnknown);
        assert_eq!(both.unwrap_err(), Unreadable::Duplicate("idle_timeout"));
        let twice = message(r#"{"idle_timeout":5,"idle_timeout":5}"#, Parsing::DiscardUnknown);
        assert!(matches!(twice.unwrap_err(), Unreadable::Syntax(_)));
    }

    #[test]
    fn an_unknown_field_is_refused_or_dropped() {
        let body = r#"{"idle":5}"#;
        assert_eq!(message(body, Parsing::Strict).unwrap_err(), Unreadable::UnknownField("idle".to_owned()));
        assert_eq!(message(body, Parsing::DiscardUnknown).unwrap().int32("idle_timeout"), Ok(None));
    }

    #[test]
    fn whole_numbers_come_in_three_forms() {
        for (value, expected) in [
            (json!(480), Some(480)),
            (json!(480.0), Some(480)),
            (json!("480"), Some(480)),
            (json!(-2_147_483_648_i64), Some(i32::MIN)),
            (json!(480.5), None),
            (json!("480.5"), None),
            (json!(" 480"), None),
            (json!(""), None),
            (json!(2_147_483_648_i64), None),
            (json!("1e10"), None),
            (json!(true), None),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn an_enum_is_read_by_exact_name_or_number() {
        let names = [("HOURS", 2)];
        let unit = |body: &str, parsing| message(body, parsing).unwrap().enumeration("unit", &names);
        assert_eq!(unit(r#"{"unit":"HOURS"}"#, Parsing::Strict), Ok(Some(2)));
        assert_eq!(unit(r#"{"unit":2}"#, Parsing::Strict), Ok(Some(2)));
        assert!(unit(r#"{"unit":"hours"}"#, Parsing::Strict).is_err());
        assert_eq!(unit(r#"{"unit":"hours"}"#, Parsing::DiscardUnknown), Ok(None));
    }

    #[test]
    fn null_and_an_empty_body_are_the_same_as_absent() {
        for body in ["", "{}", r#"{"idle_timeout":null}"#] {
            assert_eq!(message(body, Parsing::Strict).unwrap().int32("idle_timeout"), Ok(None), "{body}");
        }
        assert_eq!(message("[]", Parsing::Strict).unwrap_err(), Unreadable::NotAnObject);
    }
}
