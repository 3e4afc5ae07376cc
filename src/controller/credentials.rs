//! The credentials of resources: from a Secret in the resource's namespace, or
//! the operator's default credentials from a folder or from its environment
//! variables. For each of these there is one Scalekit client, kept while the
//! values stay the same. They are read again at least once a minute, so a
//! rotation needs no restart and the operator needs no permission to list or
//! watch Secrets. Resources whose credentials changed are reconciled at once.

use super::kube_api::{KubeApi, KubeError};
use crate::{
    reconcile::{Access, CredentialsError, CredentialsKey, CredentialsSource},
    scalekit::{Client, Credentials, RawCredentials, Rules, Transport, read_default_credentials},
};
use k8s_openapi::api::core::v1::Secret;
use secrecy::{ExposeSecret, SecretBox};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// How long credentials are used before they are read again.
pub(super) const FRESH: Duration = Duration::from_secs(30);
/// How often the store looks for credentials older than that. The sum of both
/// is below the minute that is promised for a rotation.
pub(super) const REFRESH: Duration = Duration::from_secs(25);

/// A client with the environment it talks to, or why there is none.
pub(super) type Connection = Result<(Client, Access), CredentialsError>;

/// Where the operator's default credentials are, and who may use them.
#[derive(Debug, Clone, Default)]
pub struct DefaultCredentials {
    /// A folder with a file for each key; environment variables when `None`.
    pub folder: Option<PathBuf>,
    /// Namespaces whose resources may use them by naming no Secret; `None`: all.
    /// Whoever may write a resource there may change the policy of every
    /// organization that these credentials reach.
    pub namespaces: Option<Vec<String>>,
}

/// Reads credentials and keeps one client for each [`CredentialsRef`].
pub(super) struct CredentialStore {
    kube: KubeApi,
    transport: Transport,
    rules: Rules,
    default_credentials: DefaultCredentials,
    times: Times,
    changes: mpsc::UnboundedSender<CredentialsRef>,
    entries: Mutex<HashMap<CredentialsRef, Arc<Slot>>>,
}

/// How long credentials are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// From one read to the next.
    pub(super) fresh: Duration,
    /// After they were deleted, for resources that are deleted together with
    /// their namespace and still have to revert their policy.
    pub(super) kept: Duration,
}

/// Held while credentials are read, so that of all who need them one reads and
/// the others wait for what it finds. `None` before the first read.
type Slot = tokio::sync::Mutex<Option<CacheEntry>>;

/// Which credentials a resource uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CredentialsRef {
    /// The operator's default credentials.
    Default,
    /// A Secret in the namespace of the resource.
    Secret {
        /// The namespace of both.
        namespace: String,
        /// The Secret's name.
        name: String,
    },
}

impl CredentialsRef {
    /// The credentials of a resource in `namespace` whose
    /// `credentialsSecretRef` is `secret`.
    pub(super) fn of(namespace: &str, secret: Option<&str>) -> Self {
        match secret {
            Some(name) => Self::Secret { namespace: namespace.into(), name: name.into() },
            None => Self::Default,
        }
    }
}

/// Tells whether credentials changed since the last read. Default credentials
/// have no resource version, so their values are compared.
enum Version {
    Secret { uid: Option<String>, version: Option<String> },
    Values(SecretBox<[Option<Vec<u8>>; 3]>),
    Absent,
}

struct CacheEntry {
    version: Version,
    read_at: Instant,
    connection: Connection,
    last_known: Option<LastKnown>,
}

/// The client of credentials that were deleted.
#[derive(Clone)]
struct LastKnown {
    connection: (Client, Access),
    missing_since: Instant,
}

impl CredentialStore {
    /// Sends to `changes` what was read and has changed since the last read.
    pub(super) fn new(
        kube: KubeApi,
        transport: Transport,
        rules: Rules,
        default_credentials: DefaultCredentials,
        times: Times,
        changes: mpsc::UnboundedSender<CredentialsRef>,
    ) -> Self {
        Self { kube, transport, rules, default_credentials, times, changes, entries: Mutex::default() }
    }

    /// The client for a resource in `namespace` whose `credentialsSecretRef` is
    /// `secret`. `refresh` reads the credentials even if they are fresh.
    pub(super) async fn get(
        &self,
        namespace: &str,
        secret: Option<&str>,
        refresh: bool,
    ) -> Result<Connection, KubeError> {
        if secret.is_none() && !self.serves(namespace) {
            return Ok(Err(CredentialsError::NotAllowed { namespace: namespace.into() }));
        }
        self.read(&CredentialsRef::of(namespace, secret), refresh).await
    }

    /// Whether the default credentials are for resources of this namespace.
    pub(super) fn serves(&self, namespace: &str) -> bool {
        self.default_credentials.namespaces.as_ref().is_none_or(|all| all.iter().any(|one| one == namespace))
    }

