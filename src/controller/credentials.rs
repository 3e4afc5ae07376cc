//! Where credentials come from: a Secret beside the resource, or the
//! operator's own from a folder or from its environment. Each source has one
//! client, kept while what was read stays the same and read again at least
//! once a minute, so a rotation needs no restart and no watch on Secrets. Who
//! else uses a source that changed is told.

use super::cluster::{Cluster, ClusterError};
use crate::{
    reconcile::{Access, CredentialsError, CredentialsKey, CredentialsSource},
    scalekit::{Client, Credentials, RawCredentials, Rules, Transport, read_default_credentials},
};
use k8s_openapi::api::core::v1::Secret;
use secrecy::{ExposeSecret, SecretBox};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// How long what was read is used at most, and how often what is older is
/// looked for; together below the minute that is promised.
pub(super) const FRESH: Duration = Duration::from_secs(30);
pub(super) const REFRESH: Duration = Duration::from_secs(25);

/// A client and where it leads, or why there is none.
pub(super) type Connection = Result<(Client, Access), CredentialsError>;

/// Where the operator's own credentials are, and who may use them.
#[derive(Debug, Clone, Default)]
pub struct DefaultCredentials {
    /// A folder with a file for each key; environment variables when `None`.
    pub folder: Option<PathBuf>,
    /// Namespaces whose resources may do without a Secret of their own; all,
    /// when empty. Whoever may write a resource there may change the policy of
    /// every organization that these credentials reach.
    pub namespaces: Vec<String>,
}

/// All sources of credentials.
pub(super) struct CredentialStore {
    cluster: Cluster,
    transport: Transport,
    rules: Rules,
    default_credentials: DefaultCredentials,
    times: Times,
    changes: mpsc::UnboundedSender<CredentialsRef>,
    read: Mutex<HashMap<CredentialsRef, Arc<Slot>>>,
}

/// How long credentials are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Before they are read again.
    pub(super) fresh: Duration,
    /// After they are gone, for resources of a namespace that goes with them.
    pub(super) kept: Duration,
}

/// One source has one reader at a time; the others wait for what it finds.
type Slot = tokio::sync::Mutex<Option<CacheEntry>>;

/// Where credentials are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CredentialsRef {
    /// The operator's own folder or environment.
    Default,
    /// A Secret beside its resources.
    Secret {
        /// Theirs.
        namespace: String,
        /// Its own.
        name: String,
    },
}

impl CredentialsRef {
    /// The source of resources of `namespace` that name `secret`.
    pub(super) fn of(namespace: &str, secret: Option<&str>) -> Self {
        match secret {
            Some(name) => Self::Secret { namespace: namespace.into(), name: name.into() },
            None => Self::Default,
        }
    }
}

/// What tells whether a source is as it was.
enum Version {
    Secret { uid: Option<String>, version: Option<String> },
    Values(SecretBox<Vec<Vec<u8>>>),
    Absent,
}

struct CacheEntry {
    version: Version,
    at: Instant,
    connection: Connection,
    last_known: Option<LastKnown>,
}

/// What was usable before it was gone.
#[derive(Clone)]
struct LastKnown {
    client: Client,
    access: Access,
    gone: Instant,
}

impl CredentialStore {
    /// `changes` hears of each source that was read and is not as it was.
    pub(super) fn new(
        cluster: Cluster,
        transport: Transport,
        rules: Rules,
        default_credentials: DefaultCredentials,
        times: Times,
        changes: mpsc::UnboundedSender<CredentialsRef>,
    ) -> Self {
        Self { cluster, transport, rules, default_credentials, times, changes, read: Mutex::default() }
    }

    /// The credentials for resources of `namespace` that name `secret`.
    /// `anew` reads them even if that was done a moment ago.
    pub(super) async fn get(
        &self,
        namespace: &str,
        secret: Option<&str>,
        anew: bool,
    ) -> Result<Connection, ClusterError> {
        let allowed = &self.default_credentials.namespaces;
        if secret.is_none() && !allowed.is_empty() && !allowed.iter().any(|n| n == namespace) {
            return Ok(Err(CredentialsError::NotAllowed { namespace: namespace.into() }));
        }
        self.read(&CredentialsRef::of(namespace, secret), anew).await
    }

