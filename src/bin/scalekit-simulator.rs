//! Runs a simulator of Scalekit's REST API on loopback. Prints its base URL on the first line of stdout,
//! and logs nothing.

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};
use session_policy_operator::{
    simulator::{Config, Simulator},
    telemetry,
    terminal::{self, Exit, with_causes},
};
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;

/// A simulator of Scalekit's REST API, for tests and demos.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Loopback address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Number of organizations: org_1 with external id tenant-1, and so on.
    #[arg(long, default_value_t = 3)]
    organizations: usize,
    /// Wait before each response, like 5ms or 1s.
    #[arg(long, value_parser = milliseconds)]
    latency: Option<u64>,
    /// Id of the API client.
    #[arg(long, default_value = "skc_simulator")]
    client_id: String,
    /// Secret of the API client.
    #[arg(long, default_value = "test_simulator")]
    client_secret: String,
    /// Requests per second, and the largest burst.
    #[arg(long)]
    rate_limit: Option<u32>,
    /// Settings as a JSON object, or @ and the name of a file with one.
    #[arg(long, default_value = "{}")]
    settings: String,
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or("needs a unit: ms or s")?, 1000),
    };
    let number: u64 = number.trim().parse().map_err(|_| "not a whole number".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "too long".to_owned())
}

impl Arguments {
    /// The shorthands take precedence over `--settings`.
    fn config(self) -> Result<Config, Box<dyn Error>> {
        let text = match self.settings.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)?,
            None => self.settings,
        };
        let mut settings: Value = serde_json::from_str(&text)?;
        let fields = settings.as_object_mut().ok_or("settings must be a JSON object")?;
        if let Some(latency) = self.latency {
            fields.insert("latency_ms".to_owned(), json!(latency));
        }
        if let Some(rate) = self.rate_limit {
            let limit = fields.entry("rate_limit").or_insert_with(|| json!({}));
            let limit = limit.as_object_mut().ok_or("rate_limit must be a JSON object")?;
            limit.insert("per_second".to_owned(), json!(f64::from(rate)));
            limit.insert("burst".to_owned(), json!(rate));
        }
        Ok(Config {
            listen: self.listen,
            organizations: self.organizations,
            client_id: self.client_id,
            client_secret: self.client_secret,
            settings,
        })
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // before the URL is printed, so that whoever reads it can stop the process
    let shutdown = telemetry::on_signal()?;
    let simulator = Simulator::start(arguments.config()?).await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", simulator.base_url())?;
    stdout.flush()?;
    shutdown.cancelled().await;
    simulator.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Exit {
    let arguments = match terminal::parse(Arguments::command(), std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return terminal::print_usage(&error),
    };
    let Err(error) = run(arguments).await else { return Exit::Success };
    let _ = writeln!(io::stderr(), "scalekit-simulator: {}", with_causes(error.as_ref()));
    Exit::Failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_needs_a_unit() {
        for (text, expected) in [("5ms", Some(5)), ("2s", Some(2000)), ("0ms", Some(0)), ("5", None), ("-1ms", None)] {
            assert_eq!(milliseconds(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn shorthands_win_over_settings() {
        let settings = r#"{"latency_ms":9,"rate_limit":{"form":"bare"}}"#;
        let arguments = ["scalekit-simulator", "--latency", "5ms", "--rate-limit", "10", "--settings", settings];
        let config = Arguments::parse_from(arguments).config().unwrap();
        let limit = json!({"form": "bare", "per_second": 10.0, "burst": 10});
        assert_eq!(config.settings, json!({"latency_ms": 5, "rate_limit": limit}));
    }
}
