//! Connections that a request can make fail.
//!
//! An HTTP server always responds; for a lost response the connection itself has
//! to fail. So each accepted connection has a kill switch that its requests can
//! reach: once it is tripped, the connection neither reads nor writes again.

use axum::extract::connect_info::Connected;
use axum::serve::{self, IncomingStream};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A switch that can be tripped once and stays so.
#[derive(Clone, Debug, Default)]
pub(crate) struct KillSwitch(Arc<AtomicBool>);

impl KillSwitch {
    pub(crate) fn trip(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_tripped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Accepts connections that check two kill switches: one of all connections, one
/// of their own.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    all: KillSwitch,
}

impl Listener {
    pub(crate) fn new(listener: TcpListener, all: KillSwitch) -> Self {
        Self { listener, all }
    }
}

impl serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Responses are small and latency is measured: no Nagle.
                    let _ = stream.set_nodelay(true);
                    return (Connection { stream, own: KillSwitch::default(), all: self.all.clone() }, address);
                }
                // Out of descriptors, or the client closed before it was accepted.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listener>> for KillSwitch {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().own.clone()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    own: KillSwitch,
    all: KillSwitch,
}

impl Connection {
    fn open(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.own.is_tripped() || self.all.is_tripped() {
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.open() {
            Ok(stream) => stream.poll_read(cx, buf),
            Err(killed) => Poll::Ready(Err(killed)),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.open() {
            Ok(stream) => stream.poll_write(cx, buf),
            Err(killed) => Poll::Ready(Err(killed)),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.open() {
            Ok(stream) => stream.poll_write_vectored(cx, bufs),
            Err(killed) => Poll::Ready(Err(killed)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
