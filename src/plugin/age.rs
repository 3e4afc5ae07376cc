//! Times and durations as kubectl prints them.

use jiff::Timestamp;
use std::time::Duration;

/// The time from `from` to `to` as kubectl prints ages: `12s`, `5m`, `3h`, `12d`; `0s` if the clock
/// of this machine is behind.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second());
    duration(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// A duration in the same form.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        s if s < 120 => format!("{s}s"),
        s if s < 2 * 3600 => format!("{}m", s / 60),
        s if s < 2 * 86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// A time in UTC, to the second.
pub(super) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_one_unit() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (seconds, said) in
            [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")]
        {
            assert_eq!(span(at(1000), at(1000 + seconds)), said);
        }
        assert_eq!(exact(at(0)), "1970-01-01 00:00:00 UTC");
    }
}
