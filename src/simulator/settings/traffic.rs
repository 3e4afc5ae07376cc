//! The settings for time: token lifetime, read lag and the rate limit.

use serde::{Deserialize, Serialize};

/// Read-after-write lag: after a PATCH, reads show the old value until both
/// are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lag {
    pub(crate) reads: u32,
    pub(crate) ms: u64,
}

/// Access tokens (`scalekit-api.md` §1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Token {
    /// How long a token issued from now on really works.
    pub(crate) lifetime_ms: u64,
    /// Seconds announced as `expires_in`; the real lifetime unless set, so a
    /// server that promises too much can be simulated.
    pub(crate) expires_in: Option<i64>,
    /// `expires_in` as a numeric string.
    pub(crate) expires_in_as_string: bool,
}

impl Default for Token {
    fn default() -> Self {
        Self { lifetime_ms: 86_399_000, expires_in: None, expires_in_as_string: false }
    }
}

/// Where a 429 says how long to wait (`scalekit-api.md` §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RateLimitForm {
    /// `Retry-After: 1`.
    #[default]
    RetryAfterSeconds,
    /// `Retry-After: <HTTP date>`.
    RetryAfterDate,
    /// `details[].retry_after` as a number.
    BodyNumber,
    /// `details[].retry_after` as a numeric string.
    BodyString,
    /// `X-RateLimit-Reset: <unix seconds>`.
    ResetEpoch,
    /// Nowhere.
    Bare,
}

/// A token bucket over all `/api/v1` calls; the token endpoint is not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// Requests per second; no limit while unset.
    pub(crate) per_second: Option<f64>,
    /// Requests that may come at once.
    pub(crate) burst: u32,
    pub(crate) form: RateLimitForm,
    /// Both spellings exist: `RATE_LIMITED` (official) and `RATE_LIMIT_EXCEEDED`.
    pub(crate) error_code: String,
    /// The body's `code`: 8 (gRPC) or 429 (as third-party docs show it).
    pub(crate) code: u16,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: None,
            burst: 1,
            form: RateLimitForm::RetryAfterSeconds,
            error_code: "RATE_LIMITED".to_owned(),
            code: 8,
        }
    }
}
