//! Handles every request: records it in the journal, delays it, injects a fault if a rule matches, lets
//! the environment carry it out, and responds.

use super::admin;
use super::api_error::ApiError;
use super::connection::KillSwitch;
use super::faults::{Outcome, inject};
use super::http::ApiRequest;
use super::server::Server;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use std::sync::Arc;

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
        uri: head.uri,
        headers: head.headers,
        body: body.unwrap_or_default(),
    };
    if is_admin {
        return admin::handle(&server, &request).into_response();
    }
    if too_large {
        server.record_arrival(&mut request);
        server.journal().complete(request.sequence, |entry| entry.status = Some(413));
        return ApiError::TOO_LARGE.response(request.sequence).into_response();
    }
    // in a task of its own, so that the request is carried out even if the client closes the connection
    match tokio::spawn(serve(server, request)).await {
        Ok(Outcome::Response(response)) => response,
        Ok(Outcome::Silence) => std::future::pending().await,
        Ok(Outcome::HangUp) | Err(_) => {
            kill_switch.trip();
            Response::new(Body::empty())
        }
    }
}

async fn serve(server: Arc<Server>, mut request: ApiRequest) -> Outcome {
    let wait = server.record_arrival(&mut request);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let fault = server.faults().take(request.method.as_str(), request.uri.path());
    let outcome = match fault {
        None => Outcome::Response(server.handle(&request).into_response()),
        Some(fault) => {
            server.journal().complete(request.sequence, |entry| entry.fault = Some(fault.kind()));
            let (later, again) = (Arc::clone(&server), request.clone());
            inject(fault, &request, move || later.handle(&again)).await
        }
    };
    if let Outcome::Response(response) = &outcome {
        server.journal().complete(request.sequence, |entry| entry.status = Some(response.status().as_u16()));
    }
    outcome
}
