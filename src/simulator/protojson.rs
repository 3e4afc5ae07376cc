//! Reads request bodies like a parser of protobuf's JSON (`scalekit-api.md` §2, JSON conventions).

use super::settings::Parsing;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde_json::{Error, Value};
use std::collections::BTreeMap;

/// A message with the fields of `T`. A field may have its snake_case or its lowerCamel name, but not
/// both; `null` is the same as absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<T> {
    #[serde(flatten)]
    known: T,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

/// A number without a fraction or a numeric string, within int32.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Value")]
pub(crate) struct Int32(pub(crate) i32);

/// The value of an enum: its exact name, or its number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Enumeration {
    Name(String),
    Number(Int32),
}

/// The message in `body`; an empty body is the empty message.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8], parsing: Parsing) -> Result<T, Error> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice::<Message<T>>(body)?.fields(parsing)
}

impl<T> Message<T> {
    pub(crate) fn fields(self, parsing: Parsing) -> Result<T, Error> {
        match self.unknown.into_keys().next() {
            Some(name) if parsing == Parsing::Strict => Err(Error::custom(format!("unknown field \"{name}\""))),
            _ => Ok(self.known),
        }
    }
}

impl Enumeration {
    /// Finds the value in `values`, by its name or by its index as its number. An unknown name is an error,
    /// or with [`Parsing::DiscardUnknown`] the first value.
    pub(crate) fn pick<T: Copy>(self, values: &[(&str, T)], parsing: Parsing) -> Result<T, Error> {
        let value = match self {
            Self::Name(name) => match values.iter().find(|(known, _)| *known == name) {
                None if parsing == Parsing::DiscardUnknown => values.first(),
                known => known,
            },
            Self::Number(Int32(number)) => usize::try_from(number).ok().and_then(|number| values.get(number)),
        };
        value.map(|(_, value)| *value).ok_or_else(|| Error::custom("invalid value for an enum"))
    }
}

impl TryFrom<Value> for Int32 {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        integer(&value).map(Self).ok_or("invalid value for an int32")
    }
}

fn integer(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let nearest = number as i32; // the bound, for a number out of range
            (f64::from(nearest) == number).then_some(nearest)
        }
        // the text must be a JSON number, without spaces and plus sign
        Value::String(text) if !text.contains(char::is_whitespace) => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => integer(&Value::Number(number)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    struct Fields {
        #[serde(alias = "idleTimeout")]
        idle_timeout: Option<Int32>,
        unit: Option<Enumeration>,
        inner: Option<Vec<Message<Fields>>>,
    }

    fn idle_timeout(body: &str, parsing: Parsing) -> Result<Option<i32>, String> {
        let fields: Fields = read(body.as_bytes(), parsing).map_err(|error| error.to_string())?;
        for message in fields.inner.unwrap_or_default() {
            message.fields(parsing).map_err(|error| error.to_string())?;
        }
        Ok(fields.idle_timeout.map(|number| number.0))
    }

    #[test]
    fn a_field_may_be_written_in_either_spelling_but_once() {
        for body in [r#"{"idle_timeout":5}"#, r#"{"idleTimeout":5}"#] {
            assert_eq!(idle_timeout(body, Parsing::Strict), Ok(Some(5)));
        }
        for twice in [r#"{"idle_timeout":5,"idleTimeout":5}"#, r#"{"idle_timeout":5,"idle_timeout":5}"#] {
            let refused = idle_timeout(twice, Parsing::DiscardUnknown).unwrap_err();
            assert!(refused.contains("duplicate field `idle_timeout`"), "{refused}");
        }
        assert!(idle_timeout(r#"{"inner":[{"unit":1,"unit":2}]}"#, Parsing::DiscardUnknown).is_err());
        assert!(idle_timeout(r#"{"idle_timeout":null,"idle_timeout":5}"#, Parsing::DiscardUnknown).is_err());
    }

    #[test]
    fn an_unknown_field_is_refused_or_dropped_at_any_depth() {
        for body in [r#"{"idle":5}"#, r#"{"inner":[{"idle":5}]}"#] {
            assert_eq!(idle_timeout(body, Parsing::Strict), Err("unknown field \"idle\"".to_owned()));
            assert_eq!(idle_timeout(body, Parsing::DiscardUnknown), Ok(None));
        }
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
            (json!(i32::MAX), Some(i32::MAX)),
            (json!(2_147_483_648_i64), None),
            (json!(u64::MAX), None),
            (json!(-2_147_483_649_i64), None),
            (json!(2_147_483_647.5), None),
            (json!("1e10"), None),
            (json!(true), None),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
            let body = json!({"idle_timeout": value}).to_string();
            assert_eq!(idle_timeout(&body, Parsing::Strict).ok().flatten(), expected, "{value}");
        }
    }

    #[test]
    fn an_enum_is_read_by_exact_name_or_number() {
        let values = [("NONE", 0), ("HOURS", 60)];
        let unit = |body: &str, parsing| {
            read::<Fields>(body.as_bytes(), parsing).unwrap().unit.unwrap().pick(&values, parsing).ok()
        };
        assert_eq!(unit(r#"{"unit":"HOURS"}"#, Parsing::Strict), Some(60));
        assert_eq!(unit(r#"{"unit":1}"#, Parsing::Strict), Some(60));
        assert_eq!(unit(r#"{"unit":"hours"}"#, Parsing::Strict), None);
        assert_eq!(unit(r#"{"unit":"hours"}"#, Parsing::DiscardUnknown), Some(0));
        assert_eq!(unit(r#"{"unit":2}"#, Parsing::DiscardUnknown), None);
        assert_eq!(unit(r#"{"unit":"1"}"#, Parsing::Strict), None, "a number in a text is a name");
    }

    #[test]
    fn null_and_an_empty_body_are_the_same_as_absent() {
        for body in ["", "{}", r#"{"idle_timeout":null}"#] {
            assert_eq!(idle_timeout(body, Parsing::Strict), Ok(None), "{body}");
        }
        for wrong in ["[]", "null", "{} {}", r#"{"inner":[null]}"#, r#"{"inner":{}}"#] {
            assert!(idle_timeout(wrong, Parsing::DiscardUnknown).is_err(), "{wrong}");
        }
    }
}
