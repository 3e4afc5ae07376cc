//! The real API server that most tests of this binary share; each test works
//! in a namespace of its own. A test that breaks things for all has a server of
//! its own. A server goes when its owner does, however that ends, because its
//! starter holds the other end of our pipe.

use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// A running API server with our definition and our roles in it.
pub struct Cluster {
    admin: PathBuf,
    kubectl: PathBuf,
    starter: Child, // its stdin is the pipe
    starter_output: Mutex<BufReader<ChildStdout>>,
}

/// The one API server that tests share.
pub fn cluster() -> Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    Arc::clone(CLUSTER.get_or_init(|| Arc::new(Cluster::exclusive())))
}

/// The folder with a set of real programs (`tests/cluster/ensure`), which are built if they are not there.
pub fn parts(set: &[&str]) -> PathBuf {
    let ensure = root().join("tests/cluster/ensure");
    let output = Command::new(ensure).args(set).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "they could not be built; the reason is printed above");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Cluster {
    /// A server for one test alone, which may break it.
    pub fn exclusive() -> Self {
        let cluster = Self::without_definition();
        cluster.define();
        cluster
    }

    /// The same, which lists only in pages.
    pub fn without_streaming_lists() -> Self {
        let cluster = Self::start(&["--without-streaming-lists"]);
        cluster.define();
        cluster
    }

    /// The same without our definition, with a log of what ServiceAccounts do in `audit.log` beside its
    /// kubeconfigs.
    pub fn audited() -> Self {
        Self::start(&["--with-audit-log"])
    }

    /// The same without our definition.
    pub fn without_definition() -> Self {
        Self::start(&[])
    }

    fn start(arguments: &[&str]) -> Self {
        let bin = parts(&[]);
        let mut starter = Command::new(root().join("tests/cluster/start"))
            .arg("--with-controller-manager")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut starter_output = BufReader::new(starter.stdout.take().unwrap());
        starter_output.read_line(&mut line).unwrap();
        let admin = PathBuf::from(line.trim());
        assert!(admin.is_file(), "the API server did not start");
        let cluster = Self { admin, kubectl: bin.join("kubectl"), starter, starter_output: Mutex::new(starter_output) };
        cluster.ok(&["apply", "-f", root().join("deploy/rbac.yaml").to_str().unwrap()]);
        let role = "--clusterrole=session-policy-operator";
        cluster.ok(&["create", "clusterrolebinding", "operator", role, "--user=operator"]);
        let role = "--role=session-policy-operator-lease";
        cluster.ok(&["create", "rolebinding", "lease", role, "--user=operator", "--user=limited"]);
        cluster
    }

    /// Keeps a copy of all objects.
    pub fn save(&self) {
        self.send("save");
    }

    /// Goes back to that copy: the server ends and comes back with older objects
    /// and older versions, as after a restore of etcd.
    pub fn restore(&self) {
        self.send("restore");
    }

    fn send(&self, command: &str) {
        writeln!(self.starter.stdin.as_ref().unwrap(), "{command}").unwrap();
        let mut done = String::new();
        self.starter_output.lock().unwrap().read_line(&mut done).unwrap();
        assert_eq!(done.trim(), command, "the API server's starter could not {command}");
    }

    /// Installs our definition.
    pub fn define(&self) {
        self.ok(&["apply", "-f", root().join("crds").to_str().unwrap()]);
        self.until_established("organizationsessionpolicies.scalekit.com");
    }

    /// Waits until a definition is served. `kubectl wait` fails where it has no conditions yet.
    pub fn until_established(&self, definition: &str) {
        eventually("it is established", 60, || {
            let definition = self.get("default", &format!("crd/{definition}"))?;
            let conditions = definition["status"]["conditions"].as_array()?;
            conditions.iter().any(|one| one["type"] == "Established" && one["status"] == "True").then_some(())
        });
    }

    /// The kubeconfig of a user: `admin`, `operator` with the operator's rights,
    /// or `limited` with what a test lets it.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.admin.with_file_name(format!("{user}.kubeconfig"))
    }

    /// The real kubectl.
    pub fn kubectl_path(&self) -> &Path {
        &self.kubectl
    }

    /// Runs kubectl as an administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.run(arguments, None)
    }

    /// Runs kubectl as an administrator with `input` on its standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Output {
        self.run(arguments, Some(input))
    }

    /// A client of the administrator. Each test makes its own, since a client
    /// belongs to the runtime it was made in.
    pub async fn client(&self) -> kube::Client {
        self.client_of("admin").await
    }

    /// The same of a user.
    pub async fn client_of(&self, user: &str) -> kube::Client {
        // a second call finds it installed
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = kube::config::Kubeconfig::read_from(self.kubeconfig(user)).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Runs kubectl with `input`; returns whether it succeeded, and all it said.
    pub fn with_input(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let output = self.kubectl_with(arguments, input);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs kubectl and returns what it printed; it must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// An object as JSON; `None` when it is not there.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Value> {
        let output = self.kubectl(&["-n", namespace, "get", name, "-o", "json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A new namespace.
    pub fn namespace(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.ok(&["create", "namespace", &name]);
        name
    }

    /// Lets the users who are operators have a Lease of another name than the Role of `deploy/rbac.yaml` has.
    pub fn grant_lease(&self, lease: &str) {
        let rbac = fs::read_to_string(root().join("deploy/rbac.yaml")).unwrap();
        let mut role: Value = serde_yaml::from_multiple(&rbac).unwrap().pop().unwrap();
        role["metadata"]["name"] = json!(lease);
        role["rules"][0]["resourceNames"] = json!([lease]);
        let user = |name: &str| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": lease},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": lease},
            "subjects": [user("operator"), user("limited")]});
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
        let (granted, said) = self.with_input(&["-n", "default", "create", "-f", "-"], &list.to_string());
        assert!(granted, "{said}");
    }

    /// Starts kubectl as an administrator, with its output to be read while it
    /// runs.
    pub fn start_kubectl(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.admin).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.admin).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().unwrap();
        if let Some(input) = input {
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        }
        child.wait_with_output().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.starter.stdin.take());
        drop(self.starter.wait());
    }
}

/// Waits until `condition` gives a value, at most `seconds`.
pub fn eventually<T>(what: &str, seconds: u64, condition: impl FnMut() -> Option<T>) -> T {
    within(seconds, condition).unwrap_or_else(|| panic!("not within {seconds} s: {what}"))
}

/// The first value that `condition` gives within `seconds`, if it does.
pub fn within<T>(seconds: u64, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        match condition() {
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)), // between two looks
            found => return found,
        }
    }
}
