//! The credentials of resources: a Secret in the resource's namespace, or the operator's default
//! credentials from a folder or environment variables. Each has one Scalekit client, kept while the
//! values stay the same. They are read again at least once a minute, so a rotation needs no restart
//! and the operator needs no right to list or watch Secrets. Resources whose credentials changed are
//! reconciled at once; a Secret that is written again with the same values has not changed.

use super::{kube_api::KubeApi, secret};
use crate::{
    reconcile::{Access, CredentialsError, CredentialsSource},
    scalekit::{Client, Credentials, Rules, Transport, read_default_credentials},
};
use futures::StreamExt;
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
/// How often the store reads credentials that are older than [`FRESH`]. The sum of both is below the
/// minute that is promised for a rotation.
pub(super) const REFRESH: Duration = Duration::from_secs(25);
/// How many credentials are then read at the same time, so that a slow one delays no other.
const READS: usize = 8;
/// The least time between two log lines about a change of the same credentials.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// A client and the environment that it connects to, or why there is none.
pub(super) type Connection = Result<(Client, Access), CredentialsError>;

/// Where the default credentials are, and who may use them.
#[derive(Debug, Clone, Default)]
pub struct DefaultCredentials {
    /// A folder with a file for each key; `None`: environment variables.
    pub folder: Option<PathBuf>,
    /// The namespaces whose resources use them if they name no Secret; `None`: all. Whoever may write a
    /// resource there may change the policy of every organization that these credentials reach.
    pub namespaces: Option<Vec<String>>,
}

/// Reads credentials and keeps one client for each [`CredentialsRef`].
pub(super) struct CredentialStore {
    pub(super) kube: KubeApi,
    pub(super) transport: Transport,
    pub(super) rules: Rules,
    pub(super) default_credentials: DefaultCredentials,
    pub(super) times: Times,
    /// Receives the credentials that have changed since the last read.
    pub(super) changes: mpsc::UnboundedSender<CredentialsRef>,
    pub(super) entries: Mutex<HashMap<CredentialsRef, Arc<Slot>>>,
}

/// How long credentials that were read are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Until they are read again.
    pub(super) fresh: Duration,
    /// After they were deleted, for resources that are deleted with their namespace and still have to
    /// revert their policy.
    pub(super) kept: Duration,
}

/// Locked while credentials are read, so that other callers wait for the result. `None` before the
/// first read.
pub(super) type Slot = tokio::sync::Mutex<Option<CacheEntry>>;

/// Which credentials a resource uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CredentialsRef {
    Default,
    /// A Secret in the namespace of the resource.
    Secret {
        namespace: String,
        name: String,
    },
}

impl CredentialsRef {
    pub(super) fn of(namespace: &str, secret: Option<&str>) -> Self {
        match secret {
            Some(name) => Self::Secret { namespace: namespace.into(), name: name.into() },
            None => Self::Default,
        }
    }
}

pub(super) struct CacheEntry {
    read_at: Instant,
    connection: Connection,
    logged_at: Option<Instant>,
    last_known: Option<LastKnown>,
}

#[derive(Clone)]
struct LastKnown {
    connection: (Client, Access),
    missing_since: Instant,
}

impl CredentialStore {
    /// The client for a resource in `namespace` whose `credentialsSecretRef` is `secret`. `refresh`: the
    /// credentials are read even if they are fresh.
    pub(super) async fn get(&self, namespace: &str, secret: Option<&str>, refresh: bool) -> Connection {
        if secret.is_none() && !self.serves(namespace) {
            return Err(CredentialsError::NotAllowed { namespace: namespace.into() });
        }
        self.read(&CredentialsRef::of(namespace, secret), refresh).await
    }

    /// Whether resources of this namespace may use the default credentials.
    pub(super) fn serves(&self, namespace: &str) -> bool {
        self.default_credentials.namespaces.as_ref().is_none_or(|all| all.iter().any(|one| one == namespace))
    }

