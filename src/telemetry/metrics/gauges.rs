//! What is computed when somebody scrapes, since keeping it up to date would cost more.

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::MetricType};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use strum::VariantArray;

/// A value of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
#[allow(missing_docs, reason = "each has its help text below")]
pub enum Gauge {
    ActiveWorkers,
    MaxConcurrentReconciles,
    QueueDepth,
    UnfinishedWork,
    LongestRunning,
    LongestDue,
    Policies,
    PoliciesOutOfSync,
    PoliciesLooserThanApplication,
    LongestNotReady,
    OldestObservationAge,
    Hosts,
    PausedHosts,
    AllowedRate,
    RequestsLeft,
    TokenExpiry,
    WatchAge,
}

impl Gauge {
    /// Its name, the names of its labels, and its help text.
    const fn describe(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::ActiveWorkers => (
                "controller_runtime_active_workers",
                &["controller"],
                "Reconciles that work now; those that wait for Scalekit don't count",
            ),
            Self::MaxConcurrentReconciles => (
                "controller_runtime_max_concurrent_reconciles",
                &["controller"],
                "Reconciles that may work at the same time",
            ),
            Self::QueueDepth => {
                ("workqueue_depth", &["controller", "name"], "Resources that are due and whose reconcile has not begun")
            }
            Self::UnfinishedWork => (
                "workqueue_unfinished_work_seconds",
                &["controller", "name"],
                "Sum of the ages of all reconciles that run",
            ),
            Self::LongestRunning => (
                "workqueue_longest_running_processor_seconds",
                &["controller", "name"],
                "Age of the oldest reconcile that runs",
            ),
            Self::LongestDue => (
                "session_policy_operator_longest_due_seconds",
                &[],
                "Longest time for which a resource is due and no reconcile of it has ended, of those whose host does not \
                 pause; only the leader has it",
            ),
            Self::Policies => (
                "session_policy_operator_policies",
                &["ready", "mode", "reason"],
                "Resources by the status and reason of their condition Ready, and by spec.mode; only the leader has it",
            ),
            Self::PoliciesOutOfSync => (
                "session_policy_operator_policies_out_of_sync",
                &["mode"],
                "Resources whose condition Synced is False, so that another policy than the declared one is live; only \
                 the leader has it",
            ),
            Self::PoliciesLooserThanApplication => (
                "session_policy_operator_policies_looser_than_application",
                &[],
                "Resources that declare a value without effect, since the application's policy is stricter; only the \
                 leader has it",
            ),
            Self::LongestNotReady => (
                "session_policy_operator_longest_not_ready_seconds",
                &["reason"],
                "Longest time for which a resource has not been Ready, of those with this reason now, whatever it was \
                 before; those that are suspended don't count; only the leader has it",
            ),
            Self::OldestObservationAge => (
                "session_policy_operator_oldest_observation_age_seconds",
                &["lane"],
                "Longest time since the organization of a resource was read, of those whose Ready is not False, by what \
                 their next reconcile is; at most since this process leads; only the leader has it",
            ),
            Self::Hosts => (
                "session_policy_operator_scalekit_hosts",
                &["breaker"],
                "Hosts of Scalekit environments in use, by the state of their circuit breaker",
            ),
            Self::PausedHosts => (
                "session_policy_operator_scalekit_paused_hosts",
                &[],
                "Hosts to which nothing is sent for a while, since one has answered 429",
            ),
            Self::AllowedRate => (
                "session_policy_operator_scalekit_allowed_requests_per_second",
                &[],
                "Requests that may be sent each second to a host, at present: the lowest of all hosts in use",
            ),
            Self::RequestsLeft => (
                "session_policy_operator_scalekit_requests_left",
                &[],
                "Requests that may be sent at once to a host: the fewest of all hosts in use; below zero it is in debt",
            ),
            Self::TokenExpiry => (
                "session_policy_operator_scalekit_access_token_expiry_timestamp_seconds",
                &[],
                "When the first of the access tokens in use expires; one is renewed when a request needs it",
            ),
            Self::WatchAge => (
                "session_policy_operator_watch_last_event_age_seconds",
                &[],
                "Time since the last event or bookmark of a watch; above 300 the process is restarted if the API server \
                 answers its other requests",
            ),
        }
    }
}

/// Gauges with their values, by the values of their labels.
#[derive(Debug, Clone, Default)]
pub struct Gauges(BTreeMap<Gauge, BTreeMap<Vec<&'static str>, f64>>);

impl Gauges {
    /// The value of `gauge` with these values of its labels; zero at first.
    pub fn of(&mut self, gauge: Gauge, labels: &[&'static str]) -> &mut f64 {
        self.0.entry(gauge).or_default().entry(labels.to_vec()).or_default()
    }

    /// Sets it, if there is none or if it is larger than `value`.
    pub fn lower(&mut self, gauge: Gauge, value: f64) {
        let lowest = self.0.entry(gauge).or_default().entry(Vec::new()).or_insert(value);
        *lowest = lowest.min(value);
    }

    /// Each gauge with one value, for the list of them all.
    pub(super) fn sample() -> Self {
        let mut all = Self::default();
        for gauge in Gauge::VARIANTS {
            *all.of(*gauge, gauge.describe().1) = 1.0;
        }
        all
    }
}

/// Computes the gauges of a process.
pub(super) type Source = Box<dyn Fn() -> Gauges + Send + Sync>;

/// The gauges that were computed last.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest(Arc<Mutex<Gauges>>);

impl Latest {
    pub(super) fn set(&self, gauges: Gauges) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gauges;
    }
}

impl Collector for Latest {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (gauge, values) in &self.0.lock().unwrap_or_else(PoisonError::into_inner).0 {
            let (name, labels, help) = gauge.describe();
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (values, value) in values {
                let labels: Vec<_> = labels.iter().copied().zip(values.iter().copied()).collect();
                match labels.is_empty() {
                    true => metric.encode_gauge(value)?,
                    false => metric.encode_family(&labels)?.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}
