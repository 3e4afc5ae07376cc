//! `/metrics`: what a Prometheus scrapes, as OpenMetrics. A label never has a
//! value that tenants write: whoever may scrape would learn of them, and there
//! would be as many series as they like.
//!
//! What happens is counted where it happens ([`instruments`]). What depends on all resources or hosts
//! ([`gauges`]) is computed when somebody scrapes, at most once a second, so that an operator at rest
//! does nothing for it. The names are those of controller-runtime where it has one, since dashboards
//! know them.

mod gauges;
mod instruments;

pub use gauges::{Gauge, Gauges};
pub use instruments::{ApiMetrics, CONTROLLER, QueueMetrics, ReconcileMetrics, ReconcileResult, RequestMetrics};

use gauges::{Latest, Source};
use hyper::Method;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge as PlainGauge, info::Info},
    registry::Registry,
};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// As `encode` writes it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The gauges are not computed more often, however often somebody scrapes.
const EVERY: Duration = Duration::from_secs(1);

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    /// Writes of a status that the API server refused.
    pub(super) status_writes_refused: Counter,
    /// Whether this process leads.
    pub(super) leader: PlainGauge,
    /// Of the workqueue.
    pub queue: QueueMetrics,
    /// Of reconciles.
    pub reconciles: ReconcileMetrics,
    /// Of requests to Scalekit.
    pub requests: RequestMetrics,
    /// Of requests to the API server.
    pub api_requests: ApiMetrics,
    latest: Latest,
    source: Mutex<Option<Source>>,
    computed: Mutex<Option<(Instant, Gauges)>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let (status_writes_refused, leader) = (Counter::default(), PlainGauge::default());
        let (queue, reconciles, requests) =
            (QueueMetrics::default(), ReconcileMetrics::default(), RequestMetrics::default());
        let (latest, api_requests) = (Latest::default(), ApiMetrics::default());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("session_policy_operator_build", "The running version", build);
        registry.register(
            "session_policy_operator_status_writes_refused",
            "Writes of a status that the API server refused with 401 or 403",
            status_writes_refused.clone(),
        );
        registry.register("session_policy_operator_leader", "1 if this process leads, else 0", leader.clone());
        queue.register(&mut registry);
        reconciles.register(&mut registry);
        requests.register(&mut registry);
        api_requests.register(&mut registry);
        registry.register_collector(Box::new(latest.clone()));
        let (source, computed) = Default::default();
        Self {
            registry,
            status_writes_refused,
            leader,
            queue,
            reconciles,
            requests,
            api_requests,
            latest,
            source,
            computed,
        }
    }
}

impl Metrics {
    /// From now on `source` computes the gauges when somebody scrapes.
    pub fn compute(&self, source: impl Fn() -> Gauges + Send + Sync + 'static) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(source));
    }

    /// All of them as OpenMetrics; `watch_age`: since the last event of the watch.
    pub fn text(&self, watch_age: Duration) -> String {
        let mut gauges = self.gauges();
        *gauges.of(Gauge::WatchAge, &[]) = watch_age.as_secs_f64();
        self.shown(gauges)
    }

    fn gauges(&self) -> Gauges {
        let mut computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, gauges)) = &*computed
            && at.elapsed() < EVERY
        {
            return gauges.clone();
        }
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let gauges = source.as_ref().map(|source| source()).unwrap_or_default();
        *computed = Some((Instant::now(), gauges.clone()));
        gauges
    }

    fn shown(&self, gauges: Gauges) -> String {
        self.latest.set(gauges);
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap_or_default(); // writing to a String does not fail
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The page `docs/metrics.md`, in Markdown: every metric that there is.
pub fn metrics_page() -> String {
    let metrics = Metrics::default();
    metrics.requests.ended("", "", 200, EVERY);
    metrics.api_requests.ended(&Method::GET, None);
    metrics.requests.not_sent("");
    metrics.requests.wrote("", "", "");
    let text = metrics.shown(Gauges::sample());
    let mut page = String::from(
        "<!-- Generated from src/telemetry/metrics/; do not edit. -->\n# Metrics\n\nWhat `/metrics` has, with the names \
         that a query uses. What to do with them is in [operations.md](operations.md).\n\n\
         | metric | type | labels | what it says |\n|---|---|---|---|\n",
    );
    let mut rows: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .map(|(name, help)| {
            let kind = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap_or_default();
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                "histogram" => "_bucket",
                _ => "",
            };
            let sample = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{suffix}")));
            let labels = sample.and_then(|sample| sample.strip_prefix('{')?.split_once('}')).unwrap_or_default().0;
            let labels: Vec<String> = labels
                .split(',')
                .filter_map(|label| label.split_once('=').map(|(label, _)| label))
                .filter(|label| *label != "le")
                .map(|label| format!("`{label}`"))
                .collect();
            let suffix = if kind == "histogram" { "" } else { suffix };
            format!("| `{name}{suffix}` | {kind} | {} | {} |\n", labels.join(", "), help.trim_end_matches('.'))
        })
        .collect();
    rows.sort();
    page.extend(rows);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    #[test]
    fn what_is_counted_is_shown_under_the_name_that_the_manual_promises() {
        let metrics = Metrics::default();
        metrics.status_writes_refused.inc();
        metrics.leader.set(1);
        metrics.requests.ended("/organizations/{id}", "GET", 418, EVERY);
        metrics.api_requests.ended(&Method::PATCH, Some(StatusCode::FORBIDDEN));
        metrics.api_requests.ended(&Method::GET, None);
        let text = metrics.text(Duration::from_secs(2));
        for line in [
            "# TYPE session_policy_operator_build info",
            concat!("session_policy_operator_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# TYPE session_policy_operator_status_writes_refused counter",
            "session_policy_operator_status_writes_refused_total 1",
            "session_policy_operator_leader 1",
            "controller_runtime_reconcile_total{controller=\"organizationsessionpolicy\",result=\"requeue_after\"} 0",
            "workqueue_adds_total{controller=\"organizationsessionpolicy\",name=\"organizationsessionpolicy\"} 0",
            "session_policy_operator_scalekit_requests_total{route=\"/organizations/{id}\",method=\"GET\",code=\"4xx\"} 1",
            "session_policy_operator_watch_last_event_age_seconds 2.0",
            "rest_client_requests_total{method=\"PATCH\",code=\"403\"} 1",
            "rest_client_requests_total{method=\"GET\",code=\"<error>\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn however_often_somebody_scrapes_the_resources_are_counted_once_a_second() {
        let (metrics, counted) = (Metrics::default(), Arc::new(AtomicU32::new(0)));
        let counts = Arc::clone(&counted);
        metrics.compute(move || {
            let mut gauges = Gauges::default();
            *gauges.of(Gauge::Hosts, &["open"]) = f64::from(counts.fetch_add(1, Ordering::Relaxed));
            gauges
        });
        let shows = |line: &str| metrics.text(EVERY).lines().any(|shown| shown == line);
        for _ in 0..100 {
            assert!(shows("session_policy_operator_scalekit_hosts{breaker=\"open\"} 0.0"));
        }
        tokio::time::advance(EVERY).await;
        assert!(shows("session_policy_operator_scalekit_hosts{breaker=\"open\"} 1.0"));
        assert_eq!(counted.load(Ordering::Relaxed), 2);
    }
}
