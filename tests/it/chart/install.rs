//! A release of the chart on a real API server. There is no kubelet here: this process runs the
//! container as the pod says, with its arguments, environment, mounts and ServiceAccount.

use super::{CHART, CONTAINER, NAMESPACE, find, helm, merged, with_image};
use crate::{
    cluster::{Cluster, eventually, within},
    world::World,
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{Read, Write},
    iter,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

pub const RELEASE: &str = "policies";
/// The name of most objects of the release.
pub const NAME: &str = "policies-session-policy-operator";

/// A release, and perhaps its running operator.
pub struct Install {
    pub cluster: Arc<Cluster>,
    folder: PathBuf,
    values: Value,
    /// And the grace period of its pod, in seconds.
    operator: Option<(Child, u64)>,
}

/// A free port, below those that outgoing connections take and above those of the API servers. It is taken only when the
/// operator starts, so tests of another process begin elsewhere.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 32_000 + u16::try_from(std::process::id() % 20).unwrap_or_default() * 32;
    let next = || first + NEXT.fetch_add(1, Ordering::Relaxed);
    iter::repeat_with(next).find(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok()).unwrap()
}

/// For the simulator of `world`, and in less time than usual.
fn values(world: &World) -> Value {
    with_image(&json!({
        "httpPort": port(),
        "extraArgs": ["--allow-http"],
        "operator": {"resyncInterval": "2s", "revertDelay": "0s", "requestTimeout": "2s", "gatewayTimeout": "2s",
            "rateLimit": 1000, "deletionGrace": "1s", "logLevel": "info,session_policy_operator=debug"},
        "defaultCredentials": {"namespaces": [world.namespace]},
    }))
}

impl Install {
    /// A release with these values for the simulator of `world`; and its notes.
    pub fn new(world: &World, over: &Value) -> (Self, String) {
        Self::of_chart(CHART, world, over)
    }

