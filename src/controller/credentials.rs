//! Where credentials come from: a Secret beside the resource, or the
//! operator's own from a folder or from its environment. Each source has one
//! client, kept while what was read stays the same and read again at least
//! once a minute, so a rotation needs no restart and no watch on Secrets.

use super::cluster::{Cluster, ClusterError};
use crate::{
    reconcile::{Access, CredentialsProblem},
    scalekit::{Client, Credentials, Key, Rules, Transport},
};
use k8s_openapi::api::core::v1::Secret;
use secrecy::{ExposeSecret, SecretBox};
use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long what was read is used; below the minute that is promised.
const FRESH: Duration = Duration::from_secs(50);
/// The largest credentials file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// A client and where it leads, or why there is none.
pub(super) type Usable = Result<(Client, Access), CredentialsProblem>;

/// All sources of credentials.
pub(super) struct Sources {
    cluster: Cluster,
    transport: Transport,
    rules: Rules,
    folder: Option<PathBuf>,
    read: Mutex<HashMap<Source, Arc<Slot>>>,
}

/// One source has one reader at a time; the others wait for what it finds.
type Slot = tokio::sync::Mutex<Option<Read>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Operator,
    Secret { namespace: String, name: String },
}

/// What tells whether a source is as it was.
enum Version {
    Secret { uid: Option<String>, version: Option<String> },
    Values(SecretBox<Vec<Vec<u8>>>),
    Absent,
}

struct Read {
    version: Version,
    at: Instant,
    usable: Usable,
}

impl Sources {
    pub(super) fn new(cluster: Cluster, transport: Transport, rules: Rules, folder: Option<PathBuf>) -> Self {
        Self { cluster, transport, rules, folder, read: Mutex::default() }
    }

    /// The credentials for resources of `namespace` that name `secret`.
    /// `anew` reads them even if that was done a moment ago.
    pub(super) async fn get(&self, namespace: &str, secret: Option<&str>, anew: bool) -> Result<Usable, ClusterError> {
        let source = match secret {
            Some(name) => Source::Secret { namespace: namespace.into(), name: name.into() },
            None => Source::Operator,
        };
        let asked = Instant::now();
        let slot = self.slot(&source);
        let mut read = slot.lock().await;
        if let Some(read) = &*read {
            // a problem may be cured at any moment, so it is never kept
            let kept = read.usable.is_ok() && read.at.elapsed() < FRESH;
            if read.at >= asked || (kept && !anew) {
                return Ok(read.usable.clone());
            }
        }
        let (version, values) = match &source {
            Source::Secret { namespace, name } => self.secret(namespace, name).await?,
            Source::Operator => self.own().await,
        };
        let usable = match read.take() {
            Some(before) if before.version.is(&version) && before.usable.is_ok() => before.usable,
            _ => self.client(&source, values),
        };
        *read = Some(Read { version, at: Instant::now(), usable: usable.clone() });
        Ok(usable)
    }

    fn slot(&self, source: &Source) -> Arc<Slot> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(read.entry(source.clone()).or_default())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<(Version, Values), ClusterError> {
        let Some(secret) = self.cluster.secret(namespace, name).await? else { return Ok((Version::Absent, None)) };
        let version =
            Version::Secret { uid: secret.metadata.uid.clone(), version: secret.metadata.resource_version.clone() };
        Ok((version, Some(values_of(secret))))
    }

    async fn own(&self) -> (Version, Values) {
        let mut values = Vec::new();
        for key in Key::ALL {
            values.push(match &self.folder {
                Some(folder) => file(&folder.join(key.as_str())).await,
                None => std::env::var(key.as_str()).ok().map(String::into_bytes),
            });
        }
        if values.iter().all(Option::is_none) {
            return (Version::Absent, None);
        }
        let plain = values.iter().map(|v| v.clone().unwrap_or_default()).collect();
        (Version::Values(SecretBox::new(Box::new(plain))), Some(values))
    }

    fn client(&self, source: &Source, values: Values) -> Usable {
        let source = match (source, &self.folder) {
            (Source::Secret { name, .. }, _) => format!("Secret {name:?}"),
            (Source::Operator, Some(_)) => "the operator's credentials folder".into(),
            (Source::Operator, None) => "the operator's environment variables".into(),
        };
        let problem = |missing, message| CredentialsProblem { missing, message };
        let Some(values) = values else {
            return Err(problem(true, format!("{source}: not there, and the resource has no other")));
        };
        let mut complete = Vec::new();
        for (key, value) in Key::ALL.into_iter().zip(values) {
            match value {
                Some(value) => complete.push(value),
                None => return Err(problem(false, format!("{source}: the key {key} is missing"))),
            }
        }
        let [url, id, secret] = complete.as_slice() else { return Err(problem(false, source)) };
        match Credentials::parse(url, id, secret, &self.rules) {
            Ok(credentials) => {
                let environment = credentials.environment().to_string();
                Ok((Client::new(&self.transport, credentials), Access { environment, source }))
            }
            Err(flaw) => Err(problem(false, format!("{source}: {flaw}"))),
        }
    }
}

/// The three values in the order of [`Key::ALL`]; `None`: no such source.
type Values = Option<Vec<Option<Vec<u8>>>>;

fn values_of(secret: Secret) -> Vec<Option<Vec<u8>>> {
    let mut data = secret.data.unwrap_or_default();
    Key::ALL.into_iter().map(|key| data.remove(key.as_str()).map(|bytes| bytes.0)).collect()
}

async fn file(path: &std::path::Path) -> Option<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let read = async {
        let mut bytes = Vec::new();
        tokio::fs::File::open(path).await?.take(LARGEST).read_to_end(&mut bytes).await?;
        io::Result::Ok(bytes)
    };
    match read.await {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a credentials file can't be read");
            None
        }
    }
}

impl Version {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Secret { uid, version }, Self::Secret { uid: other_uid, version: other_version }) => {
                uid == other_uid && version == other_version
            }
            (Self::Values(values), Self::Values(others)) => values.expose_secret() == others.expose_secret(),
            _ => false,
        }
    }
}
