//! The page that `up` serves with the built-in policy: it sends a beacon and shows the row that was
//! kept of it.

use bytes::Bytes;
use candor_collector::{Door, Page};
use candor_transport::Producer;

const HTML: &str = include_str!("demo/index.html");
const SCRIPT: &str = include_str!("demo/demo.js");
const STYLE: &str = include_str!("demo/demo.css");

/// Puts the page at the door. `admin` is where it looks its row up, `clickhouse` where anybody may ask.
pub(crate) fn pages<P: Producer>(door: Door<P>, admin: &str, clickhouse: &str) -> Door<P> {
    let html = HTML.replace("{{admin}}", admin).replace("{{clickhouse}}", clickhouse);
    let page = |content_type, body: Bytes| Page { content_type, body };
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
