//! Accepts connections and drains them. The peer's address is wrapped the moment it is known.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use candor_pipeline::Peer;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::limit;

mod first_bytes;

use first_bytes::FirstBytes;

/// Whatever answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn call(
        &self,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

impl<P: candor_transport::Producer> Service for crate::Door<P> {
    async fn call(&self, peer: &Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.answer(peer, request).await
    }
}

/// Whether all connections ended by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Some were cut off at the deadline.
    Late,
    /// They did.
    InTime,
}

/// Serves until `stop` resolves, then lets the requests under way finish within
/// [`limit::DRAIN_DEADLINE`].
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    connections_max: usize,
    stop: impl Future<Output = ()>,
) -> Drained {
    let builder = Arc::new(builder());
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(connections_max));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut stop => break,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                metrics::counter!("collector_accept_failures_total").increment(1);
                tracing::warn!(%error, "cannot accept a connection");
                // Mostly too many open files: closing some takes a moment.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let (service, builder) = (Arc::clone(&service), Arc::clone(&builder));
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let peer = Arc::new(peer);
            let answer = service_fn(|request| {
                let (service, peer) = (Arc::clone(&service), Arc::clone(&peer));
                async move { Ok::<_, Infallible>(service.call(&peer, request).await) }
            });
            let connection = builder.serve_connection(TokioIo::new(FirstBytes::of(stream)), answer);
            // How a connection ends is the client's matter; what it sent is counted elsewhere.
            watcher.watch(connection.into_owned()).await.ok();
            drop(permit);
        });
    }
    drop(listener);
    match tokio::time::timeout(limit::DRAIN_DEADLINE, graceful.shutdown()).await {
        Ok(()) => Drained::InTime,
        Err(_) => Drained::Late,
    }
}

type Accepted = (tokio::net::TcpStream, Peer, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    let peer = Peer::new(address);
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Without a timer hyper's header deadline does nothing.
        .timer(TokioTimer::new())
        .header_read_timeout(limit::HEADER_DEADLINE)
        .max_headers(limit::HEADERS_MAX)
        .max_buf_size(limit::HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limit::H2_STREAMS_MAX)
        .max_pending_accept_reset_streams(limit::H2_RESETS_MAX)
        .initial_stream_window_size(limit::H2_WINDOW_BYTES)
        .initial_connection_window_size(limit::H2_WINDOW_BYTES)
        .max_header_list_size(16_384)
        .keep_alive_interval(limit::HEADER_DEADLINE)
        .keep_alive_timeout(limit::HEADER_DEADLINE);
    builder
}
