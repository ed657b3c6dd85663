//! One connection, from its first byte to its last: requests are answered in time, or it is closed.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use candor_pipeline::Peer;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::crowd::Place;
use super::pace::{Late, Pace, UnderWay};
use super::stream::{Paced, Wire};
use super::{Service, Settings, Stage};
use crate::limit;

/// What all connections of a listener share.
pub(super) struct Shared<S> {
    pub(super) service: Arc<S>,
    pub(super) settings: Settings,
    pub(super) http: Builder<TokioExecutor>,
}

/// How long a connection may go on.
struct Watch<'a> {
    doings: &'a Pace,
    place: &'a Place,
    requests_end: bool,
    /// When it was told to end.
    told: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// An answer's body. The request is under way until all of it was handed over.
struct Answering {
    body: Full<Bytes>,
    _request: UnderWay,
}

/// The protocols' own settings.
pub(super) fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The time of headers begins with their first byte: `pace` sees to it.
        .header_read_timeout(None)
        .max_headers(limit::HEADERS_MAX)
        .max_buf_size(limit::HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limit::H2_STREAMS_MAX)
        .max_pending_accept_reset_streams(limit::H2_RESETS_MAX)
        .max_local_error_reset_streams(limit::H2_OWN_RESETS_MAX)
        .initial_stream_window_size(limit::H2_WINDOW_BYTES)
        .initial_connection_window_size(limit::H2_WINDOW_BYTES)
        .max_header_list_size(16_384)
        .keep_alive_interval(limit::H2_PING_EVERY)
        .keep_alive_timeout(limit::H2_PING_DEADLINE);
    builder
}

// === impl Shared ===

impl<S: Service> Shared<S> {
    /// Serves a connection until it ends, is late, or is cut off.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: Peer,
        place: Place,
        mut stage: watch::Receiver<Stage>,
    ) {
        let late = match self.shake_hands(stream, &mut stage).await {
            Ok(wire) => Box::pin(self.converse(wire, Arc::new(peer), &place, stage)).await,
            Err(late) => late,
        };
        if let Some(why) = late {
            let listener = self.settings.name;
            let labels = [("listener", listener), ("why", why)];
            metrics::counter!("collector_connections_closed_total", &labels).increment(1);
        }
        // Whoever waits until all places are free takes the service for free, too.
        drop(self);
        drop(place);
    }

    /// The connection within TLS, when that is spoken. Otherwise why it was closed, when that was ours to
    /// decide.
    async fn shake_hands(
        &self,
        stream: TcpStream,
        stage: &mut watch::Receiver<Stage>,
    ) -> Result<Wire, Option<&'static str>> {
        let Some(tls) = &self.settings.tls else {
            return Ok(Wire::Plain(stream));
        };
        let accepted = tokio::select! {
            accepted = timeout(limit::HANDSHAKE_DEADLINE, tls.accept(stream)) => accepted,
            () = reached(stage, Stage::Cut) => return Err(None),
        };
        match accepted {
            Ok(Ok(stream)) => Ok(Wire::Tls(Box::new(stream))),
            Ok(Err(_)) => Err(Some("handshake_failed")),
            Err(_) => Err(Some("handshake")),
        }
    }

    /// Gives back why it was closed, when that was ours to decide.
    async fn converse(
        &self,
        wire: Wire,
        peer: Arc<Peer>,
        place: &Place,
        mut stage: watch::Receiver<Stage>,
    ) -> Option<&'static str> {
        let doings = Pace::begin(Instant::now());
        let answer = service_fn(|request: http::Request<Incoming>| {
            let under_way = doings.request(Instant::now());
            let (service, peer) = (Arc::clone(&self.service), Arc::clone(&peer));
            async move {
                let answer = service.call(&peer, request).await;
                Ok::<_, Infallible>(answer.map(|body| Answering { body, _request: under_way }))
            }
        });
        let stream = TokioIo::new(Paced::new(wire, Arc::clone(&doings)));
        let requests_end = self.settings.requests_end;
        let mut connection = pin!(self.http.serve_connection(stream, answer));
        let mut watch = Watch::new(&doings, place, requests_end);
        let mut cut = stage.clone();
        let mut draining = pin!(reached(&mut stage, Stage::Draining));
        let mut cutting = pin!(reached(&mut cut, Stage::Cut));
        let mut drains = false;
        poll_fn(|context| {
            loop {
                // How a connection ends is the client's matter; what it sent is counted elsewhere.
                if connection.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                drains = drains || draining.as_mut().poll(context).is_ready();
                // Nothing is cut that was not asked to end before.
                if drains && cutting.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                match watch.poll(drains, context) {
                    Poll::Ready(Next::Close(late)) => return Poll::Ready(Some(late.label())),
                    Poll::Ready(Next::SayGoodbye) => connection.as_mut().graceful_shutdown(),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

/// Resolves when a listener has come that far. An error means that whoever tells is gone, which tells the same.
async fn reached(stage: &mut watch::Receiver<Stage>, far: Stage) {
    stage.wait_for(|stage| *stage >= far).await.map(drop).unwrap_or_default();
}

/// What is to be done with a connection.
enum Next {
    Close(Late),
    /// Answers what is under way, and takes nothing more.
    SayGoodbye,
}

// === impl Watch ===

impl<'a> Watch<'a> {
    fn new(doings: &'a Pace, place: &'a Place, requests_end: bool) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + limit::HEADER_DEADLINE));
        Self { doings, place, requests_end, told: None, timer }
    }

    /// Pending until something is to be done. Most requests come and go while the timer stands, which is
    /// only moved to come earlier: one that comes too early finds nothing to do.
    fn poll(&mut self, drain: bool, context: &mut Context<'_>) -> Poll<Next> {
        // Whoever has just come is heard before it is sent away.
        if drain && self.told.is_none() && self.doings.has_asked() {
            self.told = Some(Instant::now());
            return Poll::Ready(Next::SayGoodbye);
        }
        loop {
            let now = Instant::now();
            let mut wake_at = now + limit::LOOK_EVERY;
            if let Some((deadline, late)) = self.deadline() {
                if deadline <= now {
                    return Poll::Ready(self.overdue(late, now));
                }
                wake_at = wake_at.min(deadline);
            }
            if self.timer.is_elapsed() || self.timer.deadline() > wake_at {
                self.timer.as_mut().reset(wake_at);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn deadline(&self) -> Option<(Instant, Late)> {
        let crowded = self.place.is_crowded();
        let idle = if crowded { limit::IDLE_DEADLINE_WHEN_CROWDED } else { limit::IDLE_DEADLINE };
        let deadline = self.doings.deadline(idle, self.requests_end);
        // Whoever was told to end gets a moment to do so.
        match (deadline, self.told) {
            (Some((_, Late::Idle)), Some(told)) => {
                Some((told + limit::HEADER_DEADLINE, Late::Idle))
            }
            (deadline, _) => deadline,
        }
    }

    fn overdue(&mut self, late: Late, now: Instant) -> Next {
        if late == Late::Idle && self.told.is_none() && self.doings.can_say_goodbye() {
            self.told = Some(now);
            return Next::SayGoodbye;
        }
        Next::Close(late)
    }
}

// === impl Answering ===

impl Body for Answering {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
