//! Parses durations such as `30s`, `10m` and `1h30m`, in `spec.interval` and in arguments.

use std::time::Duration;

/// The format of `spec.interval`, that of the Gateway API (GEP-2257): a subset of Go's format without
/// sign, fraction or overflow, so that all parsers agree.
pub(super) const PATTERN: &str = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// The shortest interval; with 10 000 resources a shorter one would exceed the rate limit.
pub(super) const SHORTEST: Duration = Duration::from_secs(30);
/// The longest interval, so that drift is found within a day.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses `spec.interval`; `None` if it is malformed or out of bounds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (plain, units) = (text.replace("ms", "s"), ['h', 'm', 's']);
    let parts = plain.matches(units).count();
    let short = plain.split(units).all(|digits| digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()));
    duration(text).ok().filter(|interval| short && parts <= 4 && (SHORTEST..=LONGEST).contains(interval))
}

/// Parses the duration of an argument, in Go's format without a sign.
pub fn duration(text: &str) -> Result<Duration, String> {
    let malformed = || "write a duration such as 500ms, 90s, 10m or 1h30m".to_owned();
    let (mut rest, mut total) = (if text == "0" { "0s" } else { text }, Duration::ZERO);
    while !rest.is_empty() || text.is_empty() {
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let (number, after) = rest.split_at(rest.find(|c| !is_digit(c)).ok_or_else(malformed)?);
        let (unit, after) = after.split_at(after.find(is_digit).unwrap_or(after.len()));
        let units = [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9)];
        let (_, seconds) = units.into_iter().find(|(known, _)| *known == unit).ok_or_else(malformed)?;
        let part = Duration::try_from_secs_f64(number.parse::<f64>().map_err(|_| malformed())? * seconds);
        total = part.ok().and_then(|part| total.checked_add(part)).ok_or("too long")?;
        rest = after;
    }
    Ok(total)
}

/// The same, or whole days: `3d`.
pub fn duration_or_days(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        _ => duration(text),
    }
}

/// Parses the duration of an argument that may be zero; at most 8760h.
pub fn delay(text: &str) -> Result<Duration, String> {
    between(text, "0s", A_YEAR)
}

/// Parses a duration of at least 100ms and at most 8760h, for deadlines and intervals.
pub fn deadline(text: &str) -> Result<Duration, String> {
    between(text, "100ms", A_YEAR)
}

/// Parses `--request-timeout` as kubectl reads it, where seconds need no unit; at most `longest`.
pub fn request_deadline(text: &str, longest: Duration) -> Result<Duration, String> {
    let text = with_unit(text);
    if duration(&text)? > longest {
        return Err(format!("must be at most {}s", longest.as_secs()));
    }
    deadline(&text)
}

/// The same for a person, who has all day: 0 is no limit, as for kubectl.
pub fn request_timeout(text: &str) -> Result<Duration, String> {
    let text = with_unit(text);
    if duration(&text) == Ok(Duration::ZERO) { Ok(NO_LIMIT) } else { deadline(&text) }
}

/// A duration within limits, which an error names.
fn between(text: &str, least: &str, most: &str) -> Result<Duration, String> {
    let (given, shortest, longest) = (duration(text)?, duration(least)?, duration(most)?);
    match given {
        given if given < shortest => Err(format!("must be at least {least}")),
        given if given > longest => Err(format!("must be at most {most}")),
        given => Ok(given),
    }
}

fn with_unit(text: &str) -> String {
    text.parse::<u32>().map_or(text.to_owned(), |seconds| format!("{seconds}s"))
}

/// The longest duration of an argument, so that sums and multiples of it stay durations.
const A_YEAR: &str = "8760h";

/// How long a request may take that has no limit.
pub const NO_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_timeout_may_have_no_unit_and_0_is_none_for_a_person() {
        let request_deadline = |text: &str| request_deadline(text, Duration::from_secs(300));
        for (text, seconds) in [("5", 5), ("5s", 5), ("1m", 60)] {
            let expected = Ok(Duration::from_secs(seconds));
            assert_eq!((request_timeout(text), request_deadline(text)), (expected.clone(), expected), "{text}");
        }
        for text in ["0", "0s", "0m0s", "00"] {
            assert_eq!(request_timeout(text), Ok(NO_LIMIT), "{text}");
            assert!(request_deadline(text).is_err(), "{text}: an operator's writes need a deadline");
        }
        assert_eq!(request_deadline("301"), Err("must be at most 300s".into()));
        assert!(request_deadline("300").is_ok() && request_timeout("301").is_ok());
        for text in ["x", "-1", "", "1d", "5 s"] {
            assert!(request_timeout(text).is_err() && request_deadline(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_interval_reads_as_go_reads_it() {
        for (text, seconds) in [
            ("30s", 30),
            ("10m", 600),
            ("1h30m", 5400),
            ("24h", 86_400),
            ("90m", 5400),
            ("30000ms", 30),
            ("1m1h", 3660),
            ("0h10m0s", 600),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn an_interval_out_of_shape_or_bounds_is_none() {
        for text in [
            "",
            "10",
            "m",
            "10 m",
            "-10m",
            "+10m",
            "1.5h",
            "29s",
            "24h1s",
            "24h1ms",
            "1d",
            "10M",
            "10m ",
            "100000s",
            "1h1m1s1ms1s",
            "١0m",
            "10µs",
            "999999999999999999999h",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_argument_is_any_duration_of_go_without_a_sign() {
        for (text, expected) in [
            ("0s", Duration::ZERO),
            ("0", Duration::ZERO),
            ("1.5h", Duration::from_secs(5400)),
            ("1m500ms", Duration::from_millis(60_500)),
            ("100000s", Duration::from_secs(100_000)),
            ("1us", Duration::from_micros(1)),
            ("29999ms", Duration::from_millis(29_999)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "10", "m", "-10m", "+10m", "1d", "1..5s", "1h 5m", "999999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for (text, seconds) in [("3d", 259_200), ("0d", 0), ("90m", 5400)] {
            assert_eq!(duration_or_days(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["d", "1.5d", "-1d", "1d2h", "9999999999d"] {
            assert!(duration_or_days(text).is_err(), "{text}");
        }
        assert!(deadline("99ms").is_err() && deadline("100ms").is_ok() && delay("0s").is_ok());
        let years =
            |text: &str| [delay(text), deadline(text), request_timeout(text)].iter().filter(|d| d.is_ok()).count();
        assert_eq!(
            [years("8760h"), years("8760h1ms"), years("9999999h")],
            [3, 0, 0],
            "no argument is longer than a year"
        );
    }
}
