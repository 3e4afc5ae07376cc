//! The operator: arguments to one call.

use clap::{Parser, Subcommand, ValueEnum};
use session_policy_operator::{
    controller::{self, Options},
    crd, scalekit, telemetry,
};
use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

/// Keeps the session policy of Scalekit organizations as declared in
/// OrganizationSessionPolicy resources.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Look after this namespace only; may be given more than once [default: all]
    #[arg(long, env = "OSP_WATCH_NAMESPACE", value_delimiter = ',', global = true)]
    watch_namespace: Vec<String>,

    /// Time between two looks at an organization whose resource sets no interval
    #[arg(long, env = "OSP_RESYNC_INTERVAL", default_value = "10m", value_parser = duration, global = true)]
    resync_interval: Duration,

    /// Folder with the operator's own credentials, in files named SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and
    /// SCALEKIT_CLIENT_SECRET [default: environment variables of those names]
    #[arg(long, env = "OSP_CREDENTIALS_DIR", global = true)]
    credentials_dir: Option<PathBuf>,

    /// Accept http:// environment URLs; for tests and demonstrations only
    #[arg(long, env = "OSP_ALLOW_HTTP", global = true)]
    allow_http: bool,

    /// Accept only environment URLs whose host ends in this; may be given more than once [default: any]
    #[arg(long, env = "OSP_ALLOWED_HOST", value_delimiter = ',', global = true)]
    allowed_host: Vec<String>,

    /// Requests per second and environment
    #[arg(long, env = "OSP_RATE_LIMIT", default_value_t = 10.0, global = true)]
    rate_limit: f64,

    /// Deadline of one request to Scalekit, from connecting to the last byte
    #[arg(long, env = "OSP_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration, global = true)]
    request_timeout: Duration,

    /// Where /livez and /readyz answer
    #[arg(long, env = "OSP_HTTP_ADDR", default_value = "0.0.0.0:8080", global = true)]
    http_addr: SocketAddr,

    /// How the log looks; RUST_LOG sets what is in it
    #[arg(long, env = "OSP_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    log_format: LogFormat,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator; also what happens without a command
    Run,
    /// Print the CustomResourceDefinition
    Crd,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: kube::core::Duration = text.parse().map_err(|e| format!("{e}; write it as 90s, 10m or 1h30m"))?;
    let parsed = Duration::from(parsed);
    if parsed < Duration::from_millis(100) { Err("must be at least 100ms".into()) } else { Ok(parsed) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Crd) = arguments.command {
        use std::io::Write;
        let printed = crd::manifest().map(|manifest| std::io::stdout().write_all(manifest.as_bytes()));
        return if matches!(printed, Ok(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    telemetry::install(match arguments.log_format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    });
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the operator can't run");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "another TLS provider is installed already")?;
    let shutdown = telemetry::on_signal()?;
    let health = telemetry::Health::default();
    let address = health.serve(arguments.http_addr, shutdown.clone()).await?;
    tracing::info!(%address, "health");
    let client = controller::connect().await?;
    let options = Options {
        namespaces: arguments.watch_namespace,
        resync_interval: arguments.resync_interval,
        credentials_folder: arguments.credentials_dir,
        rules: scalekit::Rules { allow_http: arguments.allow_http, allowed_hosts: arguments.allowed_host },
        scalekit: scalekit::Settings {
            deadline: arguments.request_timeout,
            rate: arguments.rate_limit,
            ..scalekit::Settings::default()
        },
    };
    controller::run(client, options, shutdown, || health.ready()).await?;
    tracing::info!("stopped");
    Ok(())
}
