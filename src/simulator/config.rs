//! The configuration of a simulator, and the errors of its start.

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
    /// A loopback address; port 0 picks a free port.
    pub listen: SocketAddr,
    /// The number of organizations: `org_1` with external id `tenant-1`, and so on.
    pub organizations: usize,
    /// The id of the only API client.
    pub client_id: String,
    /// The secret of the API client.
    pub client_secret: String,
    /// Merged into the default settings; see `docs/development/simulator.md`.
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

/// The simulator can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not loopback; the admin endpoints have no authentication.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address is in use, or does not belong to this machine.
    #[error("can't listen")]
    Listen(#[source] io::Error),
    /// A setting has a wrong name or type.
    #[error("bad settings")]
    Settings(#[source] serde_json::Error),
}
