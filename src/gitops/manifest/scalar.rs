//! The type of a text without quotes, by the core schema of YAML 1.2 (§10.3.2), and where older
//! readers differ: kubectl, like other Go programs, reads `yes` as true and `010` as 8.

use serde_json::{Number, Value};

/// The value of a text without quotes; `None` for a number that JSON does not have.
pub(super) fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return None;
    }
    match based(text, &[("0x", 16), ("0o", 8)]) {
        Some((digits, base)) => u64::from_str_radix(digits, base).ok().map(Value::from),
        None if is_decimal(unsigned) => decimal(text),
        None => Some(Value::from(text)),
    }
}

/// The digits after one of the prefixes, and their base.
fn based<'a>(text: &'a str, prefixes: &[(&str, u32)]) -> Option<(&'a str, u32)> {
    let mut split = prefixes.iter().filter_map(|(prefix, base)| Some((text.strip_prefix(prefix)?, *base)));
    split.find(|(digits, base)| !digits.is_empty() && digits.chars().all(|c| c.is_digit(*base)))
}

/// Whether `text` is an unsigned integer or a float: digits, a point, an exponent.
fn is_decimal(text: &str) -> bool {
    let (base, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(base, e)| (base, Some(e)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    let base = match base.split_once('.') {
        None => digits(base),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    base && exponent
}

fn decimal(text: &str) -> Option<Value> {
    let positive = text.strip_prefix('+').unwrap_or(text);
    let whole = positive.parse::<i64>().map(Number::from).or_else(|_| positive.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(positive.parse().ok()?)).map(Value::Number)
}

/// How two readers of YAML read a text differently, and what to write instead.
#[derive(Debug, PartialEq)]
pub(super) struct Ambiguity {
    pub(super) message: String,
    pub(super) fix: String,
}

/// The ambiguity of a value without quotes, if there is one.
pub(super) fn ambiguity(text: &str) -> Option<Ambiguity> {
    let Some(boolean) = boolean(text) else { return number_ambiguity(text) };
    Some(Ambiguity {
        message: format!("{text} is a text in YAML 1.2 but {boolean} to kubectl"),
        fix: format!("write {boolean}, or \"{text}\" if the text is meant"),
    })
}

/// The ambiguity of a key without quotes, if there is one: kubectl converts the value that it reads
/// back to a text, `on` to `true` and `010` to `8`, and refuses null.
pub(super) fn key_ambiguity(text: &str) -> Option<Ambiguity> {
    let lower = text.to_ascii_lowercase();
    let meaning = match (boolean(text), resolve(text)) {
        (Some(boolean), _) => boolean,
        (None, Some(Value::Null)) => "null",
        (None, Some(Value::Bool(_))) if lower != text => &lower,
        (None, Some(Value::String(_))) if is_number_in_go(text) => "a number",
        (None, Some(Value::Number(_)) | None) if !stays_itself(text) => "a number",
        _ => return None,
    };
    let message = format!("the key {text} is {meaning} to kubectl, not a text");
    Some(Ambiguity { message, fix: format!("write \"{text}\"") })
}

/// The boolean that kubectl, by YAML 1.1, reads this word as.
fn boolean(text: &str) -> Option<&'static str> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some("true"),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some("false"),
        _ => None,
    }
}

/// Whether Go, which parses a float key with 32 bits, prints the number `text` unchanged.
fn stays_itself(text: &str) -> bool {
    let whole = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    let plain = |number: &f32| (1e-4..1e6).contains(&number.abs()) && number.to_string() == text;
    whole || text.parse::<f32>().as_ref().is_ok_and(plain)
}

/// Whether Go reads `text` as a number: unlike YAML 1.2 it allows `_` between digits, binary, and a
/// sign before any base.
fn is_number_in_go(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return false;
    }
    let digits = text.replace('_', "").to_ascii_lowercase();
    let digits = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    based(digits, &[("0x", 16), ("0o", 8), ("0b", 2)]).is_some() || is_decimal(digits)
}

