//! What a text without quotes is, by the core schema of YAML 1.2 (§10.3.2), and
//! where older readers differ: kubectl and everything else that reads as Go
//! does take `yes` for true and `010` for 8.

use serde_json::{Number, Value};

/// The value of a plain text; `None` for a number that JSON does not have.
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
    let with_base = [("0x", 16), ("0o", 8)].into_iter().find_map(|(prefix, base)| {
        let digits = text.strip_prefix(prefix).filter(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(base)))?;
        Some(u64::from_str_radix(digits, base).ok())
    });
    match with_base {
        Some(number) => number.map(Value::from),
        None if is_decimal(unsigned) => decimal(text),
        None => Some(Value::from(text)),
    }
}

/// `[0-9]+`, or a float: digits, a point, an exponent.
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
    if let Ok(number) = positive.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = positive.parse::<u64>() {
        return Some(number.into());
    }
    positive.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// What is doubtful about a value, and what to write instead.
#[derive(Debug, PartialEq)]
pub(super) struct Doubt {
    pub(super) message: String,
    pub(super) fix: String,
}

/// Whether a plain text is in doubt.
pub(super) fn doubt(text: &str) -> Option<Doubt> {
    let word = text.to_ascii_lowercase();
    let truth = match word.as_str() {
        "y" | "yes" | "on" => "true",
        "n" | "no" | "off" => "false",
        _ => return number_in_doubt(text),
    };
    // of y and n Go reads only these
    if word.len() == 1 && !matches!(text, "y" | "Y" | "n" | "N") {
        return None;
    }
    Some(Doubt {
        message: format!("{text} is a text in YAML 1.2 but {truth} to kubectl"),
        fix: format!("write {truth}, or \"{text}\" if the text is meant"),
    })
}

fn number_in_doubt(text: &str) -> Option<Doubt> {
    if resolve(text).is_none() {
        let message = format!("{text} is no number that a resource can hold");
        return Some(Doubt { message, fix: "write a finite number".into() });
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    if octal && digits.bytes().any(|b| b != b'0') {
        let decimal = digits.trim_start_matches('0');
        return Some(Doubt {
            message: format!("{text} is {decimal} in YAML 1.2 but octal to kubectl"),
            fix: format!("write {decimal} without leading zeros, or \"{text}\" if a text is meant"),
        });
    }
    let grouped = digits.contains('_')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && is_decimal(&digits.replace('_', ""));
    let lower = digits.to_ascii_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().any(|(prefix, base)| {
        lower.strip_prefix(prefix).is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(base)))
    });
    let based = based && resolve(text).is_some_and(|value| value.is_string());
    (grouped || based).then(|| Doubt {
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
            assert!(doubt(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_kubectl_reads_otherwise_is_in_doubt() {
        for text in ["yes", "No", "ON", "y", "N", "010", "-07", "1_000", "1_0.5", "0b11", "0X1F", "-0x1", "+0o7"] {
            assert!(doubt(text).is_some(), "{text}");
        }
        for text in
            ["true", "8", "0", "00", "08", "0.5", "0x1f", "yesterday", "null", "", "10m", "org_1", "a_b", "_1", "1__a"]
        {
            assert_eq!(doubt(text), None, "{text}");
        }
    }
}
