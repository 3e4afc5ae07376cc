//! How long a 429 asks to wait (`scalekit-api.md` §4.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest hint, in seconds. A longer one is a mistake or an attack, and ignored.
const ABSURD: f64 = 24.0 * 60.0 * 60.0;
/// From this value on `X-RateLimit-Reset` is a date in seconds, below it a delay.
const EPOCH: f64 = 1e9;

/// The places where a 429 may say how long to wait; the first usable one counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RetryHint {
    /// `Retry-After`: seconds or an HTTP date.
    pub(super) retry_after: Option<String>,
    /// `details[].retry_after`: seconds.
    pub(super) detail: Option<f64>,
    /// `X-RateLimit-Reset`: seconds, or a date in seconds since 1970.
    pub(super) reset: Option<String>,
}

/// What the server reports of its limit beside any response; all in requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Allowance {
    /// `X-RateLimit-Remaining`.
    pub(super) left: f64,
    /// `X-RateLimit-Limit`; one below 1 says nothing, since the request was answered.
    pub(super) limit: Option<f64>,
    /// Until `X-RateLimit-Reset`.
    pub(super) reset: Option<Duration>,
}

impl Allowance {
    /// From the values of the three headers; `None` without a usable count of
    /// what is left.
    pub(super) fn parse(left: Option<&str>, limit: Option<&str>, until: Option<&str>, now: SystemTime) -> Option<Self> {
        let number = |text: Option<&str>| text.and_then(|text| seconds(text.trim()));
        let reset = until.and_then(|text| reset(text.trim(), now)).and_then(usable);
        Some(Self { left: number(left)?, limit: number(limit).filter(|limit| *limit >= 1.0), reset })
    }
}

impl RetryHint {
    /// The first usable delay. It must be above zero and at most a day.
    pub(super) fn delay(&self, now: SystemTime) -> Option<Duration> {
        let header = self.retry_after.as_deref().map(str::trim);
        let header = header.and_then(|text| seconds(text).or_else(|| until(text, now)));
        let reset = self.reset.as_deref().and_then(|text| reset(text.trim(), now));
        [header, self.detail, reset].into_iter().flatten().find_map(usable)
    }
}

/// Parses decimal seconds; `f64::from_str` alone would also accept `inf` and `nan`.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| plain)
}

fn until(text: &str, now: SystemTime) -> Option<f64> {
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok().map(|left| left.as_secs_f64())
}

fn reset(text: &str, now: SystemTime) -> Option<f64> {
    let value = seconds(text)?;
    let epoch = now.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    Some(if value >= EPOCH { value - epoch } else { value })
}

fn usable(seconds: f64) -> Option<Duration> {
    (seconds > 0.0 && seconds <= ABSURD).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_767_225_600; // 2026-01-01

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn hint(retry_after: &str, detail: Option<f64>, reset: &str) -> Option<u64> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RetryHint { retry_after: text(retry_after), detail, reset: text(reset) }.delay(now()).map(|d| d.as_secs())
    }

    #[test]
    fn row_011_every_form_of_delay_is_understood() {
        assert_eq!(hint("30", None, ""), Some(30));
        assert_eq!(hint(" 30 ", None, ""), Some(30));
        assert_eq!(hint("Thu, 01 Jan 2026 00:01:00 GMT", None, ""), Some(60));
        assert_eq!(hint("", Some(20.0), ""), Some(20));
        assert_eq!(hint("", None, "45"), Some(45));
        assert_eq!(hint("", None, "1767225690"), Some(90));
    }

    #[test]
    fn row_010_what_is_left_is_read_from_the_headers_of_any_response() {
        let parse = |left, reset| Allowance::parse(left, Some("100"), reset, now());
        let minute = Some(Duration::from_secs(60));
        assert_eq!(
            parse(Some("7"), Some("1767225660")),
            Some(Allowance { left: 7.0, limit: Some(100.0), reset: minute })
        );
        assert_eq!(parse(Some("0"), Some("60")).map(|allowance| allowance.reset), Some(minute));
        assert_eq!(parse(Some("0"), Some("1767225000")).map(|allowance| allowance.reset), Some(None), "it is over");
        for left in [None, Some("many"), Some("-1"), Some("NaN")] {
            assert_eq!(parse(left, Some("60")), None, "{left:?}");
        }
    }

    #[test]
    fn row_011_the_first_usable_one_counts() {
        assert_eq!(hint("30", Some(20.0), "10"), Some(30));
        assert_eq!(hint("soon", Some(20.0), "10"), Some(20));
        assert_eq!(hint("0", Some(-1.0), "10"), Some(10));
    }

    #[test]
    fn row_011_the_past_and_the_absurd_are_no_delay() {
        for text in
            ["0", "-5", "86401", "inf", "nan", "1e3", "", "99999999999999999999999", "Thu, 01 Jan 2025 00:00:00 GMT"]
        {
            assert_eq!(hint(text, None, ""), None, "{text}");
        }
        for text in ["0", "-1", "1767225599", "1767225600000", "999999999", "x"] {
            assert_eq!(hint("", None, text), None, "{text}");
        }
        for detail in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            assert_eq!(hint("", Some(detail), ""), None, "{detail}");
        }
    }

    proptest! {
        #[test]
        fn row_011_whatever_the_hint_no_delay_exceeds_a_day(retry_after: String, detail: f64, reset: String, at: u32) {
            let hint = RetryHint { retry_after: Some(retry_after), detail: Some(detail), reset: Some(reset) };
            let delay = hint.delay(UNIX_EPOCH + Duration::from_secs(at.into()));
            prop_assert!(delay.is_none_or(|delay| delay <= Duration::from_secs(86_400)));
        }
    }
}
