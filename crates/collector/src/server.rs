//! Accepts connections and drains them. The peer's address is wrapped the moment it is known.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor_pipeline::{Mark, Peer};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::limit;
use crate::tls::Tls;

mod connection;
mod crowd;
mod pace;
mod stream;

use connection::Shared;
use crowd::{Crowd, Place};

/// Whatever answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn call(
        &self,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;

    /// Stands for the network of a peer, whose connections are counted; none when they are not.
    fn mark(&self, _peer: &Peer) -> Option<Mark> {
        None
    }
}

impl<P: candor_transport::Producer> Service for crate::Door<P> {
    async fn call(&self, peer: &Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.answer(peer, request).await
    }

    fn mark(&self, peer: &Peer) -> Option<Mark> {
        self.mark_of_peer(peer)
    }
}

/// How a listener treats those who connect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in metrics.
    pub name: &'static str,
    /// How many connections are held at a time; more wait to be accepted.
    pub connections_max: usize,
    /// How many of them come from one network; more are closed at once.
    pub connections_of_network_max: usize,
    /// Whether every request ends soon: one that does not costs its client the connection.
    pub requests_end: bool,
    /// Without it, connections are not encrypted.
    pub tls: Option<Tls>,
}

/// Whether all connections ended by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Some were cut off at the deadline.
    Late,
    /// They did.
    InTime,
}

/// How far a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Everything is taken.
    Serving,
    /// Requests under way are answered; nothing more is taken.
    Draining,
    /// Connections are over, whatever they do.
    Cut,
}

/// After this long a failed accept is tried again: mostly too many files are open, and closing some takes a
/// moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` resolves, then lets the requests under way finish within
/// [`limit::DRAIN_DEADLINE`].
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> Drained {
    let Settings { name, connections_max, connections_of_network_max, .. } = settings;
    let crowd = Crowd::new(name, connections_max, connections_of_network_max);
    let shared = Arc::new(Shared { service, settings, http: connection::http() });
    let (stage, staged) = watch::channel(Stage::Serving);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &crowd, &*shared.service) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok(Some((stream, peer, place))) => {
                tokio::spawn(Arc::clone(&shared).serve(stream, peer, place, staged.clone()));
            }
            Ok(None) => {}
            Err(error) => {
                metrics::counter!("collector_accept_failures_total").increment(1);
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, shared));
    stage.send_replace(Stage::Draining);
    let drained = tokio::time::timeout(limit::DRAIN_DEADLINE, crowd.gone()).await;
    stage.send_replace(Stage::Cut);
    crowd.gone().await;
    if drained.is_ok() { Drained::InTime } else { Drained::Late }
}

/// The next connection; `None` when its network has too many.
async fn accept(
    listener: &TcpListener,
    crowd: &Arc<Crowd>,
    service: &impl Service,
) -> io::Result<Option<(TcpStream, Peer, Place)>> {
    let permit = crowd.room().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    let peer = Peer::new(address);
    let Some(place) = crowd.enter(permit, service.mark(&peer)) else {
        metrics::counter!("collector_connections_refused_total").increment(1);
        return Ok(None);
    };
    stream.set_nodelay(true)?;
    Ok(Some((stream, peer, place)))
}
