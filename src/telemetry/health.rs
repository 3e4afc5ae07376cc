//! `/livez` and `/readyz` for the kubelet, and `/metrics`, on a port that anybody in
//! the cluster may reach: connections are few and short, and no request can make
//! the operator hold more (`docs/development/failures.md` row 122).

use super::metrics::{CONTENT_TYPE, Metrics};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header, header::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    collections::{BTreeSet, VecDeque},
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// After this time without an event the watch counts as dead. An API server sends a bookmark about
/// once a minute, and the watch itself is renewed more often than this.
const LONGEST_SILENCE: Duration = Duration::from_secs(5 * 60);
/// After so many refusals in a row, without any other response, the operator is not ready.
const REFUSALS_UNTIL_UNREADY: u32 = 5;

/// The most open connections. One more closes the oldest, so that a probe is always answered.
const CONNECTIONS: usize = 64;
/// The longest time that a connection, which serves one request, stays open.
const LIFETIME: Duration = Duration::from_secs(5);

/// The state that the probes of the kubelet report; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    /// What may not be watched any more, by namespace.
    refused_watches: Mutex<BTreeSet<String>>,
    ready: AtomicBool,
    refusals: AtomicU32,
    status_refusals: AtomicU32,
    lease_refusals: AtomicU32,
    progress: Mutex<Instant>,
    answered: Mutex<Instant>,
    /// The last request to the API server had no response.
    unanswered: AtomicBool,
}

impl Default for Inner {
    fn default() -> Self {
        let (metrics, refused_watches, ready, unanswered) = Default::default();
        let (refusals, status_refusals, lease_refusals) = Default::default();
        let (progress, answered) = (Mutex::new(Instant::now()), Mutex::new(Instant::now()));
        Self {
            metrics,
            refused_watches,
            ready,
            refusals,
            status_refusals,
            lease_refusals,
            progress,
            answered,
            unanswered,
        }
    }
}

impl Health {
    /// What `/metrics` shows.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Makes `/readyz` succeed: all resources are listed, and work begins as soon as this process leads.
    pub fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Release);
    }

    /// Records a response of the API server to any request; `refused`: it was a 401 or 403. Returns whether
    /// the one before had none.
    pub fn record_response(&self, refused: bool) -> bool {
        count(&self.0.refusals, refused);
        if !refused {
            *self.0.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        self.0.unanswered.swap(false, Ordering::AcqRel)
    }

    /// Records that a request to the API server had no response; returns whether the one before had one.
    pub fn record_no_response(&self) -> bool {
        !self.0.unanswered.swap(true, Ordering::AcqRel)
    }

    /// Whether the last request to the API server had no response.
    pub fn is_unanswered(&self) -> bool {
        self.0.unanswered.load(Ordering::Acquire)
    }

    /// How long ago the API server last gave a response that was no refusal.
    pub fn since_answer(&self) -> Duration {
        self.0.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Records the response to a write of a status; `refused`: it was a 401 or 403. Counted separately,
    /// since without statuses no other error is reported either.
    pub fn record_status_write(&self, refused: bool) {
        count(&self.0.status_refusals, refused);
        self.0.metrics.status_writes_refused.inc_by(u64::from(refused));
    }

    /// Records the response to a request about the lease; `refused`: it was a 401 or 403. Counted
    /// separately, since whoever has no right to the lease never works.
    pub fn record_lease(&self, refused: bool) {
        count(&self.0.lease_refusals, refused);
    }

    /// Whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.0.metrics.leader.set(i64::from(leads));
    }

    /// The API server shows the resources of `namespace`, or has `refused` to with
    /// 401 or 403, whatever it answers about other namespaces; whether that is a
    /// change.
    pub fn answered_list(&self, namespace: &str, refused: bool) -> bool {
        let mut all = self.0.refused_watches.lock().unwrap_or_else(PoisonError::into_inner);
        if refused { all.insert(namespace.to_owned()) } else { all.remove(namespace) }
    }

    /// Records an event or bookmark of a watch, or a page of a list. It does not count as a response that
    /// was not refused: a watch stays open even when the right to it is gone.
    pub fn record_watch_event(&self) {
        *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Listens on `address` and serves until `shutdown`; returns the address at once.
    pub async fn serve(&self, address: SocketAddr, shutdown: CancellationToken) -> io::Result<SocketAddr> {
        let listener = match TcpListener::bind(address).await {
            // the default address is that of IPv4 and IPv6, and a machine may have no IPv6
            Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?
            }
            listener => listener?,
        };
        let bound = listener.local_addr()?;
        let health = self.clone();
        tokio::spawn(async move {
            tokio::select! { () = health.accept(listener) => {}, () = shutdown.cancelled() => {} }
        });
        Ok(bound)
    }

    async fn accept(&self, listener: TcpListener) {
        let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(Duration::from_millis(100)).await; // out of file descriptors, until some are closed
                continue;
            };
            open.retain(|connection| !connection.is_finished());
            if open.len() >= CONNECTIONS
                && let Some(oldest) = open.pop_front()
            {
                oldest.abort();
                drop(oldest.await); // then its file descriptor is free
            }
            open.push_back(tokio::spawn(self.clone().connection(stream)));
        }
    }

    /// Serves one request. Its body is never read.
    async fn connection(self, stream: TcpStream) {
        let answer = service_fn(async |request| Ok::<_, Infallible>(self.answer(&request)));
        let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer);
        drop(timeout(LIFETIME, connection).await); // an error or a timeout closes it
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let (status, text) = match request.uri().path() {
            "/livez" => self.livez(),
            "/readyz" => self.readyz(),
            "/metrics" => return self.metrics_text(),
            _ => (StatusCode::NOT_FOUND, "only /livez, /readyz and /metrics are here"),
        };
        let mut response = Response::new(text.to_owned());
        *response.status_mut() = status;
        response
    }

    fn metrics_text(&self) -> Response<String> {
        let watch_age = self.0.progress.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        let mut response = Response::new(self.0.metrics.text(watch_age));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response
    }

    fn livez(&self) -> (StatusCode, &'static str) {
        let progress = *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.elapsed() < LONGEST_SILENCE {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the watch has had no event for five minutes")
        }
    }

    fn readyz(&self) -> (StatusCode, &'static str) {
        if self.0.refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every request (401 or 403)")
        } else if self.0.status_refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every write of a status (401 or 403)")
        } else if self.0.lease_refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every request about the lease (401 or 403)")
        } else if !self.0.refused_watches.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the API server refuses to show the resources of a namespace; the log names it",
            )
        } else if self.0.ready.load(Ordering::Acquire) {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for the list of resources")
        }
    }
}

