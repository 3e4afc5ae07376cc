//! Starts and stops a simulator.

use super::connection::{KillSwitch, Listener};
use super::environment::Environment;
use super::organizations::Organizations;
use super::server::{Server, receive};
use super::settings::Settings;
use super::tokens::Client;
use axum::Router;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How to start a [`Simulator`].
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
    pub(crate) fn environment(&self) -> Result<Environment, StartError> {
        let settings = Settings::default().overlaid(&self.settings).map_err(StartError::Settings)?;
        let client = Client { client_id: self.client_id.clone(), client_secret: self.client_secret.clone() };
        Ok(Environment::new(settings, client, Organizations::numbered(self.organizations)))
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

/// A running simulator. Dropping it stops it, like [`Simulator::shutdown`].
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    server: Arc<Server>,
    kill_switch: KillSwitch,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Binds and starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let socket = TcpListener::bind(config.listen).await.map_err(StartError::Listen)?;
        let address = socket.local_addr().map_err(StartError::Listen)?;
        let server = Arc::new(Server::new(config)?);
        let kill_switch = KillSwitch::default();
        let service = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&server))
            .into_make_service_with_connect_info::<KillSwitch>();
        let listener = Listener::new(socket, kill_switch.clone());
        let task = tokio::spawn(async move {
            // Runs until aborted: accepting never fails for good.
            let _ = axum::serve(listener, service).await;
        });
        Ok(Self { address, server, kill_switch, task })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An admin call without the network: `admin("GET", "/_simulator/journal?method=PATCH", &Value::Null)`
    /// returns status and JSON body, exactly as over HTTP.
    #[must_use]
    pub fn admin(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        super::admin::direct(&self.server, method, target, body)
    }

    /// Stops listening and ends every connection; the port is free afterwards.
    pub async fn shutdown(mut self) {
        self.stop();
        let _ = (&mut self.task).await;
    }

    fn stop(&self) {
        self.kill_switch.trip();
        self.task.abort();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}
