//! The rows of the table: which figures there are, and the floors and targets that they are held against.

use crate::results::{Cell, LATENCY, Setup};

type Limit = fn(Setup) -> Option<f64>;

pub struct Row {
    pub key: &'static str,
    pub phase: &'static str,
    pub figure: &'static str,
    decimals: usize,
    /// The least that the job takes.
    pub floor: Limit,
    pub target: Limit,
    /// More is better.
    rising: bool,
}

const fn row(key: &'static str, phase: &'static str, figure: &'static str, decimals: usize) -> Row {
    Row { key, phase, figure, decimals, floor: |_| None, target: |_| None, rising: false }
}

impl Row {
    const fn limits(self, floor: Limit, target: Limit) -> Self {
        Self { floor, target, ..self }
    }

    const fn rising(self) -> Self {
        Self { rising: true, ..self }
    }

    pub fn number(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }

    pub fn shown(&self, cell: Cell) -> String {
        match cell {
            Cell::Is(value) => self.number(value),
            Cell::Over(bound) => format!("> {bound:.0}"),
        }
    }

    /// Whether a figure misses its target, to the decimals that are shown.
    pub fn is_missed(&self, setup: Setup, cell: Cell) -> bool {
        let Some(target) = (self.target)(setup) else { return false };
        let unit = 10_f64.powi(i32::try_from(self.decimals).unwrap_or_default());
        let rounded = |value: f64| (value * unit).round();
        match cell {
            Cell::Is(value) if self.rising => rounded(value) < rounded(target),
            Cell::Is(value) => rounded(value) > rounded(target),
            Cell::Over(_) => true,
        }
    }
}

const fn none(_: Setup) -> Option<f64> {
    None
}

fn cold_calls(setup: Setup) -> f64 {
    4.0 + setup.pages_each()
}

fn look_calls(setup: Setup) -> f64 {
    1.0 + setup.pages_each()
}

fn memory_floor(setup: Setup) -> Option<f64> {
    Some(8.0 + setup.resources as f64 * 0.25 / 1024.0)
}

/// Six resources with five calls each, at 2 requests per second.
const SIX_NEW: f64 = 6.0 * 5.0 / 2.0;

