//! The leader's listener: one path, for members alone. Whoever shows no certificate of the fleet's authority
//! gets no further than the handshake.

use std::sync::Arc;

use bytes::Bytes;
use candor_collector::respond::{Answer, plain};
use candor_collector::server::{Drained, Service, Settings, serve};
use candor_collector::tls::Tls;
use candor_event::Clock;
use candor_pipeline::{KeyRing, Peer};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;

use super::PATH;

/// What members are answered from.
struct Leader {
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
}

/// A fleet has fewer members, and each connects for a moment.
const CONNECTIONS_MAX: usize = 256;

/// Hands keys out until it is to stop.
pub(super) async fn hand_out(
    listener: TcpListener,
    tls: Tls,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    stop: impl Future<Output = ()> + Send,
) {
    if let Ok(listen) = listener.local_addr() {
        tracing::info!(%listen, "this collector leads its fleet");
    }
    let settings = Settings {
        name: "fleet",
        connections_max: CONNECTIONS_MAX,
        connections_of_network_max: CONNECTIONS_MAX,
        requests_end: true,
        tls: Some(tls),
    };
    let leader = Arc::new(Leader { keys, clock });
    if serve(listener, leader, settings, stop).await == Drained::Late {
        tracing::warn!("some members of the fleet were cut off at the deadline");
    }
}

impl Service for Leader {
    async fn call(&self, _peer: &Peer, request: Request<Incoming>) -> Answer {
        if (request.method(), request.uri().path()) != (&Method::GET, PATH) {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        let Ok(handover) = self.keys.handover(self.clock.now()) else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "no key can be drawn\n");
        };
        metrics::counter!("candor_fleet_handovers_total").increment(1);
        // The bytes stay where they are, and are overwritten when the answer is gone.
        let body = Bytes::from_owner(handover).into();
        let answer = Response::builder()
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CACHE_CONTROL, "no-store")
            .body(body);
        answer.unwrap_or_else(|_| plain(StatusCode::SERVICE_UNAVAILABLE, "no key can be told\n"))
    }
}
