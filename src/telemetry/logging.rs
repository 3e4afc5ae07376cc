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

/// Kube logs each request that fails as an error, thousands in an outage of the API server, and the verifier of
/// certificates each that it refuses. This program says what an error means where it is met, and of an outage when it
/// begins and when it ends.
const WITHOUT_KUBE: &str = "kube_client=off,rustls_platform_verifier=off";

/// Installs the log of a server process, and the export of its spans, which ends when what is returned is
/// dropped. Without `RUST_LOG`: level info. The lines of kube's client are left out unless `RUST_LOG` names it.
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
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&format!("warn,session_policy_operator={level}")));
    drop(builder.with_writer(stderr).without_time().with_ansi(colours()).try_init()); // as in `install`
}

fn filter(default: &str) -> EnvFilter {
    let set = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let set = set.and_then(|filter| EnvFilter::try_new(directives(&filter)).ok());
    set.unwrap_or_else(|| EnvFilter::new(directives(default)))
}

fn directives(chosen: &str) -> String {
    if chosen.contains("kube_client") { chosen.to_owned() } else { format!("{chosen},{WITHOUT_KUBE}") }
}

fn colours() -> bool {
    has_colours(stderr().is_terminal(), env::var_os("NO_COLOR"), env::var_os("TERM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_kubes_client_are_left_out_unless_somebody_asks_for_them() {
        for chosen in ["info", "debug", "info,session_policy_operator=debug"] {
            assert_eq!(directives(chosen), format!("{chosen},{WITHOUT_KUBE}"));
            assert!(EnvFilter::try_new(directives(chosen)).is_ok());
        }
        assert_eq!(directives("info,kube_client=debug"), "info,kube_client=debug");
    }

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
