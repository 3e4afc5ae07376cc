//! TLS in front of the simulator, with a private authority.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tokio::net::{TcpListener, TcpStream};

/// An authority, and a certificate of 127.0.0.1 that it has signed.
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
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

    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Ends TLS in front of `plain`; where it listens.
    pub async fn front(&self, plain: SocketAddr) -> String {
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
                    stream.set_nodelay(true)?; // else a small packet may wait 40 ms for the one before
                    let mut client = acceptor.accept(stream).await?;
                    let mut server = TcpStream::connect(plain).await?;
                    server.set_nodelay(true)?;
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
