//! The rate limit: one bucket for the environment (`scalekit-api.md` §4.3).

use super::api_error::{error_info, status_response};
use super::http::ApiResponse;
use super::settings::{RateLimit, RateLimitForm};
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A token bucket; `None` while no limit is set.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    level: Option<(f64, Instant)>,
}

impl Bucket {
    /// Takes one token, or returns how long until there is one.
    pub(crate) fn take(&mut self, rules: &RateLimit, now: Instant) -> Result<(), Duration> {
        let Some(per_second) = rules.per_second.filter(|rate| *rate > 0.0) else {
            self.level = None;
            return Ok(());
        };
        let burst = f64::from(rules.burst.max(1));
        let (left, since) = self.level.unwrap_or((burst, now));
        let level = (left + now.saturating_duration_since(since).as_secs_f64() * per_second).min(burst);
        if level >= 1.0 {
            self.level = Some((level - 1.0, now));
            return Ok(());
        }
        self.level = Some((level, now));
        let wait = (1.0 - level) / per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::from_secs(3600)))
    }
}

impl Bucket {
    /// `response` with what is left, and in which second the bucket is full.
    pub(crate) fn reported(&self, rules: &RateLimit, response: ApiResponse, wall: SystemTime) -> ApiResponse {
        let (Some((level, _)), Some(per_second)) = (self.level.filter(|_| rules.reported), rules.per_second) else {
            return response;
        };
        let burst = f64::from(rules.burst.max(1));
        let full = Duration::try_from_secs_f64((burst - level) / per_second).unwrap_or_default();
        let full = (wall + full).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().ceil();
        response
            .with_header("x-ratelimit-limit", format!("{burst:.0}"))
            .with_header("x-ratelimit-remaining", format!("{:.0}", level.floor()))
            .with_header("x-ratelimit-reset", format!("{full:.0}"))
    }
}

/// The 429 response, with the wait in the configured form, in whole seconds.
pub(crate) fn too_many_requests(rules: &RateLimit, wait: Duration, wall: SystemTime) -> ApiResponse {
    let seconds = (wait.as_secs_f64().ceil()).max(1.0);
    let again = wall + Duration::from_secs_f64(seconds);
    let mut detail = error_info(&rules.error_code);
    let whole = format!("{seconds:.0}");
    let hint = match rules.form {
        RateLimitForm::BodyNumber => serde_json::from_str(&whole).ok(),
        RateLimitForm::BodyString => Some(Value::from(whole.as_str())),
        _ => None,
    };
    detail.extend(hint.map(|hint| ("retry_after".to_owned(), hint)));
    let response = status_response(429, rules.code, "rate limited", [detail]);
    match rules.form {
        RateLimitForm::RetryAfterSeconds => response.with_header("retry-after", whole),
        RateLimitForm::RetryAfterDate => response.with_header("retry-after", httpdate::fmt_http_date(again)),
        RateLimitForm::ResetEpoch => {
            let epoch = again.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            response.with_header("x-ratelimit-reset", epoch.to_string())
        }
        RateLimitForm::BodyNumber | RateLimitForm::BodyString | RateLimitForm::Bare => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_bucket_empties_and_fills() {
        let rules = RateLimit { per_second: Some(2.0), burst: 2, ..RateLimit::default() };
        let mut bucket = Bucket::default();
        let now = Instant::now();
        assert_eq!([bucket.take(&rules, now), bucket.take(&rules, now)], [Ok(()), Ok(())]);
        assert_eq!(bucket.take(&rules, now), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(&rules, now + Duration::from_millis(500)), Ok(()));
    }

    #[test]
    fn a_bucket_that_is_reported_says_what_is_left_and_when_it_is_full() {
        let rules = RateLimit { per_second: Some(2.0), burst: 3, reported: true, ..RateLimit::default() };
        let mut bucket = Bucket::default();
        bucket.take(&rules, Instant::now()).unwrap();
        let wall = UNIX_EPOCH + Duration::from_millis(10_700);
        let response = bucket.reported(&rules, ApiResponse::json(200, &json!({})), wall);
        let header = |name: &str| response.headers.iter().find(|(n, _)| n == name).map(|h| h.1.clone()).unwrap();
        assert_eq!(
            ["limit", "remaining", "reset"].map(|name| header(&format!("x-ratelimit-{name}"))),
            ["3", "2", "12"]
        );
    }

    #[test]
    fn without_a_rate_nothing_is_limited() {
        let mut bucket = Bucket::default();
        let now = Instant::now();
        assert!((0..100).all(|_| bucket.take(&RateLimit::default(), now).is_ok()));
    }

    #[test]
    fn the_wait_is_sent_in_the_configured_form_only() {
        let header =
            |response: &ApiResponse, name: &str| response.headers.iter().find(|(n, _)| n == name).map(|h| h.1.clone());
        let wall = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (form, retry_after, reset, body) in [
            (RateLimitForm::RetryAfterSeconds, Some("3"), None, Value::Null),
            (RateLimitForm::RetryAfterDate, Some("Mon, 12 Jan 1970 13:46:43 GMT"), None, Value::Null),
            (RateLimitForm::ResetEpoch, None, Some("1000003"), Value::Null),
            (RateLimitForm::BodyNumber, None, None, json!(3)),
            (RateLimitForm::BodyString, None, None, json!("3")),
            (RateLimitForm::Bare, None, None, Value::Null),
        ] {
            let response =
                too_many_requests(&RateLimit { form, ..RateLimit::default() }, Duration::from_millis(2100), wall);
            assert_eq!(header(&response, "retry-after").as_deref(), retry_after, "{form:?}");
            assert_eq!(header(&response, "x-ratelimit-reset").as_deref(), reset, "{form:?}");
            let json: Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(json["details"][0]["retry_after"], body, "{form:?}");
        }
    }
}
