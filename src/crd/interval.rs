//! The time between two looks, as written: `30s`, `10m`, `1h30m`.

use std::time::Duration;

/// The format of the Gateway API's durations (GEP-2257): a subset of Go's
/// without sign, fraction or overflow, so every reader agrees on its value.
pub(super) const PATTERN: &str = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// The shortest interval: below it 10 000 resources would do little else.
pub(super) const SHORTEST: Duration = Duration::from_secs(30);
/// The longest interval: a drift is to be seen within a day.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `text` as an interval; `None` when it is malformed or out of bounds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    duration(text).filter(|interval| (SHORTEST..=LONGEST).contains(interval))
}

/// `text` as any duration of this format.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    for _ in 0..4 {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|n| (1..=5).contains(n))?;
        let (number, unit) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let (part, after) = if let Some(after) = unit.strip_prefix("ms") {
            (Duration::from_millis(number), after)
        } else if let Some(after) = unit.strip_prefix('s') {
            (Duration::from_secs(number), after)
        } else if let Some(after) = unit.strip_prefix('m') {
            (Duration::from_secs(number * 60), after)
        } else {
            (Duration::from_secs(number * 3600), unit.strip_prefix('h')?)
        };
        total += part;
        rest = after;
        if rest.is_empty() {
            return Some(total);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
