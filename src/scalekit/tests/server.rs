//! A scripted server on the loopback: it sends exactly the bytes that a test
//! names, and keeps the requests it received.

use crate::scalekit::{Client, Credentials, Rules, Settings, Transport};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the secret is in all tests; it must never be seen again.
pub(crate) const SECRET: &str = "canary-secret-5f3a";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    /// Method and path with query.
    pub(crate) line: String,
    /// All header lines, as sent.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl ReceivedRequest {
    pub(crate) fn is_token(&self) -> bool {
        self.line == "POST /oauth/token"
    }

    /// The bearer token, if there is one.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "))
    }
}

/// What is sent back to one request.
#[derive(Debug, Clone)]
pub(crate) enum HttpResponse {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, then one more each 20 ms for as long as anybody reads.
    Drip(Vec<u8>),
    /// Nothing; the connection is closed.
    HangUp,
    /// Nothing for as long as anybody waits.
    Silence,
}

/// A JSON response.
pub(crate) fn json(status: u16, body: &str) -> HttpResponse {
    with(status, "content-type: application/json\r\n", body)
}

/// A response with additional header lines.
pub(crate) fn with(status: u16, headers: &str, body: &str) -> HttpResponse {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    HttpResponse::Bytes([head.as_bytes(), body.as_bytes()].concat())
}

/// Tokens `t1`, `t2`, … in the order in which they are asked for.
pub(crate) fn token(nth: usize) -> HttpResponse {
    json(200, &format!(r#"{{"access_token":"canary-token-{nth}","expires_in":3600}}"#))
}

pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers every request by `script`, which gets the request and the number
    /// of requests of its kind (token or not) so far, this one included.
    pub(crate) async fn start(
        script: impl Fn(&ReceivedRequest, usize) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (script, kept) = (Arc::new(script), Arc::clone(&received));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept) = (Arc::clone(&script), Arc::clone(&kept));
                tokio::spawn(async move {
                    let _ = serve(stream, |received| {
                        let mut kept = kept.lock().unwrap();
                        kept.push(received.clone());
                        let nth = kept.iter().filter(|other| other.is_token() == received.is_token()).count();
                        script(received, nth)
                    })
                    .await;
                });
            }
        });
        Self { url, received, task }
    }

    /// Issues tokens and answers every API request by `script`.
    pub(crate) async fn api(script: impl Fn(&ReceivedRequest, usize) -> HttpResponse + Send + Sync + 'static) -> Self {
        Self::start(move |received, nth| if received.is_token() { token(nth) } else { script(received, nth) }).await
    }

    /// Issues tokens and sends the same response to every API request.
    pub(crate) async fn always(response: HttpResponse) -> Self {
        Self::api(move |_, _| response.clone()).await
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().unwrap().clone()
    }

    /// Method and path of every API request.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.received().into_iter().filter(|received| !received.is_token()).map(|received| received.line).collect()
    }

    pub(crate) fn tokens(&self) -> usize {
        self.received().iter().filter(|received| received.is_token()).count()
    }

    /// A client with a long deadline and a rate that no test reaches.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Settings { rate: 1000.0, ..Settings::default() })
    }

    /// A client that gives up after 200 ms.
    pub(crate) fn hasty_client(&self) -> Client {
        self.client_with(Settings { deadline: Duration::from_millis(200), rate: 1000.0, ..Settings::default() })
    }

    pub(crate) fn client_with(&self, settings: Settings) -> Client {
        client(&transport(settings), &self.url)
    }
}

pub(crate) fn transport(settings: Settings) -> Transport {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Transport::new(settings).unwrap()
}

pub(crate) fn client(transport: &Transport, url: &str) -> Client {
    client_of(transport, url, "skc_1", SECRET)
}

/// A client with another client id and secret.
pub(crate) fn client_of(transport: &Transport, url: &str, id: &str, secret: &str) -> Client {
    let rules = Rules { allow_http: true, ..Rules::default() };
    Client::new(transport, Credentials::parse(url.as_bytes(), id.as_bytes(), secret.as_bytes(), &rules).unwrap())
}

async fn serve(mut stream: TcpStream, script: impl FnOnce(&ReceivedRequest) -> HttpResponse) -> std::io::Result<()> {
    let Some(received) = read(&mut stream).await? else { return Ok(()) };
    match script(&received) {
        HttpResponse::Bytes(bytes) => stream.write_all(&bytes).await?,
        HttpResponse::Drip(bytes) => {
            stream.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(b" ").await?;
            }
        }
        HttpResponse::HangUp => {}
        // Ends when the client hangs up.
        HttpResponse::Silence => drop(stream.read(&mut [0; 16]).await?),
    }
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<ReceivedRequest>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
                let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
                return Ok(Some(ReceivedRequest { line, head, body }));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
