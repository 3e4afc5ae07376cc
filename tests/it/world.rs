//! One test's world: a namespace of the real API server, a simulated Scalekit,
//! and the operator's real binary.

use crate::{
    canary,
    cluster::{Cluster, cluster, eventually, within},
    lifeline,
};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    fs::File,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

/// A namespace, a Scalekit, and perhaps a running operator.
pub struct World {
    pub cluster: Arc<Cluster>,
    pub namespace: String,
    pub simulator: Arc<Simulator>,
    /// As whom the operator works.
    pub user: &'static str,
    /// Instead of that user's, if it works through something in between.
    pub kubeconfig: Option<PathBuf>,
    /// What the operator is started with, besides and instead of the usual.
    pub arguments: Vec<&'static str>,
    /// The arguments by which kubectl works as somebody else than an
    /// administrator.
    pub tenant: Vec<String>,
    operator: Option<Child>,
    log: PathBuf,
}

/// How the operator is started unless a test says otherwise.
const DEFAULT_ARGUMENTS: [(&str, &str); 7] = [
    ("--default-credentials-for", "all"),
    ("--http-addr", "127.0.0.1:0"),
    ("--resync-interval", "2s"),
    ("--revert-delay", "0s"),
    ("--request-timeout", "2s"),
    ("--gateway-timeout", "2s"),
    ("--rate-limit", "1000"),
];

/// Eight hours absolute, one hour idle, as `spec.policy`.
pub const EIGHT_HOURS: &str = "{policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: HOURS, \
     idleSessionTimeoutEnabled: true, idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES}";

/// A Scalekit with a loopback address of its own. The operators of two tests
/// must never take their environments for one, and a port is soon used again.
pub fn scalekit() -> Config {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Config { listen: (Ipv4Addr::new(127, 1, high, low), 0).into(), ..Config::default() }
}

impl World {
    /// A world whose operator runs with its own credentials.
    pub async fn new() -> Self {
        let mut world = Self::without_operator(json!({})).await;
        world.start_operator();
        world
    }

    /// A world with these simulator settings and no operator yet.
    pub async fn without_operator(settings: Value) -> Self {
        Self::on(cluster(), Self::scalekit(settings).await)
    }

    /// A simulated Scalekit with these settings.
    pub async fn scalekit(settings: Value) -> Arc<Simulator> {
        Arc::new(Simulator::start(Config { settings, ..scalekit() }).await.unwrap())
    }

