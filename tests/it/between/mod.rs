//! An HTTP proxy between an operator and the real API server, which counts what passes, and lets single requests,
//! answers and events of a watch go wrong. (`proxy.rs` is below that: it knows bytes and connections.)

mod tamper;
mod watch;

pub use tamper::{Nth, Point, Step, Tamper};

use crate::world::World;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Request, Response, header, request::Parts},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::Client;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    future::pending,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tamper::{LATE, Ledger};
use tokio::{net::TcpListener, time::sleep};

/// The connection ends.
type Ended = io::Error;

pub struct Between {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    namespace: String,
    ledger: Mutex<Ledger>,
    /// The last version of each object that an event has shown.
    shown: Mutex<BTreeMap<String, Value>>,
}

impl Between {
    /// The operator of this world works through it from now on.
    pub async fn before(world: &mut World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let text = fs::read_to_string(world.cluster.kubeconfig(world.user)).unwrap();
        let server = text.split('"').find(|part| part.starts_with("https://")).unwrap();
        let address = listener.local_addr().unwrap();
        let text = text.replace(server, &format!("http://{address}"));
        // namespaces of two runs have the same names
        let kubeconfig =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("between-{}.kubeconfig", address.port()));
        fs::write(&kubeconfig, text).unwrap();
        world.kubeconfig = Some(kubeconfig);
        let shared = Arc::new(Shared {
            client: world.cluster.client_of(world.user).await,
            namespace: world.namespace.clone(),
            ledger: Mutex::default(),
            shown: Mutex::default(),
        });
        let accepts = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepts);
                let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { shared }
    }

    /// This goes wrong from now on; what passed before does not count.
    pub fn plan(&self, plan: &[Step]) {
        *self.shared.ledger.lock().unwrap() = Ledger { plan: plan.to_vec(), ..Ledger::default() };
    }

    /// All of these kinds are refused with this status from now on.
    pub fn refuse(&self, kinds: &[&str], status: u16) {
        let at = |kind: &&str| Point { kind: (*kind).to_owned(), nth: Nth::Every(1) };
        self.plan(&kinds.iter().map(|kind| Step { at: at(kind), tamper: Tamper::Refused(status) }).collect::<Vec<_>>());
    }

    /// How often each kind of thing passed since the plan was set.
    pub fn passed(&self) -> BTreeMap<String, u64> {
        self.shared.ledger.lock().unwrap().passed.clone()
    }

    /// How often something went wrong since then.
    pub fn hits(&self) -> u64 {
        self.shared.ledger.lock().unwrap().hits
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Ended> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let watches = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
    let kind = tamper::kind(parts.method.as_str(), parts.uri.path(), watches, &shared.namespace);
    let tamper = shared.ledger.lock().unwrap().meet(&kind);
    match tamper {
        Some(Tamper::Lost) => return Err(Ended::other("not carried out")),
        Some(Tamper::Swallowed) => pending().await,
        Some(Tamper::Refused(status)) => return Ok(refused(status)),
        Some(Tamper::Held) => sleep(LATE).await,
        _ => {}
    }
    // whoever has sent it may go away, and it is carried out all the same
    let carried_out = tokio::spawn(carry_out(Arc::clone(&shared), parts, body, tamper == Some(Tamper::Twice)));
    let response = carried_out.await.map_err(io::Error::other)??;
    if watches && response.status().is_success() {
        return Ok(watch::tampered(shared, response, tamper));
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    match tamper {
        Some(Tamper::Cut) => return Err(Ended::other("carried out")),
        Some(Tamper::Silent) => pending().await,
        Some(Tamper::Late) => sleep(LATE).await,
        _ => {}
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn carry_out(shared: Arc<Shared>, parts: Parts, body: Bytes, twice: bool) -> Result<Response<Body>, Ended> {
    let request = || {
        let mut request = Request::new(kube::client::Body::from(body.clone()));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        for ours in [header::HOST, header::AUTHORIZATION, header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
            request.headers_mut().remove(ours);
        }
        request
    };
    if twice {
        drop(shared.client.send(request()).await);
    }
    let mut response = shared.client.send(request()).await.map_err(io::Error::other)?;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    Ok(response.map(Body::new))
}

/// As the API server says it.
fn status(code: u16) -> Value {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": "so it is planned"})
}

fn refused(code: u16) -> Response<Body> {
    let body = Body::from(status(code).to_string());
    Response::builder().status(code).header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}
