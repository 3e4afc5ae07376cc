//! The operator: parses the arguments and runs it.

use clap::{ArgAction, CommandFactory, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use session_policy_operator::{
    controller::{self, DefaultCredentials, LeaseName, Options, Policies, Uninstall},
    crd, scalekit, telemetry,
    terminal::{self, Exit},
};
use std::{
    error::Error,
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

/// Keeps the session policy of Scalekit organizations as declared in
/// OrganizationSessionPolicy resources.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Watch this namespace only; may be given more than once [default: all]
    #[arg(long, env = "OSP_WATCH_NAMESPACE", value_delimiter = ',', global = true)]
    watch_namespace: Vec<String>,

    /// Time between two reconciles of a resource that sets no spec.interval
    #[arg(long, env = "OSP_RESYNC_INTERVAL", default_value = "10m", value_parser = crd::deadline, global = true)]
    resync_interval: Duration,

    /// Time after which all resources are listed again, in case the watch has missed some
    #[arg(long, env = "OSP_RELIST_INTERVAL", default_value = "15m", value_parser = crd::deadline, global = true)]
    relist_interval: Duration,

    /// Folder with the default credentials, in files named SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and
    /// SCALEKIT_CLIENT_SECRET [default: environment variables of those names]
    #[arg(long, env = "OSP_CREDENTIALS_DIR", global = true)]
    credentials_dir: Option<PathBuf>,

    /// Namespaces whose resources may use the default credentials, or `all`; may be given more than once. Whoever may
    /// write a resource there may change the policy of every organization that these credentials reach [default: the
    /// operator's own namespace]
    #[arg(long, env = "OSP_DEFAULT_CREDENTIALS_FOR", value_delimiter = ',', global = true)]
    default_credentials_for: Vec<String>,

    /// The operator's own namespace [default: the kubeconfig context's]
    #[arg(long, env = "POD_NAMESPACE", hide = true, global = true)]
    pod_namespace: Option<String>,

    /// How long a deletion waits for another resource to take over the organization before it reverts the policy; 0s
    /// reverts it at once
    #[arg(long, env = "OSP_REVERT_DELAY", default_value = "10s", value_parser = crd::delay, global = true)]
    revert_delay: Duration,

    /// When a deletion reverts a policy, also switch the feature session_policy off if this operator has switched it on.
    /// The feature lets the customer's administrators edit the policy themselves
    #[arg(long, env = "OSP_DISABLE_FEATURE_ON_DELETE", value_parser = BoolishValueParser::new(), global = true)]
    disable_feature_on_delete: bool,

    /// How long a deletion waits for missing or refused credentials before the resource is released and its policy
    /// stays
    #[arg(long, env = "OSP_DELETION_GRACE", default_value = "1h", value_parser = crd::deadline, global = true)]
    deletion_grace: Duration,

    /// --deletion-grace in a namespace that is being deleted
    #[arg(long, env = "OSP_NAMESPACE_DELETION_GRACE", default_value = "10m", value_parser = crd::deadline, global = true)]
    namespace_deletion_grace: Duration,

    /// Accept http:// environment URLs; for tests and demonstrations only
    #[arg(long, env = "OSP_ALLOW_HTTP", value_parser = BoolishValueParser::new(), global = true)]
    allow_http: bool,

    /// Hosts that Secrets may name, with all hosts below them, or `any`; may be given more than once. The host of the
    /// default credentials is always allowed. Private addresses are contacted only for hosts that are named here or
    /// there, or with `any`
    #[arg(
        long,
        env = "OSP_ALLOWED_HOST",
        value_delimiter = ',',
        default_values = scalekit::SCALEKIT_HOSTS,
        global = true
    )]
    allowed_host: Vec<String>,

    /// Proxy towards Scalekit: http://, https:// or socks5://HOST:PORT, or `env` for what HTTPS_PROXY and NO_PROXY name.
    /// It resolves the names of hosts itself, so that private addresses are not refused [default: none]
    #[arg(long, env = "OSP_PROXY", value_name = "URL|env", hide_env_values = true, global = true)]
    proxy: Option<scalekit::Proxy>,

    /// Requests per second and environment
    #[arg(long, env = "OSP_RATE_LIMIT", default_value_t = 10.0, value_parser = scalekit::Settings::rate, global = true)]
    rate_limit: f64,

    /// Deadline of one request to Scalekit, from connecting to the last byte
    #[arg(long, env = "OSP_REQUEST_TIMEOUT", default_value = "10s", value_parser = request_timeout, global = true)]
    request_timeout: Duration,

    /// Longest time after which a load balancer or proxy before Scalekit forwards a request. A write without a response
    /// may be applied that much later, so a deletion waits for it
    // 62 s is Google's, see scalekit-api.md §4.4
    #[arg(long, env = "OSP_GATEWAY_TIMEOUT", default_value = "62s", value_parser = crd::deadline, global = true)]
    gateway_timeout: Duration,

    /// Work only while this operator has the lease, so that of several replicas one works; =false for a single one
    #[arg(
        long,
        env = "OSP_LEADER_ELECT",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        value_name = "BOOL",
        global = true
    )]
    leader_elect: bool,

    /// The namespace of the lease [default: the operator's own namespace]
    #[arg(long, env = "OSP_LEASE_NAMESPACE", global = true)]
    lease_namespace: Option<String>,

    /// The name of the lease. Operators that watch different namespaces, and run in one, need different names
    #[arg(long, env = "OSP_LEASE_NAME", default_value = "session-policy-operator", global = true)]
    lease_name: String,

    /// Where /livez, /readyz and /metrics answer
    #[arg(long, env = "OSP_HTTP_ADDR", default_value = "[::]:8080", global = true)]
    http_addr: SocketAddr,

    /// Format of the log on stderr; RUST_LOG sets its level
    #[arg(long, env = "OSP_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    log_format: LogFormat,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Run the operator; the default without a command
    Run,
    /// Print the CustomResourceDefinition
    Crd,
    /// Remove the finalizers of all resources, before the operator and its definition are removed. It asks first, and
    /// refuses while an operator is running
    #[command(alias = "release")]
    Uninstall(UninstallArguments),
}

