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
pub(super) const LOOK: Duration = Duration::from_secs(25);

/// A client and where it leads, or why there is none.
pub(super) type Usable = Result<(Client, Access), CredentialsError>;

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
pub(super) struct Sources {
    cluster: Cluster,
    transport: Transport,
    rules: Rules,
    own: DefaultCredentials,
    times: Times,
    changes: mpsc::UnboundedSender<Source>,
    read: Mutex<HashMap<Source, Arc<Slot>>>,
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
type Slot = tokio::sync::Mutex<Option<Read>>;

/// Where credentials are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The operator's own folder or environment.
    Operator,
    /// A Secret beside its resources.
    Secret {
        /// Theirs.
        namespace: String,
        /// Its own.
        name: String,
    },
}

impl Source {
    /// The source of resources of `namespace` that name `secret`.
    pub(super) fn of(namespace: &str, secret: Option<&str>) -> Self {
        match secret {
            Some(name) => Self::Secret { namespace: namespace.into(), name: name.into() },
            None => Self::Operator,
        }
    }
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
    last: Option<Last>,
}

/// What was usable before it was gone.
#[derive(Clone)]
struct Last {
    client: Client,
    access: Access,
    gone: Instant,
}

impl Sources {
    /// `changes` hears of each source that was read and is not as it was.
    pub(super) fn new(
        cluster: Cluster,
        transport: Transport,
        rules: Rules,
        own: DefaultCredentials,
        times: Times,
        changes: mpsc::UnboundedSender<Source>,
    ) -> Self {
        Self { cluster, transport, rules, own, times, changes, read: Mutex::default() }
    }

    /// The credentials for resources of `namespace` that name `secret`.
    /// `anew` reads them even if that was done a moment ago.
    pub(super) async fn get(&self, namespace: &str, secret: Option<&str>, anew: bool) -> Result<Usable, ClusterError> {
        let allowed = &self.own.namespaces;
        if secret.is_none() && !allowed.is_empty() && !allowed.iter().any(|n| n == namespace) {
            return Ok(Err(CredentialsError::NotAllowed { namespace: namespace.into() }));
        }
        self.read(&Source::of(namespace, secret), anew).await
    }

    async fn read(&self, source: &Source, anew: bool) -> Result<Usable, ClusterError> {
        let asked = Instant::now();
        let slot = self.slot(source);
        let mut read = slot.lock().await;
        if let Some(read) = &*read {
            // a problem may be cured at any moment, so it is never kept
            let kept = read.usable.is_ok() && read.at.elapsed() < self.times.fresh;
            if read.at >= asked || (kept && !anew) {
                return Ok(read.usable.clone());
            }
        }
        let (version, values) = match source {
            Source::Secret { namespace, name } => self.secret(namespace, name).await?,
            Source::Operator => self.own().await,
        };
        let before = read.take();
        let same = before.as_ref().is_some_and(|before| before.version.is(&version));
        if before.is_some() && !same {
            tracing::info!(?source, "credentials changed");
            drop(self.changes.send(source.clone())); // nobody listens: the process ends
        }
        let last =
            before.as_ref().filter(|_| matches!(version, Version::Absent)).and_then(|read| read.last(self.times.kept));
        let usable = match before {
            Some(before) if same && before.usable.is_ok() => before.usable,
            _ => self.client(source, values),
        };
        *read = Some(Read { version, at: Instant::now(), usable: usable.clone(), last });
        Ok(usable)
    }

    /// What a source that is gone last led to, if that is not long ago; else
    /// what the last read of it found. For reverting what was written with it,
    /// and nothing else.
    pub(super) async fn recall(&self, namespace: &str, secret: Option<&str>) -> Usable {
        let source = Source::of(namespace, secret);
        let slot = self.slot(&source);
        match &*slot.lock().await {
            Some(Read { last: Some(last), .. }) if last.gone.elapsed() < self.times.kept => {
                Ok((last.client.clone(), last.access.clone()))
            }
            Some(read) => read.usable.clone(),
            None => Err(CredentialsError::Missing(self.named(&source))),
        }
    }

    /// Reads those sources again whose time has come, so that a change is seen
    /// though no pass is due, and forgets those that `used` does not know.
    pub(super) async fn refresh(&self, used: &HashSet<Source>) {
        let known: Vec<Source> = {
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

    fn slot(&self, source: &Source) -> Arc<Slot> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(read.entry(source.clone()).or_default())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<(Version, RawCredentials), ClusterError> {
        let Some(secret) = self.cluster.secret(namespace, name).await? else { return Ok((Version::Absent, None)) };
        let version =
            Version::Secret { uid: secret.metadata.uid.clone(), version: secret.metadata.resource_version.clone() };
        Ok((version, Some(values_of(secret))))
    }

    async fn own(&self) -> (Version, RawCredentials) {
        let values = read_default_credentials(self.own.folder.as_deref()).await;
        let plain = values.as_ref().map(|values| values.iter().map(|v| v.clone().unwrap_or_default()).collect());
        (plain.map_or(Version::Absent, |plain| Version::Values(SecretBox::new(Box::new(plain)))), values)
    }

    fn named(&self, source: &Source) -> CredentialsSource {
        match (source, &self.own.folder) {
            (Source::Secret { name, .. }, _) => CredentialsSource::Secret(name.clone()),
            (Source::Operator, Some(_)) => CredentialsSource::DefaultFolder,
            (Source::Operator, None) => CredentialsSource::DefaultEnvironment,
        }
    }

    fn client(&self, source: &Source, values: RawCredentials) -> Usable {
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

impl Read {
    /// What it led to, if it is not gone for longer than `kept`.
    fn last(&self, kept: Duration) -> Option<Last> {
        match &self.usable {
            Ok((client, access)) => Some(Last { client: client.clone(), access: access.clone(), gone: Instant::now() }),
            Err(_) => self.last.clone().filter(|last| last.gone.elapsed() < kept),
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
