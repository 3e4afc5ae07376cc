//! Flux's own kustomize-controller, one for all Flux tests of this process, on
//! the API server that all tests share. Nothing of it listens anywhere, and it
//! goes when this process does, however that ends.

use crate::cluster::cluster;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Runs a command for as long as the shell's standard input stays open.
const WHILE_WE_LIVE: &str = r#"
    trap 'exit 0' INT TERM HUP
    "$@" </dev/null & child=$!
    trap 'kill -KILL "$child"' EXIT
    while read -r _; do :; done"#;

/// A running kustomize-controller, and Flux's definitions in the API server.
pub struct Controller {
    log: PathBuf,
    _keeper: Child, // its stdin is the pipe; statics are never dropped, so it stays open
}

/// The one kustomize-controller of this process.
pub fn controller() -> &'static Controller {
    static CONTROLLER: OnceLock<Controller> = OnceLock::new();
    CONTROLLER.get_or_init(Controller::start)
}

impl Controller {
    fn start() -> Self {
        let ensure = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/ensure");
        let parts = Command::new(ensure).arg("flux").stderr(Stdio::inherit()).output().unwrap();
        assert!(parts.status.success(), "Flux's kustomize-controller could not be built; the reason is printed above");
        let bin = PathBuf::from(String::from_utf8(parts.stdout).unwrap().trim());
        cluster().ok(&["apply", "--server-side", "-f", bin.join("crds").to_str().unwrap()]);
        for kind in ["kustomizations.kustomize.toolkit.fluxcd.io", "gitrepositories.source.toolkit.fluxcd.io"] {
            cluster().until_established(kind);
        }
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kustomize-controller.log");
        // at its start it clears away what others like it left in the temporary folder
        let own = cluster().kubeconfig("admin").with_file_name("flux");
        fs::create_dir_all(&own).unwrap();
        let writer = File::create(&log).unwrap();
        let keeper = Command::new("bash")
            .args(["-c", WHILE_WE_LIVE, "keeper"])
            .arg(bin.join("kustomize-controller"))
            .args(["--metrics-addr=0", "--health-addr=0", "--events-addr=", "--no-remote-bases"])
            .args(["--watch-all-namespaces", "--enable-leader-election=false", "--no-cross-namespace-refs"])
            // a wait occupies a worker, and tests wait side by side
            .args(["--concurrent=20", "--requeue-dependency=1s"])
            .env("KUBECONFIG", cluster().kubeconfig("admin"))
            .env("TMPDIR", own)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        Self { log, _keeper: keeper }
    }

    /// The last lines that it logged about a namespace, or about its start.
    pub fn tail(&self, namespace: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let about = format!("\"{namespace}\"");
        let lines: Vec<&str> = log.lines().filter(|l| l.contains(&about) || !l.contains("\"namespace\"")).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
