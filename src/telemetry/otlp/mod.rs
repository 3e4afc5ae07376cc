//! Export of spans to a collector, by OTLP. Only a build with the feature `otlp` has it; the other one says so
//! where a collector is configured.

#[cfg_attr(not(feature = "otlp"), path = "absent.rs")]
mod export;

pub use export::Exporter;
pub(super) use export::with_ids;

use std::env;

/// The collector, by OpenTelemetry's own variables; without one of them nothing is exported.
fn is_configured() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"].into_iter().any(is_set)
}
