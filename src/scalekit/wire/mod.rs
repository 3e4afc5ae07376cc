//! Reads and writes Scalekit's JSON. Tolerant where the contract is open (`scalekit-api.md` §6), strict
//! where a wrong guess could do harm.
//!
//! What can't be read becomes a [`Note`], which never quotes the response.

mod error;
mod grant;
mod numbers;
mod organization;
mod policy;

pub(super) use error::error_info;
pub(super) use grant::grant;
pub(super) use organization::{features, organization, organizations, write_features};
pub(super) use policy::{application_policy, live_policy, write_policy};

use crate::reconcile::Note;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// The deepest nesting that is read; Scalekit's JSON is flatter (`docs/development/failures.md` row 21).
const DEEPEST: usize = 32;

/// What was read, or why it can't be.
type Read<T> = Result<T, Note>;

fn decode<T: DeserializeOwned>(body: &[u8]) -> Read<T> {
    if depth(body) > DEEPEST {
        return Err(Note::NestedTooDeeply);
    }
    match serde_json::from_slice::<Object<T>>(body) {
        Ok(Object(value)) => Ok(value),
        Err(_) => Err(Note::NotJson),
    }
}

/// The nesting depth of brackets outside of strings; the JSON need not be valid.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut text, mut escaped) = (0usize, 0, false, false);
    for byte in body {
        match (byte, text) {
            (_, true) if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => text = !text,
            (b'[' | b'{', false) => depth += 1,
            (b']' | b'}', false) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Reads a struct from a JSON object only; derived code would also accept an array. It refuses duplicate
/// keys.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth(br#"{"a":[{"b":"[[[["}]}"#), 3);
        assert_eq!(depth(br#""\"[[[""#), 0);
        assert_eq!(depth(b"]]]["), 1);
        assert_eq!(depth(&vec![b'['; 100_000]), 100_000);
    }

    #[test]
    fn row_021_json_deeper_than_32_is_refused_even_where_it_would_be_ignored() {
        let nested =
            |n: usize| format!(r#"{{"policy":{{"policy_source":"CUSTOM"}},"x":{}1{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(live_policy(nested(31).as_bytes()).is_ok());
        assert!(live_policy(nested(32).as_bytes()).is_err());
        assert!(live_policy(nested(100_000).as_bytes()).is_err());
    }

    fn read_all(body: &[u8]) {
        let _ = live_policy(body);
        let _ = application_policy(body);
        let _ = organization(body);
        let _ = organizations(body);
        let _ = grant(body);
        let _ = error_info(body);
    }

    /// JSON that looks like a response, with arbitrary values in its places.
    fn lookalike() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| format!("{n:e}").replace("inf", "1e308").replace("NaN", "0")),
            "[-+0-9.eE]{0,8}".prop_map(|s| format!("{s:?}")),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("\"CUSTOM\"".to_owned()),
            Just("\"HOURS\"".to_owned()),
            Just("[]".to_owned()),
            Just("{}".to_owned()),
        ];
        proptest::collection::vec(scalar, 8).prop_map(|v| {
            let inner = format!(
                r#"{{"policy_source":{},"absolute_session_timeout":{},"absolute_session_timeout_unit":{},
                "idle_session_timeout_enabled":{},"idle_session_timeout":{},"idle_session_timeout_unit":{},
                "access_token_expiry":{},"id":"org_1","settings":{{"features":{}}}}}"#,
                v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
            );
            format!(
                r#"{{"policy":{inner},"application_policy":{inner},"organization":{inner},"code":{},
                "access_token":"t","expires_in":{},"details":[{{"retry_after":{}}}]}}"#,
                v[0], v[1], v[2]
            )
        })
    }

    proptest! {
        #[test]
        fn row_019_no_bytes_make_a_reader_panic(body: Vec<u8>) {
            read_all(&body);
        }

        #[test]
        fn row_024_no_lookalike_makes_a_reader_panic(body in lookalike()) {
            read_all(body.as_bytes());
        }
    }
}
