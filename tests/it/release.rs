//! What a release consists of and how it is published, as far as that needs no GitHub: `.ci/publish`, the
//! plugin for krew, and the workflows.

use crate::cluster::{cluster, parts};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

const REPOSITORY: &str = "https://github.example/owner/name";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release").join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder with crane, krew and actionlint.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| parts(&["release"]))
}

fn said(output: Output) -> String {
    let [said, wrong] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}{wrong}");
    said
}

/// A script of a release, with what it takes from its environment.
fn script(path: &str) -> Command {
    let mut command = Command::new(root().join(path));
    command.env("VERSION", env!("CARGO_PKG_VERSION")).env("REVISION", "0123").env("SOURCE_DATE_EPOCH", "1");
    command.env("REPOSITORY", REPOSITORY).env("COMPRESSION", "1");
    command
}

#[test]
fn krew_installs_the_plugin_from_the_archive_of_a_release_and_kubectl_runs_it() {
    let folder = folder("krew");
    said(script("deploy/krew/archive").arg(env!("CARGO_BIN_EXE_osp")).arg(&folder).output().unwrap());
    let manifest = folder.join("osp.yaml");
    let plugin: Value = serde_yaml::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    let platform = &plugin["spec"]["platforms"][0];
    let address = platform["uri"].as_str().unwrap();
    let (release, archive) = address.rsplit_once('/').unwrap();
    assert_eq!(release, format!("{REPOSITORY}/releases/download/v{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(plugin["spec"]["version"], format!("v{}", env!("CARGO_PKG_VERSION")));

    let program = |name: &str| {
        let mut command = Command::new(programs().join(name));
        command.env("KREW_ROOT", folder.join("root")).stdin(Stdio::null());
        command
    };
    // its other half would download the archive
    said(program("validate-krew-manifest").arg("-skip-install").arg("-manifest").arg(&manifest).output().unwrap());
    let mut install = program("krew");
    install.arg("install").arg("--manifest").arg(&manifest).arg("--archive").arg(folder.join(archive));
    said(install.output().unwrap()); // it compares the checksum

    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(folder.join("root/bin")).chain(env::split_paths(&path))).unwrap();
    let mut kubectl = Command::new(cluster().kubectl_path());
    let version = said(kubectl.env("PATH", path).args(["osp", "version", "--client"]).output().unwrap());
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    assert!(folder.join("root/store/osp").join(format!("v{}", env!("CARGO_PKG_VERSION"))).join("LICENSE").exists());
}

/// A registry on this machine, which forgets everything when it goes.
struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    fn start() -> Self {
        let mut serve = Command::new(programs().join("crane"));
        serve.args(["registry", "serve", "--address", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut process = serve.spawn().unwrap();
        // its log is short, so nobody needs to read the rest of the pipe
        let mut line = String::new();
        BufReader::new(process.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit([' ', ':']).next().unwrap();
        Self { process, address: format!("127.0.0.1:{port}") }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn image_and_chart_are_pushed_to_a_registry_that_has_them_under_the_digests_that_are_signed() {
    let (folder, registry) = (folder("registry"), Registry::start());
    fs::create_dir(folder.join("root")).unwrap();
    fs::write(folder.join("root/operator"), "the operator").unwrap();
    let layout = folder.join("layout");
    let digest = said(script("deploy/image/layout").arg(folder.join("root")).arg(&layout).output().unwrap());
    let image = format!("{}/owner/name", registry.address);
    let chart = said(script(".ci/chart").args([&image, digest.trim()]).arg(&folder).output().unwrap());

    let mut publish = script(".ci/publish");
    let home = folder.join("home"); // Helm keeps there what it knows of registries
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "DOCKER_CONFIG"] {
        publish.env(name, &home);
    }
    publish.arg(&layout).arg(chart.trim()).args([&image, env!("CARGO_PKG_VERSION")]);
    let pushed = said(publish.output().unwrap());
    let names: Vec<_> = pushed.lines().map(|line| line.split_once('@').unwrap()).collect();
    let chart = format!("{image}/charts/session-policy-operator");
    assert!(names.len() == 2 && names[0] == (image.as_str(), digest.trim()) && names[1].0 == chart, "{pushed}");
    let manifest = |name: &str| -> Value {
        let output = Command::new(programs().join("crane")).args(["manifest", name]).output().unwrap();
        serde_json::from_str(&said(output)).unwrap()
    };
    for line in pushed.lines() {
        let tagged = format!("{}:{}", line.split('@').next().unwrap(), env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest(line), manifest(&tagged), "the tag is of this digest");
    }
    assert_eq!(
        manifest(pushed.lines().nth(1).unwrap())["config"]["mediaType"],
        json!("application/vnd.cncf.helm.config.v1+json")
    );
}

#[test]
fn the_workflows_have_no_mistake_that_actionlint_knows() {
    let lint =
        Command::new(programs().join("actionlint")).current_dir(root()).args(["-shellcheck=", "-pyflakes="]).output();
    assert_eq!(said(lint.unwrap()), "");
}

/// A release that nobody tried must not be told of as if it had been.
#[test]
fn the_page_about_the_install_says_what_the_workflow_signs_and_that_it_has_not_run() {
    let workflow = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    let page = fs::read_to_string(root().join("docs/install.md")).unwrap();
    let section = page.split("\n## A release\n").nth(1).unwrap().split("\n## ").next().unwrap();
    assert!(section.contains("has not run yet"), "{section}");
    for (does, verifies) in [
        ("cosign sign --yes \"$IMAGE\"", "cosign verify "),
        ("cosign attest --yes --type cyclonedx", "cosign verify-attestation --type cyclonedx"),
        (
            "cosign sign-blob --yes --bundle target/dist/SHA256SUMS.sigstore.json",
            "cosign verify-blob --bundle SHA256SUMS.sigstore.json",
        ),
        ("actions/attest-build-provenance@", "gh attestation verify "),
    ] {
        assert!(workflow.contains(does) && section.contains(verifies), "{does} and {verifies}");
    }
}