    /// A world on this API server and with this Scalekit, which others may use
    /// too.
    pub fn on(cluster: Arc<Cluster>, simulator: Arc<Simulator>) -> Self {
        let namespace = cluster.namespace();
        cluster.grant_lease(&namespace);
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("operator-{namespace}.log"));
        File::create(&log).unwrap();
        Self {
            cluster,
            namespace,
            simulator,
            user: "operator",
            kubeconfig: None,
            arguments: Vec::new(),
            tenant: Vec::new(),
            operator: None,
            log,
        }
    }

    /// Starts the operator with credentials of its own.
    pub fn start_operator(&mut self) {
        let url = self.simulator.base_url();
        self.start_with(&default_credentials(&url));
    }

    /// Starts the operator with this environment.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) {
        let log = File::options().append(true).open(&self.log).unwrap();
        self.operator = Some(self.command(environment).stderr(log).spawn().unwrap());
    }

    /// Runs the operator's `uninstall` to its end, with credentials of its own.
    pub fn uninstall(&self, arguments: &[&str]) -> Output {
        let url = self.simulator.base_url();
        self.command(&default_credentials(&url)).arg("uninstall").args(arguments).output().unwrap()
    }

    /// The operator with this environment, to be started.
    pub fn command(&self, environment: &[(&str, &str)]) -> Command {
        let mut command = lifeline::command(env!("CARGO_BIN_EXE_session-policy-operator"));
        command.args(["--allow-http", "--watch-namespace", &self.namespace]);
        if !self.arguments.contains(&"--lease-name") {
            command.args(["--lease-name", &self.namespace]);
        }
        for (flag, value) in DEFAULT_ARGUMENTS.iter().filter(|(flag, _)| !self.arguments.contains(flag)) {
            command.args([flag, value]);
        }
        command
            .args(&self.arguments)
            .env("KUBECONFIG", self.kubeconfig.clone().unwrap_or_else(|| self.cluster.kubeconfig(self.user)))
            .env("RUST_LOG", "info,session_policy_operator=trace")
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// SIGKILL: no chance to tidy up. The next one does not wait for its lease to end.
    pub fn kill_operator(&mut self) {
        let mut operator = self.operator.take().expect("an operator runs");
        operator.kill().unwrap();
        operator.wait().unwrap();
        drop(self.cluster.kubectl(&["delete", "lease", &self.namespace])); // the API server may be gone too
    }

    /// SIGTERM: whether it ends well within `seconds`.
    pub fn stop_operator(&mut self, seconds: u64) -> bool {
        let mut operator = self.operator.take().expect("an operator runs");
        assert!(Command::new("kill").args(["-TERM", &operator.id().to_string()]).status().unwrap().success());
        let ended = within(seconds, || operator.try_wait().unwrap());
        drop(operator.kill());
        drop(operator.wait());
        ended.is_some_and(|status| status.success())
    }

    /// The most memory that the operator has had, in bytes; `None` where the
    /// system does not tell.
    pub fn peak_memory(&self) -> Option<u64> {
        let process = self.operator.as_ref().expect("an operator runs").id();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
    }

    /// Applies a resource; `spec` is YAML without the policy's organization.
    pub fn apply(&self, name: &str, spec: &str) {
        let (accepted, said) = self.try_apply(name, spec);
        assert!(accepted, "{said}");
    }

    /// Applies a resource that is younger than `older` of this or another
    /// world: creation times have whole seconds.
    pub fn apply_younger(&self, name: &str, spec: &str, older: (&Self, &str)) {
        let created = |world: &Self, name: &str| world.resource(name).unwrap()["metadata"]["creationTimestamp"].clone();
        eventually("a creation in a later second", 30, || {
            self.apply(name, spec);
            if created(self, name) != created(older.0, older.1) {
                return Some(());
            }
            self.kubectl(&["delete", "osp", name, "--timeout=60s"]);
            None
        });
    }

    /// Applies a resource; whether it was accepted, and what was said.
    pub fn try_apply(&self, name: &str, spec: &str) -> (bool, String) {
        let manifest = format!(
            "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n\
             metadata: {{name: {name}, namespace: {}}}\nspec: {spec}\n",
            self.namespace
        );
        self.with_input(&["apply", "-f", "-"], &manifest)
    }

    /// Runs kubectl with `input`, as whoever works in this namespace; whether it
    /// succeeded, and what was said.
    pub fn with_input(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let tenant: Vec<&str> = self.tenant.iter().map(String::as_str).collect();
        self.cluster.with_input(&[&tenant, arguments].concat(), input)
    }

    /// A Secret with credentials of the simulator, secret as given.
    pub fn apply_secret(&self, name: &str, secret: &str) {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "stringData": {
                "SCALEKIT_ENVIRONMENT_URL": self.simulator.base_url(),
                "SCALEKIT_CLIENT_ID": "skc_simulator",
                "SCALEKIT_CLIENT_SECRET": secret,
            },
        });
        let (accepted, said) = self.cluster.with_input(&["apply", "-f", "-"], &manifest.to_string());
        assert!(accepted, "{said}");
    }

    /// Runs kubectl in this namespace; it must succeed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let tenant: Vec<&str> = self.tenant.iter().map(String::as_str).collect();
        self.cluster.ok(&[tenant.as_slice(), &["-n", self.namespace.as_str()], arguments].concat())
    }

    /// A resource as it is.
    pub fn resource(&self, name: &str) -> Option<Value> {
        self.cluster.get(&self.namespace, &format!("osp/{name}")).inspect(canary::assert_none_in)
    }

    /// Waits until Ready is `status` for `reason` and for the present
    /// generation; returns the resource.
    pub fn until(&self, name: &str, status: &str, reason: &str) -> Value {
        let mut last = Value::Null;
        let found = within(60, || {
            last = self.resource(name)?;
            let ready = condition(&last, "Ready")?;
            let now = last["status"]["observedGeneration"] == last["metadata"]["generation"];
            (now && ready["status"] == status && ready["reason"] == reason).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{name} is not Ready={status}/{reason}: {last:#}\n{}", self.tail()))
    }

    /// Waits until the resource's deletion is held by a revert that Scalekit refuses.
    pub fn until_held(&self, name: &str) -> Value {
        let held = self.until(name, "False", "CleanupPending");
        assert!(!held["metadata"]["deletionTimestamp"].is_null());
        held
    }

    /// Waits until the resource is gone.
    pub fn until_gone(&self, name: &str) {
        let gone = within(60, || self.resource(name).is_none().then_some(()));
        gone.unwrap_or_else(|| panic!("{name} is still there: {:#}\n{}", self.resource(name).unwrap(), self.tail()));
    }

    /// What is really stored for an organization.
    pub fn stored(&self, organization: &str) -> Value {
        let (status, stored) =
            self.simulator.admin("GET", &format!("/_simulator/organizations/{organization}"), &Value::Null);
        assert_eq!(status, 200, "{stored}");
        stored
    }

    /// Changes an organization behind the operator's back.
    pub fn edit(&self, organization: &str, change: &Value) {
        let (status, said) =
            self.simulator.admin("PATCH", &format!("/_simulator/organizations/{organization}"), change);
        assert_eq!(status, 200, "{said}");
    }

    /// Any other admin call; it must succeed.
    pub fn admin(&self, method: &str, target: &str, body: &Value) -> Value {
        let (status, said) = self.simulator.admin(method, &format!("/_simulator/{target}"), body);
        assert_eq!(status, 200, "{said}");
        said
    }

    /// The requests that changed something, as `PATCH path`, oldest first.
    pub fn writes(&self) -> Vec<(String, Value)> {
        let journal = self.admin("GET", "journal?method=PATCH", &Value::Null);
        let text = |entry: &Value| entry["path"].as_str().unwrap().replace("/api/v1/organizations/", "");
        journal.as_array().unwrap().iter().map(|entry| (text(entry), entry["body"].clone())).collect()
    }

    /// How often the organization's policy was read so far.
    pub fn policy_reads(&self) -> u64 {
        let path = "journal/count?method=GET&path=/api/v1/organizations/*/session-policy";
        self.admin("GET", path, &Value::Null)["count"].as_u64().unwrap()
    }

    /// Waits for `more` further reads of the policy.
    pub fn until_reconciled(&self, more: u64) {
        let before = self.policy_reads();
        eventually("further reads of the policy", 60, || (self.policy_reads() >= before + more).then_some(()));
    }

    /// What the operators of this world logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            drop(operator.kill());
            drop(operator.wait());
        }
        if !std::thread::panicking() {
            canary::assert_none("the log", &self.log());
        }
    }
}

/// Credentials of the simulator at `url`, as the operator's own.
pub fn default_credentials(url: &str) -> [(&str, &str); 3] {
    [
        ("SCALEKIT_ENVIRONMENT_URL", url),
        ("SCALEKIT_CLIENT_ID", "skc_simulator"),
        ("SCALEKIT_CLIENT_SECRET", "test_simulator"),
    ]
}

/// The condition of this type.
pub fn condition<'a>(resource: &'a Value, kind: &str) -> Option<&'a Value> {
    resource["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}
