//! `osp plan`, `apply` and `export`: the real binary against the simulator in
//! process.

mod applying;
mod as_the_operator;
mod bench;
mod case;
mod comments;
mod exporting;
mod guards;
mod on_a_terminal;
mod over_https;
mod pictures;
mod planning;
mod property;
mod proxy;
mod pruning;
mod secrecy;
mod stranger;

use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::runtime::Runtime;

/// The secret of every simulator here; it must never be seen.
pub const SECRET: &str = crate::canary::OF_OSP;

/// A folder with manifests, a Scalekit, and what a pipeline runs.
pub struct Pipeline {
    pub simulator: Simulator,
    pub folder: PathBuf,
    runtime: Runtime,
}

/// What a run of `osp` left.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Pipeline {
    pub fn new(organizations: usize, settings: Value) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let runtime = Runtime::new().unwrap();
        let config = Config { organizations, settings, client_secret: SECRET.to_owned(), ..Config::default() };
        let simulator = runtime.block_on(Simulator::start(config)).unwrap();
        let name = format!("osp-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self { simulator, folder, runtime }
    }

    /// Runs something beside the simulator.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Writes a file of the repository.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a manifest; `spec` is YAML.
    pub fn manifest(&self, name: &str, spec: &str) -> PathBuf {
        self.file(&format!("policies/{name}.yaml"), &manifest(name, spec))
    }

    /// `osp` with these arguments and the simulator's credentials.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(OsStr::new(env!("CARGO_BIN_EXE_osp")), arguments)
    }

    /// The same with another build of `osp`.
    pub fn program(&self, program: &OsStr, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("RUST_LOG")
            .env_remove("GITLAB_CI")
            .env("KUBECONFIG", self.folder.join("no-kubeconfig"))
            .env("OSP_ALLOW_HTTP", "true")
            .env("OSP_RATE_LIMIT", "5000")
            .env("SCALEKIT_ENVIRONMENT_URL", self.simulator.base_url())
            .env("SCALEKIT_CLIENT_ID", "skc_simulator")
            .env("SCALEKIT_CLIENT_SECRET", SECRET)
            .stdin(Stdio::null());
        command
    }

    pub fn osp(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    pub fn osp_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }

    /// The plan for `policies/`, as JSON.
    pub fn plan(&self) -> Value {
        let run = self.osp(&["plan", "policies", "-o", "json"]);
        let plan = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}{}", run.out, run.err));
        crate::schemas::assert_described("plan", &plan);
        plan
    }

    pub fn admin(&self, method: &str, target: &str, body: &Value) -> Value {
        let (status, said) = self.simulator.admin(method, &format!("/_simulator/{target}"), body);
        assert_eq!(status, 200, "{said}");
        said
    }

    pub fn stored(&self, organization: &str) -> Value {
        self.admin("GET", &format!("organizations/{organization}"), &Value::Null)
    }

    /// Changes an organization behind everybody's back.
    pub fn edit(&self, organization: &str, change: &Value) {
        self.admin("PATCH", &format!("organizations/{organization}"), change);
    }

    /// A custom policy, live, with the feature on.
    pub fn live(&self, organization: &str, absolute: u32, idle: Option<u32>) {
        let policy = json!({"source": "CUSTOM", "absolute_minutes": absolute, "idle_enabled": idle.is_some(),
            "idle_minutes": idle});
        self.edit(organization, &json!({"features": on(), "policy": policy}));
    }

    /// The writes so far: path below `organizations/`, and body.
    pub fn writes(&self) -> Vec<(String, Value)> {
        let journal = self.admin("GET", "journal?method=PATCH", &Value::Null);
        let text = |entry: &Value| entry["path"].as_str().unwrap().replace("/api/v1/organizations/", "");
        journal.as_array().unwrap().iter().map(|entry| (text(entry), entry["body"].clone())).collect()
    }

    pub fn requests(&self) -> u64 {
        self.admin("GET", "journal/count", &Value::Null)["count"].as_u64().unwrap()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
        crate::canary::assert_none("the output", &run.all());
        run
    }

    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// It must have ended so.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }
}

pub fn manifest(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// A spec with a custom policy in minutes.
pub fn custom(organization: &str, absolute: u32, idle: Option<u32>) -> String {
    let idle = idle.map(|idle| {
        format!(", idleSessionTimeoutEnabled: true, idleSessionTimeout: {idle}, idleSessionTimeoutUnit: MINUTES")
    });
    let idle = idle.unwrap_or_default();
    format!(
        "{{organization: {{id: {organization}}}, policy: {{policySource: CUSTOM, absoluteSessionTimeout: {absolute}, absoluteSessionTimeoutUnit: MINUTES{idle}}}}}"
    )
}

/// Features with session policies switched on.
pub fn on() -> Value {
    json!([{"name": "sso", "enabled": true}, {"name": "session_policy", "enabled": true}])
}

pub fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
