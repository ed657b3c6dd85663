//! The operator's listener: health and metrics, and what else a part has. It never meets a visitor, and
//! a web page that reaches for it from another origin is refused.

mod import;

use std::sync::Arc;

use candor_collector::respond::{Answer, content, plain};
use candor_collector::server::{Service, Settings, serve};
use candor_collector::tls::Tls;
use candor_pipeline::Peer;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::readiness::{LogHealth, Readiness};
use crate::telemetry;

pub(crate) use import::Imports;

/// What a part answers beyond health and metrics.
pub(crate) trait Routes: Send + Sync + 'static {
    /// Whether the pages of this origin may ask.
    fn welcomes(&self, _origin: &HeaderValue) -> bool {
        false
    }

    /// Answers one request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

/// Nothing more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRoutes;

/// A running admin listener.
#[derive(Debug)]
pub(crate) struct AdminServer {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    beside: [JoinHandle<()>; 2],
}

struct Admin<H, R> {
    readiness: Arc<Readiness<H>>,
    metrics: PrometheusHandle,
    routes: R,
    /// Whether requests must name this machine: set when the listener is on loopback, so that no name
    /// that a web page's owner points here leads in (DNS rebinding).
    only_this_machine: bool,
}

/// The admin listener serves few.
const CONNECTIONS_MAX: usize = 64;
const TEXT: &str = "text/plain; charset=utf-8";

// === impl AdminServer ===

impl AdminServer {
    /// Serves until it is stopped; keeps metrics small and looks after readiness meanwhile.
    pub(crate) fn start<H: LogHealth, R: Routes>(
        listener: TcpListener,
        tls: Option<Tls>,
        readiness: Readiness<H>,
        metrics: PrometheusHandle,
        routes: R,
    ) -> std::io::Result<Self> {
        let only_this_machine = listener.local_addr()?.ip().is_loopback();
        let readiness = Arc::new(readiness);
        let beside = [
            tokio::spawn(Arc::clone(&readiness).watch()),
            tokio::spawn(telemetry::upkeep(metrics.clone())),
        ];
        let admin = Arc::new(Admin { readiness, metrics, routes, only_this_machine });
        // Importing takes as long as the log is.
        let settings = Settings {
            name: "admin",
            connections_max: CONNECTIONS_MAX,
            connections_of_network_max: CONNECTIONS_MAX,
            requests_end: false,
            tls,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            // An error means that whoever stops us is gone, which tells the same.
            let stopped = async { stopped.await.unwrap_or(()) };
            serve(listener, admin, settings, stopped).await;
        });
        Ok(Self { stop, serving, beside })
    }

    /// Ends, and lets go of everything that it held.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        for task in &self.beside {
            task.abort();
        }
        for task in self.beside.into_iter().chain([self.serving]) {
            if let Err(error) = task.await
                && !error.is_cancelled()
            {
                tracing::error!(%error, "the admin listener failed");
            }
        }
    }
}

// === impl Admin ===

impl<H: LogHealth, R: Routes> Service for Admin<H, R> {
    async fn call(&self, _peer: &Peer, request: Request<Incoming>) -> Answer {
        let origin = request.headers().get(ORIGIN).cloned();
        if origin.as_ref().is_some_and(|origin| !self.routes.welcomes(origin)) {
            return plain(StatusCode::FORBIDDEN, "no web page may reach the admin listener\n");
        }
        if self.only_this_machine && !names_this_machine(&request) {
            return plain(StatusCode::FORBIDDEN, "ask for localhost or a loopback address\n");
        }
        let mut answer = match (request.method(), request.uri().path()) {
            (&Method::GET, "/livez" | "/healthz") => plain(StatusCode::OK, "ok\n"),
            (&Method::GET, "/readyz" | "/health") => self.ready().await,
            (&Method::GET, "/metrics") => self.render_metrics(),
            _ => self.routes.answer(request).await,
        };
        if let Some(origin) = origin {
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        answer
    }
}

impl<H: LogHealth, R: Routes> Admin<H, R> {
    async fn ready(&self) -> Answer {
        match self.readiness.now().await {
            Ok(()) => plain(StatusCode::OK, "ok\n"),
            Err(reason) => content(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n")),
        }
    }

    fn render_metrics(&self) -> Answer {
        if let Some(bytes) = resident_bytes() {
            metrics::gauge!("process_resident_memory_bytes").set(bytes);
        }
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        content(StatusCode::OK, content_type, self.metrics.render())
    }
}

impl Routes for NoRoutes {
    async fn answer(&self, _request: Request<Incoming>) -> Answer {
        not_found()
    }
}

pub(crate) fn not_found() -> Answer {
    plain(StatusCode::NOT_FOUND, "not found\n")
}

/// The value of a query parameter.
pub(crate) fn parameter(request: &Request<Incoming>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let found = form_urlencoded::parse(query).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

#[expect(clippy::disallowed_types, reason = "the address of this machine, in `Host`")]
fn names_this_machine(request: &Request<Incoming>) -> bool {
    use std::net::IpAddr;

    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = match host {
        Some(host) => host.parse::<http::uri::Authority>().ok(),
        // HTTP/2 names it in the place of the request.
        None => request.uri().authority().cloned(),
    };
    authority.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// The process's resident memory, from Linux's `/proc/self/statm` (pages, second field).
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; memory is far below 2^53")]
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some((pages * rustix::param::page_size()) as f64)
}
