//! Accepts connections, and drains them when the server is told to stop.

use std::future::Future;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::engine::Engine;
use crate::error::Error;
use crate::http::handler::{self, Shared};
use crate::limits::Limits;
use crate::session::SWEEP;

/// Binds the listening socket; it must be done before the engine confines the process.
///
/// # Errors
///
/// When the address is not loopback or is taken.
pub fn bind(address: &str) -> Result<StdListener, Error> {
    let failed = |source| Error::Bind { address: address.to_owned(), source };
    let listener = StdListener::bind(loopback(address)?.as_slice()).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Serves until `stop` is ready, then drains and closes the engine.
///
/// # Errors
///
/// When the listening socket fails.
pub async fn serve(
    listener: StdListener,
    engine: Engine,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let listener = TcpListener::from_std(listener)?;
    let shared = Arc::new(Shared::new(engine, limits));
    let graceful = GracefulShutdown::new();
    accept(&listener, &shared, &graceful, stop).await;
    drop(listener);
    drain(shared, graceful).await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    graceful: &GracefulShutdown,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    let mut stop = pin!(stop);
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        tokio::select! {
            () = &mut stop => return,
            _ = sweep.tick() => {
                let sessions = Arc::clone(&shared.sessions);
                tokio::task::spawn_blocking(move || sessions.sweep(Instant::now()));
            }
            accepted = accepted => match accepted {
                Some((place, Ok((stream, _)))) => {
                    let connection = graceful.watch(connection(stream, shared));
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection broke");
                        }
                        drop(place);
                    });
                }
                Some((_, Err(error))) => {
                    // Out of descriptors, usually: rest instead of spinning.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_REST).await;
                }
                None => return,
            },
        }
    }
}

fn connection(
    stream: TcpStream,
    shared: &Arc<Shared>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let limits = &shared.limits;
    let shared = Arc::clone(shared);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| handler::handle(Arc::clone(&shared), request)),
        )
}

/// Lets running statements finish, kills the late ones, and closes the engine.
async fn drain(shared: Arc<Shared>, graceful: GracefulShutdown) {
    let limit = shared.limits.drain;
    let drained = async {
        graceful.shutdown().await;
        shared.turns.end().await;
    };
    if timeout(limit, drained).await.is_err() {
        tracing::warn!("statements still run at the drain deadline; they are killed");
        kill_queries(&shared).await;
        if timeout(limit, shared.turns.end()).await.is_err() {
            tracing::error!("statements still run after they were killed; leaving them");
            return;
        }
    }
    let closed = tokio::task::spawn_blocking(move || {
        shared.sessions.clear();
        shared.engine.close();
    });
    match closed.await {
        Ok(()) => tracing::info!("the engine is closed"),
        Err(error) => tracing::error!(%error, "the engine did not close"),
    }
}

async fn kill_queries(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let killed = tokio::task::spawn_blocking(move || match shared.engine.connect() {
        Ok(mut connection) => connection.query("KILL QUERY WHERE 1 ASYNC", "Null", &[]).error(),
        Err(exception) => Some(exception.to_string()),
    });
    match killed.await {
        Ok(None) => {}
        Ok(Some(error)) => tracing::warn!(error, "cannot kill the queries"),
        Err(error) => tracing::warn!(%error, "cannot kill the queries"),
    }
}

#[expect(clippy::disallowed_types, reason = "the address to listen on, checked to be loopback")]
fn loopback(address: &str) -> Result<Vec<std::net::SocketAddr>, Error> {
    use std::net::ToSocketAddrs;
    let failed = |source| Error::Bind { address: address.to_owned(), source };
    let addresses: Vec<_> = address.to_socket_addrs().map_err(failed)?.collect();
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        Ok(addresses)
    } else {
        Err(Error::NotLoopback(address.to_owned()))
    }
}

const ACCEPT_REST: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_bound() {
        assert!(bind("127.0.0.1:0").is_ok());
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            assert!(matches!(bind(address), Err(Error::NotLoopback(_))), "{address}");
        }
        assert!(matches!(bind("nonsense"), Err(Error::Bind { .. })));
    }
}
