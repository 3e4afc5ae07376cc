//! Looks for credentials, connects to what is there, and runs the checks.

use super::{
    cluster,
    redact::Redactor,
    report::{Check, Group, Report},
    scalekit, secret,
};
use crate::{
    plugin::{Cluster, Connection, Failure, Object},
    reconcile::CredentialsSource,
    scalekit::{
        Client, Credentials, Proxy, RawCredentials, Rules, Settings, SetupError, Transport, read_default_credentials,
    },
    terminal::with_causes,
};
use clap::{Args, builder::BoolishValueParser};
use secrecy::ExposeSecret;
use std::{collections::BTreeSet, path::PathBuf};

/// What is checked, and with whose rights.
#[derive(Debug, Args)]
pub(super) struct Scope {
    #[command(flatten)]
    cluster: Connection,

    /// The Lease of the operator that --as names, as its --lease-name [default: the name of its ServiceAccount]
    #[arg(long, value_name = "NAME")]
    lease_name: Option<String>,

    /// Folder with credentials to check beside those of the namespace's Secrets, in files named SCALEKIT_ENVIRONMENT_URL,
    /// SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET [default: environment variables of those names]
    #[arg(long, env = "OSP_CREDENTIALS_DIR")]
    credentials_dir: Option<PathBuf>,

    /// Accept http:// environment URLs; for tests and demonstrations only
    #[arg(long, env = "OSP_ALLOW_HTTP", value_parser = BoolishValueParser::new())]
    allow_http: bool,

    /// Accept only environment URLs whose host ends in this, as the operator's --allowed-host; may be given more than
    /// once [default: any]
    #[arg(long, env = "OSP_ALLOWED_HOST", value_delimiter = ',')]
    allowed_host: Vec<String>,

    /// Proxy towards Scalekit, as the operator's --proxy [default: none]
    #[arg(long, env = "OSP_PROXY", value_name = "URL|env", hide_env_values = true)]
    proxy: Option<Proxy>,
}

impl Scope {
    pub(super) const fn verbosity(&self) -> u8 {
        self.cluster.verbosity()
    }
}

/// What was found, and the secrets that were seen on the way.
pub(super) struct Examined {
    pub(super) cluster: Result<Cluster, Failure>,
    pub(super) report: Report,
    pub(super) redactor: Redactor,
}

pub(super) async fn examine(scope: &Scope, pre: bool, program: &str) -> Examined {
    let cluster = Cluster::connect(&scope.cluster, program).await;
    let mut groups = Vec::new();
    let mut found = Vec::new();
    let raw = read_default_credentials(scope.credentials_dir.as_deref()).await;
    // a folder that is named has to have them
    if raw.is_some() || scope.credentials_dir.is_some() {
        let folder = scope.credentials_dir.clone();
        let from = folder.map_or(CredentialsSource::Environment, CredentialsSource::Folder);
        let source = if scope.credentials_dir.is_some() { "the folder" } else { "the environment variables" };
        found.push((source.to_owned(), from, raw));
    }
    match &cluster {
        Ok(cluster) if pre => groups.push(cluster::before(cluster).await),
        Ok(cluster) => {
            groups.extend(cluster::installed(cluster, scope.cluster.user(), scope.lease_name.as_deref()).await);
            groups.extend(secrets(cluster, &mut found).await);
        }
        Err(error) => {
            let check = match found.is_empty() {
                true => Check::failed("api-server", error.to_string(), "name a cluster with --context or --kubeconfig"),
                // in a pipeline without a cluster
                false => Check::warning("api-server", format!("not checked: {error}"), ""),
            };
            groups.push(Group { title: "Kubernetes".into(), checks: vec![check] });
        }
    }
    if found.is_empty() {
        let hint = "set SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET, or name with -n a \
                    namespace whose resources name Secrets that you may read";
        let check = Check::warning("credentials", "not checked: there are no credentials at hand", hint);
        groups.push(Group { title: "Scalekit".into(), checks: vec![check] });
    }
    let mut redactor = Redactor::default();
    groups.extend(environments(scope, found, &mut redactor).await);
    Examined { cluster, report: Report(groups), redactor }
}

type Found = Vec<(String, CredentialsSource, RawCredentials)>;

/// Adds the credentials in the Secrets that the namespace's resources name; returns what can't be read.
async fn secrets(cluster: &Cluster, found: &mut Found) -> Option<Group> {
    let resources = cluster.list(false, None).await.ok()?;
    let named = |object: &Object| {
        object.0.as_ref().ok()?.spec.credentials_secret_ref.as_ref().map(|secret| secret.name.clone())
    };
    let names: BTreeSet<String> = resources.iter().filter_map(named).collect();
    let mut checks = Vec::new();
    for name in names {
        match secret::read(cluster, &name).await {
            Ok(raw) => found.push((format!("Secret {name}"), CredentialsSource::Secret(name), raw)),
            Err(why) => checks.push(Check::warning("credentials", format!("Secret {name} is not checked: {why}"), "")),
        }
    }
    let title = format!("Secrets of namespace {}", cluster.namespace);
    (!checks.is_empty()).then_some(Group { title, checks })
}

/// A group for each of the credentials.
async fn environments(scope: &Scope, found: Found, redactor: &mut Redactor) -> Vec<Group> {
    let settings = Settings {
        deadline: scope.cluster.request_timeout().min(Settings::default().deadline),
        proxy: scope.proxy.clone().unwrap_or_default(),
        ..Settings::default()
    };
    let transport = match Transport::new(settings) {
        Ok(transport) => transport,
        Err(error) => {
            let (name, hint) = match &error {
                SetupError::Settings(_) => ("address", "correct --proxy or OSP_PROXY"),
                _ => ("tls", "look at SSL_CERT_FILE and SSL_CERT_DIR"),
            };
            let check = Check::failed(name, with_causes(&error), hint);
            return vec![Group { title: "Scalekit".into(), checks: vec![check] }];
        }
    };
    let rules = Rules { allow_http: scope.allow_http, allowed_hosts: scope.allowed_host.clone(), ..Rules::default() };
    let mut groups = Vec::new();
    for (source, from, raw) in found {
        if let Some(Ok(secret)) = raw
            .as_ref()
            .and_then(|[_, _, secret]| secret.as_ref())
            .map(|secret| std::str::from_utf8(secret.expose_secret()))
        {
            redactor.add(secret.trim_end());
        }
        groups.push(match Credentials::from_raw(raw, &from, &rules) {
            Err(error) => scalekit::unusable(&source, &error),
            Ok(credentials) => {
                let client = Client::new(&transport, credentials.clone());
                let probe = client.probe().await;
                if let Some(token) = client.latest_token() {
                    redactor.add(token.expose_secret());
                }
                scalekit::seen(&source, &credentials, &probe)
            }
        });
    }
    groups
}
