//! What is counted and measured when it happens. Without a registry nobody sees it, as in `osp`.

use hyper::{Method, StatusCode};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::time::Duration;

/// The name of the controller, as controller-runtime would choose it, and of its queue.
pub const CONTROLLER: &str = "organizationsessionpolicy";

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// From a read of the API server to a reconcile that waits for its turn for ten minutes.
const WORK: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];
/// Up to the longest deadline of a request.
const REQUEST: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

fn work() -> Histogram {
    Histogram::new(WORK)
}

fn request() -> Histogram {
    Histogram::new(REQUEST)
}

/// The workqueue's.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    adds: Counter,
    retries: Counter,
    queued: Histogram,
    worked: Histogram,
}

impl Default for QueueMetrics {
    fn default() -> Self {
        Self { adds: Counter::default(), retries: Counter::default(), queued: work(), worked: work() }
    }
}

impl QueueMetrics {
    /// A resource became due.
    pub fn added(&self) {
        self.adds.inc();
    }

    /// A resource will be due again since its reconcile failed.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// A reconcile has begun, so long after the resource was due.
    pub fn began(&self, waited: Duration) {
        self.queued.observe(waited.as_secs_f64());
    }

    /// A reconcile has ended that took so long.
    pub fn ended(&self, took: Duration) {
        self.worked.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let labels = [("controller", CONTROLLER), ("name", CONTROLLER)].map(|(key, value)| (key.into(), value.into()));
        let registry = registry.sub_registry_with_labels(labels.into_iter());
        registry.register("workqueue_adds", "Resources that became due", self.adds.clone());
        registry.register(
            "workqueue_retries",
            "Reconciles that failed and come again after a backoff",
            self.retries.clone(),
        );
        registry.register(
            "workqueue_queue_duration_seconds",
            "Time from when a resource is due to the beginning of its reconcile",
            self.queued.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "Time that a reconcile takes, waiting for Scalekit included",
            self.worked.clone(),
        );
    }
}

/// How a reconcile ended, in controller-runtime's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ReconcileResult {
    /// The next one comes with the interval, or not at all.
    Success,
    /// Something is to be waited for.
    RequeueAfter,
    /// It failed, and comes again after a backoff.
    Error,
}

/// Those of reconciles.
#[derive(Debug, Clone)]
pub struct ReconcileMetrics {
    ended: Family<Labels<1>, Counter>,
    errors: Counter,
    panics: Counter,
    took: Histogram,
    drift_seen: Counter,
    drift_corrected: Counter,
}

impl Default for ReconcileMetrics {
    fn default() -> Self {
        let ended = Family::<Labels<1>, Counter>::default();
        for result in <ReconcileResult as strum::VariantArray>::VARIANTS {
            drop(ended.get_or_create(&[("result", result.into())])); // there from the start, for rates
        }
        let (errors, panics, drift_seen, drift_corrected) = Default::default();
        Self { ended, errors, panics, took: work(), drift_seen, drift_corrected }
    }
}

impl ReconcileMetrics {
    /// One has ended.
    pub fn ended(&self, result: ReconcileResult, took: Duration) {
        self.ended.get_or_create(&[("result", result.into())]).inc();
        self.errors.inc_by(u64::from(result == ReconcileResult::Error));
        self.took.observe(took.as_secs_f64());
    }

    /// One has panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Somebody had changed a policy that was as declared; `corrected`: it is again.
    pub fn drift(&self, corrected: bool) {
        self.drift_seen.inc();
        self.drift_corrected.inc_by(u64::from(corrected));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let own = registry.sub_registry_with_label(("controller".into(), CONTROLLER.into()));
        own.register("controller_runtime_reconcile", "Reconciles by how they ended", self.ended.clone());
        own.register("controller_runtime_reconcile_errors", "Reconciles that failed", self.errors.clone());
        own.register("controller_runtime_reconcile_panics", "Reconciles that panicked", self.panics.clone());
        own.register(
            "controller_runtime_reconcile_time_seconds",
            "Time that a reconcile takes, waiting for Scalekit included",
            self.took.clone(),
        );
        registry.register(
            "session_policy_operator_drift_seen",
            "Reconciles that found another policy than the declared one where the declared one was live before",
            self.drift_seen.clone(),
        );
        registry.register(
            "session_policy_operator_drift_corrected",
            "Those of them that wrote the declared policy again",
            self.drift_corrected.clone(),
        );
    }
}