    /// The same from the chart in another folder.
    pub fn of_chart(chart: &str, world: &World, over: &Value) -> (Self, String) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("install-{}", world.simulator.address().ip()));
        fs::create_dir_all(&folder).unwrap();
        let values = merged(&values(world), over);
        let install = Self { cluster: Arc::clone(&world.cluster), folder, values, operator: None };
        let notes = install.again(chart);
        (install, notes)
    }

    /// Installs the release, perhaps after an uninstall; its notes.
    pub fn again(&self, chart: &str) -> String {
        self.helm(&["install", RELEASE, chart, "--create-namespace", "-f", "-"]).unwrap()
    }

    /// Changes these values and keeps the others, with the chart of today; the notes.
    pub fn upgrade(&self, over: &Value) -> String {
        self.try_upgrade(CHART, over).unwrap()
    }

    /// The same with the chart in another folder; `Err`: what Helm says is wrong.
    pub fn try_upgrade(&self, chart: &str, over: &Value) -> Result<String, String> {
        let upgrade = ["upgrade", RELEASE, chart, "--reset-then-reuse-values", "-n", NAMESPACE, "-f", "-"];
        helm(&upgrade, over, Some(&self.cluster.kubeconfig("admin")))
    }

    /// Goes back to this revision.
    pub fn roll_back(&self, revision: &str) {
        self.helm(&["rollback", RELEASE, revision]).unwrap();
    }

    /// Removes the release; what Helm says.
    pub fn uninstall(&self) -> String {
        self.try_uninstall().unwrap()
    }

    pub fn try_uninstall(&self) -> Result<String, String> {
        self.helm(&["uninstall", RELEASE, "--wait", "--timeout", "60s"])
    }

    fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        let admin = self.cluster.kubeconfig("admin");
        helm(&[arguments, &["-n", NAMESPACE]].concat(), &self.values, Some(&admin))
    }

    /// All objects of the release, as Helm keeps them.
    pub fn objects(&self) -> Vec<Value> {
        super::documents(&self.helm(&["get", "manifest", RELEASE]).unwrap())
    }

    fn object(&self, name: &str) -> Value {
        find(&self.objects(), name).unwrap_or_else(|| panic!("the release has no {name}")).clone()
    }

    /// Runs the operator as the Deployment says.
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let deployment = self.object(&format!("Deployment/{NAME}"));
        let grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        self.operator = Some((self.command(&deployment).stderr(log).spawn().unwrap(), grace));
        let container = deployment.pointer(CONTAINER).unwrap();
        for probe in ["readinessProbe", "livenessProbe"] {
            eventually(probe, 60, || self.answers(container, probe).then_some(()));
        }
    }

    /// SIGTERM, and whether it ends well within the grace period of its pod.
    pub fn stop(&mut self) {
        let (mut operator, grace) = self.operator.take().expect("an operator runs");
        assert!(Command::new("kill").args(["-TERM", &operator.id().to_string()]).status().unwrap().success());
        let ended = within(grace, || operator.try_wait().unwrap());
        drop(operator.kill());
        let status = ended.expect("it ends within its grace period");
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Runs the Job that uninstalls to its end.
    pub fn run_job(&self) -> Output {
        let jobs: Vec<_> = self.objects().into_iter().filter(|object| object["kind"] == "Job").collect();
        assert_eq!(jobs.len(), 1);
        self.run(&jobs[0])
    }

    /// Runs this Job to its end.
    pub fn run(&self, job: &Value) -> Output {
        self.command(job).output().unwrap()
    }

    /// What the operators of this release logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("operator.log")
    }

    /// Whether the container answers a probe with 200.
    fn answers(&self, container: &Value, probe: &str) -> bool {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["port"], container["ports"][0]["name"]);
        answer(container, get["path"].as_str().unwrap()).starts_with("HTTP/1.1 200 ")
    }

    /// The container of a Deployment or Job, as a process.
    fn command(&self, workload: &Value) -> Command {
        let pod = &workload["spec"]["template"]["spec"];
        let container = workload.pointer(CONTAINER).unwrap();
        let mounts = self.mounts(pod, container);
        let here = |text: &str| mounts.iter().fold(text.to_owned(), |text, (path, folder)| text.replace(path, folder));
        let mut command = crate::lifeline::command(env!("CARGO_BIN_EXE_session-policy-operator"));
        for argument in container["args"].as_array().unwrap() {
            command.arg(here(argument.as_str().unwrap()));
        }
        command.env_clear().env("KUBECONFIG", self.kubeconfig(pod["serviceAccountName"].as_str().unwrap()));
        for variable in container["env"].as_array().unwrap() {
            let of_the_pod = &variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace";
            let value = if of_the_pod { NAMESPACE } else { variable["value"].as_str().unwrap() };
            command.env(variable["name"].as_str().unwrap(), here(value));
        }
        command.stdin(Stdio::null());
        command
    }

    /// Writes the mounted Secrets and ConfigMaps to folders: the path in the container, and the folder here.
    fn mounts(&self, pod: &Value, container: &Value) -> Vec<(String, String)> {
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let written = mounts.map(|mount| {
            let volumes = pod["volumes"].as_array().unwrap();
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
            let (source, decode) = match volume["secret"]["secretName"].as_str() {
                Some(name) => (format!("secret/{name}"), " | base64decode"),
                None => (format!("configmap/{}", volume["configMap"]["name"].as_str().unwrap()), ""),
            };
            let folder = self.folder.join(&source);
            fs::create_dir_all(&folder).unwrap();
            for key in self.cluster.get(NAMESPACE, &source).unwrap()["data"].as_object().unwrap().keys() {
                let value = format!("go-template={{{{index .data \"{key}\"{decode}}}}}");
                let value = self.cluster.ok(&["-n", NAMESPACE, "get", &source, "-o", &value]);
                fs::write(folder.join(key), value).unwrap();
            }
            (mount["mountPath"].as_str().unwrap().to_owned(), folder.to_str().unwrap().to_owned())
        });
        written.collect()
    }

    /// A kubeconfig with a token of the ServiceAccount, from the TokenRequest API as for a pod.
    fn kubeconfig(&self, account: &str) -> PathBuf {
        let token = self.cluster.ok(&["-n", NAMESPACE, "create", "token", account]);
        let admin = fs::read_to_string(self.cluster.kubeconfig("admin")).unwrap();
        let (before, rest) = admin.split_once("token: \"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        let file = self.folder.join("kubeconfig");
        fs::write(&file, format!("{before}token: \"{}\"{after}", token.trim())).unwrap();
        file
    }
}

/// What the container answers on its port; empty if it does not.
fn answer(container: &Value, path: &str) -> String {
    let port = u16::try_from(container["ports"][0]["containerPort"].as_u64().unwrap()).unwrap();
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        drop(stream.read_to_string(&mut answer));
    }
    answer
}

impl Drop for Install {
    fn drop(&mut self) {
        if let Some((mut operator, _)) = self.operator.take() {
            drop(operator.kill());
            drop(operator.wait());
        }
    }
}
