//! One real API server for all tests of this process, with our definition in
//! it. It starts with the first test that asks, and goes with the process: the
//! pipe that keeps it alive is closed by the operating system, whatever ends us.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, api::PostParams};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// A first run builds Kubernetes.
const START_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// The API server of this process; starts it when nobody has yet.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A running API server.
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    // its standard input is the pipe
    _server: Child,
}

impl Cluster {
    fn start() -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster");
        let mut server = Command::new(scripts.join("start"))
            .arg("--with-controller-manager")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/cluster/start can be run");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (send, first_line) = mpsc::channel();
        thread::spawn(move || send.send(lines.next()));
        let kubeconfig = match first_line.recv_timeout(START_DEADLINE) {
            Ok(Some(line)) => PathBuf::from(line.unwrap()),
            Ok(None) => panic!("the API server did not start; its last words are above"),
            Err(_) => panic!("the API server did not start within {START_DEADLINE:?}"),
        };
        let folder = Command::new(scripts.join("ensure")).output().expect("tests/cluster/ensure can be run");
        let kubectl = Path::new(String::from_utf8(folder.stdout).unwrap().trim()).join("kubectl");
        let cluster = Self { kubeconfig, kubectl, _server: server };
        cluster.install("crds/organizationsessionpolicies.yaml");
        cluster
    }

    fn install(&self, definition: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(definition);
        let file = file.to_str().unwrap();
        for arguments in [
            &["apply", "--server-side", "-f", file][..],
            &["wait", "--for=condition=Established", "--timeout=60s", "-f", file],
        ] {
            let output = self.kubectl(arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// The administrator's kubeconfig. Beside it lies `operator.kubeconfig`,
    /// of a user without any rights until a test binds some.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client of the administrator. Each test makes its own, since a client
    /// belongs to the runtime it was made in.
    pub async fn client(&self) -> Client {
        // a second call finds it installed
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// Creates a namespace that no other test uses.
    pub async fn namespace(&self) -> String {
        let name = next_namespace();
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client().await);
        let mut namespace = k8s_openapi::api::core::v1::Namespace::default();
        namespace.metadata.name = Some(name.clone());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        name
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_command(arguments).output().expect("kubectl can be run")
    }

    /// Runs kubectl as the administrator with `input` on its standard input
    /// (for `-f -`).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut kubectl = self.kubectl_command(arguments);
        kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut kubectl = kubectl.spawn().expect("kubectl can be run");
        kubectl.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        kubectl.wait_with_output().unwrap()
    }

    fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut kubectl = Command::new(&self.kubectl);
        kubectl.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments).stdin(Stdio::null());
        kubectl
    }
}

fn next_namespace() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
