//! Connections that a request can kill.
//!
//! An HTTP server always responds, so for a lost response the connection itself has to fail. Each
//! connection has a kill switch that its requests can trip: after that it neither reads nor writes.

use axum::extract::connect_info::Connected;
use axum::serve::{self, IncomingStream};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Once tripped, a switch and its children stay tripped.
#[derive(Clone, Debug, Default)]
pub(crate) struct KillSwitch(CancellationToken);

impl KillSwitch {
    pub(crate) fn trip(&self) {
        self.0.cancel();
    }

    pub(crate) fn trip_on_drop(self) -> DropGuard {
        self.0.drop_guard()
    }
}

/// Accepts connections. Their kill switches are children of `all`.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    pub(crate) all: KillSwitch,
}

impl serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = serve::Listener::accept(&mut self.listener).await;
        // no Nagle, since responses are small and latency is measured
        let _ = stream.set_nodelay(true);
        (Connection { stream, kill_switch: KillSwitch(self.all.0.child_token()) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listener>> for KillSwitch {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().kill_switch.clone()
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    kill_switch: KillSwitch,
}

impl Connection {
    fn open(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.kill_switch.0.is_cancelled() {
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.open()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
