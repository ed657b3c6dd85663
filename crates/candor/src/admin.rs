//! The operator's listener: health, metrics, import, and the demo page's look-up. It never meets a
//! visitor, and a web page that reaches for it from another origin is refused.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use candor_collector::respond::{Answer, content, plain};
use candor_collector::server::Service;
use candor_collector::{Door, ImportError, Report};
use candor_event::{Clock, Purpose};
use candor_pipeline::{Import, Peer};
use candor_store::Store;
use candor_transport::Producer;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;

/// What the admin listener can see and do.
pub(crate) struct Admin<P> {
    pub(crate) door: Arc<Door<P>>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) ready: Arc<AtomicBool>,
    /// Whether requests must name this machine: set when the listener is on loopback, so that no name
    /// that a web page's owner points here leads in (DNS rebinding).
    pub(crate) only_this_machine: bool,
    /// The origins whose pages may look a demo row up; none without the demo.
    pub(crate) demo_origins: HashSet<String>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const PING_DEADLINE: Duration = Duration::from_secs(2);
const DEMO_SITE: &str = "demo";
const DEMO_PURPOSE: &str = "statistics";

impl<P: Producer> Service for Admin<P> {
    async fn call(&self, _peer: &Peer, request: Request<Incoming>) -> Answer {
        let origin = request.headers().get(ORIGIN).cloned();
        if origin.as_ref().is_some_and(|origin| !self.is_demo_origin(origin)) {
            return plain(StatusCode::FORBIDDEN, "no web page may reach the admin listener\n");
        }
        if self.only_this_machine && !names_this_machine(&request) {
            return plain(StatusCode::FORBIDDEN, "ask for localhost or a loopback address\n");
        }
        let mut answer = match (request.method(), request.uri().path()) {
            (&Method::GET, "/livez" | "/healthz") => plain(StatusCode::OK, "ok\n"),
            (&Method::GET, "/readyz" | "/health") => self.readiness().await,
            (&Method::GET, "/metrics") => self.render_metrics(),
            (&Method::GET, "/demo/row") => self.demo_row(&request).await,
            (&Method::POST, "/import") => self.import(request).await,
            _ => plain(StatusCode::NOT_FOUND, "not found\n"),
        };
        if let Some(origin) = origin {
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        answer
    }
}

impl<P: Producer> Admin<P> {
    fn is_demo_origin(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.demo_origins.contains(origin))
    }

    async fn readiness(&self) -> Answer {
        if !self.ready.load(Ordering::SeqCst) {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "starting or draining\n");
        }
        match tokio::time::timeout(PING_DEADLINE, self.store.ping()).await {
            Ok(Ok(())) => plain(StatusCode::OK, "ok\n"),
            _ => plain(StatusCode::SERVICE_UNAVAILABLE, "ClickHouse does not answer\n"),
        }
    }

    fn render_metrics(&self) -> Answer {
        if let Some(bytes) = resident_bytes() {
            metrics::gauge!("process_resident_memory_bytes").set(bytes);
        }
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        content(StatusCode::OK, content_type, self.metrics.render())
    }

    /// The row of the demo's beacon with this client id; 204 until the sink has stored it.
    async fn demo_row(&self, request: &Request<Incoming>) -> Answer {
        let id = parameter(request, "id").filter(|_| !self.demo_origins.is_empty());
        let purpose = Purpose::parse(DEMO_PURPOSE);
        let (Some(id), Ok(purpose)) = (id, purpose) else {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        };
        let Ok(event_id) = self.door.event_id(DEMO_SITE, &id) else {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        };
        let row = self.store.row_of_event(&purpose, event_id);
        match tokio::time::timeout(PING_DEADLINE, row).await {
            Ok(Ok(Some(row))) => content(StatusCode::OK, "application/json", row),
            Ok(Ok(None)) => plain(StatusCode::NO_CONTENT, ""),
            Ok(Err(_)) | Err(_) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "ClickHouse does not answer\n")
            }
        }
    }

    async fn import(&self, request: Request<Incoming>) -> Answer {
        let Some(site) = parameter(&request, "site") else {
            return plain(StatusCode::BAD_REQUEST, "name the site: /import?site=…\n");
        };
        let consent = parameter(&request, "consent").unwrap_or_default();
        let consent: Vec<_> =
            consent.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let purposes = self.door.purposes(&site);
        if purposes.is_empty() {
            return plain(StatusCode::NOT_FOUND, "no policy names this site\n");
        }
        if !consent.iter().all(|name| purposes.contains(&name.as_str())) {
            let words = format!("the site's purposes are: {}\n", purposes.join(", "));
            return content(StatusCode::BAD_REQUEST, TEXT, words);
        }
        let last_offset = parameter(&request, "last_offset_s").unwrap_or_else(|| "0".to_owned());
        let Ok(last_offset) = last_offset.parse() else {
            return plain(StatusCode::BAD_REQUEST, "last_offset_s is a number of seconds\n");
        };
        let import = Import { site, consent, end: (self.clock.now(), last_offset) };
        match self.door.import(request.into_body(), &import).await {
            Ok(report) => report_of(StatusCode::OK, &report, None),
            Err((error, report)) => {
                let status = match error {
                    ImportError::BrokenOff => StatusCode::BAD_REQUEST,
                    ImportError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                };
                report_of(status, &report, Some(&error))
            }
        }
    }
}

#[expect(clippy::disallowed_types, reason = "the address of this machine, in `Host`")]
fn names_this_machine(request: &Request<Incoming>) -> bool {
    use std::net::IpAddr;

    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn report_of(status: StatusCode, report: &Report, error: Option<&ImportError>) -> Answer {
    let body = serde_json::json!({
        "outcomes": report.outcomes,
        "error": error.map(ToString::to_string),
    });
    content(status, "application/json", body.to_string())
}

fn parameter(request: &Request<Incoming>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let found = form_urlencoded::parse(query).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// The process's resident memory, from Linux's `/proc/self/statm` (pages, second field).
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; memory is far below 2^53")]
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some((pages * rustix::param::page_size()) as f64)
}
