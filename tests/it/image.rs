//! The image of `deploy/image/build`, and the chart's pods in containers of it.

use crate::cluster::parts;
use crate::pictures::page;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// An OCI layout; of the dev profile, since the release one takes minutes to build.
struct Image {
    layout: PathBuf,
    digest: String,
}

/// Builds it from what is in a folder; returns its digest, and what was said meanwhile.
fn build(folder: &Path, variables: &[(&str, &str)]) -> (String, String) {
    let mut build = Command::new(folder.join("deploy/image/build"));
    let output = build.arg("--debug").envs(variables.iter().copied()).output().unwrap();
    let [digest, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap().trim().to_owned());
    assert!(output.status.success(), "it could not be built: {said}");
    (digest, said)
}

/// What `git` says here.
fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(ROOT).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Builds the same files a second time in another folder, with the dependencies that are compiled already.
fn build_elsewhere() -> String {
    let folder = std::env::temp_dir().join(format!("osp-image-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copy = "git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -m -C \"$0\"";
    let copied = Command::new("bash").current_dir(ROOT).args(["-ec", copy]).arg(&folder).status().unwrap();
    assert!(copied.success());
    let dirty = if git(&["status", "--porcelain"]).is_empty() { "" } else { "-dirty" };
    let (revision, time) = (git(&["rev-parse", "HEAD"]) + dirty, git(&["log", "-1", "--format=%ct"]));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_str().unwrap();
    let variables = [("REVISION", &*revision), ("SOURCE_DATE_EPOCH", &*time), ("CARGO_TARGET_DIR", target)];
    let (digest, said) = build(&folder, &variables);
    assert!(said.contains("Compiling session-policy-operator v"), "it was taken over from the first time: {said}");
    fs::remove_dir_all(folder).unwrap();
    digest
}

fn image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        parts(&["node"]);
        let ((digest, _), again) = (build(Path::new(ROOT), &[]), build_elsewhere());
        assert_eq!(digest, again, "the image depends on the folder or the time in which it was built");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        Image { layout: target.join("image/dev/session-policy-operator"), digest }
    })
}

impl Image {
    fn path(&self, digest: &Value) -> PathBuf {
        self.layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"))
    }

    fn json(&self, digest: &Value) -> Value {
        serde_json::from_slice(&fs::read(self.path(digest)).unwrap()).unwrap()
    }

    /// Its manifest and its configuration.
    fn manifest(&self) -> (Value, Value) {
        let index: Value = serde_json::from_slice(&fs::read(self.layout.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], json!(self.digest));
        let manifest = self.json(&json!(self.digest));
        let config = self.json(&manifest["config"]["digest"]);
        (manifest, config)
    }
}

fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn every_blob_of_the_image_has_the_digest_and_size_that_refer_to_it() {
    let image = image();
    let (manifest, config) = image.manifest();
    for descriptor in [&manifest["config"], &manifest["layers"][0]] {
        let file = image.path(&descriptor["digest"]);
        assert_eq!(json!(format!("sha256:{}", sha256(&file))), descriptor["digest"]);
        assert_eq!(json!(fs::metadata(&file).unwrap().len()), descriptor["size"]);
    }
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layer.tar");
    let layer = image.path(&manifest["layers"][0]["digest"]);
    let mut gunzip = Command::new("gunzip");
    gunzip.arg("-c").stdin(fs::File::open(layer).unwrap());
    assert!(gunzip.stdout(fs::File::create(&unpacked).unwrap()).status().unwrap().success());
    assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{}", sha256(&unpacked))]));
    fs::remove_file(unpacked).unwrap();
}

#[test]
fn the_image_runs_the_operator_as_nobody_in_particular_and_says_what_it_is_of() {
    let (_, config) = image().manifest();
    let config = &config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/usr/bin/session-policy-operator"]));
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap();
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    let head = Command::new("git").current_dir(ROOT).args(["rev-parse", "HEAD"]).output().unwrap();
    assert!(label("revision").starts_with(String::from_utf8(head.stdout).unwrap().trim()));
}

#[test]
fn all_files_of_the_image_are_roots_and_nobody_else_may_write_them() {
    let image = image();
    let layer = image.path(&image.manifest().0["layers"][0]["digest"]);
    let list =
        Command::new("tar").args(["--list", "--verbose", "--numeric-owner", "--file"]).arg(layer).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let modes: BTreeMap<_, _> = list
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words[1], "0/0", "{line}");
            (words[5], words[0])
        })
        .collect();
    for (file, mode) in &modes {
        let expected = if mode.starts_with('d') || file.starts_with("./usr/bin/") { "rwxr-xr-x" } else { "rw-r--r--" };
        assert_eq!(&mode[1..], expected, "{file}");
    }
    assert!(modes.contains_key("./usr/bin/session-policy-operator"), "{list}");
    assert!(modes.contains_key("./etc/ssl/certs/ca-certificates.crt"), "{list}");
    assert!(!list.contains(".so"), "the binary is static\n{list}");
}

#[test]
fn the_binary_in_the_image_names_no_folder_of_the_machine_that_built_it() {
    let image = image();
    let layer = image.path(&image.manifest().0["layers"][0]["digest"]);
    let mut tar = Command::new("tar");
    tar.args(["--gunzip", "--extract", "--to-stdout", "--file"]).arg(layer).arg("./usr/bin/session-policy-operator");
    let binary = tar.output().unwrap().stdout;
    let names = |text: &str| binary.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(names("/cargo/registry/src/"), "where a dependency panics is known by a path that is the same everywhere");
    assert!(!names(ROOT));
}