/// Those of requests to Scalekit.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    sent: Family<Labels<3>, Counter>,
    took: Family<Labels<2>, Histogram, fn() -> Histogram>,
    not_sent: Family<Labels<1>, Counter>,
    writes: Family<Labels<3>, Counter>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let (sent, not_sent, writes) = Default::default();
        Self { sent, took: Family::new_with_constructor(request), not_sent, writes }
    }
}

impl RequestMetrics {
    /// A request has ended, with a status or, after zero, without a response.
    pub fn ended(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        let (route, method) = (("route", route), ("method", method));
        self.sent.get_or_create(&[route, method, ("code", code(status))]).inc();
        self.took.get_or_create(&[route, method]).observe(took.as_secs_f64());
    }

    /// The client kept a request back for this reason.
    pub fn not_sent(&self, reason: &'static str) {
        self.not_sent.get_or_create(&[("reason", reason)]).inc();
    }

    /// Such writes are shown before the first one, so that a query sees that one too.
    pub fn expect(&self, what: &'static str, direction: &'static str, result: &'static str) {
        drop(self.writes.get_or_create(&[("what", what), ("direction", direction), ("result", result)]));
    }

    /// A write of a policy or of features has ended.
    pub fn wrote(&self, what: &'static str, direction: &'static str, result: &'static str) {
        self.writes.get_or_create(&[("what", what), ("direction", direction), ("result", result)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "session_policy_operator_scalekit_requests",
            "Requests to Scalekit by the status of the response; code is none without a response, and codes that are \
             not expected are put together, as 5xx",
            self.sent.clone(),
        );
        registry.register(
            "session_policy_operator_scalekit_request_duration_seconds",
            "Time from sending a request to Scalekit to the last byte of its response",
            self.took.clone(),
        );
        registry.register(
            "session_policy_operator_scalekit_requests_not_sent",
            "Requests that the operator kept back: the host pauses after a 429 (RateLimited), or its circuit breaker is \
             open (the reason that opened it)",
            self.not_sent.clone(),
        );
        registry.register(
            "session_policy_operator_scalekit_writes",
            "Writes to Scalekit by what they changed, in which direction, and what came of it",
            self.writes.clone(),
        );
    }
}

/// Those of requests to the API server, as client-go counts them.
#[derive(Debug, Clone, Default)]
pub struct ApiMetrics(Family<Labels<2>, Counter>);

impl ApiMetrics {
    /// A request has ended, with a status or without a response.
    pub fn ended(&self, method: &Method, status: Option<StatusCode>) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "other",
        };
        let code = status.map_or("<error>", |status| code(status.as_u16()));
        self.0.get_or_create(&[("method", method), ("code", code)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "rest_client_requests",
            "Requests to the API server by the status of the response; code is <error> without a response, and codes \
             that are not expected are put together, as 4xx",
            self.0.clone(),
        );
    }
}

/// The label of a status: any host that a tenant names chooses it, so few have one of their own.
const fn code(status: u16) -> &'static str {
    match status {
        0 => "none",
        200 => "200",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        409 => "409",
        429 => "429",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        _ => match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn row_095_a_host_that_answers_with_every_status_gets_few_series() {
        let codes: BTreeSet<_> = (0..=u16::MAX).map(code).collect();
        assert_eq!(codes.len(), 18);
    }
}
