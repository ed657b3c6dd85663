//! The bytes of a connection, with or without TLS around them, and what they tell of its pace.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::pace::Pace;

/// A connection that was taken.
pub(super) enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Within TLS. The state of TLS is large, and most connections are held for long.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Bytes that are watched.
pub(super) struct Paced {
    wire: Wire,
    pace: Arc<Pace>,
}

impl Paced {
    pub(super) fn new(wire: Wire, pace: Arc<Pace>) -> Self {
        Self { wire, pace }
    }

    /// What the client did not take now, it must take in time.
    fn watched<T>(&self, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_pending() {
            self.pace.stuck(Instant::now());
        }
        poll
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, into),
        };
        let came = into.filled().get(before..).unwrap_or_default();
        if !came.is_empty() {
            self.pace.read(came, Instant::now());
        }
        read
    }
}

/// Answers are short: without vectors, hyper writes head and body as one piece.
impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        self.watched(wrote)
    }

    /// Both protocols flush when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        if flushed.is_ready() {
            self.pace.sent();
        }
        self.watched(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        self.watched(shut)
    }
}
