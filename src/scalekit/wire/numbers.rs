//! Reads numbers and units in all forms of protojson (`scalekit-api.md` §2, §6).

use super::Read;
use crate::policy::{Minutes, Unit};
use crate::reconcile::Note;
use serde_json::Value;

/// The largest float up to which every integer is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// An integer written as a number, an integral float or a numeric string.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => text.parse().ok().or_else(|| {
            let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            text.parse().ok().filter(|_| plain).and_then(integral)
        }),
        _ => None,
    }
}

fn integral(number: f64) -> Option<i64> {
    // The cast is exact: integral and within 2^53.
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A timeout with its unit. Absent, null and zero mean "not set", and then the
/// unit does not matter.
pub(super) fn timeout(value: Option<&Value>, unit: Option<&Value>) -> Read<Option<Minutes>> {
    let Some(value) = value else { return Ok(None) };
    match integer(value).ok_or(Note::BadTimeout)? {
        0 => Ok(None),
        value => Minutes::of(value, read_unit(unit)?).map(Some).ok_or(Note::BadTimeout),
    }
}

/// An absent or unspecified unit means minutes (`scalekit-api.md` §3.5); an unknown one is an error.
fn read_unit(unit: Option<&Value>) -> Read<Unit> {
    match enumerator(unit, "_UNIT_").as_deref() {
        None | Some("" | "0" | "UNSPECIFIED" | "1" | "MINUTES") => Ok(Unit::Minutes),
        Some("2" | "HOURS") => Ok(Unit::Hours),
        Some("3" | "DAYS") => Ok(Unit::Days),
        Some(_) => Err(Note::UnknownUnit),
    }
}

/// The name of an enum value in upper case, without a prefix that ends in `mark`, as in
/// `SESSION_TIMEOUT_UNIT_MINUTES`; or its number as text.
pub(super) fn enumerator(value: Option<&Value>, mark: &str) -> Option<String> {
    match value? {
        Value::String(text) => {
            let text = text.to_ascii_uppercase();
            Some(text.rsplit_once(mark).map_or(text.as_str(), |(_, name)| name).to_owned())
        }
        other => Some(integer(other).map_or_else(|| "not an enum".to_owned(), |number| number.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn minutes(value: Value, unit: Value) -> Read<Option<i32>> {
        timeout(Some(&value), Some(&unit)).map(|found| found.map(Minutes::get))
    }

    #[test]
    fn row_024_an_integer_may_be_a_number_an_integral_float_or_a_string() {
        for value in [json!(480), json!(480.0), json!("480"), json!("480.0"), json!("4.8e2")] {
            assert_eq!(integer(&value), Some(480), "{value}");
        }
        for value in [
            json!(480.5),
            json!("480.5"),
            json!(""),
            json!(" 480"),
            json!("inf"),
            json!("NaN"),
            json!("0x1"),
            json!(true),
            json!([480]),
            json!({"value": 480}),
            json!(1e300),
            json!(u64::MAX),
            json!("99999999999999999999"),
        ] {
            assert_eq!(integer(&value), None, "{value}");
        }
    }

    #[test]
    fn row_023_a_timeout_is_converted_by_its_unit() {
        for (unit, expected) in [
            (json!("MINUTES"), 2),
            (json!("minutes"), 2),
            (json!(""), 2),
            (json!(0), 2),
            (json!(1), 2),
            (json!("UNSPECIFIED"), 2),
            (json!("SESSION_TIMEOUT_UNIT_UNSPECIFIED"), 2),
            (json!("SESSION_TIMEOUT_UNIT_MINUTES"), 2),
            (json!("HOURS"), 120),
            (json!("Hours"), 120),
            (json!(2), 120),
            (json!("DAYS"), 2880),
            (json!(3), 2880),
        ] {
            assert_eq!(minutes(json!(2), unit.clone()), Ok(Some(expected)), "{unit}");
        }
        assert_eq!(timeout(Some(&json!(2)), None).unwrap().map(Minutes::get), Some(2));
    }

    #[test]
    fn row_023_an_unknown_unit_only_matters_beside_a_number() {
        for unit in [json!("SECONDS"), json!("MINUTE"), json!(4), json!(-1), json!(true), json!([]), json!(1.5)] {
            assert!(minutes(json!(2), unit.clone()).is_err(), "{unit}");
            assert_eq!(minutes(json!(0), unit.clone()), Ok(None), "{unit}");
            assert_eq!(timeout(None, Some(&unit)), Ok(None), "{unit}");
        }
    }

    #[test]
    fn row_024_numbers_that_cannot_be_a_timeout_are_refused() {
        for value in
            [json!(-1), json!(1.5), json!(2_147_483_648_i64), json!("x"), json!(true), json!({}), json!(i64::MIN)]
        {
            assert!(minutes(value.clone(), json!("MINUTES")).is_err(), "{value}");
        }
        assert_eq!(minutes(json!(i32::MAX), json!("MINUTES")), Ok(Some(i32::MAX)));
        assert!(minutes(json!(35_791_395), json!("HOURS")).is_err());
        assert!(minutes(json!(1_491_309), json!("DAYS")).is_err());
    }

    proptest! {
        #[test]
        fn row_024_no_number_wraps(value: i64, unit in 1i64..4) {
            let factor = [1i128, 60, 1440][unit as usize - 1];
            let wide = i128::from(value) * factor;
            match minutes(json!(value), json!(unit)) {
                Ok(Some(minutes)) => prop_assert_eq!(i128::from(minutes), wide),
                Ok(None) => prop_assert_eq!(value, 0),
                Err(_) => prop_assert!(wide < 0 || wide > i128::from(i32::MAX)),
            }
        }

        #[test]
        fn row_024_no_float_wraps(value: f64) {
            if let Ok(Some(minutes)) = minutes(json!(value), json!(null)) {
                prop_assert_eq!(f64::from(minutes), value);
            }
        }
    }
}
