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

/// A setting out of its range, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SettingsError {
    /// Zero, or above five minutes.
    #[error("--request-timeout is {} s: it must be above 0 s and at most 300 s", .0.as_secs_f64())]
    Deadline(Duration),
    /// Not a number from 0.01 to 10 000.
    #[error("--rate-limit is {}: it must be {} to {} requests per second", .0, Settings::RATES.start(), Settings::RATES.end())]
    Rate(f64),
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

    /// The longest deadline that can be set.
    pub const LONGEST_DEADLINE: Duration = Duration::from_secs(300);

    /// Parses a rate.
    pub fn rate(text: &str) -> Result<f64, String> {
        let (least, most) = Self::RATES.into_inner();
        let rate = text.parse().ok().filter(|rate| Self::RATES.contains(rate));
        rate.ok_or_else(|| format!("write a number from {least} to {most}"))
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.deadline.is_zero() || self.deadline > Self::LONGEST_DEADLINE {
            return Err(SettingsError::Deadline(self.deadline));
        }
        if !Self::RATES.contains(&self.rate) {
            return Err(SettingsError::Rate(self.rate));
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
    use crate::scalekit::SetupError;

    #[test]
    fn settings_out_of_range_are_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|s| s.api_version = Some("20260131".to_owned())), Ok(()));
        assert_eq!(with(|s| s.deadline = Duration::ZERO), Err(SettingsError::Deadline(Duration::ZERO)));
        assert_eq!(with(|s| s.deadline = Duration::MAX), Err(SettingsError::Deadline(Duration::MAX)));
        assert_eq!(with(|s| s.rate = 0.0), Err(SettingsError::Rate(0.0)));
        assert_eq!(with(|s| s.proxy = "proxy:3128".parse().unwrap()), Err(SettingsError::Proxy));
        assert!(matches!(with(|s| s.rate = f64::NAN), Err(SettingsError::Rate(_))));
        assert_eq!(with(|s| s.api_version = Some("v1\r\nx: y".to_owned())), Err(SettingsError::ApiVersion));
    }

    #[test]
    fn whoever_cannot_start_for_a_setting_is_told_which_its_value_and_what_is_allowed() {
        let told = |settings| SetupError::from(Settings::check(&settings).unwrap_err()).to_string();
        let late = Settings { deadline: Duration::from_secs(301), ..Settings::default() };
        assert_eq!(told(late), "--request-timeout is 301 s: it must be above 0 s and at most 300 s");
        let fast = Settings { rate: 1e6, ..Settings::default() };
        assert_eq!(told(fast), "--rate-limit is 1000000: it must be 0.01 to 10000 requests per second");
    }
}
