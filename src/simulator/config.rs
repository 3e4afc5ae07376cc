//! How a simulator is started, and why it can't be.

use super::environment::Environment;
use super::organizations::Organizations;
use super::settings::Settings;
use super::tokens::Client;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// How to start a [`Simulator`](super::Simulator).
#[derive(Clone, Debug)]
pub struct Config {
    /// A loopback address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// This many organizations: `org_1` with external id `tenant-1`, and so on.
    pub organizations: usize,
    /// The one API client that gets tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Laid over the default settings; see `docs/simulator.md`.
    pub settings: Value,
}

impl Default for Config {
    /// Three organizations, client `skc_simulator` with secret
    /// `test_simulator`, default settings, a free port.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            organizations: 3,
            client_id: "skc_simulator".to_owned(),
            client_secret: "test_simulator".to_owned(),
            settings: json!({}),
        }
    }
}

impl Config {
    /// `http://127.0.0.1:<port>`, once it listens.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub(crate) fn environment(&self) -> Result<Environment, StartError> {
        let settings = Settings::default().overlaid(&self.settings).map_err(StartError::Settings)?;
        let client = Client { client_id: self.client_id.clone(), client_secret: self.client_secret.clone() };
        Ok(Environment::new(settings, client, Organizations::numbered(self.organizations), self.base_url()))
    }
}

/// Why a simulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its admin endpoints have no authentication, so it stays on loopback.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address is in use, or not one of this machine.
    #[error("can't listen")]
    Listen(#[source] io::Error),
    /// A misspelt or mistyped setting.
    #[error("bad settings")]
    Settings(#[source] serde_json::Error),
}
