//! The operator and the baselines: how each is built and started.

use crate::world::World;
use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Operator,
    KubeRs,
    ControllerRuntime,
    Kopf,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Operator, Self::KubeRs, Self::ControllerRuntime, Self::Kopf];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::KubeRs => "kube-rs",
            Self::ControllerRuntime => "controller-runtime",
            Self::Kopf => "kopf",
        }
    }
}

pub struct Contestant {
    pub kind: Kind,
    program: PathBuf,
}

/// As its first argument makes the benchmark's own program the baseline with kube-rs.
pub const KUBE_RS: &str = "baseline-kube-rs";

/// Requests per second where Scalekit has no limit.
pub const UNLIMITED: f64 = 1000.0;

impl Contestant {
    /// Builds what is missing, or says why that can't be.
    pub fn prepare(kind: Kind) -> Result<Self, String> {
        match kind {
            Kind::Operator => return Ok(Self { kind, program: env!("CARGO_BIN_EXE_session-policy-operator").into() }),
            Kind::KubeRs => return Ok(Self { kind, program: std::env::current_exe().map_err(|e| e.to_string())? }),
            Kind::ControllerRuntime | Kind::Kopf => {}
        }
        let ensure = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/baselines/ensure");
        let output =
            Command::new(ensure).arg(kind.name()).stderr(Stdio::inherit()).output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() { Ok(Self { kind, program: said.into() }) } else { Err(said) }
    }

    /// Starts it with this many requests per second.
    pub fn start(&self, world: &World, rate: f64) -> Process {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}.log", self.kind.name()));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(&self.program);
        let interval = world.setup.interval.as_secs();
        match self.kind {
            Kind::Operator => {
                // a deletion waits neither for a successor nor for proxies: there are none
                command
                    .args(["--default-credentials-for", "all", "--http-addr", "127.0.0.1:0"])
                    .args(["--revert-delay", "0s", "--gateway-timeout", "2s", "--leader-elect=false"])
                    .args(["--resync-interval", &format!("{interval}s"), "--rate-limit", &rate.to_string()]);
            }
            Kind::KubeRs => {
                command.arg(KUBE_RS);
            }
            Kind::ControllerRuntime => {}
            Kind::Kopf => {
                command.args([
                    "-m",
                    "kopf",
                    "run",
                    "--standalone",
                    "--all-namespaces",
                    "--log-format=plain",
                    "--quiet",
                ]);
                command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/baselines/kopf/operator.py"));
            }
        }
        let user = if self.kind == Kind::Operator { "operator" } else { "limited" };
        command
            .env("KUBECONFIG", world.cluster.kubeconfig(user))
            .env("SCALEKIT_ENVIRONMENT_URL", &world.url)
            .env("SCALEKIT_CLIENT_ID", "skc_simulator")
            .env("SCALEKIT_CLIENT_SECRET", "test_simulator")
            .env("SSL_CERT_FILE", world.authority.file("ca.pem"))
            .env("RUST_LOG", "warn")
            .env("BASELINE_INTERVAL", interval.to_string())
            .env("BASELINE_RATE", rate.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Process(command.spawn().unwrap())
    }
}

/// A running contestant; killed when dropped.
pub struct Process(Child);

impl Process {
    /// The processor time so far.
    pub fn processor(&self) -> Duration {
        let stat = self.proc("stat");
        // the name, in brackets, may have blanks; utime and stime are the 14th and 15th field, in 1/100 s
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// The most memory so far, in MB.
    pub fn peak_memory(&self) -> f64 {
        let status = self.proc("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).expect("the contestant still runs")
    }

    /// SIGTERM, and SIGKILL if that is not enough.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && self.0.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(50)); // between two looks
        }
    }

    pub fn kill(self) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
