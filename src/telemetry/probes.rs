//! Serves `/livez` and `/readyz` for the kubelet, and `/metrics`, on a port that anybody in
//! the cluster may reach: connections are few and short, and no request can make
//! the operator hold more (`docs/development/failures.md` row 122).

use super::health::Health;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// The most open connections. One more closes the oldest, so that a probe is always answered.
const CONNECTIONS: usize = 64;
/// The longest time that a connection, which serves one request, stays open.
const LIFETIME: Duration = Duration::from_secs(5);

impl Health {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::CONTENT_TYPE;
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
}
