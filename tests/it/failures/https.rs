//! Row 16, from the other side: the whole main job over https with a private
//! authority, and not one request without trust in it.

use super::spec;
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tokio::net::{TcpListener, TcpStream};

/// An authority, and a certificate of 127.0.0.1 that it has signed.
struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
        let new = ["-newkey", "rsa:2048", "-nodes", "-keyout"];
        openssl(
            &folder,
            &["req", "-x509", "-days", "2", "-subj", &format!("/CN={name}"), "-out", "ca.pem"],
            &new,
            "ca.key",
        );
        openssl(&folder, &["req", "-subj", "/CN=scalekit", "-out", "request"], &new, "server.key");
        let sign = ["x509", "-req", "-days", "2", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key"];
        let rest = ["-set_serial", "1", "-extfile", "names", "-out"];
        openssl(&folder, &sign, &rest, "server.pem");
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Ends TLS in front of `plain`; where it listens.
    async fn front(&self, plain: SocketAddr) -> String {
        let certificate = CertificateDer::from_pem_file(self.file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(stream).await?;
                    let mut server = TcpStream::connect(plain).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        url
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn openssl(folder: &Path, first: &[&str], then: &[&str], last: &str) {
    let output = Command::new("openssl").current_dir(folder).args(first).args(then).arg(last).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn behind(authority: &Authority, trusted: &Authority) -> World {
    let mut world = World::without_operator(json!({})).await;
    let url = authority.front(world.simulator.address()).await;
    world.start_with(&[
        ("SCALEKIT_ENVIRONMENT_URL", url.as_str()),
        ("SCALEKIT_CLIENT_ID", "skc_simulator"),
        ("SCALEKIT_CLIENT_SECRET", "test_simulator"),
        ("SSL_CERT_FILE", trusted.file("ca.pem").as_str()),
    ]);
    world.apply("acme", &spec(""));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_with_a_trusted_authority_everything_works_over_https() {
    let authority = Authority::new("trusted");
    let world = behind(&authority, &authority).await;
    let resource = world.until("acme", "True", "InSync");
    assert!(resource["status"]["environment"].as_str().unwrap().starts_with("127.0.0.1:"));
    let declared = world.truth("org_1")["policy"].clone();
    assert_eq!(declared["absolute_minutes"], 480);
    world.edit("org_1", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 43_200}}));
    eventually("repair", 30, || (world.truth("org_1")["policy"] == declared).then_some(()));
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.truth("org_1")["policy"]["source"], "APPLICATION");
    assert_eq!(world.policies("org_1").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_016_without_a_trusted_authority_not_one_request_is_sent() {
    let (authority, other) = (Authority::new("real"), Authority::new("other"));
    let world = behind(&authority, &other).await;
    let resource = world.until("acme", "Unknown", "TlsError");
    assert!(condition(&resource, "Reconciling").is_some());
    assert!(resource["metadata"]["finalizers"].is_null());
    world.pass("acme", "again");
    assert_eq!(world.count(""), 0);
}