/// Counts refusals in a row.
fn count(refusals: &AtomicU32, refused: bool) {
    if refused {
        // does not overflow within a century of one refusal a second
        refusals.fetch_add(1, Ordering::AcqRel);
    } else {
        refusals.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn serve(ip: IpAddr) -> SocketAddr {
        Health::default().serve((ip, 0).into(), CancellationToken::new()).await.unwrap()
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the server closes; an abrupt end is one too.
    async fn rest(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8(answer).unwrap()
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        rest(send(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await).await
    }

    #[tokio::test]
    async fn probes_are_answered_on_either_version_of_ip() {
        for (listening, asked) in [
            (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::LOCALHOST)),
            (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()),
            (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()),
            (Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
        ] {
            let port = serve(listening).await.port();
            assert!(get((asked, port).into(), "/livez").await.starts_with("HTTP/1.1 200 "), "{listening} {asked}");
            assert!(get((asked, port).into(), "/readyz").await.contains("waiting for the list of resources"));
            assert!(get((asked, port).into(), "/").await.starts_with("HTTP/1.1 404 "));
            let metrics = get((asked, port).into(), "/metrics").await;
            assert!(metrics.starts_with("HTTP/1.1 200 ") && metrics.contains(CONTENT_TYPE), "{metrics}");
            assert!(metrics.contains("session_policy_operator_status_writes_refused_total 0"), "{metrics}");
        }
    }

    #[tokio::test]
    async fn row_122_hundreds_of_half_open_requests_are_few_connections_and_a_probe_is_answered() {
        let address = serve(Ipv4Addr::LOCALHOST.into()).await;
        let mut half_open = Vec::new();
        for _ in 0..400 {
            half_open.push(send(address, "GET /livez HTTP/1.1\r\nhost: ").await);
        }
        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200 "));
        // the probe was accepted after all of them, and only the last ones were left then
        for shed in half_open.drain(..400 - CONNECTIONS) {
            let ended = timeout(LIFETIME / 2, rest(shed)).await;
            assert_eq!(ended.as_deref(), Ok(""), "closed to make room, not at the end of its time");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_122_a_connection_that_says_nothing_or_too_little_is_closed() {
        let address = serve(Ipv4Addr::LOCALHOST.into()).await;
        for text in ["", "GET /livez HTTP/1.1\r\n", "POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n"] {
            assert!(!rest(send(address, text).await).await.contains(" 200 "), "{text}");
        }
        let body = "POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n";
        assert!(rest(send(address, body).await).await.contains(" 200 "), "answered without its body");
    }

    #[tokio::test(start_paused = true)]
    async fn row_119_a_watch_that_shows_nothing_for_five_minutes_is_dead_until_it_shows_something() {
        let health = Health::default();
        tokio::time::advance(LONGEST_SILENCE - Duration::from_secs(1)).await;
        assert_eq!(health.livez().0, StatusCode::OK);
        tokio::time::advance(Duration::from_secs(1)).await;
        health.record_response(false);
        assert_eq!(health.livez().0, StatusCode::SERVICE_UNAVAILABLE, "other requests say nothing about it");
        health.record_watch_event();
        assert_eq!(health.livez().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_operator_whose_every_request_is_refused_is_not_ready_until_one_is_not() {
        let health = Health::default();
        health.set_ready();
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_response(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "a few of many");
        health.record_response(false);
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_response(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "not in a row");
        health.record_response(true);
        health.record_watch_event();
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_operator_that_can_write_no_status_is_not_ready_whatever_else_is_answered() {
        let health = Health::default();
        health.set_ready();
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_status_write(true);
            health.record_response(false);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "a few of many");
        health.record_status_write(false);
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_status_write(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "not in a row");
        health.record_status_write(true);
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_status_write(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn row_080_an_operator_that_may_not_have_the_lease_is_not_ready_until_it_may() {
        let health = Health::default();
        health.set_ready();
        for _ in 0..REFUSALS_UNTIL_UNREADY {
            assert_eq!(health.readyz().0, StatusCode::OK);
            health.record_lease(true);
            health.record_response(false);
        }
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_lease(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn row_133_an_operator_that_may_not_see_one_of_its_namespaces_is_not_ready() {
        let health = Health::default();
        health.set_ready();
        assert!(!health.answered_list("a", false) && health.answered_list("b", true));
        assert!(!health.answered_list("b", true), "no change");
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE, "whatever the other one answers");
        assert!(health.answered_list("b", false));
        assert_eq!(health.readyz().0, StatusCode::OK);
    }
}
