//! What a contestant did in a phase, counted from outside: by the simulator's journal, by the API server's own
//! counters, and by the system.

use crate::{contestant::Process, world::World};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, Instant};

const API: &str = "/api/v1/organizations/";

/// A request to Scalekit's API.
#[derive(Deserialize)]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    method: String,
    path: String,
    body: Value,
    status: Option<u16>,
}

impl Call {
    /// The organization whose policy it writes, and the declared absolute timeout.
    pub fn policy_patch(&self) -> Option<(&str, u64)> {
        let organization = self.path.strip_prefix(API)?.strip_suffix("/session-policy")?;
        let accepted = self.method == "PATCH" && self.status.is_some_and(|status| status < 300);
        accepted.then(|| (organization, self.body["absolute_session_timeout"].as_u64().unwrap_or_default()))
    }

    pub fn is_policy_read(&self) -> bool {
        let policy = self.path.ends_with("/session-policy");
        self.method == "GET" && self.status == Some(200) && policy
    }

    pub fn is_patch(&self) -> bool {
        self.method == "PATCH"
    }
}

/// Requests to the API server for our resource. What the benchmark itself sends is not among them: it applies, deletes,
/// lists and watches.
#[derive(Clone, Copy, Default)]
struct Kubernetes {
    reads: f64,
    writes: f64,
    events: f64,
}

impl Kubernetes {
    /// Reads the text of /metrics.
    fn of(metrics: &str) -> Self {
        let mut sum = Self::default();
        for line in metrics.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
            let Some((labels, count)) = line.rsplit_once(' ') else { continue };
            let count: f64 = count.parse().unwrap();
            let has = |label: &str, value: &str| labels.contains(&format!("{label}=\"{value}\""));
            let status = has("verb", "APPLY") && has("subresource", "status"); // the benchmark applies no status
            let written = status || ["POST", "PUT", "PATCH"].into_iter().any(|verb| has("verb", verb));
            if has("group", "scalekit.com") {
                sum.writes += if written { count } else { 0.0 };
                sum.reads += if has("verb", "GET") { count } else { 0.0 };
            } else if has("resource", "events") && written {
                sum.events += count;
            }
        }
        sum
    }
}

/// A phase that has begun.
pub struct Phase {
    began: Instant,
    kubernetes: Kubernetes,
    processor: Duration,
}

/// What was done in a phase.
pub struct Counts {
    pub calls: Vec<Call>,
    pub seconds: f64,
    pub reads: f64,
    pub writes: f64,
    pub events: f64,
    /// Seconds of processor time.
    pub processor: f64,
}

impl Phase {
    /// Counts from now on; a process that starts only then has used no processor yet.
    pub async fn begin(world: &World, process: Option<&Process>) -> Self {
        let kubernetes = Kubernetes::of(&world.metrics().await);
        world.simulated("DELETE", "journal", &Value::Null);
        Self { began: Instant::now(), kubernetes, processor: process.map_or(Duration::ZERO, Process::processor) }
    }

    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    pub async fn end(self, world: &World, process: &Process) -> Counts {
        let seconds = self.seconds();
        let processor = process.processor().saturating_sub(self.processor).as_secs_f64();
        let after = Kubernetes::of(&world.metrics().await);
        Counts {
            calls: world.calls(),
            seconds,
            reads: after.reads - self.kubernetes.reads,
            writes: after.writes - self.kubernetes.writes,
            events: after.events - self.kubernetes.events,
            processor,
        }
    }
}

impl Counts {
    pub fn patches(&self) -> f64 {
        self.calls.iter().filter(|call| call.is_patch()).count() as f64
    }

    pub fn policy_patches(&self) -> f64 {
        self.calls.iter().filter(|call| call.policy_patch().is_some()).count() as f64
    }

    /// Reconciles that read the policy.
    pub fn looks(&self) -> f64 {
        self.calls.iter().filter(|call| call.is_policy_read()).count() as f64
    }

    pub fn refused_percent(&self) -> f64 {
        let refused = self.calls.iter().filter(|call| call.status == Some(429)).count() as f64;
        100.0 * refused / self.total().max(1.0)
    }

    /// How much of a rate the accepted calls took.
    pub fn used_percent(&self, rate: f64) -> f64 {
        let accepted = self.calls.iter().filter(|call| call.status != Some(429)).count() as f64;
        100.0 * accepted / (rate * self.seconds)
    }

    pub fn total(&self) -> f64 {
        self.calls.len() as f64
    }
}