#[derive(Clone, clap::Args)]
struct UninstallArguments {
    /// What becomes of the policies in Scalekit: keep leaves them as they are, revert sets them back as if the
    /// resources were being deleted, so that the sessions of the customers follow the application's policy again
    #[arg(long, value_enum, default_value = "keep")]
    policies: PoliciesArgument,

    /// --policies=keep
    #[arg(long, hide = true, conflicts_with = "policies")]
    keep_policies: bool,

    /// Show what would be done, and write nothing; an operator may be running
    #[arg(long)]
    dry_run: bool,

    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,

    /// When this was asked for, in seconds since 1970: refuses if one that was asked for then or later has run already, as
    /// far as the Lease says. The chart's Job has it, so that a rollback to its revision repeats nothing
    #[arg(long, value_name = "SECONDS")]
    asked_at: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PoliciesArgument {
    Keep,
    Revert,
}

impl UninstallArguments {
    const fn policies(&self) -> Policies {
        match self.policies {
            PoliciesArgument::Revert if !self.keep_policies => Policies::Revert,
            PoliciesArgument::Keep | PoliciesArgument::Revert => Policies::Keep,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> Exit {
    terminal::without_empty_variables();
    telemetry::no_core_dumps();
    let arguments: Arguments = match terminal::parse(Arguments::command(), std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return terminal::print_usage(&error),
    };
    if let Some(Command::Crd) = arguments.command {
        let printed = crd::manifest().map(|manifest| std::io::stdout().write_all(manifest.as_bytes()));
        return if matches!(printed, Ok(Ok(()))) { Exit::Success } else { Exit::Failure };
    }
    // before the export of spans, which may use TLS
    let provider = rustls::crypto::ring::default_provider().install_default();
    let _exporter = telemetry::install(match arguments.log_format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    });
    if provider.is_err() {
        tracing::warn!("another TLS provider was installed before");
    }
    // that of a Job is read as the operator's: with its levels, and as JSON where that was asked for
    let to_a_log = !std::io::stderr().is_terminal();
    let failed = match &arguments.command {
        None | Some(Command::Run | Command::Crd) => Some("the operator can't run"),
        Some(Command::Uninstall(_)) => to_a_log.then_some("the uninstall failed"),
    };
    match (start(arguments), failed) {
        (Err(error), Some(failed)) => {
            tracing::error!(%error, "{failed}");
            Exit::Failure
        }
        (ended, _) => Exit::of(ended),
    }
}

// one thread is more than the rate limits of Scalekit can use; each more costs memory, and the waking of it time
#[tokio::main(flavor = "current_thread")]
async fn start(arguments: Arguments) -> Result<Exit, Box<dyn Error>> {
    let shutdown = telemetry::on_signal()?;
    let health = telemetry::Health::default();
    let client = controller::connect(health.metrics()).await?;
    let (command, address) = (arguments.command.clone(), arguments.http_addr);
    let options = arguments.options(client.default_namespace());
    if let Some(Command::Uninstall(arguments)) = command {
        return tokio::select! {
            code = uninstall(client, options, arguments) => code,
            // at once: a question that waits for its answer would keep the process
            () = shutdown.cancelled() => Exit::Failure.exit_now(),
        };
    }
    let address = health.serve(address, shutdown.clone()).await?;
    tracing::info!(%address, "serving /livez, /readyz and /metrics");
    controller::run(client, options, shutdown, health).await?;
    tracing::info!("stopped");
    Ok(Exit::Success)
}

async fn uninstall(
    client: kube::Client,
    options: Options,
    arguments: UninstallArguments,
) -> Result<Exit, Box<dyn Error>> {
    let policies = arguments.policies();
    // a closed pipe must not stop the uninstall
    let say = |text: &dyn std::fmt::Display| drop(writeln!(std::io::stdout(), "{text}"));
    let uninstall = Uninstall::new(client, options, arguments.dry_run, arguments.asked_at).await?;
    let (resources, namespaces) = uninstall.size();
    if arguments.dry_run {
        uninstall.preview(policies, |would| say(&would)).await;
        say(&format!("{resources} would be released; nothing was written"));
        return Ok(Exit::Success);
    }
    if !uninstall.is_alone() {
        tracing::warn!("there is no lease with --leader-elect=false: be sure that no operator is running");
    }
    let then = match policies {
        Policies::Keep => "their policies stay in Scalekit",
        Policies::Revert => "their policies in Scalekit are REVERTED, so that sessions may last longer than declared",
    };
    let question = format!(
        "This releases {} in {}: they lose their finalizers, nobody keeps them any more, and {then}. Go on?",
        terminal::counted(resources, "resource", "resources"),
        terminal::counted(namespaces, "namespace", "namespaces")
    );
    // not on a thread of the runtime, which has to see a signal
    if !arguments.yes && !tokio::task::spawn_blocking(move || terminal::confirm(&question)).await?? {
        say(&"nothing was done");
        return Ok(Exit::Failure);
    }
    let all = uninstall.run(policies, |released| say(released)).await?;
    let left = all.iter().filter(|released| released.released.is_err()).count();
    say(&format!("{} released, {left} left", all.len() - left));
    Ok(if left == 0 { Exit::Success } else { Exit::Failure })
}

fn request_timeout(text: &str) -> Result<Duration, String> {
    crd::request_deadline(text, scalekit::Settings::LONGEST_DEADLINE)
}

/// An empty variable counts as unset.
fn without_empty(mut named: Vec<String>) -> Vec<String> {
    named.retain(|name| !name.is_empty());
    named
}

/// `named`, or `default` if that is empty; `None` if it contains the word `all`.
fn unless_all(named: Vec<String>, all: &str, default: impl FnOnce() -> Vec<String>) -> Option<Vec<String>> {
    let named = without_empty(named);
    if named.is_empty() {
        return Some(default());
    }
    (!named.iter().any(|name| name == all)).then_some(named)
}

fn scalekit_hosts() -> Vec<String> {
    scalekit::SCALEKIT_HOSTS.map(str::to_owned).into()
}

impl Arguments {
    /// The options of an operator whose kubeconfig or pod has this namespace.
    fn options(self, namespace: &str) -> Options {
        let own = self.pod_namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| namespace.to_owned());
        let lease_namespace = self.lease_namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| own.clone());
        Options {
            namespaces: without_empty(self.watch_namespace),
            relist_interval: self.relist_interval,
            resync_interval: self.resync_interval,
            default_credentials: DefaultCredentials {
                folder: self.credentials_dir,
                namespaces: unless_all(self.default_credentials_for, "all", || vec![own]),
            },
            revert_delay: self.revert_delay,
            disable_feature: self.disable_feature_on_delete,
            grace: self.deletion_grace,
            namespace_grace: self.namespace_deletion_grace,
            gateway_timeout: self.gateway_timeout,
            lease: self.leader_elect.then_some(LeaseName { namespace: lease_namespace, name: self.lease_name }),
            rules: scalekit::Rules {
                allow_http: self.allow_http,
                allow_loopback: self.allow_http,
                allowed_hosts: unless_all(self.allowed_host, "any", scalekit_hosts).unwrap_or_default(),
                ..scalekit::Rules::default()
            },
            scalekit: scalekit::Settings {
                deadline: self.request_timeout,
                rate: self.rate_limit,
                proxy: self.proxy.unwrap_or_default(),
                ..scalekit::Settings::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_of_namespaces_is_none_and_so_means_all() {
        let options = |value: &str| {
            let arguments = ["session-policy-operator", "--watch-namespace", value];
            Arguments::parse_from(arguments).options("default")
        };
        assert_eq!(options("").namespaces, [""; 0]);
        assert_eq!(options("a,,b").namespaces, ["a", "b"]);
    }

    #[test]
    fn the_lease_is_in_the_own_namespace_unless_said_otherwise() {
        let lease = |arguments: &[&str]| {
            let arguments = Arguments::parse_from([&["session-policy-operator"], arguments].concat());
            arguments.options("here").lease.map(|lease| format!("{}/{}", lease.namespace, lease.name))
        };
        assert_eq!(lease(&[]).as_deref(), Some("here/session-policy-operator"));
        assert_eq!(lease(&["--pod-namespace", "pod"]).as_deref(), Some("pod/session-policy-operator"));
        let named =
            ["--pod-namespace", "pod", "--lease-namespace", "other", "--lease-name", "second", "--leader-elect"];
        assert_eq!(lease(&named).as_deref(), Some("other/second"));
        assert_eq!(lease(&["--leader-elect=false"]), None);
    }

    #[test]
    fn uninstall_has_its_former_name_too_and_reverts_only_if_it_is_told_to() {
        for (arguments, policies) in [
            (&[][..], Policies::Keep),
            (&["--keep-policies"], Policies::Keep),
            (&["--policies=keep"], Policies::Keep),
            (&["--policies", "revert"], Policies::Revert),
        ] {
            for name in ["uninstall", "release"] {
                let parsed = Arguments::parse_from([&["session-policy-operator", name], arguments].concat());
                let Some(Command::Uninstall(uninstall)) = parsed.command else { panic!("{name}") };
                assert!(uninstall.policies() == policies && !uninstall.yes, "{arguments:?}");
            }
        }
        let both = ["session-policy-operator", "uninstall", "--keep-policies", "--policies=revert"];
        assert!(Arguments::try_parse_from(both).is_err());
    }
}
