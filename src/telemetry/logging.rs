//! The log goes to stderr, filtered by `RUST_LOG`. It has colours only if stderr is a terminal.

use super::otlp::{Exporter, with_ids};
use crate::terminal::has_colours;
use std::{
    env,
    io::{IsTerminal, stderr},
};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// The format of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the log of a server process, and the export of its spans, which ends when what is returned is
/// dropped. Without `RUST_LOG`: level info.
#[must_use]
pub fn install(format: Format) -> Exporter {
    let exporter = Exporter::from_environment();
    let lines = fmt::layer().with_writer(stderr);
    let lines = match format {
        Format::Text => lines.with_ansi(colours()).map_event_format(with_ids).boxed(),
        Format::Json => lines.json().map_event_format(with_ids).boxed(),
    };
    // an error means that a log is installed already; it stays
    drop(registry().with(filter("info")).with(exporter.layer()).with(lines).try_init());
    exporter.log();
    exporter
}

/// The filter of one `-v`, behind the name of this program: what is done, and each request.
const REQUESTS: &str = "info,session_policy_operator::scalekit::client=debug,session_policy_operator::scalekit::execute=debug,\
     session_policy_operator::apiserver::requests=debug";

/// Installs the log of a command line tool: warnings, with `-v` the requests too, and with each more one level more of
/// this program, not of its libraries; `RUST_LOG` takes precedence. Errors of kube are reported by who asked it.
pub fn install_for_people(verbosity: u8) {
    let level = match verbosity {
        0 => "warn",
        1 => REQUESTS,
        2 => "debug",
        _ => "trace",
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&format!("warn,kube_client=off,session_policy_operator={level}")));
    drop(builder.with_writer(stderr).without_time().with_ansi(colours()).try_init()); // as in `install`
}

fn filter(default: &str) -> EnvFilter {
    let set = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    set.and_then(|filter| EnvFilter::try_new(filter).ok()).unwrap_or_else(|| EnvFilter::new(default))
}

fn colours() -> bool {
    has_colours(stderr().is_terminal(), env::var_os("NO_COLOR"), env::var_os("TERM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_colours_only_on_a_terminal_that_wants_them() {
        let some = |value: &str| Some(value.into());
        for (terminal, no_color, term, expected) in [
            (true, None, some("xterm"), true),
            (true, some(""), None, true),
            (true, some("1"), some("xterm"), false),
            (true, None, some("dumb"), false),
            (false, None, some("xterm"), false),
        ] {
            assert_eq!(has_colours(terminal, no_color, term), expected);
        }
    }
}
