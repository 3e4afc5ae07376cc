//! Serves every request: records it in the journal, delays it, injects the fault
//! of the first rule that matches or else lets the environment carry it out, and
//! responds.

use super::admin;
use super::api_error::ApiError;
use super::connection::KillSwitch;
use super::environment::Environment;
use super::faults::{Faults, Outcome, inject};
use super::http::{ApiRequest, ApiResponse};
use super::journal::Journal;
use super::start::{Config, StartError};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All state of the simulator, each part behind a lock of its own. No two locks
/// are held together, and none across an await.
#[derive(Debug)]
pub(crate) struct Server {
    config: Config,
    environment: Mutex<Environment>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
}

impl Server {
    pub(crate) fn new(config: Config) -> Result<Self, StartError> {
        let environment = Mutex::new(config.environment()?);
        let journal = Mutex::new(Journal::new(Instant::now()));
        Ok(Self { config, environment, faults: Mutex::default(), journal })
    }

    pub(crate) fn environment(&self) -> MutexGuard<'_, Environment> {
        unpoisoned(&self.environment)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        unpoisoned(&self.faults)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        unpoisoned(&self.journal)
    }

    /// Back to the state after the start.
    pub(crate) fn reset(&self) -> Result<(), StartError> {
        *self.environment() = self.config.environment()?;
        self.faults().clear();
        self.journal().clear();
        Ok(())
    }

    fn handle(&self, request: &ApiRequest) -> ApiResponse {
        self.environment().handle(request, Instant::now())
    }

    /// Enters the request into the journal; returns how long it has to wait.
    fn record_arrival(&self, request: &mut ApiRequest) -> Duration {
        let now = Instant::now();
        let (client, wait) = {
            let environment = self.environment();
            let client = request.bearer().and_then(|token| environment.tokens.holder(token, now)).map(str::to_owned);
            let jitter = environment.settings.latency_jitter_ms;
            (client, environment.settings.latency_ms.saturating_add(fastrand::u64(0..=jitter)))
        };
        self.journal().record(request, client, now);
        Duration::from_millis(wait)
    }
}

/// Takes the lock after a panic too: one that leaves the state half-changed fails
/// a test anyway.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only handler of the HTTP server.
pub(crate) async fn receive(
    State(server): State<Arc<Server>>,
    ConnectInfo(kill_switch): ConnectInfo<KillSwitch>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let is_admin = admin::is_admin(head.uri.path());
    let limit = if is_admin { usize::MAX } else { server.environment().settings.max_body_bytes };
    let body = to_bytes(body, limit).await;
    let too_large = body.is_err();
    let mut request = ApiRequest {
        sequence: 0,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.unwrap_or_default(),
    };
    if is_admin {
        return admin::handle(&server, &request).into_response();
    }
    if too_large {
        server.record_arrival(&mut request);
        server.journal().responded(request.sequence, 413);
        return ApiError::too_large().response(request.sequence).into_response();
    }
    // In a task of its own: the request is carried out even if the client closes
    // the connection, as at the real server.
    match tokio::spawn(serve(server, request)).await {
        Ok(Outcome::Response(response)) => response,
        Ok(Outcome::Silence) => std::future::pending().await,
        Ok(Outcome::HangUp) | Err(_) => {
            kill_switch.trip();
            Response::new(Body::from(Bytes::new()))
        }
    }
}

async fn serve(server: Arc<Server>, mut request: ApiRequest) -> Outcome {
    let wait = server.record_arrival(&mut request);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let fault = server.faults().take(request.method.as_str(), &request.path);
    let outcome = match fault {
        None => Outcome::Response(server.handle(&request).into_response()),
        Some(fault) => {
            server.journal().fault_injected(request.sequence, fault.kind());
            let (later, again) = (Arc::clone(&server), request.clone());
            inject(fault, &request, move || later.handle(&again)).await
        }
    };
    if let Outcome::Response(response) = &outcome {
        server.journal().responded(request.sequence, response.status().as_u16());
    }
    outcome
}
