//! Logs, spans, health probes, metrics and the signals to stop.

mod core_dumps;
mod health;
mod liveness;
mod logging;
mod metrics;
mod otlp;
mod probes;
mod shutdown;

pub use crate::terminal::with_causes;
pub use core_dumps::no_core_dumps;
pub use health::Health;
pub use logging::{Format, install, install_for_people};
pub use metrics::{
    ApiMetrics, CONTROLLER, Gauge, Gauges, Metrics, QueueMetrics, ReconcileMetrics, ReconcileResult, RequestMetrics,
    metrics_page,
};
pub use otlp::Exporter;
pub use shutdown::on_signal;
