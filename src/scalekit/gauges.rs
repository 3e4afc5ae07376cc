//! What `/metrics` shows of the limits of all hosts: without their names, since tenants choose these.

use super::{Transport, circuit_breaker::BreakerState};
use crate::telemetry::{Gauge, Gauges};
use std::time::{SystemTime, UNIX_EPOCH};
use strum::VariantArray;
use tokio::time::Instant;

impl Transport {
    /// Adds what holds at present for the hosts and tokens in use.
    pub fn gauges(&self, gauges: &mut Gauges) {
        for state in BreakerState::VARIANTS {
            gauges.of(Gauge::Hosts, &[state.into()]);
        }
        gauges.of(Gauge::PausedHosts, &[]);
        self.for_each_host(|limits| {
            *gauges.of(Gauge::Hosts, &[limits.breaker.state().into()]) += 1.0;
            if limits.rate_limiter.remaining_pause().is_some() {
                *gauges.of(Gauge::PausedHosts, &[]) += 1.0;
            }
            gauges.lower(Gauge::AllowedRate, limits.rate_limiter.rate());
            gauges.lower(Gauge::RequestsLeft, limits.rate_limiter.left());
        });
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let now = Instant::now();
        self.clients().for_each_expiry(|at| {
            let left =
                at.saturating_duration_since(now).as_secs_f64() - now.saturating_duration_since(at).as_secs_f64();
            gauges.lower(Gauge::TokenExpiry, since_epoch + left);
        });
    }
}
