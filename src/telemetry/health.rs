//! `/livez` and `/readyz` for the kubelet.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the process is ready; shared with whoever makes it so.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// From now on `/readyz` answers 200.
    pub fn ready(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Listens on `address` and answers until `shutdown`; the address it got
    /// is returned at once.
    pub async fn serve(&self, address: SocketAddr, shutdown: CancellationToken) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        let routes = Router::new().route("/livez", get(async || "ok")).route("/readyz", get(readyz));
        let server = axum::serve(listener, routes.with_state(self.clone()))
            .with_graceful_shutdown(async move { shutdown.cancelled().await });
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the health server ended");
            }
        });
        Ok(bound)
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.0.load(Ordering::Acquire) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for the list of resources")
    }
}