    async fn read(&self, source: &CredentialsRef, anew: bool) -> Result<Connection, ClusterError> {
        let asked = Instant::now();
        let slot = self.slot(source);
        let mut read = slot.lock().await;
        if let Some(read) = &*read {
            // a problem may be cured at any moment, so it is never kept
            let kept = read.connection.is_ok() && read.at.elapsed() < self.times.fresh;
            if read.at >= asked || (kept && !anew) {
                return Ok(read.connection.clone());
            }
        }
        let (version, values) = match source {
            CredentialsRef::Secret { namespace, name } => self.read_secret(namespace, name).await?,
            CredentialsRef::Default => self.read_default().await,
        };
        let before = read.take();
        let same = before.as_ref().is_some_and(|before| before.version.is(&version));
        if before.is_some() && !same {
            tracing::info!(?source, "credentials changed");
            drop(self.changes.send(source.clone())); // nobody listens: the process ends
        }
        let last_known = before
            .as_ref()
            .filter(|_| matches!(version, Version::Absent))
            .and_then(|read| read.last_known(self.times.kept));
        let connection = match before {
            Some(before) if same && before.connection.is_ok() => before.connection,
            _ => self.client(source, values),
        };
        *read = Some(CacheEntry { version, at: Instant::now(), connection: connection.clone(), last_known });
        Ok(connection)
    }

    /// What a source that is gone last led to, if that is not long ago; else
    /// what the last read of it found. For reverting what was written with it,
    /// and nothing else.
    pub(super) async fn last_known(&self, namespace: &str, secret: Option<&str>) -> Connection {
        let source = CredentialsRef::of(namespace, secret);
        let slot = self.slot(&source);
        match &*slot.lock().await {
            Some(CacheEntry { last_known: Some(last_known), .. }) if last_known.gone.elapsed() < self.times.kept => {
                Ok((last_known.client.clone(), last_known.access.clone()))
            }
            Some(read) => read.connection.clone(),
            None => Err(CredentialsError::Missing(self.named(&source))),
        }
    }

    /// Reads those sources again whose time has come, so that a change is seen
    /// though no pass is due, and forgets those that `used` does not know.
    pub(super) async fn refresh(&self, used: &HashSet<CredentialsRef>) {
        let known: Vec<CredentialsRef> = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.retain(|source, slot| Arc::strong_count(slot) > 1 || used.contains(source));
            read.keys().cloned().collect()
        };
        for source in known {
            if let Err(error) = self.read(&source, false).await {
                tracing::debug!(?source, %error, "credentials could not be read again");
            }
        }
    }

    fn slot(&self, source: &CredentialsRef) -> Arc<Slot> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(read.entry(source.clone()).or_default())
    }

    async fn read_secret(&self, namespace: &str, name: &str) -> Result<(Version, RawCredentials), ClusterError> {
        let Some(secret) = self.cluster.secret(namespace, name).await? else { return Ok((Version::Absent, None)) };
        let version =
            Version::Secret { uid: secret.metadata.uid.clone(), version: secret.metadata.resource_version.clone() };
        Ok((version, Some(values_of(secret))))
    }

    async fn read_default(&self) -> (Version, RawCredentials) {
        let values = read_default_credentials(self.default_credentials.folder.as_deref()).await;
        let plain = values.as_ref().map(|values| values.iter().map(|v| v.clone().unwrap_or_default()).collect());
        (plain.map_or(Version::Absent, |plain| Version::Values(SecretBox::new(Box::new(plain)))), values)
    }

    fn named(&self, source: &CredentialsRef) -> CredentialsSource {
        match (source, &self.default_credentials.folder) {
            (CredentialsRef::Secret { name, .. }, _) => CredentialsSource::Secret(name.clone()),
            (CredentialsRef::Default, Some(_)) => CredentialsSource::DefaultFolder,
            (CredentialsRef::Default, None) => CredentialsSource::DefaultEnvironment,
        }
    }

    fn client(&self, source: &CredentialsRef, values: RawCredentials) -> Connection {
        let source = self.named(source);
        let credentials = Credentials::complete(values, &source, &self.rules)?;
        let environment = credentials.environment().to_string();
        Ok((Client::new(&self.transport, credentials), Access { environment, source }))
    }
}

fn values_of(secret: Secret) -> Vec<Option<Vec<u8>>> {
    let mut data = secret.data.unwrap_or_default();
    CredentialsKey::ALL.into_iter().map(|key| data.remove(key.as_str()).map(|bytes| bytes.0)).collect()
}

impl CacheEntry {
    /// What it led to, if it is not gone for longer than `kept`.
    fn last_known(&self, kept: Duration) -> Option<LastKnown> {
        match &self.connection {
            Ok((client, access)) => {
                Some(LastKnown { client: client.clone(), access: access.clone(), gone: Instant::now() })
            }
            Err(_) => self.last_known.clone().filter(|last_known| last_known.gone.elapsed() < kept),
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
            (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }
}