    async fn read(&self, reference: &CredentialsRef, refresh: bool) -> Connection {
        let asked = Instant::now();
        let slot = self.slot(reference);
        let mut slot = slot.lock().await;
        if let Some(entry) = &*slot {
            // an error is never cached, since somebody may correct it at any moment
            let fresh = entry.connection.is_ok() && entry.read_at.elapsed() < self.times.fresh;
            if entry.read_at >= asked || (fresh && !refresh) {
                return entry.connection.clone();
            }
        }
        let connection = self.connect(reference).await;
        let mut new = CacheEntry { read_at: Instant::now(), connection, logged_at: None, last_known: None };
        if let Some(before) = slot.take() {
            new.logged_at = before.logged_at.filter(|at| at.elapsed() < LOG_INTERVAL);
            if before.connection != new.connection {
                if let (Some((old, _)), Ok((client, _))) = (before.usable(), &new.connection) {
                    client.follow(old);
                }
                self.changed(reference, &mut new);
            }
            new.last_known = before.last_known(&new.connection, self.times.kept);
        }
        let connection = new.connection.clone();
        *slot = Some(new);
        connection
    }

    /// Announces credentials that changed, so that their resources are reconciled; not after an error of
    /// the API server, which may affect all of them and says nothing about the credentials.
    fn changed(&self, reference: &CredentialsRef, new: &mut CacheEntry) {
        let error = new.connection.as_ref().err();
        if new.logged_at.is_none() {
            tracing::info!(credentials = %reference, error = error.map(ToString::to_string), "credentials changed");
            new.logged_at = Some(new.read_at);
        }
        if !error.is_some_and(CredentialsError::is_transient) {
            drop(self.changes.send(reference.clone())); // an error means that the process ends
        }
    }

    /// The last client of credentials that were deleted a short time ago, else the result of the last
    /// read. Only for reverting what was written with them.
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

    /// Reads credentials that are no longer fresh, so that a rotation is noticed even if no reconcile is
    /// due, and drops those that are not in `used`.
    pub(super) async fn refresh(&self, used: &HashSet<CredentialsRef>) {
        let known: Vec<CredentialsRef> = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.retain(|reference, slot| Arc::strong_count(slot) > 1 || used.contains(reference));
            entries.keys().cloned().collect()
        };
        let read = |reference| async move { drop(self.read(&reference, false).await) };
        futures::stream::iter(known).for_each_concurrent(READS, read).await;
    }

    fn slot(&self, reference: &CredentialsRef) -> Arc<Slot> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(reference.clone()).or_default())
    }

    /// The rules for environment URLs. The default credentials may name any host; Secrets may then name
    /// that host too.
    async fn rules(&self, reference: &CredentialsRef) -> Rules {
        if *reference == CredentialsRef::Default {
            return Rules { allowed_hosts: Vec::new(), ..self.rules.clone() };
        }
        let mut rules = Rules { conceal: true, ..self.rules.clone() };
        // boxed, since it is recursive
        if let Ok((default, _)) = Box::pin(self.read(&CredentialsRef::Default, false)).await {
            if !rules.allowed_hosts.is_empty() {
                rules.allowed_hosts.push(default.host().to_owned());
            }
            rules.trusted = Some(default.environment().clone());
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

    async fn connect(&self, reference: &CredentialsRef) -> Connection {
        let source = self.source(reference);
        let values = match reference {
            CredentialsRef::Secret { namespace, name } => secret::read(&self.kube, namespace, name)
                .await
                .map_err(|why| CredentialsError::Unreadable { from: source.clone(), why })?,
            CredentialsRef::Default => read_default_credentials(self.default_credentials.folder.as_deref()).await,
        };
        let credentials = Credentials::from_raw(values, &source, &self.rules(reference).await)?;
        let environment = credentials.environment().to_string();
        let client = Client::new(&self.transport, credentials);
        let access = Access { environment, source, merges_features: false, client: client.number() };
        Ok((client, access))
    }
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
    /// The client, or the last one where the credentials are gone.
    fn usable(&self) -> Option<&(Client, Access)> {
        self.connection.as_ref().ok().or(self.last_known.as_ref().map(|last| &last.connection))
    }

    /// What to remember of this entry now that `found` takes its place.
    fn last_known(self, found: &Connection, kept: Duration) -> Option<LastKnown> {
        if !matches!(found, Err(CredentialsError::Missing(_) | CredentialsError::Unreadable { .. })) {
            return None;
        }
        match self.connection {
            Ok(connection) => Some(LastKnown { connection, missing_since: Instant::now() }),
            Err(_) => self.last_known.filter(|last| last.missing_since.elapsed() < kept),
        }
    }
}
