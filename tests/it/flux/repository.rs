//! The part of source-controller: a GitRepository whose artifact is a folder
//! that the test wrote, served as a tarball on loopback.

use crate::cluster::cluster;
use axum::{Router, extract::Path as Segment, http::StatusCode};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// A GitRepository `policies` and what it has published.
pub struct Repository {
    namespace: String,
    address: SocketAddr,
    archives: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    revisions: AtomicU32,
}

impl Repository {
    /// A repository without an artifact yet. It is served until the test's runtime ends.
    pub async fn new(namespace: &str) -> Self {
        let archives: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
        let served = archives.clone();
        let archive = move |Segment(file): Segment<String>| async move {
            served.lock().unwrap().get(&file).cloned().ok_or(StatusCode::NOT_FOUND)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/{file}", axum::routing::get(archive));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let repository = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "policies", "namespace": namespace},
            "spec": {"interval": "1h", "url": "https://git.example/policies"},
        });
        let (accepted, said) = cluster().with_input(&["apply", "-f", "-"], &repository.to_string());
        assert!(accepted, "{said}");
        Self { namespace: namespace.to_owned(), address, archives, revisions: AtomicU32::new(0) }
    }

    /// Publishes a folder of these files as the next revision; returns its name.
    pub fn publish(&self, files: &[(String, String)]) -> String {
        let number = self.revisions.fetch_add(1, Ordering::Relaxed) + 1;
        let file = format!("{number}.tar.gz");
        let (archive, digest) = pack(&format!("{}-{number}", self.namespace), files);
        self.archives.lock().unwrap().insert(file.clone(), archive);
        let revision = format!("main@sha1:{number:040x}");
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let url = format!("http://{}/{file}", self.address);
        let path = format!("gitrepository/{}/policies/{file}", self.namespace);
        let artifact = json!({"url": url, "digest": digest, "revision": revision, "path": path, "lastUpdateTime": now});
        let status: Value = json!({"status": {"artifact": artifact}});
        let patch = ["-n", &self.namespace, "patch", "gitrepository/policies", "--subresource=status", "--type=merge"];
        cluster().ok(&[patch.as_slice(), &["-p", &status.to_string()]].concat());
        revision
    }
}

/// The files as a tarball, and its digest.
fn pack(name: &str, files: &[(String, String)]) -> (Vec<u8>, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("flux").join(name);
    drop(fs::remove_dir_all(&folder)); // of an earlier run
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    let archive = folder.with_extension("tar.gz");
    let packed = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&folder).arg(".").status().unwrap();
    assert!(packed.success());
    let digest = Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(&archive).output().unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap();
    let hex = digest.split_whitespace().next().expect("a digest");
    (fs::read(&archive).unwrap(), format!("sha256:{hex}"))
}
