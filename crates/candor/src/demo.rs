//! The page that `up` serves with the built-in policy: it sends a beacon and shows the row that was
//! kept of it.
#![expect(clippy::disallowed_types, reason = "the address that the page is served at")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use candor_collector::respond::{Answer, content, plain};
use candor_collector::{Door, Page};
use candor_event::Purpose;
use candor_store::Store;
use candor_transport::Producer;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::admin::{Imports, Routes, not_found, parameter};

const HTML: &str = include_str!("demo/index.html");
const SCRIPT: &str = include_str!("demo/demo.js");
const STYLE: &str = include_str!("demo/demo.css");

const SITE: &str = "demo";
const PURPOSE: &str = "statistics";
const ROW_DEADLINE: Duration = Duration::from_secs(2);

/// Imports, and for the demo page the look-up of its row.
pub(crate) struct Demo<P> {
    pub(crate) imports: Imports<P>,
    pub(crate) store: Store,
    /// The origins whose pages may look a row up; none without the demo.
    pub(crate) origins: HashSet<String>,
}

/// Puts the page at the door. `admin` is where it looks its row up, `clickhouse` where anybody may ask.
pub(crate) fn pages<P: Producer>(door: Door<P>, admin: &str, clickhouse: &str) -> Door<P> {
    let html = HTML.replace("{{admin}}", admin).replace("{{clickhouse}}", clickhouse);
    let page = |content_type, body: Bytes| Page { content_type, body, shared: false };
    door.with_page("/", page("text/html; charset=utf-8", html.into()))
        .with_page(
            "/demo.js",
            page("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes())),
        )
        .with_page(
            "/demo.css",
            page("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes())),
        )
}

/// The addresses under which a browser on this machine sees the page.
pub(crate) fn origins(beacons: SocketAddr) -> HashSet<String> {
    let port = beacons.port();
    [beacons.to_string(), format!("localhost:{port}"), format!("127.0.0.1:{port}")]
        .map(|host| format!("http://{host}"))
        .into()
}

impl<P: Producer> Routes for Demo<P> {
    fn welcomes(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.origins.contains(origin))
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/demo/row") => self.row(&request).await,
            _ => self.imports.answer(request).await,
        }
    }
}

impl<P: Producer> Demo<P> {
    /// The row of the demo's beacon with this client id; 204 until the sink has stored it.
    async fn row(&self, request: &Request<Incoming>) -> Answer {
        let id = parameter(request, "id").filter(|_| !self.origins.is_empty());
        let (Some(id), Ok(purpose)) = (id, Purpose::parse(PURPOSE)) else {
            return not_found();
        };
        let Ok(event_id) = self.imports.door.event_id(SITE, &id) else {
            return not_found();
        };
        let row = self.store.row_of_event(&purpose, event_id);
        match tokio::time::timeout(ROW_DEADLINE, row).await {
            Ok(Ok(Some(row))) => content(StatusCode::OK, "application/json", row),
            Ok(Ok(None)) => plain(StatusCode::NO_CONTENT, ""),
            Ok(Err(_)) | Err(_) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "ClickHouse does not answer\n")
            }
        }
    }
}