#[test]
fn the_bill_of_materials_names_the_image_and_every_crate_with_the_checksum_of_the_lock_file() {
    let image = image();
    let bill: Value = serde_json::from_slice(&fs::read(image.layout.with_extension("cdx.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
    let hash = |component: &Value| component["hashes"][0]["content"].as_str().unwrap().to_owned();
    assert_eq!(format!("sha256:{}", hash(&bill["metadata"]["component"])), image.digest);
    let lock = page("Cargo.lock");
    let components = bill["components"].as_array().unwrap();
    let (crates, others): (Vec<_>, Vec<_>) = components
        .iter()
        .partition(|component| component["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/")));
    for &component in &crates {
        let (name, version) = (component["name"].as_str().unwrap(), component["version"].as_str().unwrap());
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&locked)).unwrap();
        assert!(entry.contains(&hash(component)), "{component}");
        assert!(!component["licenses"][0]["expression"].as_str().unwrap().is_empty());
    }
    for name in ["kube", "reqwest", "rustls", "ring", "tokio"] {
        assert!(crates.iter().any(|component| component["name"] == name), "{name}");
    }
    assert!(!crates.iter().any(|component| component["name"] == "proptest"), "that is for tests only");
    let names: Vec<_> = others.iter().map(|component| component["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"glibc") && names.contains(&"ca-certificates") && names.contains(&"rust-std"), "{names:?}");
}

#[test]
fn the_dockerfile_takes_the_same_rust_and_runs_as_the_same_user() {
    let (dockerfile, toolchain) = (page("Dockerfile"), page("rust-toolchain.toml"));
    let channel = toolchain.split('"').nth(1).unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{channel}-")), "{channel}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel} ")), "{channel}");
    assert!(dockerfile.contains("\nUSER 65532:65532\n"));
    assert!(dockerfile.contains("\nENTRYPOINT [\"/usr/bin/session-policy-operator\"]\n"));
    assert!(dockerfile.contains("deploy/image/root /image ") && dockerfile.contains("COPY --from=build /image /\n"));
}

/// The process of a pod in its container, as tests/cluster/node starts it.
fn process(pod: &Value) -> Value {
    let program = format!(
        "{{config: {{Entrypoint: [\"operator\"], User: \"1:1\", WorkingDir: \"/\"}}, architecture: \"amd64\"}} as $image \
         | {{archMap: [], syscalls: []}} as $seccomp | {}",
        page("tests/cluster/pod.jq")
    );
    let mut jq = Command::new("jq");
    jq.args(["--arg", "folder", "/pod", "--argjson", "environment", "[]", "--argjson", "network", "{}", &program]);
    let mut running = jq.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(pod.to_string().as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["process"].clone()
}

#[test]
fn an_operator_for_its_own_namespace_alone_is_started_with_the_name_of_it() {
    let output = Command::new(parts(&[]).join("kubectl"))
        .args(["kustomize", "deploy/kustomize/namespaced"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let objects: Vec<Value> = serde_yaml::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let mut pod = deployment["spec"]["template"].clone();
    pod["metadata"]["name"] = json!("operator-1");
    pod["metadata"]["namespace"] = json!("team");
    let process = process(&pod);
    let has = |list: &Value, text: &str| list.as_array().unwrap().contains(&json!(text));
    assert!(has(&process["args"], "--watch-namespace=team"), "{process}");
    assert!(has(&process["env"], "POD_NAMESPACE=team"), "{process}");
}

/// `make install-demo` with the image of the dev profile.
#[test]
fn the_demo_of_an_install_starts_the_charts_pods_and_ends_with_nothing_left() {
    let image = image();
    let demo = Path::new(ROOT).join("tests/cluster/install-demo");
    let simulator = env!("CARGO_BIN_EXE_scalekit-simulator");
    let output = Command::new(demo).arg(&image.layout).arg(simulator).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{all}");

    // by the kernel, of each container, of which one was killed and came back, and one was the Job's
    let may = "Uid: 65532, Gid: 65532, CapEff: 0000000000000000, CapBnd: 0000000000000000, NoNewPrivs: 1, Seccomp: 2, root: ro";
    // the Job may be over before the kernel is asked, or between two questions
    let is_over = |line: &str| {
        line.split_once(" started: ").is_some_and(|(pod, says)| pod.contains("-uninstall-") && may.starts_with(says))
    };
    let started: Vec<_> = said.lines().filter(|line| line.contains(" started: ")).collect();
    assert!(started.len() == 4 && started.iter().all(|line| line.ends_with(may) || is_over(line)), "{started:#?}");
    let stopped: Vec<_> = said.lines().filter(|line| line.contains("after SIGTERM")).collect();
    let well = |line: &&str| line.contains(" ended with 0, ") && line.ends_with("(grace period: 35 s)");
    assert!(stopped.len() == 2 && stopped.iter().all(well), "{stopped:#?}");

    let mut rest = said.as_str();
    for part in [
        "successfully rolled out",
        "NetworkPolicy: the pod reaches port 443: yes, port 9000: no; the node reads its metrics: yes, others: no",
        "osp/acme",
        "acme condition met",
        "\"absolute_minutes\":480",
        "leader: session-policy-operator-",
        "ended with 137",
        "after the kill",
        "\"absolute_minutes\":240",
        "1 released, 0 left",
        "\"source\":\"APPLICATION\"",
        "objects of the release: none\ncontainers: none\n",
        "done: installed → Ready → failover → removed",
    ] {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} where it should be in {all}")).1;
    }
}
