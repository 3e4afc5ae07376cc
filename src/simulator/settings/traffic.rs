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

settings! {
    /// Access tokens (`scalekit-api.md` §1.3).
    struct Token {
        /// How long a token issued from now on really works.
        lifetime_ms: u64 = 86_399_000,
        /// Seconds announced as `expires_in`; the real lifetime unless set, so a
        /// server that promises too much can be simulated.
        expires_in: Option<i64>,
        /// `expires_in` as a numeric string.
        expires_in_as_string: bool,
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

settings! {
    /// A token bucket over all `/api/v1` calls; the token endpoint is not counted.
    struct RateLimit {
        /// Requests per second; no limit while unset.
        per_second: Option<f64>,
        /// Requests that may come at once.
        burst: u32 = 1,
        form: RateLimitForm,
        /// Every response of the API says what is left, in `X-RateLimit-*`.
        reported: bool,
        /// Both spellings exist: `RATE_LIMITED` (official) and `RATE_LIMIT_EXCEEDED`.
        error_code: String = "RATE_LIMITED".to_owned(),
        /// The body's `code`: 8 (gRPC) or 429 (as third-party docs show it).
        code: u16 = 8,
    }
}
