//! `/metrics`: what a Prometheus scrapes, as OpenMetrics. A label never has a
//! value that tenants write: whoever may scrape would learn of them, and there
//! would be as many series as they like.

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge, info::Info},
    registry::Registry,
};

/// As `encode` writes it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one process.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// Writes of a status that the API server refused.
    pub(super) status_writes_refused: Counter,
    /// Whether this process leads.
    pub(super) leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("session_policy_operator");
        let (status_writes_refused, leader) = (Counter::default(), Gauge::default());
        registry.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register(
            "status_writes_refused",
            "Writes of a status that the API server refused with 401 or 403",
            status_writes_refused.clone(),
        );
        registry.register("leader", "1 if this process leads, else 0", leader.clone());
        Self { registry, status_writes_refused, leader }
    }
}

impl Metrics {
    /// All of them, in [`CONTENT_TYPE`].
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap_or_default(); // writing to a String does not fail
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_under_the_name_that_the_manual_promises() {
        let metrics = Metrics::default();
        metrics.status_writes_refused.inc();
        metrics.leader.set(1);
        let text = metrics.text();
        for line in [
            "# TYPE session_policy_operator_build info",
            concat!("session_policy_operator_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# TYPE session_policy_operator_status_writes_refused counter",
            "session_policy_operator_status_writes_refused_total 1",
            "session_policy_operator_leader 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
        }
    }
}
