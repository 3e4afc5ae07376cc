//! The settings for token lifetime, read lag and the rate limit.

use serde::{Deserialize, Serialize};

/// Read-after-write lag: after a PATCH, so many reads and for so long return the old value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lag {
    pub(crate) reads: u32,
    pub(crate) ms: u64,
}

settings! {
    /// Access tokens (`scalekit-api.md` §1.3).
    struct Token {
        lifetime_ms: u64 = 86_399_000,
        /// The seconds in `expires_in`; by default the lifetime.
        expires_in: Option<i64>,
        /// Write `expires_in` as a numeric string.
        expires_in_as_string: bool,
        /// The `iss` of the tokens, which are JWTs; the simulator's own base URL
        /// unless set. Empty: the tokens are opaque.
        issuer: Option<String>,
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
    #[serde(rename = "bare")]
    NoHint,
}

settings! {
    /// A token bucket for all requests to `/api/v1`, not for the token endpoint.
    struct RateLimit {
        /// Requests per second; `None` without a limit.
        per_second: Option<f64>,
        burst: u32 = 1,
        form: RateLimitForm,
        /// Every response of the API says what is left, in `X-RateLimit-*`.
        reported: bool,
        /// Both spellings exist: `RATE_LIMITED` (official) and `RATE_LIMIT_EXCEEDED`.
        error_code: String = "RATE_LIMITED".to_owned(),
        /// The `code` in the body: 8 (gRPC) or 429 (as in third-party docs).
        code: u16 = 8,
    }
}