    async fn read(&self, reference: &CredentialsRef, refresh: bool) -> Result<Connection, KubeError> {
        let asked = Instant::now();
        let slot = self.slot(reference);
        let mut slot = slot.lock().await;
        if let Some(entry) = &*slot {
            // an error may be cured at any moment, so it is never reused
            let fresh = entry.connection.is_ok() && entry.read_at.elapsed() < self.times.fresh;
            if entry.read_at >= asked || (fresh && !refresh) {
                return Ok(entry.connection.clone());
            }
        }
        let (version, values) = match reference {
            CredentialsRef::Secret { namespace, name } => self.read_secret(namespace, name).await?,
            CredentialsRef::Default => self.read_default().await,
        };
        let before = slot.take();
        let same = before.as_ref().is_some_and(|before| before.version.is(&version));
        if before.is_some() && !same {
            tracing::info!(credentials = %reference, "credentials changed");
            drop(self.changes.send(reference.clone())); // nobody listens: the process ends
        }
        let last_known = before
            .as_ref()
            .filter(|_| matches!(version, Version::Absent))
            .and_then(|before| before.last_known(self.times.kept));
        let connection = match before {
            Some(before) if same && before.connection.is_ok() => before.connection,
            _ => self.connect(reference, values).await,
        };
        *slot = Some(CacheEntry { version, read_at: Instant::now(), connection: connection.clone(), last_known });
        Ok(connection)
    }

    /// The last client of credentials that were deleted not long ago; else what
    /// the last read found. Only for reverting what was written with them.
    pub(super) async fn last_known(&self, namespace: &str, secret: Option<&str>) -> Connection {
        let reference = CredentialsRef::of(namespace, secret);
        let slot = self.slot(&reference);
        match &*slot.lock().await {
            Some(CacheEntry { last_known: Some(last), .. }) if last.missing_since.elapsed() < self.times.kept => {
                Ok(last.connection.clone())
            }
            Some(entry) => entry.connection.clone(),
            None => Err(CredentialsError::Missing(self.source(&reference))),
        }
    }

    /// Reads credentials that are no longer fresh, so that a rotation is noticed
    /// though no reconcile is due, and forgets those that are not in `used`.
    pub(super) async fn refresh(&self, used: &HashSet<CredentialsRef>) {
        let known: Vec<CredentialsRef> = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.retain(|reference, slot| Arc::strong_count(slot) > 1 || used.contains(reference));
            entries.keys().cloned().collect()
        };
        for reference in known {
            if let Err(error) = self.read(&reference, false).await {
                tracing::debug!(credentials = %reference, %error, "credentials could not be read again");
            }
        }
    }

    fn slot(&self, reference: &CredentialsRef) -> Arc<Slot> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(reference.clone()).or_default())
    }

    async fn read_secret(&self, namespace: &str, name: &str) -> Result<(Version, RawCredentials), KubeError> {
        let Some(secret) = self.kube.secret(namespace, name).await? else { return Ok((Version::Absent, None)) };
        let version =
            Version::Secret { uid: secret.metadata.uid.clone(), version: secret.metadata.resource_version.clone() };
        Ok((version, Some(values_of(secret))))
    }

    async fn read_default(&self) -> (Version, RawCredentials) {
        let values = read_default_credentials(self.default_credentials.folder.as_deref()).await;
        let version = values.clone().map(|values| Version::Values(SecretBox::new(Box::new(values))));
        (version.unwrap_or(Version::Absent), values)
    }

    /// Which URLs a source may name. The administrator's own credentials name
    /// any host, and with that allow it to everybody's Secrets.
    async fn rules(&self, reference: &CredentialsRef) -> Rules {
        let own = Rules { allowed_hosts: Vec::new(), ..self.rules.clone() };
        let mut rules = self.rules.clone();
        match reference {
            CredentialsRef::Default => return own,
            CredentialsRef::Secret { .. } if rules.allowed_hosts.is_empty() => {}
            CredentialsRef::Secret { .. } => {
                let (_, values) = self.read_default().await;
                let source = self.source(&CredentialsRef::Default);
                let credentials = Credentials::from_raw(values, &source, &own).ok();
                rules.allowed_hosts.extend(credentials.map(|credentials| credentials.host().to_owned()));
            }
        }
        rules
    }

    fn source(&self, reference: &CredentialsRef) -> CredentialsSource {
        match (reference, &self.default_credentials.folder) {
            (CredentialsRef::Secret { name, .. }, _) => CredentialsSource::Secret(name.clone()),
            (CredentialsRef::Default, Some(_)) => CredentialsSource::DefaultFolder,
            (CredentialsRef::Default, None) => CredentialsSource::DefaultEnvironment,
        }
    }

    async fn connect(&self, reference: &CredentialsRef, values: RawCredentials) -> Connection {
        let source = self.source(reference);
        let credentials = Credentials::from_raw(values, &source, &self.rules(reference).await)?;
        let environment = credentials.environment().to_string();
        Ok((Client::new(&self.transport, credentials), Access { environment, source }))
    }
}

fn values_of(secret: Secret) -> [Option<Vec<u8>>; 3] {
    let mut data = secret.data.unwrap_or_default();
    CredentialsKey::ALL.map(|key| data.remove(key.as_str()).map(|bytes| bytes.0))
}

impl fmt::Display for CredentialsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Secret { namespace, name } => write!(f, "{namespace}/{name}"),
        }
    }
}

impl CacheEntry {
    /// What to remember of this entry now that its credentials are missing.
    fn last_known(&self, kept: Duration) -> Option<LastKnown> {
        match &self.connection {
            Ok(connection) => Some(LastKnown { connection: connection.clone(), missing_since: Instant::now() }),
            Err(_) => self.last_known.clone().filter(|last| last.missing_since.elapsed() < kept),
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
