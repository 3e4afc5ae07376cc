//! Starts and stops a simulator.

use super::config::{Config, StartError};
use super::connection::{KillSwitch, Listener};
use super::receive::receive;
use super::server::Server;
use axum::Router;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;
use tokio_util::task::AbortOnDropHandle;

/// A running simulator. Dropping it stops it, like [`Simulator::shutdown`].
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    server: Arc<Server>,
    connections: DropGuard,
    task: AbortOnDropHandle<()>,
}

impl Simulator {
    /// Listens and serves on the current tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let socket = TcpListener::bind(config.listen).await.map_err(StartError::Listen)?;
        let address = socket.local_addr().map_err(StartError::Listen)?;
        let server = Arc::new(Server::new(Config { listen: address, ..config })?);
        let kill_switch = KillSwitch::default();
        let service = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&server))
            .into_make_service_with_connect_info::<KillSwitch>();
        let listener = Listener { listener: socket, all: kill_switch.clone() };
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            // Runs until aborted: accepting never fails for good.
            let _ = axum::serve(listener, service).await;
        }));
        Ok(Self { address, server, connections: kill_switch.trip_on_drop(), task })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends an admin request without the network, such as `admin("GET",
    /// "/_simulator/journal?method=PATCH", &Value::Null)`; returns the status and the JSON body.
    #[must_use]
    pub fn admin(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        super::admin::direct(&self.server, method, target, body)
    }

    /// Stops listening and ends every connection; the port is free afterwards.
    pub async fn shutdown(self) {
        drop(self.connections);
        self.task.abort();
        let _ = self.task.await;
    }
}