pub const ROWS: [Row; 44] = [
    row("cold.seconds", "cold start, all new", "seconds until all are Ready", 1),
    row("cold.calls", "cold start, all new", "Scalekit calls per resource", 2)
        .limits(|s| Some(cold_calls(s)), |s| Some(1.02 * cold_calls(s))),
    row("cold.reads", "cold start, all new", "Kubernetes reads per resource", 2),
    row("cold.writes", "cold start, all new", "Kubernetes writes per resource", 2).limits(|_| Some(2.0), |_| Some(2.0)),
    row("cold.events", "cold start, all new", "Kubernetes events per resource", 2),
    row("cold.cpu", "cold start, all new", "CPU-s per 1000 resources", 2).limits(|_| Some(0.55), |_| Some(0.8)),
    row("cold.memory", "cold start, all new", "peak memory, MB", 1).limits(memory_floor, |_| Some(20.0)),
    row("cold.slope", "cold start, all new", "memory per further resource, KiB", 2)
        .limits(|_| Some(0.25), |_| Some(1.0)),
    row("rest.calls", "at rest", "Scalekit calls per reconcile", 3)
        .limits(|s| Some(look_calls(s)), |s| Some(1.02 * look_calls(s))),
    row("rest.reads", "at rest", "Kubernetes reads per reconcile", 2).limits(|_| Some(0.0), |_| Some(0.0)),
    row("rest.writes", "at rest", "Kubernetes writes", 0).limits(|_| Some(0.0), |_| Some(0.0)),
    row("rest.cpu", "at rest", "CPU-s per 1000 reconciles", 2).limits(none, |_| Some(0.15)),
    row("drift.slowest", "a tenth drifts", "slowest correction, in intervals", 2).limits(|_| Some(1.0), |_| Some(1.2)),
    row("drift.patches", "a tenth drifts", "PATCHes per drift", 2).limits(|_| Some(1.0), |_| Some(1.0)),
    row("drift.writes", "a tenth drifts", "Kubernetes writes per drift", 2),
    row("warm.patches", "restart, 30 s", "PATCHes", 0).limits(|_| Some(0.0), |_| Some(0.0)),
    row("warm.writes", "restart, 30 s", "Kubernetes writes", 0).limits(|_| Some(0.0), |_| Some(0.0)),
    row("warm.calls", "restart, 30 s", "Scalekit calls per resource", 2),
    row("warm.cpu", "restart, 30 s", "CPU-s", 2).limits(none, |_| Some(0.3)),
    row("warm.memory", "restart, 30 s", "peak memory, MB", 1).limits(memory_floor, |_| Some(20.0)),
    row("crash.seconds", "SIGKILL amid 20 edits", "seconds until all are Ready", 1),
    row("crash.patches", "SIGKILL amid 20 edits", "PATCHes per edit", 2).limits(|_| Some(1.0), none),
    row("outage.calls", "503 for 60 s", "Scalekit calls", 0),
    row("outage.writes", "503 for 60 s", "Kubernetes writes per resource, with recovery", 2),
    row("outage.cpu", "503 for 60 s", "CPU-s", 2),
    row("outage.seconds", "503 for 60 s", "seconds until 10 edits are sent afterwards", 1),
    row("edits.p50", "edits, resyncs saturate the rate", "edit to PATCH, median, s", 2).limits(edit_floor, none),
    row("edits.p99", "edits, resyncs saturate the rate", "edit to PATCH, p99, s", 2).limits(edit_floor, edit_target),
    row("edits.writes", "edits, resyncs saturate the rate", "Kubernetes writes per edit", 2)
        .limits(|_| Some(1.0), |_| Some(1.0)),
    row("edits.refused", "edits, resyncs saturate the rate", "% of calls answered 429", 1)
        .limits(|_| Some(0.0), |_| Some(2.0)),
    row("edits.use", "edits, resyncs saturate the rate", "% of the rate used", 0)
        .limits(|_| Some(100.0), |_| Some(83.0))
        .rising(),
    row("edits.cpu", "edits, resyncs saturate the rate", "CPU-s per minute", 2),
    row("half.refused", "the rate halves, 30 s", "% of calls answered 429", 1).limits(|_| Some(0.0), |_| Some(2.0)),
    row("half.use", "the rate halves, 30 s", "% of the rate used", 0).limits(|_| Some(100.0), |_| Some(83.0)).rising(),
    row("back.refused", "and is restored, 30 s", "% of calls answered 429", 1).limits(|_| Some(0.0), |_| Some(2.0)),
    row("back.use", "and is restored, 30 s", "% of the rate used", 0).limits(|_| Some(100.0), |_| Some(83.0)).rising(),
    row("delete.seconds", "delete all", "seconds until all are gone", 1),
    row("delete.calls", "delete all", "Scalekit calls per resource", 2).limits(|_| Some(2.0), none),
    row("delete.writes", "delete all", "Kubernetes writes per resource", 2).limits(|_| Some(1.0), none),
    row("delete.cpu", "delete all", "CPU-s per 1000 resources", 2),
    row("delete.memory", "delete all", "peak memory since the start, MB", 1),
    row("six.seconds", "6 new at 2 requests/s", "seconds until all are Ready", 1)
        .limits(|_| Some(SIX_NEW), |_| Some(1.2 * SIX_NEW)),
    row("six.calls", "6 new at 2 requests/s", "Scalekit calls", 0),
    row("six.refused", "6 new at 2 requests/s", "% of calls answered 429", 1).limits(|_| Some(0.0), |_| Some(2.0)),
];

fn edit_floor(setup: Setup) -> Option<f64> {
    Some(1.0 / setup.rate + LATENCY.as_secs_f64())
}

fn edit_target(setup: Setup) -> Option<f64> {
    Some(3.0 / setup.rate + 2.0 * LATENCY.as_secs_f64() + 0.1)
}
