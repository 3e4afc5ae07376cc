//! With the feature `otlp`: spans go to the collector that OpenTelemetry's variables name, as protobuf over
//! HTTP, in batches and on a thread of their own. Not gRPC, which would be a second HTTP stack.
//!
//! Exported are the spans of this program, with their fields, and what it logs in them at level info and
//! above: the same as in the log, so nothing secret. A collector that does not answer costs spans and lines of
//! the log, nothing else.

use opentelemetry::{
    KeyValue,
    trace::{SpanContext, TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use std::{fmt, time::Duration};
use tracing::{Event, Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

const NAME: &str = env!("CARGO_PKG_NAME");
const CRATE: &str = "session_policy_operator";
/// How long the end of the process waits for the last spans.
const LAST: Duration = Duration::from_secs(3);

/// Exports spans; when it is dropped, the last ones.
#[derive(Debug)]
pub struct Exporter(Option<Result<SdkTracerProvider, ExporterBuildError>>);

impl Exporter {
    pub(in crate::telemetry) fn from_environment() -> Self {
        Self(super::is_configured().then(provider))
    }

    fn provider(&self) -> Option<&SdkTracerProvider> {
        self.0.as_ref()?.as_ref().ok()
    }

    pub(in crate::telemetry) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let ours = filter_fn(|data| data.target().starts_with(CRATE) && *data.level() <= Level::INFO);
        self.provider().map(|provider| {
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(NAME));
            layer
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_filter(ours)
        })
    }

    pub(in crate::telemetry) fn log(&self) {
        match &self.0 {
            Some(Ok(_)) => tracing::info!("exporting spans by OTLP"),
            Some(Err(error)) => tracing::warn!(%error, "no spans are exported"),
            None => {}
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.provider().map(|provider| provider.shutdown_with_timeout(LAST)) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

fn provider() -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_http().build()?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build())
}

/// What the variables say of this process, and its name and version.
fn resource() -> Resource {
    let named = Resource::builder()
        .build()
        .iter()
        .any(|(key, value)| key.as_str() == "service.name" && !value.as_str().starts_with("unknown_service"));
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named { resource.build() } else { resource.with_service_name(NAME).build() }
}

/// The lines of `format`, with `trace_id` and `span_id` where there are any.
pub(in crate::telemetry) const fn with_ids<F>(format: F) -> WithIds<F> {
    WithIds(format)
}

/// See [`with_ids`]. The names are those that OpenTelemetry has for logs in other formats than its own.
pub(in crate::telemetry) struct WithIds<F>(F);

impl<F, S, N> FormatEvent<S, N> for WithIds<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let current = Span::current().context();
        let ids = current.span().span_context().clone();
        if !ids.is_valid() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        write!(writer, "{}", WithId(&line, &ids))
    }
}

struct WithId<'a>(&'a str, &'a SpanContext);

impl fmt::Display for WithId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(line, ids) = self;
        let (trace, span) = (ids.trace_id(), ids.span_id());
        match line.strip_prefix('{') {
            Some(rest) => write!(f, "{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",{rest}"),
            None => writeln!(f, "{} trace_id={trace} span_id={span}", line.trim_end()),
        }
    }
}
