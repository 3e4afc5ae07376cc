//! What `/metrics` shows of the limits of all hosts: without their names, since tenants choose these.

use super::{Transport, neighbours::BreakerState};
use crate::telemetry::{Gauge, Gauges};
use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};
use strum::VariantArray;
use tokio::time::Instant;

impl Transport {
    /// Adds what holds at present for the hosts and tokens in use.
    pub fn gauges(&self, gauges: &mut Gauges) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let now = Instant::now();
        // how many clients of a host have had a token, and whether one of them sends a probe
        let mut clients = HashMap::<String, (usize, bool)>::new();
        self.clients().for_each(|server, tokens| {
            let Some(token) = tokens.latest() else { return };
            let left = token.ends_at.saturating_duration_since(now).as_secs_f64()
                - now.saturating_duration_since(token.ends_at).as_secs_f64();
            gauges.lower(Gauge::TokenExpiry, since_epoch + left);
            let (count, probing) = clients.entry(server.to_owned()).or_default();
            *count += 1;
            *probing |= tokens.breaker.is_probing();
        });
        for state in BreakerState::VARIANTS {
            gauges.of(Gauge::Hosts, &[state.into()]);
        }
        gauges.of(Gauge::PausedHosts, &[]);
        self.for_each_host(|server, limits| {
            let (count, probing) = clients.get(server).copied().unwrap_or_default();
            let state = match (limits.neighbours.are_down(count), probing) {
                (false, _) => BreakerState::Closed,
                (true, false) => BreakerState::Open,
                (true, true) => BreakerState::HalfOpen,
            };
            *gauges.of(Gauge::Hosts, &[state.into()]) += 1.0;
            if limits.rate_limiter.remaining_pause().is_some() {
                *gauges.of(Gauge::PausedHosts, &[]) += 1.0;
            }
            gauges.lower(Gauge::AllowedRate, limits.rate_limiter.rate());
            gauges.lower(Gauge::RequestsLeft, limits.rate_limiter.left());
        });
    }
}