fn number_ambiguity(text: &str) -> Option<Ambiguity> {
    let Some(value) = resolve(text) else {
        let message = format!("{text} is not a number that a resource can hold");
        return Some(Ambiguity { message, fix: "write a finite number".into() });
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let octal = digits.starts_with('0') && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let decimal = digits.trim_start_matches('0');
    // 07 is 7 either way
    if octal && decimal.len() > 1 {
        let sign = if text.starts_with('-') { "-" } else { "" };
        let read = u64::from_str_radix(decimal, 8).map_or_else(|_| "octal".to_owned(), |read| format!("{sign}{read}"));
        return Some(Ambiguity {
            message: format!("{text} is {sign}{decimal} in YAML 1.2 but {read} to kubectl"),
            fix: format!("write {sign}{decimal} or {read}, whichever is meant, or \"{text}\" if a text is meant"),
        });
    }
    (value.is_string() && is_number_in_go(text)).then(|| Ambiguity {
        message: format!("{text} is a text in YAML 1.2 but a number to kubectl"),
        fix: format!("write the number with digits alone, or \"{text}\" if the text is meant"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_texts_have_the_types_of_yaml_1_2() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("nULL", json!("nULL")),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("off", json!("off")),
            ("010", json!(10)),
            ("-010", json!(-10)),
            ("+8", json!(8)),
            ("0o10", json!(8)),
            ("0x1F", json!(31)),
            ("0x", json!("0x")),
            ("-0x1", json!("-0x1")),
            ("1_000", json!("1_000")),
            ("8.0", json!(8.0)),
            ("8.", json!(8.0)),
            (".5", json!(0.5)),
            (".", json!(".")),
            ("1e3", json!(1000.0)),
            ("1e", json!("1e")),
            ("e3", json!("e3")),
            ("12:30", json!("12:30")),
            ("2020-01-01", json!("2020-01-01")),
            ("9223372036854775807", json!(i64::MAX)),
            ("18446744073709551615", json!(u64::MAX)),
            ("92233720368547758080", json!(92_233_720_368_547_758_080_f64)),
            ("org_1", json!("org_1")),
        ] {
            assert_eq!(resolve(text), Some(value), "{text}");
        }
        for text in [".nan", ".NaN", "-.inf", ".Inf", "1e999", "0xfffffffffffffffff"] {
            assert_eq!(resolve(text), None, "{text}");
            assert!(ambiguity(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_kubectl_reads_otherwise_is_ambiguous() {
        let numbers = ["010", "-017", ".1_0", "1_000", "1_0.5", "0b11", "0X1F", "-0x1", "+0o7", "0x1_0", "-_1", "1__0"];
        for text in ["yes", "No", "ON", "y", "N"].into_iter().chain(numbers) {
            assert!(ambiguity(text).is_some(), "{text}");
        }
        let texts = ["yesterday", "yES", "oN", "10m", "org_1", "a_b", "_1", "1__a", "0o8", "0b", "é"];
        for text in ["true", "8", "0", "00", "07", "08", "0.5", "0x1f", "null", ""].into_iter().chain(texts) {
            assert_eq!(ambiguity(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_that_kubectl_writes_otherwise_is_ambiguous() {
        for (text, meaning) in [
            ("on", "true"),
            ("N", "false"),
            ("TRUE", "true"),
            ("False", "false"),
            ("", "null"),
            ("~", "null"),
            ("null", "null"),
        ] {
            assert!(key_ambiguity(text).is_some_and(|ambiguity| ambiguity.message.contains(meaning)), "{text}");
        }
        for text in [
            "010",
            "08",
            "00",
            "+8",
            "-0",
            "0x10",
            "0o17",
            "0b1",
            "1_0",
            "1.0",
            ".5",
            "1e3",
            "0.00001",
            "1234567.5",
            "1.23456789",
            "9223372036854775808",
            ".Inf",
        ] {
            assert!(key_ambiguity(text).is_some_and(|ambiguity| ambiguity.message.contains("a number")), "{text}");
        }
        for text in [
            "true",
            "false",
            "8",
            "-8",
            "0",
            "1.5",
            "-0.25",
            "123456.5",
            "9223372036854775807",
            "a",
            "yES",
            "1.2.3",
            "2020-01-01",
            "12:30",
        ] {
            assert_eq!(key_ambiguity(text), None, "{text}");
        }
    }
}
