//! The settings of the client.

use super::Proxy;
use std::{ops::RangeInclusive, time::Duration};
use thiserror::Error;

/// The settings for all environments.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// From when a request may be sent to the last byte of its response; above
    /// zero, at most five minutes. No write is sent later than this after it was
    /// admitted.
    pub deadline: Duration,
    /// Requests per second and environment; 0.01 to 10 000.
    pub rate: f64,
    /// The proxy; by default none.
    pub proxy: Proxy,
    /// The date to send as `x-api-version`; its effect at the server is unknown
    /// (`scalekit-api.md` §1.2), so by default none is sent.
    pub api_version: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), rate: 10.0, proxy: Proxy::NONE, api_version: None }
    }
}

/// A setting out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SettingsError {
    /// Zero, or above five minutes.
    #[error("the request deadline must be above zero and at most five minutes")]
    Deadline,
    /// Not a number from 0.01 to 10 000.
    #[error("the rate must be 0.01 to 10000 requests per second")]
    Rate,
    /// Not a date of eight digits.
    #[error("the API version must be a date such as 20260131")]
    ApiVersion,
    /// Neither `env` nor a URL; not repeated, since it may contain a password.
    #[error("the proxy must be env, or a URL such as http://proxy.example:3128 or socks5://proxy.example:1080")]
    Proxy,
}

impl Settings {
    /// The rates that can be set.
    pub const RATES: RangeInclusive<f64> = 0.01..=10_000.0;

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.deadline.is_zero() || self.deadline > Duration::from_secs(300) {
            return Err(SettingsError::Deadline);
        }
        if !Self::RATES.contains(&self.rate) {
            return Err(SettingsError::Rate);
        }
        let date = |version: &String| version.len() == 8 && version.bytes().all(|b| b.is_ascii_digit());
        if !self.api_version.as_ref().is_none_or(date) {
            return Err(SettingsError::ApiVersion);
        }
        if !self.proxy.is_usable() {
            return Err(SettingsError::Proxy);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|s| s.api_version = Some("20260131".to_owned())), Ok(()));
        assert_eq!(with(|s| s.deadline = Duration::ZERO), Err(SettingsError::Deadline));
        assert_eq!(with(|s| s.deadline = Duration::MAX), Err(SettingsError::Deadline));
        assert_eq!(with(|s| s.rate = 0.0), Err(SettingsError::Rate));
        assert_eq!(with(|s| s.proxy = "proxy:3128".parse().unwrap()), Err(SettingsError::Proxy));
        assert_eq!(with(|s| s.rate = f64::NAN), Err(SettingsError::Rate));
        assert_eq!(with(|s| s.api_version = Some("v1\r\nx: y".to_owned())), Err(SettingsError::ApiVersion));
    }
}
