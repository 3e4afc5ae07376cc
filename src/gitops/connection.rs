//! The arguments with which a verb connects to Scalekit; they have the same names as the operator's.
//! Credentials come from environment variables or a folder, never from an argument, which every
//! user of the machine can read.

use crate::{
    crd,
    reconcile::{CredentialsError, CredentialsKey, CredentialsSource, InvalidValue},
    scalekit::{Client, Credentials, Proxy, Rules, Settings, Transport, read_default_credentials},
    terminal::with_causes,
};
use clap::builder::BoolishValueParser;
use std::{env, path::PathBuf, time::Duration};

/// The arguments that lead to Scalekit.
#[derive(Debug, Clone, clap::Args)]
pub struct Access {
    /// Folder with the credentials, in files named SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and
    /// SCALEKIT_CLIENT_SECRET [default: environment variables of those names]
    #[arg(long, env = "OSP_CREDENTIALS_DIR")]
    credentials_dir: Option<PathBuf>,

    /// Accept http:// environment URLs; for tests and demonstrations only
    #[arg(long, env = "OSP_ALLOW_HTTP", value_parser = BoolishValueParser::new())]
    allow_http: bool,

    /// Accept only environment URLs whose host ends in this; may be given more than once [default: any]
    #[arg(long, env = "OSP_ALLOWED_HOST", value_delimiter = ',')]
    allowed_host: Vec<String>,

    /// Proxy towards Scalekit: http://, https:// or socks5://HOST:PORT, or `env` for what HTTPS_PROXY and NO_PROXY name
    /// [default: none]
    #[arg(long, env = "OSP_PROXY", value_name = "URL|env", hide_env_values = true)]
    proxy: Option<Proxy>,
}

/// Arguments of every verb that works on Scalekit.
#[derive(Debug, Clone, clap::Args)]
pub struct Connection {
    #[command(flatten)]
    access: Access,

    /// Requests per second
    #[arg(long, env = "OSP_RATE_LIMIT", default_value_t = 10.0, value_parser = Settings::rate)]
    rate_limit: f64,

    /// Deadline of one request to Scalekit, from connecting to the last byte
    #[arg(long, env = "OSP_REQUEST_TIMEOUT", default_value = "10s", value_parser = crd::request_timeout)]
    request_timeout: Duration,

    /// Log more to the standard error; may be given more than once
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Connection {
    /// How many requests run at the same time: the rate limit, rounded down to a power of two from 1
    /// to 16.
    pub(super) fn concurrency(&self) -> usize {
        [2.0, 4.0, 8.0, 16.0].iter().filter(|rate| self.rate_limit >= **rate).fold(1, |n, _| n * 2)
    }

    /// [`Access::client`]
    pub(super) async fn client(&self) -> Result<Client, String> {
        let deadline = match self.request_timeout {
            crd::NO_LIMIT => Settings::LONGEST_DEADLINE,
            deadline => deadline,
        };
        self.access.client(deadline, self.rate_limit).await
    }
}

/// Says what to set, in the words of the arguments.
fn unusable(error: &CredentialsError, allow_http: bool) -> String {
    let names = || CredentialsKey::ALL.map(CredentialsKey::as_str).join(", ");
    match error {
        CredentialsError::Missing(CredentialsSource::Folder(path)) if !path.is_dir() => {
            format!("--credentials-dir: there is no folder {}", path.display())
        }
        CredentialsError::Missing(CredentialsSource::Folder(path)) => {
            format!("--credentials-dir: {} has no file of these: {}", path.display(), names())
        }
        CredentialsError::Missing(_) => {
            format!("there are no credentials: set {}, or name a folder with --credentials-dir", names())
        }
        CredentialsError::Invalid { why: InvalidValue::NotAUrl, .. } => {
            format!("credentials from {error}: write it as https://YOURS.scalekit.com")
        }
        CredentialsError::Invalid { why: InvalidValue::NotHttps, .. } => {
            let tip =
                if allow_http { "write it as http:// or https://" } else { "for tests --allow-http accepts http://" };
            format!("credentials from {error}; {tip}")
        }
        CredentialsError::KeyMissing { from: CredentialsSource::Folder(path), key } => {
            format!("--credentials-dir: {} has no file {key}", path.display())
        }
        CredentialsError::KeyMissing { from: CredentialsSource::Environment, key } => {
            format!("the credentials are not complete: set {key} too")
        }
        _ => format!("credentials from {error}"),
    }
}

impl Access {
    /// Whether there are credentials: the folder is named, or all variables are set.
    pub fn is_given(&self) -> bool {
        let is_set = |key: &CredentialsKey| env::var_os(key.as_str()).is_some_and(|value| !value.is_empty());
        self.credentials_dir.is_some() || CredentialsKey::ALL.iter().all(is_set)
    }

    /// Reads the credentials and makes a client with them; sends no request.
    pub(super) async fn client(&self, deadline: Duration, rate: f64) -> Result<Client, String> {
        let settings =
            Settings { deadline, rate, proxy: self.proxy.clone().unwrap_or_default(), ..Settings::default() };
        let transport = Transport::new(settings)
            .map_err(|error| format!("no connection can be set up: {}", with_causes(&error)))?;
        let rules = Rules { allow_http: self.allow_http, allowed_hosts: self.allowed_host.clone(), ..Rules::default() };
        let folder = self.credentials_dir.as_deref();
        let from = folder.map_or(CredentialsSource::Environment, |path| CredentialsSource::Folder(path.into()));
        let credentials = Credentials::from_raw(read_default_credentials(folder).await, &from, &rules);
        Ok(Client::new(&transport, credentials.map_err(|error| unusable(&error, self.allow_http))?))
    }
}
